// Private endpoints, and storage that is closed to the public network.
using '../main.bicep'

param environmentName = 'ordinal-private'
param location = 'westeurope'
param privateNetwork = true
param allowedAddresses = '203.0.113.7, 198.51.100.0/24'

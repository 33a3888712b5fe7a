// All options at once.
using '../main.bicep'

param environmentName = 'ordinal-all'
param location = 'westeurope'
param durableBackend = 'scheduler'
param alwaysReadyDurable = 1
param hierarchicalNamespace = true
param privateNetwork = true
param alertAddresses = 'operators@example.com'
param keepDays = 365
param deletedDays = 7
param sourceDays = 30

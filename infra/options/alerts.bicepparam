// Alerts by mail.
using '../main.bicep'

param environmentName = 'ordinal-alerts'
param location = 'westeurope'
param alertAddresses = 'operators@example.com, duty@example.com'

// For daily work: alerts by mail, instances that are always ready, and how long what is kept.
using '../main.bicep'

param environmentName = 'ordinal-operated'
param location = 'westeurope'
param alertAddresses = 'operators@example.com, duty@example.com'
param alwaysReadyDurable = 2
param alwaysReadyHttp = 1
param keepDays = 90
param telemetryDays = 90
param deletedDays = 14
param sourceDays = 180
param deadLetterDays = 30

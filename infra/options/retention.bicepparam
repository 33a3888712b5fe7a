// How long what is kept.
using '../main.bicep'

param environmentName = 'ordinal-retention'
param location = 'westeurope'
param keepDays = 90
param telemetryDays = 90
param deletedDays = 14
param sourceDays = 180
param deadLetterDays = 30

// Instances that are always ready.
using '../main.bicep'

param environmentName = 'ordinal-ready'
param location = 'westeurope'
param alwaysReadyDurable = 2
param alwaysReadyHttp = 1

// Durable state in a Durable Task Scheduler. The package is to be staged with ORDINAL_DURABLE_BACKEND=scheduler.
using '../main.bicep'

param environmentName = 'ordinal-scheduler'
param location = 'westeurope'
param durableBackend = 'scheduler'

// A data account with a hierarchical namespace.
using '../main.bicep'

param environmentName = 'ordinal-lake'
param location = 'westeurope'
param hierarchicalNamespace = true

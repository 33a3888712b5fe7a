// Everything at its default.
using '../main.bicep'

param environmentName = 'ordinal-plain'
param location = 'westeurope'

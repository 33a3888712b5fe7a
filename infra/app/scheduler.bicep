// Durable Task Scheduler, which keeps histories and dispatches work in place of the hub's queues and tables. It takes
// identities only. The package must say so too: hooks/stage.mjs merges host.scheduler.json.
import { Network } from './types.bicep'

param name string
param hubName string
param location string
param tags object
param appPrincipalId string
param network Network

@minValue(1)
@maxValue(30)
@description('Days that histories of ended runs are kept: at most 30 on the Consumption SKU.')
param keepDays int

var durableTaskDataContributor = '0ad04412-c4d5-4796-b79c-f76d14c8d402'

resource scheduler 'Microsoft.DurableTask/schedulers@2026-02-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    sku: { name: 'Consumption' }
    publicNetworkAccess: network.private ? 'Disabled' : 'Enabled'
    // Without an entry it refuses everybody. Who comes in still needs a role.
    ipAllowlist: network.private ? [] : ['0.0.0.0/0']
  }
}

resource hub 'Microsoft.DurableTask/schedulers/taskHubs@2026-02-01' = {
  parent: scheduler
  name: hubName
  properties: {}
}

resource retention 'Microsoft.DurableTask/schedulers/retentionPolicies@2026-02-01' = {
  parent: scheduler
  name: 'default'
  properties: {
    retentionPolicies: [{ retentionPeriodInDays: keepDays }]
  }
}

resource appOnHub 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(hub.id, appPrincipalId, durableTaskDataContributor)
  scope: hub
  properties: {
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', durableTaskDataContributor)
    principalId: appPrincipalId
    principalType: 'ServicePrincipal'
  }
}

output id string = scheduler.id
output endpoint string = scheduler.properties.endpoint

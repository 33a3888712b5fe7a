// The function app on Flex Consumption.
import { AlwaysReady, Retention } from './types.bicep'

param planName string
param name string
param location string
param tags object
param identityId string
param identityClientId string
param hubAccountName string
param dataAccountName string
param deploymentContainer string
param workContainer string
param insightsConnectionString string
param arrival string
param nodeVersion string
param instanceMemoryMB int
param maximumInstanceCount int
param retention Retention
param alwaysReady AlwaysReady

@description('Subnet through which the app reaches storage; empty: by the public network.')
param subnetId string

@description('Address of a Durable Task Scheduler; empty: the task hub is in the hub account.')
param schedulerEndpoint string

var suffix = environment().suffixes.storage
var settings = {
  APPLICATIONINSIGHTS_CONNECTION_STRING: insightsConnectionString
  APPLICATIONINSIGHTS_AUTHENTICATION_STRING: 'ClientId=${identityClientId};Authorization=AAD'
  AzureWebJobsStorage__credential: 'managedidentity'
  AzureWebJobsStorage__clientId: identityClientId
  AzureWebJobsStorage__blobServiceUri: 'https://${hubAccountName}.blob.${suffix}'
  AzureWebJobsStorage__queueServiceUri: 'https://${hubAccountName}.queue.${suffix}'
  AzureWebJobsStorage__tableServiceUri: 'https://${hubAccountName}.table.${suffix}'
  ORDINAL_STORAGE__credential: 'managedidentity'
  ORDINAL_STORAGE__clientId: identityClientId
  ORDINAL_STORAGE__blobServiceUri: 'https://${dataAccountName}.blob.${suffix}'
  ORDINAL_STORAGE__queueServiceUri: 'https://${dataAccountName}.queue.${suffix}'
  ORDINAL_WORK_CONTAINER: workContainer
  ORDINAL_ARRIVAL: arrival
  ORDINAL_KEEP_DAYS: string(retention.runDays)
}
// Named by infra/host.scheduler.json. It holds no key.
var schedulerSettings = empty(schedulerEndpoint)
  ? {}
  : { DURABLE_TASK_SCHEDULER_CONNECTION_STRING: 'Endpoint=${schedulerEndpoint};Authentication=ManagedIdentity;ClientID=${identityClientId}' }
var ready = filter(
  [
    { name: 'durable', instanceCount: alwaysReady.durable }
    { name: 'http', instanceCount: alwaysReady.http }
  ],
  group => group.instanceCount > 0
)

resource plan 'Microsoft.Web/serverfarms@2024-04-01' = {
  name: planName
  location: location
  tags: tags
  kind: 'functionapp'
  sku: {
    name: 'FC1'
    tier: 'FlexConsumption'
  }
  properties: {
    reserved: true
  }
}

resource app 'Microsoft.Web/sites@2024-04-01' = {
  name: name
  location: location
  tags: tags
  kind: 'functionapp,linux'
  identity: {
    type: 'UserAssigned'
    userAssignedIdentities: { '${identityId}': {} }
  }
  properties: {
    serverFarmId: plan.id
    httpsOnly: true
    virtualNetworkSubnetId: empty(subnetId) ? null : subnetId
    functionAppConfig: {
      deployment: {
        storage: {
          type: 'blobContainer'
          value: 'https://${hubAccountName}.blob.${suffix}/${deploymentContainer}'
          authentication: {
            type: 'UserAssignedIdentity'
            userAssignedIdentityResourceId: identityId
          }
        }
      }
      scaleAndConcurrency: {
        alwaysReady: ready
        instanceMemoryMB: instanceMemoryMB
        maximumInstanceCount: maximumInstanceCount
      }
      runtime: {
        name: 'node'
        version: nodeVersion
      }
    }
    siteConfig: {
      minTlsVersion: '1.2'
      ftpsState: 'Disabled'
      appSettings: [for setting in items(union(settings, schedulerSettings)): { name: setting.key, value: setting.value }]
    }
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'

// The function app on Flex Consumption.
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
}

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
      appSettings: [for setting in items(settings): { name: setting.key, value: setting.value }]
    }
  }
}

output name string = app.name
output url string = 'https://${app.properties.defaultHostName}'

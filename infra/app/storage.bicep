// A storage account that takes identities only. `network` closes it to everybody but the app's network, trusted Azure
// services (Event Grid writes dead letters) and the addresses that are let in.
import { Network, Retention } from './types.bicep'

@minLength(3)
param name string
param location string
param tags object
param containers array
param hierarchical bool = false
param network Network
param retention Retention

@description('Containers whose blobs are deleted some days after they were last written.')
param expiring { container: string, days: int }[] = []

resource account 'Microsoft.Storage/storageAccounts@2023-05-01' = {
  name: take(name, 24)
  location: location
  tags: tags
  kind: 'StorageV2'
  sku: { name: 'Standard_LRS' }
  properties: {
    accessTier: 'Hot'
    allowBlobPublicAccess: false
    allowSharedKeyAccess: false
    defaultToOAuthAuthentication: true
    isHnsEnabled: hierarchical
    minimumTlsVersion: 'TLS1_2'
    networkAcls: {
      defaultAction: network.private ? 'Deny' : 'Allow'
      bypass: 'AzureServices'
      ipRules: [for address in network.allowedAddresses: { action: 'Allow', value: address }]
    }
    supportsHttpsTrafficOnly: true
  }
}

resource blobs 'Microsoft.Storage/storageAccounts/blobServices@2023-05-01' = {
  parent: account
  name: 'default'
  properties: {
    deleteRetentionPolicy: retention.deletedDays > 0
      ? { enabled: true, days: retention.deletedDays }
      : { enabled: false }
  }
}

resource each 'Microsoft.Storage/storageAccounts/blobServices/containers@2023-05-01' = [
  for container in containers: {
    parent: blobs
    name: container
  }
]

var rules = filter(expiring, each => each.days > 0)

resource expiry 'Microsoft.Storage/storageAccounts/managementPolicies@2023-05-01' = if (!empty(rules)) {
  parent: account
  name: 'default'
  properties: {
    policy: {
      rules: [
        for rule in rules: {
          name: 'expire-${rule.container}'
          type: 'Lifecycle'
          definition: {
            filters: { blobTypes: ['blockBlob'], prefixMatch: ['${rule.container}/'] }
            actions: { baseBlob: { delete: { daysAfterModificationGreaterThan: rule.days } } }
          }
        }
      ]
    }
  }
}

output id string = account.id
output name string = account.name

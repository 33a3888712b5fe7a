// The resources of one environment: two storage accounts, an identity, the function app, its telemetry, and the topic
// on which the data account announces blobs. Nothing uses a shared key. What is an option of main.bicep is made here too:
// a scheduler, a network with private endpoints, alerts.
import { AlwaysReady, Retention } from './app/types.bicep'

param location string
param tags object
param token string
param abbreviations object
param arrival string
param nodeVersion string
param instanceMemoryMB int
param maximumInstanceCount int
param principalId string
param durableBackend string
param alwaysReady AlwaysReady
param hierarchicalNamespace bool
param privateNetwork bool
param addressPrefix string
param allowedAddresses string[]
param alertAddresses string[]
param retention Retention

var landing = 'landing'
var published = 'published'
var work = 'ordinal'
var deployments = 'deployments'
var deadLetters = 'dead-letters'
// host.json names the hub too.
var taskHub = 'OrdinalHub'
var scheduled = durableBackend == 'scheduler'
var network = { private: privateNetwork, allowedAddresses: allowedAddresses }

resource identity 'Microsoft.ManagedIdentity/userAssignedIdentities@2023-01-31' = {
  name: '${abbreviations.managedIdentityUserAssignedIdentities}${token}'
  location: location
  tags: tags
}

// Queues and tables of the task hub, and the app's package. Apart from the data: the hub's traffic takes nothing from
// the data's limits, and who may read data may not steer runs.
module hub './app/storage.bicep' = {
  name: 'hub'
  params: {
    name: '${abbreviations.storageStorageAccounts}hub${token}'
    location: location
    tags: tags
    containers: [deployments, deadLetters]
    network: network
    retention: retention
    expiring: [{ container: deadLetters, days: retention.deadLetterDays }]
  }
}

module data './app/storage.bicep' = {
  name: 'data'
  params: {
    name: '${abbreviations.storageStorageAccounts}data${token}'
    location: location
    tags: tags
    containers: [landing, published, work]
    hierarchical: hierarchicalNamespace
    network: network
    retention: retention
    expiring: [{ container: landing, days: retention.sourceDays }]
  }
}

module monitoring './app/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: '${abbreviations.operationalInsightsWorkspaces}${token}'
    componentName: '${abbreviations.insightsComponents}${token}'
    location: location
    tags: tags
    retentionDays: retention.telemetryDays
  }
}

module alerts './app/alerts.bicep' = if (!empty(alertAddresses)) {
  name: 'alerts'
  params: {
    prefix: '${abbreviations.insightsAlerts}${token}-'
    location: location
    tags: tags
    componentId: monitoring.outputs.componentId
    addresses: alertAddresses
  }
}

module scheduler './app/scheduler.bicep' = if (scheduled) {
  name: 'scheduler'
  params: {
    name: '${abbreviations.durableTaskSchedulers}${token}'
    hubName: taskHub
    location: location
    tags: tags
    appPrincipalId: identity.properties.principalId
    network: network
    keepDays: min(retention.runDays, 30)
  }
}

var hubTargets = map(['blob', 'queue', 'table'], service => {
  name: 'hub'
  id: hub.outputs.id
  group: service
})
var dataTargets = map(hierarchicalNamespace ? ['blob', 'queue', 'dfs'] : ['blob', 'queue'], service => {
  name: 'data'
  id: data.outputs.id
  group: service
})
var schedulerTargets = scheduled
  ? [{ name: 'scheduler', id: scheduler!.outputs.id, group: 'scheduler' }]
  : []

module privateLinks './app/network.bicep' = if (privateNetwork) {
  name: 'network'
  params: {
    name: '${abbreviations.networkVirtualNetworks}${token}'
    location: location
    tags: tags
    addressPrefix: addressPrefix
    targets: concat(hubTargets, dataTargets, schedulerTargets)
  }
}

module roles './app/rbac.bicep' = {
  name: 'roles'
  params: {
    hubAccountName: hub.outputs.name
    dataAccountName: data.outputs.name
    componentName: monitoring.outputs.componentName
    appPrincipalId: identity.properties.principalId
    userPrincipalId: principalId
  }
}

module app './app/function.bicep' = {
  name: 'app'
  // The app starts at once and must find its roles.
  dependsOn: [roles]
  params: {
    planName: '${abbreviations.webServerFarms}${token}'
    name: '${abbreviations.webSitesFunctions}${token}'
    location: location
    tags: union(tags, { 'azd-service-name': 'api' })
    identityId: identity.id
    identityClientId: identity.properties.clientId
    hubAccountName: hub.outputs.name
    dataAccountName: data.outputs.name
    deploymentContainer: deployments
    workContainer: work
    insightsConnectionString: monitoring.outputs.connectionString
    arrival: arrival
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    retention: retention
    alwaysReady: alwaysReady
    subnetId: privateNetwork ? privateLinks!.outputs.appSubnetId : ''
    schedulerEndpoint: scheduled ? scheduler!.outputs.endpoint : ''
  }
}

module events './app/events.bicep' = {
  name: 'events'
  params: {
    name: '${abbreviations.eventGridSystemTopics}${token}'
    location: location
    tags: tags
    sourceId: data.outputs.id
    deadLetterAccountName: hub.outputs.name
  }
}

output functionAppName string = app.outputs.name
output functionAppUrl string = app.outputs.url
output dataAccountName string = data.outputs.name
output systemTopicName string = events.outputs.name
output deadLetterAccountId string = hub.outputs.id
output deadLetterContainer string = deadLetters

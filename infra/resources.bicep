// The resources of one environment: two storage accounts, an identity, the function app, its telemetry, and the topic
// on which the data account announces blobs. Nothing uses a shared key.
param location string
param tags object
param token string
param abbreviations object
param arrival string
param nodeVersion string
param instanceMemoryMB int
param maximumInstanceCount int
param principalId string

var landing = 'landing'
var published = 'published'
var work = 'ordinal'
var deployments = 'deployments'
var deadLetters = 'dead-letters'

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
  }
}

module data './app/storage.bicep' = {
  name: 'data'
  params: {
    name: '${abbreviations.storageStorageAccounts}data${token}'
    location: location
    tags: tags
    containers: [landing, published, work]
  }
}

module monitoring './app/monitoring.bicep' = {
  name: 'monitoring'
  params: {
    workspaceName: '${abbreviations.operationalInsightsWorkspaces}${token}'
    componentName: '${abbreviations.insightsComponents}${token}'
    location: location
    tags: tags
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

// Everything that one environment of Ordinal needs, in one resource group. Deployed by `azd provision`.
targetScope = 'subscription'

@minLength(1)
@maxLength(64)
@description('Name of the environment; part of every name.')
param environmentName string

@minLength(1)
@description('Region of all resources. It must offer Flex Consumption.')
@metadata({ azd: { type: 'location' } })
param location string

@description('What arriving blobs start here, in place of what pipelines say: the app setting ORDINAL_ARRIVAL.')
param arrival string = ''

@allowed(['22', '24'])
@description('Node.js of the function app. 24 is the newest that Flex Consumption offers.')
param nodeVersion string = '24'

@allowed([512, 2048, 4096])
@description('Memory of one instance in MB; CPU goes with it.')
param instanceMemoryMB int = 4096

@minValue(1)
@maxValue(1000)
@description('Instances at most: a limit of cost, and of pressure on storage.')
param maximumInstanceCount int = 40

@description('The person or service that deploys gets to read and write data, to try things out.')
param principalId string = deployer().objectId

var abbreviations = loadJsonContent('./abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var tags = { 'azd-env-name': environmentName }

resource group 'Microsoft.Resources/resourceGroups@2024-03-01' = {
  name: '${abbreviations.resourcesResourceGroups}${environmentName}'
  location: location
  tags: tags
}

module resources './resources.bicep' = {
  name: 'resources'
  scope: group
  params: {
    location: location
    tags: tags
    token: token
    abbreviations: abbreviations
    arrival: arrival
    nodeVersion: nodeVersion
    instanceMemoryMB: instanceMemoryMB
    maximumInstanceCount: maximumInstanceCount
    principalId: principalId
  }
}

output AZURE_LOCATION string = location
output AZURE_RESOURCE_GROUP string = group.name
output SERVICE_API_NAME string = resources.outputs.functionAppName
output ORDINAL_URL string = resources.outputs.functionAppUrl
output ORDINAL_DATA_ACCOUNT string = resources.outputs.dataAccountName
output ORDINAL_SYSTEM_TOPIC string = resources.outputs.systemTopicName
output ORDINAL_DEAD_LETTER_ACCOUNT string = resources.outputs.deadLetterAccountId
output ORDINAL_DEAD_LETTER_CONTAINER string = resources.outputs.deadLetterContainer

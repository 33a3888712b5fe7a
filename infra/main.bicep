// Everything that one environment of Ordinal needs, in one resource group. Deployed by `azd provision`.
import { Retention } from './app/types.bicep'

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

@allowed(['storage', 'scheduler'])
@description('Where durable state lives: queues and tables of the hub account, or a Durable Task Scheduler (Consumption SKU). The package must be staged for the same one: the environment variable ORDINAL_DURABLE_BACKEND says it to both.')
param durableBackend string = 'storage'

@minValue(0)
@description('Instances for orchestrators, activities and entities that are always ready, and paid for always.')
param alwaysReadyDurable int = 0

@minValue(0)
@description('The same for HTTP functions.')
param alwaysReadyHttp int = 0

@description('Makes the data account one with a hierarchical namespace (Data Lake). It cannot be changed later.')
param hierarchicalNamespace bool = false

@description('Closes storage and scheduler to the public network: the app reaches them by private endpoints.')
param privateNetwork bool = false

@description('Range of the private network: a /24.')
param addressPrefix string = '10.80.0.0/24'

@description('Public addresses or ranges that storage stays open to in a private network, comma-separated.')
param allowedAddresses string = ''

@description('Mail addresses that alerts go to, comma-separated. None: no alerts.')
param alertAddresses string = ''

@minValue(2)
@maxValue(3650)
@description('Days that ended runs and receipts of arrivals are kept: the app setting ORDINAL_KEEP_DAYS.')
param keepDays int = 30

@minValue(30)
@maxValue(730)
@description('Days that telemetry is kept.')
param telemetryDays int = 30

@minValue(0)
@maxValue(365)
@description('Days that deleted and overwritten blobs can be recovered. 0: not at all.')
param deletedDays int = 0

@minValue(0)
@description('Days after which sources in `landing` are deleted. 0: never. A run can only be verified while its source is there.')
param sourceDays int = 0

@minValue(0)
@description('Days after which undeliverable events are deleted. 0: never.')
param deadLetterDays int = 0

@description('The person or service that deploys gets to read and write data, to try things out.')
param principalId string = deployer().objectId

@description('The members of a comma-separated list.')
func listed(text string) string[] => filter(map(split(text, ','), each => trim(each)), each => !empty(each))

var abbreviations = loadJsonContent('./abbreviations.json')
var token = toLower(uniqueString(subscription().id, environmentName, location))
var retention Retention = {
  runDays: keepDays
  telemetryDays: telemetryDays
  deletedDays: deletedDays
  sourceDays: sourceDays
  deadLetterDays: deadLetterDays
}
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
    durableBackend: durableBackend
    alwaysReady: { durable: alwaysReadyDurable, http: alwaysReadyHttp }
    hierarchicalNamespace: hierarchicalNamespace
    privateNetwork: privateNetwork
    addressPrefix: addressPrefix
    allowedAddresses: listed(allowedAddresses)
    alertAddresses: listed(alertAddresses)
    retention: retention
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

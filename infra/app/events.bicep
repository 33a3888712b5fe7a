// The topic on which the data account announces its blobs. Subscriptions follow after deployment: their addresses hold
// a key that exists only once the app runs.
param name string
param location string
param tags object
param sourceId string

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' = {
  name: name
  location: location
  tags: tags
  properties: {
    source: sourceId
    topicType: 'Microsoft.Storage.StorageAccounts'
  }
}

output name string = topic.name

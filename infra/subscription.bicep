// The subscription of one pipeline to the blobs of its source. Deployed by hooks/subscribe.mjs after the app.
param topicName string
param name string

@secure()
@description('Address of the blob extension in the app, with its key.')
param endpoint string

@description('Container and prefix of the source: outputs lie outside of it.')
param subjectBeginsWith string
param subjectEndsWith string

@description('Operations that are not announced: those that leave a file empty, to be written later (Data Lake API).')
param apisLeftOut string[]

@description('Resource ID of the account that keeps what cannot be delivered, and the container.')
param deadLetterAccountId string
param deadLetterContainer string

resource topic 'Microsoft.EventGrid/systemTopics@2022-06-15' existing = {
  name: topicName
}

resource subscription 'Microsoft.EventGrid/systemTopics/eventSubscriptions@2022-06-15' = {
  parent: topic
  name: name
  properties: {
    destination: {
      endpointType: 'WebHook'
      properties: {
        endpointUrl: endpoint
        maxEventsPerBatch: 1
      }
    }
    filter: {
      includedEventTypes: ['Microsoft.Storage.BlobCreated']
      subjectBeginsWith: subjectBeginsWith
      subjectEndsWith: subjectEndsWith
      advancedFilters: empty(apisLeftOut) ? [] : [{ operatorType: 'StringNotIn', key: 'data.api', values: apisLeftOut }]
    }
    retryPolicy: {
      eventTimeToLiveInMinutes: 1440
      maxDeliveryAttempts: 30
    }
    deadLetterWithResourceIdentity: {
      identity: { type: 'SystemAssigned' }
      deadLetterDestination: {
        endpointType: 'StorageBlob'
        properties: {
          resourceId: deadLetterAccountId
          blobContainerName: deadLetterContainer
        }
      }
    }
  }
}

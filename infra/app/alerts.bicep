// Mail to operators when something needs them. Each rule asks one of the queries in queries/; a test holds those to what
// the app really writes.
param prefix string
param location string
param tags object
param componentId string
param addresses string[]

// `window` is how far back a rule looks, `every` how often.
var rules = [
  {
    name: 'run-failed'
    says: 'A run failed or was ended, and was undone.'
    severity: 2
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../../queries/alert-run-failed.kql')
  }
  {
    name: 'run-overdue'
    says: 'A run did not end by its deadline; housekeeping had to end it.'
    severity: 1
    every: 'PT15M'
    window: 'PT2H'
    query: loadTextContent('../../queries/alert-run-overdue.kql')
  }
  {
    name: 'arrivals-waiting'
    says: 'Blobs arrived more than two hours ago, and no run has taken them.'
    severity: 2
    every: 'PT30M'
    window: 'P1D'
    query: loadTextContent('../../queries/alert-arrivals-waiting.kql')
  }
  {
    name: 'poison-queue'
    says: 'An arrival failed on every try, and lies in the poison queue.'
    severity: 1
    every: 'PT5M'
    window: 'PT15M'
    query: loadTextContent('../../queries/alert-poison-queue.kql')
  }
]

resource operators 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: '${prefix}operators'
  location: 'global'
  tags: tags
  properties: {
    enabled: true
    groupShortName: 'ordinal'
    emailReceivers: [
      for (address, index) in addresses: {
        name: 'operator-${index}'
        emailAddress: address
        useCommonAlertSchema: true
      }
    ]
  }
}

resource alert 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for rule in rules: {
    name: '${prefix}${rule.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: 'Ordinal: ${rule.name}'
      description: rule.says
      enabled: true
      severity: rule.severity
      scopes: [componentId]
      evaluationFrequency: rule.every
      windowSize: rule.window
      criteria: {
        allOf: [
          {
            query: rule.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      autoMitigate: true
      actions: { actionGroups: [operators.id] }
    }
  }
]

// A network for the app, with private endpoints of what it uses. The app itself keeps its public HTTPS address: Event
// Grid and Data Factory call it there.
param name string
param location string
param tags object

@description('Range of the network: a /24 is enough. The app takes half of it.')
param addressPrefix string

@description('What gets an endpoint: resource and subresource.')
param targets { name: string, id: string, group: string }[]

// One DNS zone for each sort of subresource leads to its private addresses.
var groups = union(map(targets, target => target.group), [])

resource network 'Microsoft.Network/virtualNetworks@2024-05-01' = {
  name: name
  location: location
  tags: tags
  properties: {
    addressSpace: { addressPrefixes: [addressPrefix] }
    subnets: [
      {
        name: 'app'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 25, 0)
          // Flex Consumption asks for this one.
          delegations: [{ name: 'app', properties: { serviceName: 'Microsoft.App/environments' } }]
        }
      }
      {
        name: 'endpoints'
        properties: {
          addressPrefix: cidrSubnet(addressPrefix, 25, 1)
          privateEndpointNetworkPolicies: 'Disabled'
        }
      }
    ]
  }
}

resource zone 'Microsoft.Network/privateDnsZones@2024-06-01' = [
  for group in groups: {
    name: group == 'scheduler'
      ? 'privatelink.durabletask.io'
      : 'privatelink.${group}.${environment().suffixes.storage}'
    location: 'global'
    tags: tags
  }
]

resource link 'Microsoft.Network/privateDnsZones/virtualNetworkLinks@2024-06-01' = [
  for (group, index) in groups: {
    parent: zone[index]
    name: name
    location: 'global'
    properties: {
      registrationEnabled: false
      virtualNetwork: { id: network.id }
    }
  }
]

resource endpoint 'Microsoft.Network/privateEndpoints@2024-05-01' = [
  for target in targets: {
    name: 'pep-${target.name}-${target.group}'
    location: location
    tags: tags
    properties: {
      subnet: { id: '${network.id}/subnets/endpoints' }
      privateLinkServiceConnections: [
        {
          name: target.group
          properties: { privateLinkServiceId: target.id, groupIds: [target.group] }
        }
      ]
    }
  }
]

resource address 'Microsoft.Network/privateEndpoints/privateDnsZoneGroups@2024-05-01' = [
  for (target, index) in targets: {
    parent: endpoint[index]
    name: 'default'
    properties: {
      privateDnsZoneConfigs: [
        {
          name: target.group
          properties: { privateDnsZoneId: zone[indexOf(groups, target.group)].id }
        }
      ]
    }
  }
]

output appSubnetId string = '${network.id}/subnets/app'

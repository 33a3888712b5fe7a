// What several modules are told alike.

@export()
@description('Whether storage is closed to the public network, and to which public addresses it stays open then.')
type Network = {
  private: bool
  allowedAddresses: string[]
}

@export()
@description('How many days what is kept. 0 keeps it until somebody deletes it; for deletedDays, 0 deletes at once.')
type Retention = {
  @description('Ended runs and what they left: the app setting ORDINAL_KEEP_DAYS.')
  runDays: int
  @description('Telemetry in the workspace.')
  telemetryDays: int
  @description('Deleted and overwritten blobs.')
  deletedDays: int
  @description('Sources in `landing`, since they were written.')
  sourceDays: int
  @description('Undeliverable events.')
  deadLetterDays: int
}

@export()
@description('Instances that are kept warm: for orchestrators, activities and entities; for HTTP functions.')
type AlwaysReady = {
  durable: int
  http: int
}

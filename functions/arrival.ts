/**
 * Registers the blob triggers, one for each pipeline that arriving blobs start, and the orchestration and the entity
 * that gather a burst into one run. The host loads this file; nothing imports it. The rules are in `src/arrival/`. The
 * app must start even when its storage is not configured, so the environment is opened only when a pipeline has
 * arrivals.
 */
import { createRequire } from 'node:module';
import * as df from 'durable-functions';
import { type IntervalsState, intervalsEntityName, reduceIntervals } from '../src/arrival/arrival-intervals.ts';
import { arrivalDoors } from '../src/arrival/blob-triggers.ts';
import { GATHER_ORCHESTRATION, gatherOrchestrator } from '../src/arrival/gather.ts';
import { receiveArrival } from '../src/arrival/receive.ts';
import { arrivedName, blobReference } from '../src/arrival/reference.ts';
import { runOperation } from '../src/sequence/adapter.ts';
import { durableRuns } from './durable-runs.ts';
import { environment, pipelines } from './environment.ts';

// With SDK binding the host passes the blob's place and not its bytes. The programming model looks up the factory for
// it
// in the CommonJS instance of this package. An import would be a different instance, so `require` is used.
const base = createRequire(import.meta.url)(
  '@azure/functions-extensions-base',
) as typeof import('@azure/functions-extensions-base');
const factories = base.ResourceFactoryResolver.getInstance();
if (!factories.hasResourceFactory('AzureStorageBlobs'))
  factories.registerResourceFactory('AzureStorageBlobs', blobReference);

// Without arrivals no setting is read here, so an app whose storage is not configured still starts and reports it.
const wanted = process.env.ORDINAL_ARRIVAL || [...pipelines.values()].some(({ arrival }) => arrival);
const doors = wanted ? arrivalDoors(environment()) : [];
const source = process.env.ORDINAL_ARRIVAL_SOURCE === 'LogsAndContainerScan' ? 'LogsAndContainerScan' : 'EventGrid';
const connection =
  process.env.ORDINAL_STORAGE || process.env.ORDINAL_STORAGE__blobServiceUri
    ? 'ORDINAL_STORAGE'
    : 'AzureWebJobsStorage';

for (const { functionName, path, pipeline, mode } of doors) {
  df.app.client.storageBlob(functionName, {
    path,
    connection,
    source,
    sdkBinding: true,
    handler: async (blob, _client, context) => {
      const arrival = {
        environment: environment(),
        runs: durableRuns(context),
        log: context,
        now: new Date(),
        pipeline,
        mode,
      };
      await receiveArrival(arrival, arrivedName(blob, context.triggerMetadata, pipeline.source.container));
    },
  });
}

df.app.orchestration(GATHER_ORCHESTRATION, function* (context) {
  return yield* gatherOrchestrator(context);
});

df.app.entity<IntervalsState>(intervalsEntityName, (context) => runOperation(context, reduceIntervals));

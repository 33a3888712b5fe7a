/**
 * Registers the blob triggers, one for each pipeline that arriving blobs start, and the orchestration and the entity
 * that gather a burst into one run. `registerOrdinal` calls it. The rules are in `src/arrival/`. The app must start even
 * when its storage is not configured, so the environment is opened only when a pipeline has arrivals.
 */
import { createRequire } from 'node:module';
import * as df from 'durable-functions';
import { type IntervalsState, intervalsEntityName, reduceIntervals } from '../arrival/arrival-intervals.ts';
import { arrivalDoors } from '../arrival/blob-triggers.ts';
import { GATHER_ORCHESTRATION, gatherOrchestrator } from '../arrival/gather.ts';
import { receiveArrival } from '../arrival/receive.ts';
import { arrivedName, blobReference } from '../arrival/reference.ts';
import { runOperation } from '../sequence/adapter.ts';
import type { AppContext } from './app-context.ts';
import { durableRuns } from './durable-runs.ts';

type ExtensionsBase = typeof import('@azure/functions-extensions-base');

/**
 * With SDK binding the host passes the blob's place and not its bytes. The programming model looks up the factory for it
 * in the instance of this package that itself has loaded: so it is looked for from there, and by `require`.
 */
function takeBlobsByReference(): void {
  const require = createRequire(import.meta.url);
  const ofModel = createRequire(require.resolve('@azure/functions'));
  const base = ofModel('@azure/functions-extensions-base') as ExtensionsBase;
  const factories = base.ResourceFactoryResolver.getInstance();
  if (!factories.hasResourceFactory('AzureStorageBlobs'))
    factories.registerResourceFactory('AzureStorageBlobs', blobReference);
}

/** Registers what blobs start by arriving. */
export function registerArrival({ pipelines, settings, environment }: AppContext): void {
  takeBlobsByReference();
  // Without arrivals no setting is read here, so an app whose storage is not configured still starts and reports it.
  const wanted = settings.ORDINAL_ARRIVAL || [...pipelines.values()].some(({ arrival }) => arrival);
  const doors = wanted ? arrivalDoors(environment()) : [];
  const source = settings.ORDINAL_ARRIVAL_SOURCE === 'LogsAndContainerScan' ? 'LogsAndContainerScan' : 'EventGrid';
  const connection =
    settings.ORDINAL_STORAGE || settings.ORDINAL_STORAGE__blobServiceUri ? 'ORDINAL_STORAGE' : 'AzureWebJobsStorage';

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
}

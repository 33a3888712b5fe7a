/**
 * The set `daily`: 10 million customers are known, and the sales of a day come, whose customers are mostly among them.
 * Blob to blob through Azurite: Ordinal with its durable host and its key index, against DuckDB with its known customers
 * in a Parquet file. Before each run everything is put back, so that each finds the same customers new. Called by `main.ts`.
 */
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob';
import { type RunningAzurite, startAzurite } from '../packages/local-host/src/azurite.ts';
import { openEnvironment } from '../src/environment/open-environment.ts';
import { importKeys } from '../src/upkeep/import/activity.ts';
import { prepareImport } from '../src/upkeep/import/prepare.ts';
import { dailyApp } from './bundle.ts';
import { ContestantHandle } from './contestant-handle.ts';
import type { Work } from './contestants/contestant.ts';
import { knownCustomers, pipelines } from './daily-app/pipelines/index.ts';
import { dailyFiles, knownColumns } from './daily-source.ts';
import type { BenchOptions } from './main.ts';
import { race } from './race.ts';
import type { Result } from './result.ts';
import { type MeasuredApp, openService, requestsOf, withRequests } from './service.ts';

/** Workers of the host, and threads of DuckDB. */
const threads = 2;

const pipeline = pipelines.get('daily')!;

/** Two racers. */
export async function benchDaily(options: BenchOptions): Promise<Result[]> {
  const rows = options.rows ?? 2_000_000;
  const known = options.known ?? knownCustomers;
  const files = await dailyFiles({ rows, known });
  const azurite = await startAzurite();
  try {
    const service = BlobServiceClient.fromConnectionString(azurite.connectionString);
    const { container, prefix } = pipeline.source;
    const source = await upload(service, container, `${prefix}sales.parquet`, files.sales);
    const knownSource = await upload(service, 'duckdb', 'known.parquet', files.known);
    await importKnown(azurite, files.known, options.log);
    const app: MeasuredApp = {
      scriptRoot: await dailyApp(),
      pipeline,
      restore: await keepBlobs(service, [pipeline.output.container, 'ordinal']),
    };
    const work: Work = {
      set: 'sales',
      threads,
      source,
      known: { source: knownSource, lastId: knownCustomers },
      storage: azurite.connectionString,
      storagePid: azurite.pid,
    };
    const measured = await race({
      scope: 'blob',
      rows,
      racers: [openService(work, app), new ContestantHandle('duckdb', work)],
      colds: options.colds,
      rounds: options.runs,
      warmUps: options.warmUps,
      log: options.log,
      idsGoOn: true,
    });
    const counted = withRequests(measured, await requestsOf(azurite, app, threads));
    return counted.map((result) => ({ ...result, set: 'daily', known }));
  } finally {
    await azurite.stop();
  }
}

async function upload(service: BlobServiceClient, container: string, blob: string, file: string): Promise<string> {
  const target = service.getContainerClient(container);
  await target.createIfNotExists();
  await target.getBlockBlobClient(blob).uploadFile(file);
  return `${container}/${blob}`;
}

/** The known customers come into the key index as those of an older system do: by an import. */
async function importKnown(azurite: RunningAzurite, file: string, log: BenchOptions['log']): Promise<void> {
  const environment = openEnvironment({ AzureWebJobsStorage: azurite.connectionString }, pipelines);
  const index = 'daily.customers';
  const begin = performance.now();
  const columns = { id: knownColumns.id, key: { email: knownColumns.email } };
  const { importId, keys } = await prepareImport(environment, { index, file, columns });
  const now = new Date().toISOString();
  const result = await importKeys.run(environment, { index, importId, term: 0, now });
  if (!result.ok) throw new Error(result.error.message);
  log(`daily: ${keys} customers imported in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
}

/**
 * Remembers the blobs of containers as they are.
 * @returns what makes them so again: what is new is deleted, and what was changed or deleted is written again
 */
async function keepBlobs(service: BlobServiceClient, names: readonly string[]): Promise<() => Promise<void>> {
  const kept = new Map<string, { bytes: Buffer; etag: string }>();
  const each = async (container: ContainerClient, does: (name: string, etag: string) => Promise<unknown>) => {
    for await (const { name, properties } of container.listBlobsFlat()) await does(name, properties.etag);
  };
  for (const container of names.map((name) => service.getContainerClient(name))) {
    await each(container, async (name, etag) => {
      const bytes = await container.getBlobClient(name).downloadToBuffer();
      kept.set(`${container.containerName}/${name}`, { bytes, etag });
    });
  }
  return async () => {
    const missing = new Set(kept.keys());
    for (const container of names.map((name) => service.getContainerClient(name))) {
      await each(container, async (name, etag) => {
        const place = `${container.containerName}/${name}`;
        const before = kept.get(place);
        if (!before) await container.deleteBlob(name);
        else if (before.etag === etag) missing.delete(place);
      });
    }
    for (const place of missing) {
      const [container, ...name] = place.split('/');
      const { bytes } = kept.get(place)!;
      const target = service.getContainerClient(container!).getBlockBlobClient(name.join('/'));
      const { etag } = await target.upload(bytes, bytes.byteLength);
      kept.set(place, { bytes, etag: etag! });
    }
  };
}

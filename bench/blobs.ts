/** Blob to blob through Azurite: Ordinal with its durable host, DuckDB with download and upload. */
import { BlobServiceClient } from '@azure/storage-blob';
import { startAzurite } from '../packages/local-host/src/azurite.ts';
import { pipelines } from '../pipelines/index.ts';
import { ContestantHandle } from './contestant-handle.ts';
import type { Work } from './contestants/contestant.ts';
import type { BenchOptions } from './main.ts';
import { race } from './race.ts';
import type { Result } from './result.ts';
import { openService, requestsOf, sampleApp, withRequests } from './service.ts';
import { rowsOf, sourceOf } from './sets.ts';

/** Workers of the host, and threads of DuckDB. */
const threads = 2;

export async function benchBlobs(options: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  for (const set of options.sets) {
    const rows = options.rows ?? rowsOf[set];
    const azurite = await startAzurite();
    try {
      const { source } = pipelines.get(set)!;
      const blob = `${source.prefix}source${source.suffix}`;
      const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
        source.container,
      );
      await container.createIfNotExists();
      await container.getBlockBlobClient(blob).uploadFile(await sourceOf(set, rows));
      const work: Work = {
        set,
        threads,
        source: `${source.container}/${blob}`,
        storage: azurite.connectionString,
        storagePid: azurite.pid,
      };
      const app = sampleApp(set);
      const racers = [openService(work, app), new ContestantHandle('duckdb', work)];
      const measured = await race({
        scope: 'blob',
        rows,
        racers,
        colds: options.colds,
        rounds: options.runs,
        warmUps: options.warmUps,
        log: options.log,
        idsGoOn: true,
      });
      results.push(...withRequests(measured, await requestsOf(azurite, app, threads)));
    } finally {
      await azurite.stop();
    }
  }
  return results;
}

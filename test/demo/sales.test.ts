/**
 * The `sales` pipeline end to end through the local host: two blobs of two codecs in one run, then a third that
 * overlaps them. Orders go on across the blobs' borders, and most keys of the second run are known.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { it } from 'vitest';
import { DemoBlobs } from '../../demo/blobs.ts';
import { downloadRun } from '../../demo/published.ts';
import { followRun, type RunStatus, startRun } from '../../demo/runs.ts';
import { startServices } from '../../demo/services.ts';
import { runSession } from '../../demo/session.ts';
import type { PublishedRun } from '../../demo/verify/meaning.ts';
import { sales } from '../../demo/verify/sales.ts';
import { verifyRun } from '../../demo/verify/verify.ts';
import { Duck, literal } from '../../tools/duckdb.ts';
import { generateSales } from '../../tools/generate.ts';

/** Rows of the generated feed in each blob. The first two are the first run's, the third the second's. */
const pieces = [
  { blob: 'sales/2025/a.parquet', from: 0, to: 50_001, codec: 'gzip' },
  { blob: 'sales/2025/b.parquet', from: 50_001, to: 80_000, codec: 'snappy' },
  { blob: 'sales/2026/c.parquet', from: 60_000, to: 120_000, codec: 'uncompressed' },
] as const;

it('splits and numbers sales over two runs', { timeout: 120_000 }, async () => {
  const session = await runSession({
    start: startServices,
    work: async ({ host, connectionString }, { folder, signal }) => {
      const blobs = new DemoBlobs(connectionString);
      const duck = await Duck.open({ tempFolder: folder });
      const feed = path.join(folder, 'feed.parquet');
      await generateSales({ rows: 120_000, out: feed, seed: 5 });
      const files: string[] = [];
      for (const { blob, from, to, codec } of pieces) {
        const file = path.join(folder, path.basename(blob));
        await duck.run(`copy (
          select * exclude (file_row_number) from read_parquet(${literal(feed)}, file_row_number = true)
          where file_row_number >= ${from} and file_row_number < ${to} order by file_row_number
        ) to ${literal(file)} (format parquet, codec ${codec}, row_group_size 20480)`);
        await blobs.upload('landing', blob, file, signal);
        files.push(file);
      }
      const run = async (prefix: string, sources: string[], earlier: PublishedRun[]): Promise<PublishedRun> => {
        const { statusUrl } = await startRun(host, 'sales', { prefix }, signal);
        const status: RunStatus = await followRun(statusUrl, { signal, onStatus: () => {} });
        const published = await downloadRun(blobs, status, sources, folder, signal);
        const checks = await verifyRun(duck, sales, published, earlier);
        assert.deepEqual(
          checks.filter((check) => !check.ok),
          [],
        );
        return published;
      };
      const first = await run('sales/2025/', files.slice(0, 2), []);
      await run('sales/2026/', files.slice(2), [first]);
      duck.close();
    },
  });
  if (session.error !== undefined) throw new Error(session.troubles.join('\n'), { cause: session.error });
});

/**
 * The import of keys at size: how long it takes and how much memory it needs to take over 10 million keys with their IDs.
 * DuckDB writes the file; the import itself runs, in a process of its own, over a store in a folder.
 *
 *   node bench/import-keys.ts [--keys 10000000]
 */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { z } from 'zod';
import { parseConfig } from '../src/environment/config.ts';
import { pipeline, registerPipelines } from '../src/pipeline/index.ts';
import { importKeys } from '../src/upkeep/import/activity.ts';
import { prepareImport } from '../src/upkeep/import/prepare.ts';
import { FileStore } from './file-store.ts';

const people = pipeline({
  name: 'people',
  source: { container: 'landing', prefix: 'people/' },
  row: z.object({ email: z.string() }),
  entities: ({ id }) => ({ people: { kind: 'keyed', id: id('person_id'), key: { email: 'email' } } }),
});

const { values } = parseArgs({
  options: { keys: { type: 'string', default: '10000000' }, folder: { type: 'string' } },
});

if (values.folder === undefined) await measure(Number(values.keys));
else await work(values.folder);

async function measure(keys: number): Promise<void> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-import-'));
  try {
    const file = path.join(folder, 'old.parquet');
    const connection = await (await DuckDBInstance.create(':memory:', { threads: '2' })).connect();
    // IDs in no order, with gaps.
    await connection.run(
      `copy (select (i * 7919) % 1000000007 * 3 + 5 as nr, printf('person.%09d@example.com', i) as mail from range(${keys}) t(i)) to '${file}' (format parquet)`,
    );
    connection.closeSync();
    const args = [fileURLToPath(import.meta.url), '--folder', folder];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    console.log(`${keys} keys in a file of ${Math.round((await stat(file)).size / 2 ** 20)} MiB: ${stdout.trim()}`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process of its own. */
async function work(folder: string): Promise<void> {
  const store = new FileStore(path.join(folder, 'store'));
  const environment = {
    store,
    config: parseConfig({ AzureWebJobsStorage: 'none' }),
    pipelines: registerPipelines([people]),
  };
  const began = performance.now();
  const index = 'people.people';
  const request = { index, file: path.join(folder, 'old.parquet'), columns: { id: 'nr', key: { email: 'mail' } } };
  const { importId, keys } = await prepareImport(environment, request);
  const prepared = performance.now();
  const now = new Date().toISOString();
  const result = await importKeys.run(environment, { index, importId, term: 1, now });
  if (!result.ok) throw new Error(result.error.message);
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;
  console.log(
    `${keys} imported in ${seconds(performance.now() - began)} (of it ${seconds(performance.now() - prepared)} under the lease), ` +
      `${Math.round(process.resourceUsage().maxRSS / 1024)} MiB of memory`,
  );
}

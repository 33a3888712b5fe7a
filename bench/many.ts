/**
 * The set `many`: the sales feed in many small files, blob to blob through Azurite. Ordinal with its durable host against
 * DuckDB, which fetches all files and splits them as one relation. Called by `main.ts`.
 */
import fs from 'node:fs';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { type RunningAzurite, startAzurite } from '../packages/local-host/src/azurite.ts';
import { pipelines } from '../pipelines/index.ts';
import { mapBounded } from '../src/storage/in-flight.ts';
import { Duck, literal } from '../tools/duckdb.ts';
import { salesSelect, salesShape } from '../tools/generate-sales.ts';
import { ContestantHandle } from './contestant-handle.ts';
import type { Work } from './contestants/contestant.ts';
import type { BenchOptions } from './main.ts';
import { race } from './race.ts';
import type { Result } from './result.ts';
import { openService, requestsOf, sampleApp, withRequests } from './service.ts';
import { cache } from './sets.ts';

/** Workers of the host, and threads of DuckDB. */
const threads = 2;

/** Equal rows in fewer and fewer files. */
export const shapes = [
  { files: 10_000, rows: 200 },
  { files: 2_000, rows: 1_000 },
  { files: 200, rows: 10_000 },
];

type Many = NonNullable<Work['many']>;

/** Two racers for each number of files. `options.files`: only these numbers. */
export async function benchMany(options: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  for (const shape of shapes) {
    if (options.files && !options.files.includes(shape.files)) continue;
    const many = { ...shape, rows: Math.ceil((options.rows ?? 2_000_000) / shape.files) };
    const azurite = await startAzurite();
    try {
      results.push(...(await raceOf(many, azurite, options)));
    } finally {
      await azurite.stop();
    }
  }
  return results;
}

async function raceOf(many: Many, azurite: RunningAzurite, options: BenchOptions): Promise<Result[]> {
  const { source } = pipelines.get('sales')!;
  await upload(many, azurite);
  const work: Work = {
    set: 'sales',
    threads,
    many,
    source: `${source.container}/${source.prefix}`,
    storage: azurite.connectionString,
    storagePid: azurite.pid,
  };
  const app = sampleApp('sales');
  const measured = await race({
    scope: 'blob',
    rows: many.files * many.rows,
    racers: [openService(work, app), new ContestantHandle('duckdb', work)],
    colds: options.colds,
    rounds: options.runs,
    warmUps: options.warmUps,
    log: (line) => options.log(`${many.files} files: ${line}`),
    idsGoOn: true,
  });
  const counted = withRequests(measured, await requestsOf(azurite, app, threads));
  return counted.map((result) => ({ ...result, set: 'many', files: many.files }));
}

async function upload(many: Many, azurite: RunningAzurite): Promise<void> {
  const { source } = pipelines.get('sales')!;
  const folder = await filesOf(many);
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient(
    source.container,
  );
  await container.createIfNotExists();
  await mapBounded(fs.readdirSync(folder).sort(), 16, async (name) => {
    const bytes = fs.readFileSync(path.join(folder, name));
    await container.getBlockBlobClient(`${source.prefix}${name}`).upload(bytes, bytes.byteLength);
  });
}

/** Folder of the generated files, made unless it is there. */
export async function filesOf({ files, rows }: Many): Promise<string> {
  const folder = path.join(cache, `sales-${files}x${rows}`);
  if (fs.existsSync(folder)) return folder;
  const unfinished = `${folder}.${process.pid}`;
  fs.mkdirSync(unfinished, { recursive: true });
  const duck = await Duck.open({ memoryMib: 2048 });
  try {
    // A table with the file's number, so that each file is a range of it.
    const numbered = `select row_number() over () - 1 as n, * from (${salesSelect(salesShape(files * rows, 1))})`;
    await duck.run(`create temp table feed as ${numbered}`);
    for (let file = 0; file < files; file++) {
      const own = `n >= ${file * rows} and n < ${(file + 1) * rows}`;
      const target = literal(path.join(unfinished, `part-${String(file).padStart(6, '0')}.parquet`));
      const select = `select * exclude (n) from feed where ${own} order by n`;
      await duck.run(`copy (${select}) to ${target} (format parquet, codec snappy)`);
    }
  } finally {
    duck.close();
  }
  fs.renameSync(unfinished, folder);
  return folder;
}

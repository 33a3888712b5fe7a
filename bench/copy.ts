/**
 * What `copy: 'service'` saves: CPU time of this process, with Azurite in another one. First for one chunk, by its bytes:
 * read and staged, against copied by the service. Then for whole runs over a file of flights with large plain columns;
 * runs with and without take turns, so that whatever else the machine does meets both alike.
 *
 *   npm run bench:copy -- [--rows 800000] [--pairs 5]
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { startAzurite } from '../packages/local-host/src/azurite.ts';
import { parseConfig } from '../src/environment/config.ts';
import { compile } from '../src/pipeline/compile.ts';
import { pipeline } from '../src/pipeline/index.ts';
import { activities } from '../src/registration/activity-list.ts';
import { openAzureStore } from '../src/storage/azure.ts';
import { blockId } from '../src/storage/names.ts';
import type { BlobStore } from '../src/storage/store.ts';
import { InProcess } from '../src/testing/in-process.ts';
import { Duck, literal } from '../tools/duckdb.ts';

type Copy = 'function' | 'service';

/** Where flights went, and four columns of a booking system that nobody looks at. */
const pipelineWith = (copy: Copy) =>
  compile(
    pipeline({
      name: `flights-${copy}`,
      source: { container: 'landing', prefix: 'flights/' },
      copy,
      row: z.object({
        origin: z.string(),
        booked_at: z.date(),
        booking: z.string(),
        tail: z.string(),
        fare: z.bigint(),
        seats: z.bigint(),
      }),
      entities: ({ id, ref }) => ({
        airports: { kind: 'keyed', id: id('airport_id'), key: { code: z.string() } },
        flights: {
          kind: 'rows',
          id: id('flight_id'),
          columns: {
            origin_id: ref('airports', { code: 'origin' }),
            booked_at: 'booked_at',
            booking: 'booking',
            tail: 'tail',
            fare: 'fare',
            seats: 'seats',
          },
        },
      }),
    }) as never,
  );

/** CPU milliseconds of this process that a work takes. */
async function cpuOf(work: () => Promise<unknown>): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[values.length >> 1]!;

/**
 * One chunk of each size and what lies beside it: read together and staged as one block, or the chunk by the service and
 * the rest in a block of its own.
 */
async function chunks(store: BlobStore): Promise<void> {
  const sizes = [64, 128, 256, 512, 1024, 2048, 4096].map((kib) => kib * 1024);
  await store.ensureContainer('chunks');
  const beside = 70 * 1024;
  const { etag: ifMatch } = await store.write('chunks', 'source', randomBytes(sizes.at(-1)! + beside));
  const times = 40;
  const read = async (length: number) => (await store.read('chunks', 'source', { offset: 0, length, ifMatch }))!;
  const stage = (index: number, bytes: Uint8Array) =>
    store.stageBlock('chunks', 'target', blockId(0, 0, index), [bytes]);
  for (const length of sizes) {
    const source = { container: 'chunks', name: 'source', offset: beside, length, ifMatch };
    const copy = () => store.stageBlockFrom('chunks', 'target', blockId(0, 0, 1), source);
    const ways: Record<Copy, () => Promise<unknown>> = {
      function: async () => await stage(0, await read(length + beside)),
      service: async () => await Promise.all([copy(), read(beside).then((bytes) => stage(2, bytes))]),
    };
    const costs: Record<Copy, number[]> = { function: [], service: [] };
    for (let i = 0; i < times; i++)
      for (const way of ['function', 'service'] as const) costs[way].push(await cpuOf(ways[way]));
    console.log(
      `chunk of ${length / 1024} KiB: function ${median(costs.function).toFixed(2)}, service ${median(costs.service).toFixed(2)} ms`,
    );
  }
}

async function source(rows: number): Promise<Uint8Array> {
  const file = path.join(tmpdir(), `ordinal-copy-${process.pid}.parquet`);
  const duck = await Duck.open();
  try {
    await duck.run(
      `copy (select 'A' || (i % 300)::varchar as origin, timestamp '2026-01-01' + interval (hash(i) % 31536000) second as booked_at,
        md5(i::varchar)[:20] as booking, md5((i + 1)::varchar)[:8] as tail, (hash(i) >> 8)::bigint as fare,
        (hash(i + 7) >> 8)::bigint as seats from range(${rows}) t(i))
       to ${literal(file)} (format parquet, codec uncompressed, row_group_size 245760)`,
    );
    return new Uint8Array(fs.readFileSync(file));
  } finally {
    duck.close();
    fs.rmSync(file, { force: true });
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { rows: { type: 'string', default: '800000' }, pairs: { type: 'string', default: '5' } },
  });
  const azurite = await startAzurite();
  try {
    const { connectionString } = azurite;
    const store = openAzureStore({ connectionString });
    await chunks(store);
    const config = parseConfig({ ...process.env, AzureWebJobsStorage: connectionString });
    const ways = (['function', 'service'] as const).map((copy) => [copy, pipelineWith(copy)] as const);
    const pipelines = new Map(ways.map(([, compiled]) => [compiled.name, compiled]));
    const environment = { store, config, pipelines };
    for (const container of ['landing', 'published', config.workContainer]) await store.ensureContainer(container);
    const bytes = await source(Number(values.rows));
    const host = new InProcess({
      activity: (name, input) => activities.find((activity) => activity.name === name)!.run(environment, input),
    });
    const cpu: Record<Copy, number[]> = { function: [], service: [] };
    const wall: Record<Copy, number[]> = { function: [], service: [] };
    let runs = 0;
    for (let i = -1; i < Number(values.pairs); i++) {
      for (const [copy, { name }] of i % 2 === 0 ? ways : ways.toReversed()) {
        // A version that was read before is not read again.
        await store.write('landing', 'flights/0.parquet', bytes);
        const startedAt = performance.now();
        const cost = await cpuOf(() => host.run(name, 'flights/', `${copy}-${runs++}`));
        // The first of each compiles what it runs.
        if (i < 0) continue;
        cpu[copy].push(cost);
        wall[copy].push(performance.now() - startedAt);
        for await (const { name: blob } of store.list('published', `${name}/flights/`))
          await store.remove('published', blob);
      }
    }
    for (const [copy] of ways) {
      const shown = `${median(cpu[copy]).toFixed(0)} ms of CPU, ${median(wall[copy]).toFixed(0)} ms`;
      console.log(
        `run over ${(bytes.length / 2 ** 20).toFixed(0)} MiB, copy: '${copy}': ${shown}; ${cpu[copy].map(Math.round)}`,
      );
    }
  } finally {
    await azurite.stop();
  }
}

await main();

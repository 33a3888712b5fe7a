/**
 * Delta tables value by value: what an engine that we did not write finds in them is what the reference says, run after
 * run, for any pipeline over any source that a table can have, and for the pipelines of the demo; and which types are
 * stored wider or refused. `ORDINAL_ENGINE_RUNS` makes the search longer.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll } from 'vitest';
import { z } from 'zod';
import flights from '../../pipelines/flights.ts';
import sales from '../../pipelines/sales.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { builder } from '../../src/parquet/logical.ts';
import { writeTable } from '../../src/parquet/table.ts';
import { compile } from '../../src/pipeline/compile.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import type { PipelineDefinition } from '../../src/pipeline/definition.ts';
import { deltaType } from '../../src/pipeline/delta-types.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';
import { commitTables } from '../../src/tables/commit-tables.ts';
import { readSummary } from '../../src/tables/published-runs.ts';
import { literal } from '../../tools/duckdb.ts';
import { generateSales } from '../../tools/generate.ts';
import { type ColumnKind, columnKinds, pickyKinds } from '../engine/support/cells.ts';
import { filesOf, runScenario } from '../engine/support/check.ts';
import { Engine } from '../engine/support/drive.ts';
import { DuckReader } from '../engine/support/reader.ts';
import type { OutRow } from '../engine/support/reference.ts';
import { type Scenario, scenarios } from '../engine/support/scenarios.ts';
import { peerTest as test } from '../parquet/support/peers.ts';
import { randomOf } from '../parquet/support/random.ts';
import { long, text } from '../table-format/support/races.ts';
import { type ReadTable, readTables } from './support/delta-reader.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 6);
let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const storable = ({ type, variants = [] }: ColumnKind) =>
  [type, ...variants.map((one) => one.type)].every((one) => !('refused' in deltaType(one)));

/** Kinds whose every type a table has, and whose schema takes all of their values. */
const tableKinds = Object.keys(columnKinds).filter(
  // Read as an integer, a time is seen in microseconds: as tables have it, and not as the source does.
  (name) => storable(columnKinds[name]!) && !(name in pickyKinds) && name !== 'timestampMillisUtc',
);

/** The rows of each entity's table as ClickHouse reads them, in the order of their IDs; or its error. */
async function tablesOf({ environment, pipeline, store }: Engine): Promise<Awaited<ReturnType<typeof readTables>>> {
  const { entities } = (await publishedManifests(environment)).at(-1)!;
  const tables = entities.map(
    ({ entity, columns }): ReadTable => ({ folder: `${pipeline.output.prefix}${entity}`, columns: columns! }),
  );
  const read = await readTables(store, tables);
  // A column that has had no value in any run is in no file, and in no table.
  return read.map((rows, t) => {
    if (!Array.isArray(rows)) return rows;
    const at = pipeline.entities[t]!.columns.map(({ name }) =>
      tables[t]!.columns.findIndex((one) => one.name === name),
    );
    return rows.map((row) => at.map((c) => (c < 0 ? null : row[c]!)));
  });
}

/** Commits what the tables lack, as `updateTables` does. Gives the number of commits. */
async function commit({ environment, pipeline }: Engine): Promise<number> {
  return await commitTables(environment, pipeline, (await readSummary(environment, pipeline)).published);
}

test('every table is read as the reference says, value by value', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own'], tableKinds), async (random) => {
      const scenario: Scenario = { ...random, table: 'delta' };
      const { engine, expected } = await runScenario(scenario, await filesOf(scenario, duck));
      const { pipeline } = engine;
      await commit(engine);
      // A second time there is nothing to do.
      assert.equal(await commit(engine), 0);
      const read = await tablesOf(engine);
      for (const [e, { name }] of pipeline.entities.entries()) {
        const wanted = expected.flatMap((run) => run.get(name)!).sort((a, b) => Number(BigInt(a[0]!) - BigInt(b[0]!)));
        const rows = read[e];
        assert.ok(Array.isArray(rows), `${name}: ${String(rows)}`);
        assert.deepEqual(rows, wanted as OutRow[], `rows of table ${name}`);
      }
    }),
    { numRuns },
  );
});

/** Two runs of a pipeline of the demo: its tables hold what DuckDB finds in the published files. */
async function checkDemo(definition: PipelineDefinition, sources: readonly Uint8Array[]): Promise<void> {
  const engine = new Engine(compile({ ...definition, output: { table: 'delta' } }), { batchRows: 10_000 });
  const { pipeline } = engine;
  for (const [i, bytes] of sources.entries()) {
    await engine.upload(`${pipeline.source.prefix}${i}/a.parquet`, bytes);
    await engine.run(`run${i}`, `${pipeline.source.prefix}${i}/`);
    await commit(engine);
  }
  const read = await tablesOf(engine);
  for (const [e, { name }] of pipeline.entities.entries()) {
    const wanted = [];
    for (const { bytes } of engine.published(name)) wanted.push(...(await duck.read(bytes)).rows);
    assert.ok(wanted.length > 0, name);
    assert.deepEqual(read[e], wanted, name);
  }
}

test('the demo: flights', async () => {
  const file = path.resolve('node_modules/vega-datasets/data/flights-3m.parquet');
  const rows = (from: number) => duck.write(`FROM read_parquet(${literal(file)}) LIMIT 6000 OFFSET ${from}`);
  await checkDemo(flights, [await rows(0), await rows(4000)]);
});

test('the demo: sales', async () => {
  const feed = path.join(duck.directory, 'feed.parquet');
  await generateSales({ rows: 6000, out: feed, seed: 5 });
  const rows = (from: number) => duck.write(`FROM read_parquet(${literal(feed)}) LIMIT 4000 OFFSET ${from}`);
  await checkDemo(sales, [await rows(0), await rows(2000)]);
});

test('a column without values on the first days, and a key, have the type of their first value', async () => {
  const engine = new Engine(
    compile(
      pipeline({
        name: 'p',
        source: { container: 'landing', prefix: 'in/' },
        output: { table: 'delta' },
        row: z.object({
          no: z.int(),
          amount: z.number().nullable(),
          due: z.date().optional(),
          code: z.int().nullable(),
        }),
        entities: ({ id, ref, first }) => ({
          x: {
            kind: 'rows',
            id: id('x_id'),
            columns: { amount: 'amount', due: 'due', no: 'no', k_id: ref('k', { code: 'code' }, { missing: 0 }) },
          },
          k: { kind: 'keyed', id: id('k_id'), key: { code: 'code' }, columns: { due: first('due') } },
        }),
      }),
    ),
  );
  const days = [
    'select 1 as no, null as amount, null as code',
    `select 2 as no, null as amount, null::timestamp as due, null as code`,
    `select 3 as no, 1.5::double as amount, date '2026-01-02' as due, 7::bigint as code`,
    'select 4 as no, null as amount, null as code',
  ];
  for (const [day, select] of days.entries()) {
    await engine.upload(`in/${day}/a.parquet`, await duck.write(select));
    await engine.run(`r${day}`, `in/${day}/`);
    await commit(engine);
  }
  for (const { bytes } of [...engine.published('x'), ...engine.published('k')]) await duck.read(bytes);
  const [rows, keys] = await tablesOf(engine);
  assert.deepEqual(rows, [
    ['1', null, null, '1', '0'],
    ['2', null, null, '2', '0'],
    ['3', '1.5', '20455d', '3', '1'],
    ['4', null, null, '4', '0'],
  ]);
  assert.deepEqual(keys, [
    ['0', null, null],
    ['1', '7', '20455d'],
  ]);
});

type Words = Record<string, (...args: unknown[]) => unknown>;

/** A pipeline that copies a column of a kind and shows what its function sees, and one that only shows it. */
function copying({ schema }: ColumnKind): CompiledPipeline[] {
  return [{ c: 'c' }, {}].map((copies) =>
    compile({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row: z.object({ c: schema }),
      output: { table: 'delta' },
      entities: (({ id, map }: Words) => ({
        x: { kind: 'rows', id: id!('x_id'), columns: { ...copies, text: map!('c', String, type.string) } },
      })) as never,
    } as never),
  );
}

const own = { name: 'x_id', type: long };
const shown = { name: 'text', type: text };

async function run(engine: Engine, { type }: ColumnKind, pool: readonly unknown[]): Promise<void> {
  const build = builder(type);
  for (const raw of pool) build.push(raw);
  const { values } = build.finish();
  await engine.upload('in/a.parquet', writeTable([{ name: 'c', type, values, valid: undefined }]));
  await engine.run('r');
  await commit(engine);
}

test('a source column is stored as it is, stored wider, or refused by name before anything is done', async () => {
  const random = randomOf(7);
  const [refused, wider]: [string[], string[]] = [[], []];
  const tables: (ReadTable & { wanted?: string[] })[] = [];
  for (const [name, kind] of Object.entries(columnKinds)) {
    if (name in pickyKinds || kind.givesNull || name === 'int96') continue;
    const pool = Array.from({ length: 20 }, () => kind.raw(random));
    const [copied, seen] = copying(kind).map((pipeline) => new Engine(pipeline));
    await run(seen!, kind, pool);
    const made = deltaType(kind.type);
    if ('refused' in made) {
      refused.push(name);
      await assert.rejects(run(copied!, kind, pool), { code: 'ColumnTypeMismatch', message: /^column "c" (is|has) / });
      assert.deepEqual(copied!.store.names('published'), []);
      continue;
    }
    if (JSON.stringify(made.stored) !== JSON.stringify(kind.type)) wider.push(name);
    await run(copied!, kind, pool);
    const wanted = pool.map((raw) => kind.cell(raw)!.canon);
    tables.push({
      store: copied!.store,
      folder: 'p/x',
      columns: [own, { name: 'c', type: made.stored }, shown],
      wanted,
    });
    tables.push({ store: seen!.store, folder: 'p/x', columns: [own, shown] });
  }
  const read = await readTables(tables[0]!.store!, tables);
  for (const [t, { wanted, columns }] of tables.entries()) {
    if (!wanted) continue;
    const [rows, alone] = [read[t], read[t + 1]] as [OutRow[], OutRow[]];
    assert.deepEqual([rows.map((row) => row[1])], [wanted], JSON.stringify(columns[1]));
    // What a function sees does not depend on whether the column is copied.
    assert.deepEqual(
      alone.map((row) => row[1]),
      rows.map((row) => row[2]),
    );
  }
  assert.deepEqual(wider.sort(), [
    ...['decimalBytes', 'enumText', 'timestampMillis', 'timestampMillisDate', 'timestampMillisUtc'],
    ...['uint16', 'uint32', 'uint8'],
  ]);
  assert.deepEqual(refused.sort(), [
    ...['fixed', 'float16', 'interval', 'timeMicros', 'timeMicrosUtc', 'timeMillis', 'timeMillisUtc', 'timeNanos'],
    ...['timestampNanos', 'timestampNanosUtc', 'uint64', 'uuid'],
  ]);
});

/**
 * The pipelines of the demo, with tables: what ClickHouse finds in each Delta table is what DuckDB finds in the published
 * files, value by value, after two runs.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import flights from '../../pipelines/flights.ts';
import sales from '../../pipelines/sales.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { compile } from '../../src/pipeline/compile.ts';
import type { PipelineDefinition } from '../../src/pipeline/definition.ts';
import { commitTables } from '../../src/tables/commit-tables.ts';
import { literal } from '../../tools/duckdb.ts';
import { generateSales } from '../../tools/generate.ts';
import { Engine } from '../engine/support/drive.ts';
import { DuckReader } from '../engine/support/reader.ts';
import { peerTest as test } from '../parquet/support/peers.ts';
import { readTables } from './support/delta-reader.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

async function check(definition: PipelineDefinition, sources: readonly Uint8Array[]): Promise<void> {
  const pipeline = compile({ ...definition, output: { table: 'delta' } });
  const engine = new Engine(pipeline, { batchRows: 10_000 });
  for (const [i, bytes] of sources.entries()) {
    await engine.upload(`${pipeline.source.prefix}${i}/a.parquet`, bytes);
    await engine.run(`run${i}`, `${pipeline.source.prefix}${i}/`);
    await commitTables(engine.environment, pipeline);
  }
  const { entities } = (await publishedManifests(engine.environment)).at(-1)!;
  const tables = entities.map(({ entity, columns }) => ({
    folder: `${pipeline.output.prefix}${entity}`,
    columns: columns!,
  }));
  const read = await readTables(engine.store, tables);
  for (const [e, { entity }] of entities.entries()) {
    const wanted = [];
    for (const { bytes } of engine.published(entity)) wanted.push(...(await duck.read(bytes)).rows);
    assert.ok(wanted.length > 0, entity);
    assert.deepEqual(read[e], wanted, entity);
  }
}

test('flights', async () => {
  const file = path.resolve('node_modules/vega-datasets/data/flights-3m.parquet');
  const rows = (from: number) => duck.write(`FROM read_parquet(${literal(file)}) LIMIT 12000 OFFSET ${from}`);
  await check(flights, [await rows(0), await rows(8000)]);
});

test('sales', async () => {
  const feed = path.join(duck.directory, 'feed.parquet');
  await generateSales({ rows: 12_000, out: feed, seed: 5 });
  const rows = (from: number) => duck.write(`FROM read_parquet(${literal(feed)}) LIMIT 8000 OFFSET ${from}`);
  await check(sales, [await rows(0), await rows(4000)]);
});

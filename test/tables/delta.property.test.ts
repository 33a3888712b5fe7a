/**
 * Any pipeline over any source that a table can have: what an engine that we did not write finds in its Delta tables is
 * what the reference says, value by value, run after run; and conditions on a column, by which engines leave files out,
 * lose no row. `ORDINAL_ENGINE_RUNS` makes the search longer.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll } from 'vitest';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { deltaType } from '../../src/pipeline/delta-types.ts';
import { commitTables } from '../../src/tables/commit-tables.ts';
import { columnKinds } from '../engine/support/cells.ts';
import { filesOf, runScenario } from '../engine/support/check.ts';
import { DuckReader } from '../engine/support/reader.ts';
import type { OutRow } from '../engine/support/reference.ts';
import { type Scenario, scenarios } from '../engine/support/scenarios.ts';
import { peerTest as test } from '../parquet/support/peers.ts';
import { type ReadTable, readTables } from './support/delta-reader.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 12);
let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

/** Kinds whose every type a table has. */
const tableKinds = Object.entries(columnKinds)
  .filter(([, { type, variants = [] }]) =>
    [type, ...variants.map((one) => one.type)].every((one) => !('refused' in deltaType(one))),
  )
  .map(([name]) => name);

function inTable(scenario: Scenario): Scenario {
  const columns = scenario.columns.map((column, c) => {
    if (tableKinds.includes(column.kind)) return column;
    return { ...column, kind: tableKinds[(column.kind.length * 7 + c) % tableKinds.length]! };
  });
  return { ...scenario, columns, table: 'delta' };
}

test('every table is read as the reference says, value by value', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (random) => {
      const scenario = inTable(random);
      const { engine, expected } = await runScenario(scenario, await filesOf(scenario, duck));
      const { environment, pipeline, store } = engine;
      await commitTables(environment, pipeline);
      // A second time there is nothing to do.
      assert.equal(await commitTables(environment, pipeline), 0);
      const { entities } = (await publishedManifests(environment)).at(-1)!;
      const tables = entities.map(
        ({ entity, columns }): ReadTable => ({ folder: `${pipeline.output.prefix}${entity}`, columns: columns! }),
      );
      const read = await readTables(store, tables);
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

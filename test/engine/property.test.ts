/**
 * Any pipeline over any flat source publishes what a row-by-row reading of the pipeline says, over several runs with one
 * key index: IDs, references, values, order. `ORDINAL_ENGINE_RUNS` makes the search longer.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { underLimits } from '../support/limits.ts';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import { DuckReader } from './support/reader.ts';
import { type Writer, writersHere } from './support/rewriters.ts';
import { commonKinds, type Scenario, scenarios } from './support/scenarios.ts';
import type { FileShape } from './support/sources.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 20);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

test('what is published is what the reference says, for every type and page layout', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck)), duck);
    }),
    { numRuns },
  );
});

test('decimals of bytes in delta encodings are published in one that DuckDB takes', async () => {
  for (const habit of ['pyarrowSplit', 'sparkDelta'] as const) {
    const shape: FileShape = {
      rows: 3,
      rowGroup: 1000,
      page: 131_072,
      codec: 'UNCOMPRESSED',
      modes: ['plain'],
      statistics: false,
      rotate: 0,
      variant: 0,
      extra: false,
      habit,
    };
    const scenario: Scenario = {
      seed: 0,
      columns: [{ kind: 'decimalBytes', nullable: false, nullShare: 0, distinct: 2 }],
      entities: [{ keyed: false, key: [0], own: false, where: null, columns: [{ kind: 9, a: 0, b: 0 }], step: 1 }],
      idEncoding: 'plain',
      runs: [[shape]],
      writer: 'own',
      batchRows: 250_000,
      partRows: 5_000_000,
      rangeMax: 1e9,
      mixed: false,
    };
    await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck)), duck);
  }
});

test('the same holds for sources that other engines wrote', async () => {
  const writers: Writer[] = ['duckdb', 'duckdbV2', 'arrow', 'arrowV2', 'polars', 'hyparquet', 'dsnp'];
  // parquetjs-lite holds no integer beyond 2^53.
  const liteKinds = commonKinds.filter((kind) => kind !== 'int64');
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(...writersHere(writers).map((w) => scenarios([w])), scenarios(['lite'], liteKinds)),
      async (scenario) => {
        await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck)), duck);
      },
    ),
    { numRuns },
  );
});

test('every way through gives the same rows', async () => {
  const ways = fc.constantFrom('dictionary' as const, 'encode' as const);
  await fc.assert(
    fc.asyncProperty(scenarios(['own', 'own', 'polars']), ways, async (scenario, way) => {
      await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck), { ways: way }), duck);
    }),
    { numRuns: Math.ceil(numRuns / 2) },
  );
});

test('executing every activity twice, and batches in another order, gives the same bytes', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      const files = await filesOf(scenario, duck);
      const once = await runScenario(scenario, files);
      const twice = await runScenario(scenario, files, { executions: 2, order: (batches) => batches.toReversed() });
      const { container } = once.engine.pipeline.output;
      const names = once.engine.store.names(container);
      assert.deepEqual(twice.engine.store.names(container), names);
      for (const name of names.filter((n) => n.endsWith('.parquet'))) {
        const [a, b] = [once, twice].map(({ engine }) => engine.store.bytes(container, name));
        assert.ok(Buffer.compare(a!, b!) === 0, `${name} has other bytes`);
      }
    }),
    { numRuns: 2 * numRuns },
  );
});

test('the size of batches shows in no row', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), fc.constantFrom(1, 10, 1e6), async (scenario, batchRows) => {
      await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck), { batchRows }), duck);
    }),
    { numRuns: 2 * numRuns },
  );
});

test('row groups that are cut into parts give the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own', 'polars']), fc.constantFrom(100, 1000, 5000), async (scenario, unitBytes) => {
      await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck), { unitBytes }), duck);
    }),
    { numRuns },
  );
});

test('slots that are too many to be kept are read batch by batch, and give the same rows', async () => {
  await underLimits({ keptSlotsMax: 0 }, () =>
    fc.assert(
      fc.asyncProperty(scenarios(['own']), async (scenario) => {
        const many = { ...scenario, batchRows: 1 };
        await checkOutcome(await runScenario(many, await filesOf(many, duck)), duck);
      }),
      { numRuns: 2 * numRuns },
    ),
  );
});

/**
 * Any pipeline over any flat source publishes what a row-by-row reading of the pipeline says, over several runs with one
 * key index: IDs, references, values, order. `ORDINAL_ENGINE_RUNS` makes the search longer.
 */
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import { DuckReader } from './support/reader.ts';
import { scenarios } from './support/scenarios.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 60);
let duck: DuckReader;

before(async () => {
  duck = await DuckReader.open();
});
after(() => duck.close());

test('what is published is what the reference says, for every type and page layout', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck)), duck);
    }),
    { numRuns },
  );
});

test('the same holds for sources that other engines wrote', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['duckdb', 'duckdbV2', 'arrow', 'polars']), async (scenario) => {
      await checkOutcome(await runScenario(scenario, await filesOf(scenario, duck)), duck);
    }),
    { numRuns: Math.ceil(numRuns / 2) },
  );
});

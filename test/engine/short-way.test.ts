/**
 * The short way publishes what the long way does, byte for byte, whether a phase finds the work in memory or makes it
 * again; what is read and written meanwhile; and what memory it must not take for its own.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import type { DriveOptions } from './support/drive.ts';
import { indexOf, publishedBy } from './support/published.ts';
import { DuckReader } from './support/reader.ts';
import { scenarios } from './support/scenarios.ts';

const numRuns = Number(process.env.ORDINAL_ENGINE_RUNS ?? 6);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const lives: DriveOptions[] = [{}, { forget: 'resolve' }, { forget: 'publish' }, { forget: 'both' }, { executions: 2 }];

test('both ways publish the same bytes, and leave the same key indexes', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      const files = await filesOf(scenario, duck);
      const long = await runScenario(scenario, files);
      for (const life of lives) {
        const short = await runScenario(scenario, files, { short: true, ...life });
        assert.deepEqual(publishedBy(short), publishedBy(long), JSON.stringify(life));
        assert.deepEqual(indexOf(short), indexOf(long), JSON.stringify(life));
        if (life.forget === undefined && life.executions === undefined) await checkOutcome(short, duck);
        const left = short.engine.store.names('work', 'runs/');
        assert.ok(
          left.every((name) => /\/(plan\.json|files\/|tasks\.json)/.test(name)),
          `work in progress stays in memory: ${left}`,
        );
      }
    }),
    { numRuns },
  );
});

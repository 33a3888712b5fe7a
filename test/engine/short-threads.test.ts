/**
 * Worker threads of a short run: it publishes what it does without them, byte for byte; an error says what it says without
 * them; and a thread that ends costs one try.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { parseConfig } from '../../src/environment/config.ts';
import type { ActivityThreads, ThreadTask } from '../../src/environment/environment.ts';
import { OrdinalError } from '../../src/errors.ts';
import { encodePlain } from '../../src/parquet/encode.ts';
import { openThreads } from '../../src/run/activity-threads.ts';
import { fileOf } from '../parquet/support/files.ts';
import { checkOutcome, filesOf, runScenario } from './support/check.ts';
import { Engine } from './support/drive.ts';
import { indexOf, publishedBy } from './support/published.ts';
import { DuckReader } from './support/reader.ts';
import { type Scenario, scenarios } from './support/scenarios.ts';
import { poolValues } from './support/sources.ts';
import { endingPipeline, moduleOf } from './support/thread-pipelines.ts';

const numRuns = Math.ceil(Number(process.env.ORDINAL_ENGINE_RUNS ?? 15) / 5);
let duck: DuckReader;

beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

/** Threads that note what they are asked for. */
function notedThreads(scenario: Scenario | undefined): { threads: ActivityThreads; tasks: ThreadTask[] } {
  const config = { ...parseConfig({ AzureWebJobsStorage: 'UseDevelopmentStorage=true' }), workContainer: 'work' };
  const own = openThreads(2, moduleOf(scenario), config);
  const tasks: ThreadTask[] = [];
  const run = (task: ThreadTask) => {
    tasks.push(task);
    return own.run(task);
  };
  return { threads: { width: own.width, run, rest: () => own.rest() }, tasks };
}

test('a short run publishes the same bytes with threads and without', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios(['own']), async (scenario) => {
      const files = await filesOf(scenario, duck);
      const alone = await runScenario(scenario, files, { short: true });
      const { threads, tasks } = notedThreads(scenario);
      const side = await runScenario(scenario, files, { short: true, threads });
      assert.deepEqual(publishedBy(side), publishedBy(alone));
      assert.deepEqual(indexOf(side), indexOf(alone));
      await checkOutcome(side, duck);
      const rows = files.flat().some((file) => file.rows.length > 0);
      assert.equal(
        tasks.some(({ activity }) => activity === 'splitBatch'),
        rows,
        'batches are split in threads',
      );
    }),
    { numRuns },
  );
});

const text = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } } as const;

function fileOfWords(words: string[]): Uint8Array {
  const chunks = [encodePlain(text, false, poolValues(text, words), undefined, 'SNAPPY')];
  return fileOf([{ name: 'word', type: text, optional: false, chunks }]);
}

test('a thread that ends is an error worth a retry, and the next run has another one', async () => {
  const { threads } = notedThreads(undefined);
  const engine = new Engine(endingPipeline, { short: true, threads });
  await engine.upload('in/a/0.parquet', fileOfWords(['one', 'end']));
  await assert.rejects(engine.run('a', 'in/a/'), (thrown) => {
    assert.ok(thrown instanceof OrdinalError, String(thrown));
    assert.deepEqual([thrown.code, thrown.retryable], ['Internal', true]);
    assert.match(thrown.message, /a worker thread ended during "splitBatch"/);
    return true;
  });
  await engine.upload('in/b/0.parquet', fileOfWords(['one', 'two', 'one']));
  await engine.run('b', 'in/b/');
  const rows = await duck.read(engine.published('all')[0]!.bytes);
  assert.deepEqual(
    rows.rows.map((row) => row.slice(0, 3)),
    [
      ['1', '1', '3'],
      ['2', '2', '3'],
      ['3', '1', '3'],
    ],
  );
});

test('an error of a thread says what it says in one thread', async () => {
  const said: unknown[] = [];
  for (const { threads } of [{ threads: undefined }, notedThreads(undefined)]) {
    const engine = new Engine(endingPipeline, { short: true, ...(threads && { threads }) });
    await engine.upload('in/0.parquet', fileOfWords(['one']));
    await engine.upload('in/1.parquet', fileOfWords(['two', 'a word that is too long']));
    await engine.run('a').then(
      () => assert.fail('it went through'),
      (thrown: OrdinalError) => said.push(thrown.toValue()),
    );
  }
  assert.deepEqual(said[1], said[0]);
  assert.equal((said[0] as { where: { blob: string } }).where.blob, 'in/1.parquet');
});

test('a module without pipelines is refused by its name', async () => {
  const config = { ...parseConfig({ AzureWebJobsStorage: 'UseDevelopmentStorage=true' }), workContainer: 'work' };
  const threads = openThreads(1, new URL('./support/published.ts', import.meta.url).href, config);
  const engine = new Engine(endingPipeline, { short: true, threads });
  await engine.upload('in/0.parquet', fileOfWords(['one']));
  await assert.rejects(engine.run('a'), /published\.ts" does not export pipelines/);
});

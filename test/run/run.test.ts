/** Runs side by side, large ones, and what they may not do. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Timeline } from '../../src/documents/timeline.ts';
import { SHARD_ORCHESTRATION } from '../../src/durable/fan-out.ts';
import { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { underLimits } from '../support/limits.ts';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { Sim } from './support/sim.ts';

test('a run publishes, commits and leaves nothing held', async () => {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'shop/', [someRows(() => sim.random(), 10), someRows(() => sim.random(), 7)]);
  const run = await sim.run('r1', 'shop');
  assert.equal(run.status, 'Completed', run.error);
  const published = await checkWorld(sim);
  assert.deepEqual([...published.keys()], ['r1']);
});

test('runs side by side over the same keys and sequences: no key twice, no ID twice, no gap', async () => {
  for (let seed = 1; seed <= 6; seed++) {
    const sim = new Sim(shopPipelines, { seed });
    const random = () => sim.random();
    for (const run of ['shop/a/', 'shop/b/', 'web/a/', 'web/b/', 'log/a/']) {
      await upload(sim, run, [someRows(random, 8), someRows(random, 5)]);
    }
    sim.startRun('sa', 'shop', 'shop/a/');
    sim.startRun('sb', 'shop', 'shop/b/');
    sim.startRun('wa', 'web', 'web/a/');
    sim.startRun('wb', 'web', 'web/b/');
    sim.startRun('la', 'log', 'log/a/');
    await sim.settle();
    for (const [id, { status, error }] of sim.instances) assert.equal(status, 'Completed', `${id}: ${error}`);
    assert.equal((await checkWorld(sim)).size, 5, `seed ${seed}`);
  }
});

test('runs that share only sequences of rows never wait for each other', async () => {
  const sim = new Sim(shopPipelines, { seed: 5 });
  for (const run of ['log/a/', 'log/b/']) await upload(sim, run, [someRows(() => sim.random(), 8)]);
  let paused = true;
  // The first run stands still in the midst of its seals.
  sim.onPoint = ({ point }, { instance }) =>
    instance === 'a' && paused && point === 'sealed:write:before' ? 'hold' : 'pass';
  sim.startRun('a', 'log', 'log/a/');
  await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === 'seal');
  const b = await sim.run('b', 'log', 'log/b/');
  assert.equal(b.status, 'Completed', b.error);
  assert.equal(sim.status('a'), 'Running');
  paused = false;
  sim.resume();
  await sim.settle();
  assert.equal(sim.status('a'), 'Completed');
  await checkWorld(sim);
});

test('a reservation of an ended run without keyed entities is given to the next run', async () => {
  const sim = new Sim(shopPipelines, { seed: 2 });
  for (const run of ['log/a/', 'log/b/']) await upload(sim, run, [someRows(() => sim.random(), 6)]);
  sim.onPoint = ({ point }, { instance }) => {
    if (instance !== 'a' || point !== 'sealed:write:before') return 'pass';
    sim.terminate('a');
    return 'die';
  };
  await sim.run('a', 'log', 'log/a/');
  assert.equal(sim.sequence('documents')!.open.length, 1);
  await sim.run('b', 'log', 'log/b/');
  const published = await checkWorld(sim);
  assert.deepEqual(
    published.get('b')!.rows.lines!.map((row) => row.line_id),
    [100n, 101n, 102n, 103n, 104n, 105n],
  );
});

test('a run beyond the cap of tasks runs in shards', async () => {
  const sim = new Sim(shopPipelines, { batchRows: 1, partRows: 100_000 });
  const files = limits.fanOutTasksMax + 20;
  await upload(
    sim,
    'log/',
    Array.from({ length: files }, () => someRows(() => sim.random(), 1)),
  );
  const run = await sim.run('big', 'log');
  assert.equal(run.status, 'Completed', run.error);
  const shards = [...sim.instances.values()].filter(({ name }) => name === SHARD_ORCHESTRATION);
  assert.deepEqual(shards.map(({ id }) => id.replace(/-[0-9a-z]+$/, '')).sort(), ['big~split-0-5k', 'big~split-5k-5k']);
  const seals = sim.executed.filter((name) => name === 'sealBatches').length;
  assert.ok(seals > 1 && seals <= limits.fanOutTasksMax, `${seals} groups of batches are sealed in one wave`);
  // All of one execution of the run; another has other names.
  assert.equal(new Set(shards.map(({ id }) => id.split('-').at(-1))).size, 1);
  assert.equal((await checkWorld(sim)).get('big')!.rows.lines!.length, files);
  // What crosses between functions does not grow with the source.
  assert.ok(sim.payloadBytes < limits.payloadBytesMax / 2, `${sim.payloadBytes} bytes`);
  assert.ok(sim.customStatusBytes < limits.customStatusBytesMax / 4, `${sim.customStatusBytes} bytes`);
});

test('the footers of many files are read by several activities, between two calls of the plan', async () => {
  await underLimits({ filesPerDocumentMax: 3 }, async () => {
    const sim = new Sim(shopPipelines, { batchRows: 100, settings: { ORDINAL_SHORT_BYTES: '0' } });
    await upload(
      sim,
      'shop/',
      Array.from({ length: 7 }, () => someRows(() => sim.random(), 2)),
    );
    const statuses: unknown[] = [];
    const run = sim.startRun('many', 'shop');
    await sim.settle(() => {
      const { phase, tasks } = run.customStatus ?? {};
      if (phase === 'plan' && tasks !== undefined) statuses.push(tasks);
      return run.status !== 'Running';
    });
    assert.equal(run.status, 'Completed', run.error);
    const planned = sim.executed.filter((name) => name === 'planRun' || name === 'readFooters');
    assert.deepEqual(planned, ['planRun', 'readFooters', 'readFooters', 'readFooters', 'planRun']);
    assert.deepEqual([...new Set(statuses)], [3], 'the status says how many');
    const { manifest } = (await checkWorld(sim)).get('many')!;
    assert.equal(manifest.inputs.length, 7);
    assert.ok(manifest.source.claim, 'what the first call has claimed is the claim of the plan');
    const timeline = JSON.parse(
      Buffer.from(sim.store.bytes('ordinal', 'timelines/many/1.json')).toString(),
    ) as Timeline;
    assert.deepEqual(timeline.groups.find(({ phase }) => phase === 'footers')!.number, [0, 1, 2]);
  });
});

test('a shard that fails, fails its run', async () => {
  const sim = new Sim(shopPipelines, { batchRows: 1, partRows: 100_000 });
  const row = () => someRows(() => sim.random(), 1);
  await upload(sim, 'log/', Array.from({ length: limits.fanOutTasksMax + 5 }, row));
  sim.onPoint = (_, { activity, input }) =>
    activity === 'splitBatch' && (input as { batch: number }).batch === 203
      ? new OrdinalError('StorageFailed', 'no')
      : 'pass';
  const run = await sim.run('big', 'log');
  assert.match(run.error ?? '', /^StorageFailed/);
  assert.equal(run.customStatus?.phase, 'failed');
  await checkWorld(sim);
});

test('an activity is tried four times, with longer and longer pauses', async () => {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'log/', [someRows(() => sim.random(), 2)]);
  sim.onPoint = (_, { activity }) =>
    activity === 'tallyRows' ? new OrdinalError('StorageFailed', 'busy', { retryable: true }) : 'pass';
  const before = sim.now;
  const run = await sim.run('r', 'log');
  assert.match(run.error ?? '', /after 4 attempts/);
  assert.equal(sim.executed.filter((name) => name === 'tallyRows').length, 4);
  assert.ok(sim.now - before >= 21_000, 'after 1, 4 and 16 seconds');
});

/**
 * What others see of a short run, whose work is in the memory of one process: its tasks while it goes on, and up to where
 * it failed; and how few requests that takes. The last tests drive the notes by a clock of their own.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, it } from 'vitest';
import { notedTasks, TaskNotes } from '../../src/documents/task-notes.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import type { BlobStore } from '../../src/storage/store.ts';
import type { RunView } from '../../src/view/run-view-schema.ts';
import type { TimelineView } from '../../src/view/timeline-view.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { Sim } from './support/sim.ts';

const notes = /\/tasks\.json$/;

afterEach(() => {
  Object.assign(limits, { shortNoteSeconds: 0 });
});

async function world(): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed: 5, short: true });
  const random = () => sim.random();
  const files = Array.from({ length: 9 }, () => someRows(random, 9));
  await upload(sim, 'shop/', files);
  return sim;
}

async function asked<T>(sim: Sim, path: string): Promise<T> {
  let body: unknown;
  void sim.clients.ask('GET', path).then((answer) => {
    body = answer?.body;
  });
  await sim.settle(() => body !== undefined);
  return body as T;
}

const countsOf = ({ groups }: TimelineView) => groups.map(({ phase, count }) => [phase, count] as const);

describe('a short run', () => {
  it('shows its batches while it splits, and its tasks in each phase, with their times', async () => {
    const sim = await world();
    let notesSeen = 0;
    // It stands still before it notes its third batch.
    sim.onPoint = ({ name, at, operation }) =>
      operation === 'write' && at === 'before' && notes.test(name) && ++notesSeen === 3 ? 'hold' : 'pass';
    const run = sim.startRun('r1', 'shop');
    await sim.settle(() => notesSeen === 3);
    const view = await asked<RunView>(sim, 'runs/r1');
    assert.deepEqual([view.way, view.phase, view.status], ['short', 'split', 'Running']);
    assert.ok(view.batches.done >= 2 && view.batches.done < view.batches.total, JSON.stringify(view.batches));
    assert.deepEqual(view.tasks, { done: view.batches.done, total: view.batches.total });
    assert.ok(view.rows.done > 0 && view.rows.done < 81, JSON.stringify(view.rows));
    const timeline = await asked<TimelineView>(sim, 'runs/r1/timeline');
    assert.equal(timeline.live, true);
    const split = timeline.groups.find(({ phase }) => phase === 'split')!;
    assert.deepEqual([split.count, split.rowsDone], [view.batches.done, view.rows.done]);
    assert.ok(split.tasks!.ended.every((end, i) => end >= split.tasks!.started[i]!));
    sim.onPoint = ({ point }) => (point === 'part:write:before' || point === 'part:commit:before' ? 'hold' : 'pass');
    sim.resume();
    await sim.settle();
    const late = await asked<RunView>(sim, 'runs/r1');
    assert.equal(late.phase, 'publish');
    assert.ok(late.tasks!.done > 0 && late.tasks!.done < late.tasks!.total, JSON.stringify(late.tasks));
    assert.deepEqual(
      countsOf(await asked(sim, 'runs/r1/timeline')).map(([phase]) => phase),
      ['plan', 'split', 'resolve', 'resolve', 'seal', 'seal', 'seal'],
    );
    sim.onPoint = () => 'pass';
    sim.resume();
    await sim.settle();
    assert.equal(run.status, 'Completed');
    const ended = await asked<TimelineView>(sim, 'runs/r1/timeline');
    assert.equal(ended.groups.find(({ phase }) => phase === 'split')!.count, view.batches.total);
    assert.ok(ended.groups.some(({ phase }) => phase === 'publish'));
    await checkWorld(sim);
  });

  it('that fails keeps its phases, and its tasks up to the failure, in its timeline', async () => {
    const sim = await world();
    sim.onPoint = ({ point }) =>
      point === 'part:write:before' || point === 'part:commit:before'
        ? new OrdinalError('StorageFailed', 'refused for good')
        : 'pass';
    await sim.run('r1', 'shop');
    await sim.settle();
    const view = await asked<RunView>(sim, 'runs/r1');
    assert.deepEqual([view.status, view.failedPhase], ['Failed', 'publish']);
    assert.deepEqual(
      view.phases!.map(({ phase }) => phase),
      ['plan', 'split', 'resolve', 'reserve', 'seal', 'publish'],
    );
    const timeline = await asked<TimelineView>(sim, 'runs/r1/timeline');
    assert.equal(timeline.live, false);
    assert.deepEqual([...new Set(countsOf(timeline).map(([phase]) => phase))], ['plan', 'split', 'resolve', 'seal']);
    assert.equal(timeline.groups.find(({ phase }) => phase === 'split')!.rowsDone, 81);
    assert.deepEqual(sim.store.names('ordinal', 'runs/'), [], 'nothing else of it is left');
    await checkWorld(sim);
  });

  it('that fails or is ended while it splits keeps the batches that it had split', async () => {
    for (const ended of [false, true]) {
      const sim = await world();
      let held = 0;
      sim.onPoint = ({ name, at, operation }) =>
        operation === 'write' && at === 'before' && notes.test(name) && ++held === 3 ? 'hold' : 'pass';
      sim.startRun('r1', 'shop');
      await sim.settle(() => held === 3);
      if (ended) void sim.clients.ask('POST', 'runs/r1/cancel');
      else sim.workers.doomed.add('r1 1');
      await sim.settle(() => ended && sim.status('r1') === 'Terminated');
      sim.resume();
      await sim.settle();
      const timeline = await asked<TimelineView>(sim, 'runs/r1/timeline');
      const split = timeline.groups.find(({ phase }) => phase === 'split');
      assert.ok(split && split.count >= 2, JSON.stringify(countsOf(timeline)));
      await checkWorld(sim);
    }
  });

  it('that is over within the time of a note makes no request for it', async () => {
    Object.assign(limits, { shortNoteSeconds: 2 });
    const sim = await world();
    let requests = 0;
    sim.onPoint = ({ name }) => {
      if (notes.test(name)) requests++;
      return 'pass';
    };
    const { status } = await sim.run('r1', 'shop');
    assert.deepEqual([status, requests], ['Completed', 0]);
  });
});

const of = { runId: 'r', life: 1 };

/** Notes over a store in memory, and a clock. */
async function notebook(hook: (name: string) => Promise<void> | void = () => {}) {
  Object.assign(limits, { shortNoteSeconds: 2 });
  const memory = new MemoryStore();
  await memory.ensureContainer('ordinal');
  let now = 0;
  let writes = 0;
  const store: BlobStore = withFaults(memory, async ({ name, operation, at }) => {
    if (operation !== 'write' || !notes.test(name) || at !== 'before') return;
    writes++;
    await hook(name);
  });
  const config = parseConfig({ AzureWebJobsStorage: 'x' });
  const environment: Environment = { store, config, pipelines: new Map(), now: () => new Date(now) };
  const kept = new TaskNotes(environment, of);
  return {
    kept,
    /** A batch ends at that second. */
    async end(batch: number, second: number) {
      now = second * 1000;
      const name = `runs/r/1/split/${String(batch).padStart(6, '0')}.bin`;
      const metadata = { times: `1,2,${second},w`, rows: '10', keys: 'left out' };
      await memory.write('ordinal', name, new Uint8Array(0), { metadata });
      kept.ended();
      await delay(0);
    },
    writes: () => writes,
    noted: () => notedTasks(environment, of),
  };
}

describe('notes', () => {
  it('are one request in two seconds, however many tasks end', async () => {
    const { kept, end, writes, noted } = await notebook();
    for (let batch = 0; batch < 100; batch++) await end(batch, batch / 10);
    await kept.rest();
    assert.equal(writes(), 4, 'of ten seconds: after two, four, six and eight');
    const tasks = await noted();
    assert.equal(tasks.length, 81);
    assert.deepEqual(tasks[80], {
      name: 'runs/r/1/split/000080.bin',
      metadata: { times: '1,2,8,w', rows: '10' },
    });
    await kept.flush();
    assert.equal((await noted()).length, 100);
    await kept.flush();
    assert.equal(writes(), 5, 'nothing is noted twice');
  });

  it('of a run that waits come by themselves after a while, unless it goes on', async () => {
    const { kept, end, writes, noted } = await notebook();
    Object.assign(limits, { shortNoteSeconds: 0.05 });
    await end(0, 0);
    kept.later();
    await kept.rest();
    await delay(100);
    assert.equal(writes(), 0);
    kept.later();
    await delay(200);
    await kept.rest();
    assert.deepEqual([writes(), (await noted()).length], [1, 1]);
  });

  it('that fail are made up by the next; a slow one holds no task up, and comes before the next', async () => {
    let letGo = () => {};
    const waits = [new Promise<void>((resolve) => (letGo = resolve))];
    const order: number[] = [];
    const { kept, end, writes, noted } = await notebook(async () => {
      const mine = order.push(order.length);
      await waits.shift();
      if (mine === 1) throw new OrdinalError('StorageFailed', 'refused');
    });
    await end(0, 3);
    await end(1, 6);
    await end(2, 9);
    assert.equal(writes(), 1, 'the first is under way');
    letGo();
    await kept.rest();
    assert.equal(writes(), 2, 'the two that waited were one');
    assert.equal((await noted()).length, 3);
  });
});

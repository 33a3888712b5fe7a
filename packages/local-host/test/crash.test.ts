/**
 * The host dies before and after every single commit of a run that uses everything, and starts again on what was
 * stored. The outcome must be that of a run without a crash: nothing lost, nothing done twice by an entity.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { seededRandom, withChaos } from '../src/chaos.ts';
import type { Change } from '../src/engine/model.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { SqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { counter } from './app.ts';
import { df, orchestrator, VirtualClock, World } from './harness.ts';
import { MortalStore, runUntilDeath } from './mortal-store.ts';

const child = orchestrator(function* (c) {
  const { k } = c.getInput() as { k: number };
  const doubled: { n: number } = yield c.callActivity('doubleIt', { n: k });
  c.signalEntity(counter('total'), 'add', doubled.n);
  return { n: yield c.callEntity(counter('calls'), 'add', 1), doubled: doubled.n };
});
df.app.activity('doubleIt', { handler: ({ n }: { n: number }) => ({ n: 2 * n }) });

const everything = orchestrator(function* (c) {
  const { round, sum } = c.getInput() as { round: number; sum: number };
  c.setCustomStatus({ round });
  const retry = new df.RetryOptions(1000, 2);
  const results: { doubled: number }[] = yield c.Task.all(
    [1, 2, 3].map((k) => c.callSubOrchestrator(child, { k }, `${c.instanceId}-${round}-${k}`)),
  );
  try {
    yield c.callActivityWithRetry('boom', retry, 'x');
  } catch {
    yield c.createTimer(new Date(c.currentUtcDateTime.getTime() + 5000));
  }
  const lock: { release(): void } = yield c.lock(counter('locked'), counter('total'));
  yield c.callEntity(counter('locked'), 'add', 1);
  lock.release();
  const next = sum + results.reduce((total, each) => total + each.doubled, 0);
  if (round === 1) return { sum: next };
  c.continueAsNew({ round: round + 1, sum: next });
});

const expected = { output: '{"sum":24}', total: '{"n":24}', calls: '{"n":6}', locked: '{"n":2}' };

async function outcome(world: World, id: string): Promise<typeof expected> {
  const record = await world.finish(id);
  await world.advance(60_000);
  const read = (key: string) => world.client.readEntity('counter', key);
  return { output: record.output ?? '', total: read('total'), calls: read('calls'), locked: read('locked') };
}

async function commitsOfWholeRun(): Promise<number> {
  const store = new MortalStore(new MemoryStore(), Number.POSITIVE_INFINITY, 'after');
  const world = new World({ store });
  assert.deepEqual(await outcome(world, world.start(everything, { round: 0, sum: 0 }, 'run')), expected);
  return store.commits;
}

const total = await commitsOfWholeRun();

for (const [kind, open, stride] of [
  ['memory', () => new MemoryStore(), 1],
  ['sqlite', () => new SqliteStore(':memory:'), 5],
] as const) {
  test(`${kind}: dying before and after each ${stride === 1 ? '' : `${stride}th `}of ${total} commits`, async () => {
    for (let fatal = 2; fatal <= total; fatal += stride) {
      // Dying before a commit differs from dying after the last one only by what is under way: every third is enough.
      for (const when of fatal % 3 === 0 ? (['before', 'after'] as const) : (['after'] as const)) {
        const inner = open();
        const store = new MortalStore(inner, fatal, when);
        const first = new World({ store });
        first.start(everything, { round: 0, sum: 0 }, 'run');
        await runUntilDeath(first, store, 'run');
        const clock = new VirtualClock();
        clock.time = first.clock.time + 1;
        const second = new World({ store: inner, clock, seed: 2 });
        assert.deepEqual(await outcome(second, 'run'), expected, `${when} commit ${fatal}`);
        inner.close();
      }
    }
  });
}

test('chaos under many seeds: activities twice, results lost and reordered; the outcome is the same', async () => {
  for (let seed = 1; seed <= 30; seed++) {
    const clock = new VirtualClock();
    const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    const random = seededRandom(seed);
    const world = new World({ clock, wrap: (dispatch) => withChaos(dispatch, { random, wait, log: () => {} }) });
    const id = world.start(everything, { round: 0, sum: 0 }, 'run');
    assert.deepEqual(await outcome(world, id), expected, `seed ${seed}`);
  }
});

/** The test must be able to fail: a host that forgets to commit with the messages it took does things twice. */
test('a planted fault is caught: a store that forgets to consume messages', async () => {
  const inner = new MemoryStore();
  const store: Store = Object.assign(Object.create(inner) as MemoryStore, {
    commit: (changes: readonly Change[]) =>
      inner.commit(changes.filter((change) => change.type !== 'consume' || !isEntityBatch(changes))),
  });
  const world = new World({ store });
  const id = world.start(everything, { round: 0, sum: 0 }, 'run');
  for (let step = 0; step < 20; step++) await world.advance(1000);
  const record = world.client.get(id);
  const calls = inner.entity('@counter@calls')?.state;
  assert.notDeepEqual({ output: record.output, calls }, { output: expected.output, calls: expected.calls });
});

let forgotten = 0;
function isEntityBatch(changes: readonly Change[]): boolean {
  return (
    changes.some((change) => change.type === 'putEntity' && change.record.entityId.endsWith('@calls')) &&
    forgotten++ < 1
  );
}

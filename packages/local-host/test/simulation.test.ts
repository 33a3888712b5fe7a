/**
 * Random orchestrations under random faults: programs of activities, retries, compounds, sub-orchestrations, timers,
 * entity calls and signals, run through the real SDK on a host that delivers twice, loses results, reorders and dies.
 * The oracle is a few lines that add numbers up.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { seededRandom, withChaos } from '../src/chaos.ts';
import type { Change } from '../src/engine/model.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { SqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';
import { counter } from './app.ts';
import { type DurableContext, df, orchestrator, VirtualClock, World } from './harness.ts';
import { MortalStore, runUntilDeath } from './mortal-store.ts';

/** What can be awaited inside a compound. */
type Leaf =
  | { kind: 'activity'; n: number }
  | { kind: 'retry'; n: number; failures: number; key: string }
  | { kind: 'sub'; program: Step[] }
  | { kind: 'call'; n: number }
  | { kind: 'all'; parts: Leaf[] };
type Step =
  | Leaf
  | { kind: 'any'; parts: Leaf[] }
  | { kind: 'timer'; ms: number }
  | { kind: 'signal'; n: number }
  | { kind: 'catch' };

interface Sums {
  /** What the orchestration returns. */
  output: number;
  /** What the entity has been given. */
  entity: number;
}

const none: Sums = { output: 0, entity: 0 };
const plus = (a: Sums, b: Sums): Sums => ({ output: a.output + b.output, entity: a.entity + b.entity });

/** The oracle: what a step adds to the output and to the entity. */
function sumsOf(step: Step): Sums {
  switch (step.kind) {
    case 'activity':
    case 'retry':
      return { output: step.n, entity: 0 };
    case 'call':
    case 'signal':
      return { output: 0, entity: step.n };
    case 'sub':
      return sumsOfAll(step.program);
    case 'all':
      return sumsOfAll(step.parts);
    case 'any':
      // Who wins is chance, so nothing of it counts; what it does to the entity happens whoever wins.
      return { output: 0, entity: sumsOfAll(step.parts).entity };
    case 'catch':
      return { output: 1, entity: 0 };
    case 'timer':
      return none;
  }
}

const sumsOfAll = (steps: readonly Step[]): Sums => steps.map(sumsOf).reduce(plus, none);

df.app.activity('give', { handler: ({ n }: { n: number }) => ({ n }) });
let failed = new Map<string, number>();
df.app.activity('flaky', {
  handler: ({ n, failures, key }: { n: number; failures: number; key: string }) => {
    const before = failed.get(key) ?? 0;
    failed.set(key, before + 1);
    if (before < failures) throw new Error('not yet');
    return { n };
  },
});

const retry = new df.RetryOptions(1000, 4);

function taskOf(c: DurableContext, leaf: Leaf) {
  switch (leaf.kind) {
    case 'activity':
      return c.callActivity('give', leaf);
    case 'retry':
      return c.callActivityWithRetry('flaky', retry, leaf);
    case 'sub':
      return c.callSubOrchestrator('program', { rounds: [leaf.program], sum: 0 });
    case 'call':
      return c.callEntity(counter('simulated'), 'add', leaf.n);
    case 'all':
      return c.Task.all(leaf.parts.map((part): ReturnType<typeof c.callActivity> => taskOf(c, part)));
  }
}

/** What the value of a leaf's task adds to the output. */
function valueIn(leaf: Leaf, value: unknown): number {
  if (leaf.kind === 'call') return 0;
  if (leaf.kind === 'sub') return (value as { sum: number }).sum;
  if (leaf.kind !== 'all') return (value as { n: number }).n;
  return leaf.parts.reduce((sum, part, index) => sum + valueIn(part, (value as unknown[])[index]), 0);
}

orchestrator(function* (c) {
  const { rounds, sum } = c.getInput() as { rounds: Step[][]; sum: number };
  let total = sum;
  for (const step of rounds[0] ?? []) {
    if (step.kind === 'timer') yield c.createTimer(new Date(c.currentUtcDateTime.getTime() + step.ms));
    else if (step.kind === 'signal') c.signalEntity(counter('simulated'), 'add', step.n);
    else if (step.kind === 'any') yield c.Task.any(step.parts.map((part) => taskOf(c, part)));
    else if (step.kind === 'catch') {
      try {
        yield c.callActivity('boom', 'always');
      } catch {
        total += 1;
      }
    } else total += valueIn(step, yield taskOf(c, step));
  }
  if (rounds.length <= 1) return { sum: total };
  c.continueAsNew({ rounds: rounds.slice(1), sum: total });
}, 'program');

const n = fc.integer({ min: 1, max: 9 });
const { program } = fc.letrec<{ leaf: Leaf; step: Step; program: Step[] }>((tie) => ({
  leaf: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ kind: fc.constant('activity' as const), n }),
    fc.record({ kind: fc.constant('retry' as const), n, failures: fc.nat(2), key: fc.uuid() }),
    fc.record({ kind: fc.constant('call' as const), n }),
    fc.record({ kind: fc.constant('all' as const), parts: fc.array(tie('leaf'), { minLength: 1, maxLength: 4 }) }),
    fc.record({ kind: fc.constant('sub' as const), program: tie('program') }),
  ),
  step: fc.oneof(
    { maxDepth: 3 },
    tie('leaf'),
    fc.record({ kind: fc.constant('signal' as const), n }),
    fc.record({ kind: fc.constant('timer' as const), ms: fc.nat(100_000) }),
    fc.record({ kind: fc.constant('catch' as const) }),
    fc.record({ kind: fc.constant('any' as const), parts: fc.array(tie('leaf'), { minLength: 1, maxLength: 3 }) }),
  ),
  // An orchestration that waits for nothing at all is not one.
  program: fc.array(tie('step'), { maxLength: 4 }).map((steps): Step[] => [...steps, { kind: 'activity', n: 1 }]),
}));

/** A fault of the engine: which changes of a commit it forgets. */
type Planted = (change: Change, changes: readonly Change[]) => boolean;

interface Case {
  rounds: Step[][];
  seed: number;
  /** Commits after which the host dies, one host after the other. */
  deaths: number[];
  sqlite: boolean;
}

const cases: fc.Arbitrary<Case> = fc.record({
  rounds: fc.array(program, { minLength: 1, maxLength: 3 }),
  seed: fc.nat(),
  deaths: fc.array(fc.integer({ min: 2, max: 30 }), { maxLength: 3 }),
  sqlite: fc.boolean(),
});

async function simulate({ rounds, seed, deaths, sqlite }: Case, planted?: Planted): Promise<void> {
  failed = new Map();
  const inner: Store = sqlite ? new SqliteStore(':memory:') : new MemoryStore();
  if (planted !== undefined) {
    const commit = inner.commit.bind(inner);
    inner.commit = (changes) => commit(changes.filter((change) => !planted(change, changes)));
  }
  const random = seededRandom(seed);
  let time: number | undefined;
  for (const [life, fatal] of [...deaths, Number.POSITIVE_INFINITY].entries()) {
    const clock = new VirtualClock();
    clock.time = time ?? clock.time;
    const wait = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));
    const store = new MortalStore(inner, fatal, random() < 0.5 ? 'before' : 'after');
    const world = new World({
      store,
      clock,
      seed: seed + life,
      entityBatchSizeMax: 3,
      wrap: (dispatch) => withChaos(dispatch, { random, wait, log: () => {} }),
    });
    if (life === 0) world.start('program', { rounds, sum: 0 }, 'run');
    await runUntilDeath(world, store, 'run');
    time = clock.time + 1;
    // A host that may still die is not asked: it might do so while the last messages arrive.
    if (fatal !== Number.POSITIVE_INFINITY) continue;
    await world.advance(24 * 3_600_000);
    check(world, rounds);
  }
  inner.close();
}

function check(world: World, rounds: Step[][]): void {
  const { output, entity } = rounds.map(sumsOfAll).reduce(plus, none);
  const record = world.client.get('run');
  assert.deepEqual([record.status, record.output], ['Completed', JSON.stringify({ sum: output })]);
  const state = world.store.entity('@counter@simulated')?.state ?? '{"n":0}';
  assert.equal(state, JSON.stringify({ n: entity }));
  // Nothing is left behind: no message, no activity, no instance that still runs.
  assert.deepEqual(world.store.waitingTargets(), []);
  assert.deepEqual(world.store.pendingWork(), []);
  const open = world.store.instances({ limit: 1000 }).filter((each) => each.status !== 'Completed');
  assert.deepEqual(open, []);
}

const numRuns = Number(process.env.SIMULATIONS ?? 60);

test(`${numRuns} random orchestrations under random faults`, { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(cases, (each) => simulate(each)),
    { numRuns },
  );
});

const faults: Record<string, Planted> = {
  'an entity whose state is not kept': (change) => change.type === 'putEntity',
  'an activity whose work stays after its result': (change) => change.type === 'removeWork',
  'a timer that is never sent': (change) => change.type === 'send' && change.visibleAt > 0,
  'a parent that is not told': (change) =>
    change.type === 'send' && change.message.kind === 'completion' && change.message.event.EventType === 8,
  'an episode without a history': (change) => change.type === 'appendHistory' && change.from > 0,
};

for (const [name, planted] of Object.entries(faults)) {
  test(`a planted fault is found: ${name}`, async () => {
    for (const each of fc.sample(cases, { seed: 1, numRuns: 20 })) {
      try {
        await simulate({ ...each, sqlite: false }, planted);
      } catch {
        return;
      }
    }
    assert.fail('no case noticed it');
  });
}

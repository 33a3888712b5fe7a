/** Activities that fail for a while: a few quick tries, then, with patience, a wait that fills no history. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { Orchestration } from '../../src/durable/context.ts';
import { callAll, type Patience } from '../../src/durable/fan-out.ts';
import { limits } from '../../src/limits.ts';
import { shardOrchestrator } from '../../src/run/orchestrator.ts';

const SECOND = 1000;
const HOUR = 3600 * SECOND;

/** Drives a wave of eight activities that all fail until a time. */
function drive({ away, lasts }: { away: number; lasts?: number }) {
  let now = 0;
  let tries = 0;
  const said: (string | undefined)[] = [];
  const df = {
    get currentUtcDateTime() {
      return new Date(now);
    },
    callActivity:
      (_: string, { batch }: { batch: number }) =>
      () => {
        tries++;
        const error = { code: 'StorageFailed', message: 'busy', retryable: true };
        return now < away ? { ok: false, error } : { ok: true, value: { batch } };
      },
    createTimer: (at: Date) => () => {
      now = at.getTime();
    },
    Task: { all: (tasks: (() => unknown)[]) => () => tasks.map((task) => task()) },
  } as unknown as Orchestration;
  const patience: Patience | undefined =
    lasts === undefined ? undefined : { lasts: () => now < lasts, onWait: (waiting) => said.push(waiting) };
  const calls = Array.from({ length: 8 }, (_, batch) => ({ name: 'splitBatch', input: { batch } }));
  const work = callAll(df, calls, patience);
  const run = () => {
    let step = work.next();
    while (!step.done) step = work.next((step.value as unknown as () => unknown)());
    return step.value;
  };
  return { run, said, tries: () => tries, now: () => now };
}

describe('activities that fail for a while', () => {
  it('are tried four times without patience', () => {
    const world = drive({ away: HOUR });
    assert.throws(world.run, { code: 'StorageFailed', message: /busy \(after 4 attempts\)/ });
    assert.deepEqual([world.tries(), world.now()], [4 * 8, 21 * SECOND]);
  });

  it('are waited for with patience, one for all; then all are done, each with its own answer', () => {
    const world = drive({ away: HOUR, lasts: 24 * HOUR });
    const values = world.run();
    assert.deepEqual(
      values,
      Array.from({ length: 8 }, (_, batch) => ({ batch })),
    );
    // Four rounds of all, then one every five minutes at most, then all the others.
    assert.ok(world.tries() < 4 * 8 + 20 + 8, `${world.tries()} tries`);
    assert.match(world.said[0] ?? '', /^another try, after 4: busy/);
    assert.equal(world.said.at(-1), undefined, 'what was waited for is over');
    assert.ok(world.now() < HOUR + 300 * SECOND, 'it goes on soon');
  });

  it('fail when patience ends', () => {
    const world = drive({ away: 10 * HOUR, lasts: HOUR });
    assert.throws(world.run, { code: 'StorageFailed' });
    assert.ok(world.now() >= HOUR && world.now() < HOUR + 600 * SECOND);
  });

  it('of whom one fails for good are over at once', () => {
    assert.equal(limits.activityAttemptsMax, 4);
    const df = {
      currentUtcDateTime: new Date(0),
      callActivity: () => ({ ok: false, error: { code: 'InvalidValue', message: 'no', retryable: false } }),
      Task: { all: (tasks: unknown[]) => tasks },
    } as unknown as Orchestration;
    const work = callAll(df, [{ name: 'splitBatch', input: {} }], { lasts: () => true, onWait: () => {} });
    const { value } = work.next();
    assert.throws(() => work.next(value), { code: 'InvalidValue' });
  });
});

describe('one shard', () => {
  /** Drives a shard of two tasks by its activities' answers. Gives what it returns and what it says meanwhile. */
  function shard(range: object, answers: (now: number) => object) {
    let now = 0;
    const said: unknown[] = [];
    const calls: object[] = [];
    const df = {
      get currentUtcDateTime() {
        return new Date(now);
      },
      getInput: () => range,
      setCustomStatus: (status: unknown) => said.push(status),
      callActivity: (name: string, input: object) => () => {
        calls.push({ name, ...input });
        return answers(now);
      },
      createTimer: (at: Date) => () => {
        now = at.getTime();
      },
      Task: { all: (tasks: (() => unknown)[]) => () => tasks.map((task) => task()) },
    } as unknown as Orchestration;
    const work = shardOrchestrator({ df });
    let step = work.next();
    while (!step.done) step = work.next((step.value as unknown as () => unknown)());
    return { result: step.value, said, calls, now };
  }
  const range = {
    ...{ label: 'split', owner: 'r', start: '0', activity: 'splitBatch', input: { runId: 'r', life: 1 } },
    ...{ key: 'batch', from: 5, to: 7 },
  };
  const busy = { ok: false, error: { code: 'StorageFailed', message: 'busy', retryable: true } };
  const done = { ok: true, value: {} };

  it('says how many tasks it has done', () => {
    const { result, calls } = shard(range, () => done);
    assert.deepEqual(result, { ok: true, value: { tasks: 2 } });
    assert.deepEqual(
      calls,
      [5, 6].map((batch) => ({ name: 'splitBatch', runId: 'r', life: 1, batch, queuedAt: 0 })),
    );
  });

  it('returns its error, after four tries where the run has no deadline', () => {
    const { result, said, now } = shard(range, () => busy);
    assert.ok(!result.ok);
    assert.match(result.error.message, /busy \(after 4 attempts\)/);
    assert.deepEqual([said, now], [[], 21 * SECOND]);
  });

  it('is patient up to the deadline, and says what it waits for', () => {
    const until = { ...range, until: new Date(HOUR).toISOString() };
    const { result, said, now } = shard(until, (at) => (at < HOUR / 2 ? busy : done));
    assert.deepEqual(result, { ok: true, value: { tasks: 2 } });
    assert.match((said[0] as { waiting: string }).waiting, /^another try, after 4: busy/);
    assert.deepEqual(said.at(-1), { waiting: undefined });
    assert.ok(now < HOUR);
    const late = shard(until, () => busy);
    assert.ok(!late.result.ok && late.now >= HOUR, 'it gives up after the deadline');
  });

  it('returns the error of an input that is none', () => {
    const { result } = shard({ ...range, key: 'row' }, () => done);
    assert.ok(!result.ok && result.error.code === 'Internal');
  });
});

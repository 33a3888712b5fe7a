/** Activities that fail for a while: a few quick tries, then, with patience, a wait that fills no history. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { Orchestration } from '../../src/durable/context.ts';
import { callAll, type Patience } from '../../src/durable/fan-out.ts';
import { limits } from '../../src/limits.ts';

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

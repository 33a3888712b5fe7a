/** What follows a publication, where the host gives no answer or another life of the run holds what is to be committed. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { Orchestration } from '../../src/durable/context.ts';
import type { PlanOutput } from '../../src/plan/activity.ts';
import { complete } from '../../src/run/complete-or-undo.ts';
import type { RunState } from '../../src/run/run-state.ts';

type Call = { asked: string; input: { attempt?: number } };

/** Drives `complete` with an answer for each call; an Error is thrown at the wait that the call is in. */
function drive(answer: (call: Call) => unknown): { asked: string[]; result: unknown } {
  const asked: string[] = [];
  const df = {
    currentUtcDateTime: new Date(0),
    setCustomStatus() {},
    callEntity: ({ key }: { key: string }, operation: string, input: object) => ({
      asked: `${operation} ${key}`,
      input,
    }),
    callActivity: (name: string, input: object) => ({ asked: name, input }),
    createTimer: () => ({ asked: 'timer', input: {} }),
    Task: { all: (calls: Call[]) => calls },
  } as unknown as Orchestration;
  const run = {
    input: { runId: 'r', life: 1, pipeline: 'p' },
    owner: 'r',
    tries: 5,
    leases: [],
    phases: [],
    status: {},
  };
  const plan = {
    etag: '1',
    rows: 3,
    batches: 1,
    files: 1,
    sequences: [{ name: 's' }, { name: 't' }],
    keyed: [{ entity: 'e', index: 'i' }],
  };
  const work = complete(df, run as unknown as RunState, plan as unknown as PlanOutput, {
    manifest: 'm',
    rows: 3,
    life: 1,
  });
  let step = work.next();
  while (!step.done) {
    const waits = step.value as unknown as Call | Call[];
    const calls = Array.isArray(waits) ? waits : [waits];
    asked.push(calls.map((call) => call.asked).join(', '));
    const answers = calls.map(answer);
    const error = answers.find((one) => one instanceof Error);
    step = error ? work.throw(error) : work.next(Array.isArray(waits) ? answers : answers[0]);
  }
  return { asked, result: step.value };
}

const ok = { ok: true };
const extended = { ok: true, value: { keys: 1, crowded: [] } };
const conflict = { ok: false, error: { code: 'SequenceConflict', message: 'stale', retryable: false } };
const first = 'commit s, commit t, extendIndex';
const output = { runId: 'r', pipeline: 'p', rows: 3, manifest: 'm' };

test('reservations are committed while the index learns the keys', () => {
  const { asked, result } = drive(({ asked: name }) => (name === 'extendIndex' ? extended : ok));
  assert.deepEqual(asked, [first, 'release i']);
  assert.deepEqual(result, output);
});

test('an extension that gives no answer is asked for once more, and so are the commits', () => {
  let tries = 0;
  const { asked, result } = drive(({ asked: name }) => {
    if (name === 'extendIndex') return ++tries === 1 ? new Error('its time is over') : extended;
    return name.startsWith('show') ? { ok: true, reservation: { outcome: 'committed', attempt: 5 } } : ok;
  });
  assert.deepEqual(asked, [first, 'show s, show t', 'extendIndex', 'release i']);
  assert.deepEqual(result, output);
});

test('what a later life holds is committed in its name; an extension that fails for good is left to the next run', () => {
  const { asked, result } = drive(({ asked: name, input }) => {
    if (name === 'extendIndex') return conflict;
    if (name === 'show s') return { ok: true, reservation: { outcome: 'open', attempt: 9 } };
    return name === 'commit s' && input.attempt !== 9 ? conflict : ok;
  });
  assert.deepEqual(asked, [first, 'show s', 'commit s', 'release i']);
  assert.deepEqual(result, output);
});

test('a commit that is refused for another reason fails the run, which has published', () => {
  assert.throws(
    () =>
      drive(({ asked: name }) => {
        if (name === 'show s') return { ok: true, reservation: { outcome: 'open', attempt: 5 } };
        return name === 'commit s' ? conflict : name === 'extendIndex' ? extended : ok;
      }),
    /stale/,
  );
});

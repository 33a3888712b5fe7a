/** Deadlines through the real SDK and engine, on a virtual clock: a wait of hours is given up in time. */
import assert from 'node:assert/strict';
import type { Task } from 'durable-functions';
import { describe, it } from 'vitest';
import type { Orchestration } from '../../src/durable/context.ts';
import { withDeadline } from '../../src/durable/deadline.ts';
import '../../packages/local-host/test/app.ts';
import { orchestrator, World } from '../../packages/local-host/test/harness.ts';

const hourMs = 3_600_000;

/** Waits for an activity and two timers, of `hours` at most, then for another activity. */
const waits = orchestrator(function* (context) {
  const df = context as unknown as Orchestration;
  const { hours, deadlineHours } = df.getInput<{ hours: number; deadlineHours: number }>();
  const from = df.currentUtcDateTime.getTime();
  function* body(): Generator<Task, object, unknown> {
    try {
      yield df.Task.all([
        df.callActivity('echo', { n: 1 }),
        df.createTimer(new Date(from + hourMs / 2)),
        df.createTimer(new Date(from + hours * hourMs)),
      ]);
      const last = yield df.callActivity('same', { n: 2 });
      return { last };
    } catch (thrown) {
      const tidied = yield df.callActivity('same', { tidied: true });
      return { tidied, error: (thrown as Error).message, at: df.currentUtcDateTime.getTime() - from };
    }
  }
  const deadline = new Date(from + deadlineHours * hourMs).toISOString();
  return yield* withDeadline(df, body(), deadline, () => 'race');
});

describe('a deadline, through the SDK', () => {
  it('that does not come changes nothing', async () => {
    assert.deepEqual(await new World().output(waits, { hours: 2, deadlineHours: 3 }), { last: { n: 2 } });
  });

  it('gives up a wait, lets the body tidy up, and ends the orchestration then and not later', async () => {
    const output = (await new World().output(waits, { hours: 9, deadlineHours: 3 })) as Record<string, unknown>;
    assert.deepEqual(output.tidied, { tidied: true });
    assert.match(String(output.error), /had not ended by/);
    assert.ok(Number(output.at) >= 3 * hourMs && Number(output.at) < 3.1 * hourMs, String(output.at));
  });

  it('passes an error of what was waited for', async () => {
    const fails = orchestrator(function* (context) {
      const df = context as unknown as Orchestration;
      function* body(): Generator<Task, object, unknown> {
        try {
          yield df.callActivity('boom', 'as asked');
          return {};
        } catch (thrown) {
          return { error: (thrown as Error).message };
        }
      }
      const deadline = new Date(df.currentUtcDateTime.getTime() + hourMs).toISOString();
      return yield* withDeadline(df, body(), deadline, () => 'race');
    });
    const { error } = (await new World().output(fails)) as { error: string };
    assert.match(error, /as asked/);
  });
});

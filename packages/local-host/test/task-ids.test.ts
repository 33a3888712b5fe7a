/** The SDK and the host count tasks each for themselves; here they must agree. Traces are what Azure's host writes. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { counter } from './app.ts';
import { type Body, df, orchestrator, World } from './harness.ts';

const retryTwice = new df.RetryOptions(1000, 2);
const later = (time: Date, ms: number) => new Date(time.getTime() + ms);
const hourMs = 3_600_000;
orchestrator(function* (c) {
  yield c.callActivity('same', {});
  return { child: c.instanceId };
}, 'child');
orchestrator(function* (c) {
  yield c.callActivity('boom', 'child failed');
}, 'badChild');

const cases: { name: string; body: Body; trace: string }[] = [
  {
    name: 'a retry takes a timer after every failure, also after the last',
    body: function* (c) {
      try {
        yield c.callActivityWithRetry('boom', retryTwice, 'x');
      } catch {
        return 'caught';
      }
    },
    trace:
      'TaskScheduled 0, TaskFailed 0, TimerCreated 1, TimerFired 1, TaskScheduled 2, TaskFailed 2, TimerCreated 3, TimerFired 3',
  },
  {
    name: 'a retry that succeeds takes no further IDs',
    body: function* (c) {
      yield c.callActivityWithRetry('failOnce', retryTwice, { key: 'trace' });
      yield c.callActivity('same', 1);
    },
    trace:
      'TaskScheduled 0, TaskFailed 0, TimerCreated 1, TimerFired 1, TaskScheduled 2, TaskCompleted 2, TaskScheduled 3, TaskCompleted 3',
  },
  {
    name: 'a sub-orchestration is retried like an activity',
    body: function* (c) {
      try {
        yield c.callSubOrchestratorWithRetry('badChild', retryTwice, {}, `${c.instanceId}-sub`);
      } catch {
        yield c.callActivity('same', 1);
      }
    },
    trace:
      'SubCreated 0, SubFailed 0, TimerCreated 1, TimerFired 1, SubCreated 2, SubFailed 2, TimerCreated 3, TimerFired 3, TaskScheduled 4, TaskCompleted 4',
  },
  {
    name: 'two retries in one Task.all take IDs in the order in which they fail',
    body: function* (c) {
      yield c.Task.all([
        c.callActivityWithRetry('failOnce', retryTwice, { key: 'all 1' }),
        c.Task.any([c.callActivityWithRetry('failOnce', retryTwice, { key: 'all 2' }), c.waitForExternalEvent('no')]),
        c.callSubOrchestrator('child', {}, `${c.instanceId}-child`),
      ]);
      yield c.callActivity('same', 1);
    },
    trace:
      'TaskScheduled 0, TaskScheduled 1, SubCreated 2, TaskFailed 0, TaskFailed 1, TimerCreated 3, TimerCreated 4, SubCompleted 2, ' +
      'TimerFired 3, TimerFired 4, TaskScheduled 5, TaskScheduled 6, TaskCompleted 5, TaskCompleted 6, TaskScheduled 7, TaskCompleted 7',
  },
  {
    name: 'a signal takes an ID when it is called',
    body: function* (c) {
      c.signalEntity(counter('s'), 'add', 1);
      yield c.callActivity('same', 1);
    },
    trace: 'EventSent 0, TaskScheduled 1, TaskCompleted 1',
  },
  {
    name: 'compounds take IDs depth first, left to right; events take none',
    body: function* (c) {
      yield c.Task.all([
        c.callActivity('same', 'a'),
        c.Task.any([c.waitForExternalEvent('never'), c.callActivity('same', 'b')]),
        c.callActivity('same', 'c'),
      ]);
      yield c.callActivity('same', 'd');
    },
    trace:
      'TaskScheduled 0, TaskScheduled 1, TaskScheduled 2, TaskCompleted 0, TaskCompleted 1, TaskCompleted 2, TaskScheduled 3, TaskCompleted 3',
  },
  {
    name: 'a task that is created and never yielded takes none',
    body: function* (c) {
      c.callActivity('same', 'unused');
      yield c.callActivity('same', 'used');
    },
    trace: 'TaskScheduled 0, TaskCompleted 0',
  },
  {
    name: 'the loser of a race may be awaited alone',
    body: function* (c) {
      const timer = c.createTimer(later(c.currentUtcDateTime, hourMs));
      yield c.Task.any([c.callActivity('same', 1), timer]);
      yield timer;
      yield c.callActivity('same', 2);
    },
    trace: 'TaskScheduled 0, TimerCreated 1, TaskCompleted 0, TimerFired 1, TaskScheduled 2, TaskCompleted 2',
  },
  {
    name: 'a cancelled timer is recorded and holds nothing open',
    body: function* (c) {
      const timer = c.createTimer(later(c.currentUtcDateTime, hourMs));
      yield c.Task.any([c.callActivity('same', 1), timer]);
      timer.cancel();
      yield c.callActivity('same', 2);
    },
    trace: 'TaskScheduled 0, TimerCreated 1, TaskCompleted 0, TaskScheduled 2, TaskCompleted 2',
  },
  {
    name: 'a timer that lost its race and was not cancelled holds the instance open',
    body: function* (c) {
      yield c.Task.any([c.callActivity('same', 1), c.createTimer(later(c.currentUtcDateTime, hourMs))]);
      return 'late';
    },
    trace: 'TaskScheduled 0, TimerCreated 1, TaskCompleted 0, TimerFired 1',
  },
  {
    name: 'a timer further away than six days goes in steps of three',
    body: function* (c) {
      yield c.createTimer(later(c.currentUtcDateTime, 8 * 24 * hourMs));
      yield c.callActivity('same', 1);
    },
    trace: 'TimerCreated 0, TimerFired 0, TimerCreated 1, TimerFired 1, TaskScheduled 2, TaskCompleted 2',
  },
  {
    name: 'Task.all ends at the first failure for the orchestrator and goes on for the host',
    body: function* (c) {
      try {
        yield c.Task.all([c.callActivity('boom', 'x'), c.createTimer(later(c.currentUtcDateTime, hourMs))]);
      } catch {
        yield c.callActivity('same', 1);
      }
    },
    trace: 'TaskScheduled 0, TimerCreated 1, TaskFailed 0, TimerFired 1, TaskScheduled 2, TaskCompleted 2',
  },
];

for (const { name, body, trace } of cases) {
  test(`task IDs: ${name}`, async () => {
    const function_ = orchestrator(body);
    const world = new World();
    const id = world.start(function_);
    const record = await world.finish(id);
    assert.equal(record.status, 'Completed', record.output ?? '');
    assert.deepEqual(world.trace(id), trace.split(', '));
  });
}

test('task IDs: a lock takes one, a call one, the release one for each entity', async () => {
  const name = orchestrator(function* (c) {
    const lock: { release(): void } = yield c.lock(counter('b'), counter('a'));
    yield c.callEntity(counter('a'), 'add', 5);
    lock.release();
    yield c.callActivity('same', 1);
  });
  const world = new World();
  const id = world.start(name);
  const record = await world.finish(id);
  assert.equal(record.status, 'Completed', record.output ?? '');
  const ids = world.trace(id).filter((line) => /EventSent|TaskScheduled/.test(line));
  assert.deepEqual(ids, ['EventSent 0', 'EventSent 1', 'EventSent 2', 'EventSent 3', 'TaskScheduled 4']);
  await world.settle();
  for (const each of ['@counter@a', '@counter@b']) assert.equal(world.store.entity(each)?.lockedBy ?? null, null);
});

test('an episode is OrchestratorStarted, messages, tasks in ID order, OrchestratorCompleted', async () => {
  const name = orchestrator(function* (c) {
    yield c.Task.all([c.callActivity('same', 1), c.callActivity('same', 2)]);
  });
  const world = new World();
  const id = world.start(name);
  await world.finish(id);
  const types = world.history(id).map((event) => event.EventType);
  assert.deepEqual(types.slice(0, 5), [12, 0, 4, 4, 13]);
  assert.equal(types.at(-1), 13);
  const times = world.history(id).map((event) => Date.parse(event.Timestamp));
  assert.deepEqual(
    times,
    [...times].sort((a, b) => a - b),
  );
  assert.ok(world.history(id).every((event) => event.IsPlayed));
});

test('changing the orchestrator under a running instance is a named failure', async () => {
  const name = orchestrator(function* (c) {
    // What no orchestrator may do: depend on something outside.
    yield c.callActivity(order.shift() ?? 'echo', 1);
    yield c.waitForExternalEvent('go');
  });
  const order = ['same', 'echo'];
  const world = new World();
  const id = world.start(name);
  const record = await world.finish(id);
  assert.equal(record.status, 'Failed');
  assert.match(
    record.output ?? '',
    /Non-Deterministic workflow detected: .*TaskScheduled 'same'.*TaskScheduled 'echo'/,
  );
});

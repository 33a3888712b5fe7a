/** Where Azure hangs or mixes IDs up in silence, this host fails the instance and says why. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import './app.ts';
import { diagnosticTag } from '../src/engine/diagnostics.ts';
import { type Body, df, orchestrator, World } from './harness.ts';

const retries = new df.RetryOptions(1000, 3);
const limited = new df.RetryOptions(1000, 3);
limited.retryTimeoutInMilliseconds = 500;

const cases: { name: string; code: string; body: Body }[] = [
  {
    name: 'a pending task in a second compound',
    code: 'TaskReused',
    body: function* (c) {
      const [a, b] = [c.callActivity('same', 'a'), c.waitForExternalEvent('never')];
      yield c.Task.any([a, b]);
      yield c.Task.any([b, c.callActivity('same', 'c')]);
    },
  },
  {
    name: 'a retry inside a Task.all that failed, while the orchestrator goes on',
    code: 'RetryInsideTaskAll',
    body: function* (c) {
      try {
        yield c.Task.all([c.callActivity('boom', 'x'), c.callActivityWithRetry('boom', retries, 'y')]);
      } catch {
        yield c.callActivity('same', 'cleanup');
      }
    },
  },
  {
    name: 'retryTimeout',
    code: 'RetryNeverResumes',
    body: function* (c) {
      yield c.callActivityWithRetry('boom', limited, 'x');
    },
  },
  {
    name: 'an error without a message',
    code: 'EmptyError',
    body: function* (c) {
      yield c.callActivity('nothing');
      throw new Error('');
    },
  },
  {
    name: 'a thrown text',
    code: 'EmptyError',
    body: function* (c) {
      yield c.callActivity('nothing');
      throw 'text';
    },
  },
  {
    name: 'a thrown undefined',
    code: 'NothingToWaitFor',
    body: function* (c) {
      yield c.callActivity('nothing');
      throw undefined;
    },
  },
  {
    name: 'an unknown activity',
    code: 'UnknownFunction',
    body: function* (c) {
      yield c.callActivity('noSuchActivity', 1);
    },
  },
  {
    name: 'an unknown sub-orchestrator',
    code: 'UnknownFunction',
    body: function* (c) {
      yield c.callSubOrchestrator('noSuchOrchestrator', 1);
    },
  },
  {
    name: 'an unknown entity',
    code: 'UnknownFunction',
    body: function* (c) {
      yield c.callEntity(new df.EntityId('noSuchEntity', 'k'), 'op');
    },
  },
  {
    name: 'a sub-orchestration with the ID of its parent',
    code: 'Unsupported',
    body: function* (c) {
      yield c.callSubOrchestrator('self', 1, c.instanceId);
    },
  },
];

orchestrator(function* (c) {
  yield c.callActivity('nothing');
}, 'self');

for (const { name, code, body } of cases) {
  test(`${code}: ${name}`, async () => {
    const text = await new World().failure(orchestrator(body));
    assert.ok(text.includes(`failed: ${diagnosticTag} ${code}: `), text);
  });
}

test('an unknown function names those that are known', async () => {
  const text = await new World().failure(
    orchestrator(function* (c) {
      yield c.callActivity('ECH', 1);
    }),
  );
  assert.match(text, /The function 'ECH' doesn't exist.*known activity functions: .*'echo'/);
});

test('names of functions compare without case', async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      return yield c.callActivity('SAME', { a: 1 });
    }),
  );
  assert.deepEqual(output, { a: 1 });
});

test('what is safe raises no diagnostic: a race once, then the task itself', async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      const timer = c.createTimer(new Date(c.currentUtcDateTime.getTime() + 1000));
      const winner: unknown = yield c.Task.any([c.callActivity('same', 'a'), timer]);
      yield timer;
      return { done: winner !== timer };
    }),
  );
  assert.deepEqual(output, { done: true });
});

test('two equal calls are two tasks, not one task twice', async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      yield c.Task.any([c.callActivity('same', 1), c.callActivity('same', 1)]);
      return yield c.Task.all([c.callActivity('same', 1), c.callActivity('same', 1)]);
    }),
  );
  assert.deepEqual(output, [1, 1]);
});

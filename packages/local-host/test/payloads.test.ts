/** What crosses the host, byte for byte: inputs, results, failure texts, custom status. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import './app.ts';
import { sanitize } from '../src/engine/failure.ts';
import { df, orchestrator, World } from './harness.ts';

interface Seen {
  got?: unknown;
  type: string;
}

const inputs: { name: string; value: unknown; seen: Seen }[] = [
  { name: 'text', value: 'x', seen: { got: 'x', type: 'string' } },
  { name: 'text that looks like a number', value: '123', seen: { got: '123', type: 'string' } },
  { name: 'text that is JSON', value: '{"a":1}', seen: { got: '{"a":1}', type: 'string' } },
  { name: 'number', value: 12, seen: { got: 12, type: 'number' } },
  { name: 'object', value: { a: [1, { b: null }] }, seen: { got: { a: [1, { b: null }] }, type: 'object' } },
  { name: 'null', value: null, seen: { type: 'undefined' } },
  { name: 'undefined', value: undefined, seen: { type: 'undefined' } },
  { name: "boolean, in .NET's spelling", value: true, seen: { got: 'True', type: 'string' } },
  { name: 'date', value: new Date(0), seen: { got: '1970-01-01T00:00:00.000Z', type: 'string' } },
];

for (const { name, value, seen } of inputs) {
  test(`activity input: ${name}`, async () => {
    const output = await new World().output(
      orchestrator(function* (c) {
        return yield c.callActivity('echo', value);
      }),
    );
    assert.deepEqual(output, seen);
  });
}

const results: { name: string; activity: string; value?: unknown; output: unknown }[] = [
  { name: 'text', activity: 'same', value: 'x', output: 'x' },
  { name: 'number', activity: 'same', value: 1.5, output: 1.5 },
  { name: 'object', activity: 'same', value: { a: 1 }, output: { a: 1 } },
  { name: 'nothing', activity: 'nothing', output: null },
  { name: 'bytes, as base64', activity: 'bytes', output: 'YWJj' },
];

for (const { name, activity, value, output } of results) {
  test(`activity result: ${name}`, async () => {
    const found = await new World().output(
      orchestrator(function* (c) {
        return yield c.callActivity(activity, value);
      }),
    );
    assert.deepEqual(found, output);
  });
}

test('orchestration input: absent, empty text, object', async () => {
  const name = orchestrator(function* (c) {
    yield c.callActivity('nothing');
    return { input: c.getInput() ?? null };
  });
  const world = new World();
  assert.deepEqual(await world.output(name, ''), { input: '' });
  assert.deepEqual(await world.output(name, { a: 1 }), { input: { a: 1 } });
  const id = world.client.start({ name, instanceId: undefined, input: null, version: undefined });
  assert.equal((await world.finish(id)).output, '{"input":null}');
});

test("an activity error reaches the orchestrator with the extension's text: two spaces, Reason, Details", async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      try {
        yield c.callActivity('boom', 'bang');
      } catch (error) {
        return (error as Error).message;
      }
    }),
  );
  assert.match(String(output), /^Activity function 'boom' failed: bang \n \{/);
});

test('an error message is cut at a line that begins with "Stack:"', async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      try {
        yield c.callActivity('boom', 'one\nStack: two');
      } catch (error) {
        return (error as Error).message.split(' \n ')[0];
      }
    }),
  );
  assert.equal(output, "Activity function 'boom' failed: one");
});

test('an orchestrator error becomes the output; signals sent before it are delivered', async () => {
  const world = new World();
  const text = await world.failure(
    orchestrator(function* (c) {
      c.signalEntity(new df.EntityId('counter', 'fails'), 'add', 3);
      yield c.callActivity('nothing');
      throw new Error('with {braces} and "quotes"');
    }, 'failing'),
  );
  assert.equal(text, `Orchestrator function 'failing' failed: with {braces} and "quotes"`);
  await world.settle();
  assert.equal(world.client.readEntity('counter', 'fails'), '{"n":3}');
});

test("an output that is no JSON fails the instance with the SDK's own error", async () => {
  const text = await new World().failure(
    orchestrator(function* (c) {
      yield c.callActivity('nothing');
      return { big: 1n };
    }),
  );
  assert.match(text, /failed: Result: Failure\nException: .*BigInt/);
});

test('a failed sub-orchestration gives its reason and details', async () => {
  const child = orchestrator(function* (c) {
    yield c.callActivity('nothing');
    throw new Error('deep');
  }, 'deepChild');
  const output = await new World().output(
    orchestrator(function* (c) {
      try {
        yield c.callSubOrchestrator(child, {});
      } catch (error) {
        return (error as Error).message;
      }
    }),
  );
  const reason = "Orchestrator function 'deepChild' failed: deep";
  assert.equal(output, `${reason} \n Message: ${reason}, StackTrace: `);
});

test('a custom status stays as long as each episode sets it', async () => {
  const name = orchestrator(function* (c) {
    c.setCustomStatus({ step: 1 });
    yield c.waitForExternalEvent('next');
    c.setCustomStatus(0);
    yield c.waitForExternalEvent('end');
  });
  const world = new World();
  const id = world.start(name);
  await world.settle();
  assert.equal(world.client.get(id).customStatus, '{"step":1}');
  world.raise(id, 'next');
  await world.settle();
  assert.equal(world.client.get(id).customStatus, null);
});

test('a custom status above 16 KB of UTF-16 fails the instance', async () => {
  const name = orchestrator(function* (c) {
    c.setCustomStatus({ text: 'x'.repeat((c.getInput() as { length: number }).length) });
    yield c.callActivity('nothing');
    return {};
  });
  assert.deepEqual(await new World().output(name, { length: 8000 }), {});
  assert.match(await new World().failure(name, { length: 8200 }), /custom status has 16422 bytes/);
});

const secrets: [string, string][] = [
  ['no secret', 'no secret'],
  ['https://x/y?sv=1&sig=abc" rest', 'https://x/y?sv=1[Hidden Credential]" rest'],
  ['AccountKey=abc==;Next', '[Hidden Credential]'],
  ['a natural key=5', 'a natural [Hidden Credential]'],
  ['pwd=1<a>pwd=2', '[Hidden Credential]<a>[Hidden Credential]'],
];

for (const [text, clean] of secrets) {
  test(`error texts hide credentials: ${text}`, () => assert.equal(sanitize(text), clean));
}

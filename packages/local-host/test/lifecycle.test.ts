/** What happens to an instance from outside: events, suspend, terminate, rewind, restart, purge, second starts. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import './app.ts';
import { ClientError } from '../src/engine/client.ts';
import { type Body, df, orchestrator, World } from './harness.ts';

const waiter = orchestrator(function* (c) {
  const first: unknown = yield c.waitForExternalEvent('go');
  const second: unknown = yield c.waitForExternalEvent('go');
  return { first, second };
});

const refused = (status: number) => (error: unknown) => error instanceof ClientError && error.status === status;

test('early events wait, first in first out', async () => {
  const late = orchestrator(function* (c) {
    yield c.createTimer(new Date(c.currentUtcDateTime.getTime() + 1000));
    return [yield c.waitForExternalEvent('go'), yield c.waitForExternalEvent('go')];
  });
  const world = new World();
  const id = world.start(late);
  world.raise(id, 'go', 1);
  world.raise(id, 'go', 2);
  assert.equal((await world.finish(id)).output, '[1,2]');
});

test('two waiters of one name: the later one is served first, as in the SDK', async () => {
  const both = orchestrator(function* (c) {
    return yield c.Task.all([c.waitForExternalEvent('go'), c.waitForExternalEvent('go')]);
  });
  const world = new World();
  const id = world.start(both);
  await world.settle();
  world.raise(id, 'go', 1);
  world.raise(id, 'go', 2);
  assert.equal((await world.finish(id)).output, '[2,1]');
});

test('event names are exact', async () => {
  const world = new World();
  const id = world.start(waiter);
  world.raise(id, 'GO', 1);
  await world.settle();
  assert.equal(world.client.get(id).status, 'Running');
});

test('suspended: nothing happens until resume, then everything in order', async () => {
  const world = new World();
  const id = world.start(waiter);
  await world.settle();
  world.client.suspend(id, 'lunch');
  world.raise(id, 'go', 1);
  await world.settle();
  assert.equal(world.client.get(id).status, 'Suspended');
  assert.throws(() => world.client.suspend(id, 'again'), refused(500));
  world.raise(id, 'go', 2);
  world.client.resume(id, 'back');
  await world.settle();
  assert.throws(() => world.client.resume(id, 'again'), refused(410));
  assert.equal(world.client.get(id).output, '{"first":1,"second":2}');
});

test('suspended before it began, and terminated while suspended', async () => {
  const world = new World();
  const id = world.start(waiter);
  world.client.suspend(id, 'not yet');
  await world.settle();
  assert.equal(world.client.get(id).status, 'Suspended');
  world.client.terminate(id, 'never mind');
  await world.settle();
  const record = world.client.get(id);
  assert.deepEqual([record.status, record.output], ['Terminated', 'never mind']);
});

test("a terminated child fails its parent's task; the parent goes on", async () => {
  const parent = orchestrator(function* (c) {
    try {
      yield c.callSubOrchestrator(waiter, {}, 'the-child');
    } catch (error) {
      return (error as Error).message;
    }
  });
  const world = new World();
  const id = world.start(parent);
  await world.settle();
  world.client.terminate('the-child', 'stop');
  assert.equal(JSON.parse((await world.finish(id)).output ?? ''), 'stop \n ');
});

test('terminate, raise and suspend: 404 for an unknown instance, 410 for an ended one', async () => {
  const world = new World();
  const id = world.start(waiter);
  world.client.terminate(id, 'x');
  await world.settle();
  for (const action of [
    (to: string) => world.client.terminate(to, 'x'),
    (to: string) => world.raise(to, 'go'),
    (to: string) => world.client.suspend(to, 'x'),
  ]) {
    assert.throws(() => action(id), refused(410));
    assert.throws(() => action('unknown'), refused(404));
  }
});

test('a second start under one ID: refused while it runs, a fresh instance when it has ended', async () => {
  const world = new World();
  world.start(waiter, { n: 1 }, 'one');
  assert.throws(() => world.start(waiter, { n: 2 }, 'one'), refused(409));
  await world.settle();
  assert.throws(() => world.start(waiter, { n: 2 }, 'one'), refused(409));
  world.client.terminate('one', 'x');
  await world.settle();
  const before = world.client.get('one').executionId;
  world.start(waiter, { n: 2 }, 'one');
  await world.settle();
  assert.notEqual(world.client.get('one').executionId, before);
  assert.equal(world.client.get('one').input, '{"n":2}');
  const free = new World({ settings: { dedupeStatuses: [] } });
  free.start(waiter, {}, 'one');
  free.start(waiter, {}, 'one');
});

for (const id of ['a/b', 'a\\b', 'a#b', 'a?b', 'a\u0001b', 'x'.repeat(257)]) {
  test(`the instance ID ${JSON.stringify(id.slice(0, 12))} is refused`, () => {
    assert.throws(() => new World().start(waiter, {}, id), refused(400));
  });
}

test('an instance under an ID of entities is let in, and fails', async () => {
  const world = new World();
  const record = await world.finish(world.start(waiter, {}, '@entity@like'));
  assert.deepEqual([record.status, world.store.entity('@entity@like')], ['Failed', undefined]);
  assert.match(record.output ?? '', /is an ID of entities/);
});

test('starts of one ID that all found it free: the last before it begins wins, later ones are dropped', async () => {
  const world = new World();
  const prepare = (n: number) =>
    world.client.prepareStart({ name: waiter, instanceId: 'one', input: JSON.stringify({ n }), version: undefined });
  const [first, second, third] = [prepare(1), prepare(2), prepare(3)];
  world.client.finishStart(first!);
  world.client.finishStart(second!);
  assert.throws(() => prepare(4), refused(409));
  await world.settle();
  world.client.finishStart(third!);
  await world.settle();
  assert.deepEqual([world.client.get('one').status, world.client.get('one').input], ['Running', '{"n":2}']);
});

test('an instance that is terminated goes on until that takes effect, and may end first', async () => {
  const going = orchestrator(function* (c) {
    yield c.createTimer(new Date(c.currentUtcDateTime.getTime() + (c.getInput() as { ms: number }).ms));
    return yield c.callActivity('same', 'done');
  });
  const world = new World({ settings: { terminateDelayMs: () => 1_000 } });
  const [fast, slow] = [world.start(going, { ms: 500 }), world.start(going, { ms: 1_500 })];
  await world.settle();
  for (const id of [fast, slow]) world.client.terminate(id, 'enough');
  await world.advance(900);
  assert.equal(world.client.get(slow).status, 'Running');
  await world.advance(1_000);
  assert.deepEqual([world.client.get(fast).status, world.client.get(slow).status], ['Completed', 'Terminated']);
});

test('rewind runs what failed again, also in sub-orchestrations, and keeps what succeeded', async () => {
  const runs = { good: 0, bad: 0 };
  df.app.activity('good', { handler: () => ({ run: ++runs.good }) });
  df.app.activity('badOnce', {
    handler: () => {
      if (++runs.bad === 1) throw new Error('down');
      return { run: runs.bad };
    },
  });
  const child = orchestrator(function* (c) {
    yield c.callActivity('good', {});
    return yield c.callActivity('badOnce', {});
  });
  const parent = orchestrator(function* (c) {
    yield c.callActivity('good', {});
    return yield c.callSubOrchestrator(child, {}, 'rewound-child');
  });
  const world = new World();
  const id = world.start(parent);
  assert.equal((await world.finish(id)).status, 'Failed');
  world.client.rewind(id, 'it is up again');
  const record = await world.finish(id);
  assert.equal(record.output, '{"run":2}');
  assert.deepEqual(runs, { good: 2, bad: 2 });
  assert.throws(() => world.client.rewind(id, 'no'), refused(412));
});

const down = { calls: 0, until: 0 };
df.app.activity('downFor', {
  handler: () => {
    if (++down.calls <= down.until) throw new Error('down');
    return { calls: down.calls };
  },
});
const twice = new df.RetryOptions(1000, 2);
const rewound: { name: string; failures: number; body: Body; calls: number }[] = [
  {
    name: 'a call whose retries all failed',
    failures: 2,
    body: function* (c) {
      yield c.callActivity('same', 1);
      const found: unknown = yield c.callActivityWithRetry('downFor', twice, {});
      return [found, yield c.callActivity('same', 2)];
    },
    calls: 3,
  },
  {
    name: 'a call that a retry had saved, and one that failed after it',
    failures: 1,
    body: function* (c) {
      const found: unknown = yield c.callActivityWithRetry('downFor', twice, {});
      yield c.callActivity('failOnce', { key: 'rewound' });
      return [found, 2];
    },
    calls: 2,
  },
  {
    name: 'a sub-orchestration whose retries all failed',
    failures: 2,
    body: function* (c) {
      const found: unknown = yield c.callSubOrchestratorWithRetry('downChild', twice, {});
      return [found, 2];
    },
    calls: 3,
  },
];
orchestrator(function* (c) {
  return yield c.callActivity('downFor', {});
}, 'downChild');

for (const { name, failures, body, calls } of rewound) {
  test(`rewind: ${name}`, async () => {
    Object.assign(down, { calls: 0, until: failures });
    const world = new World();
    const id = world.start(orchestrator(body));
    assert.equal((await world.finish(id)).status, 'Failed');
    world.client.rewind(id, 'it is up again');
    const record = await world.finish(id);
    assert.equal(record.output, JSON.stringify([{ calls }, 2]));
    assert.equal(down.calls, calls);
  });
}

test('restart: the same function and input under a new ID or the same', async () => {
  const echo = orchestrator(function* (c) {
    yield c.callActivity('nothing');
    return c.getInput();
  });
  const world = new World();
  await world.finish(world.start(echo, { a: 1 }, 'again'));
  const other = world.client.restart('again', true);
  assert.notEqual(other, 'again');
  assert.equal((await world.finish(other)).output, '{"a":1}');
  assert.equal(world.client.restart('again', false), 'again');
  assert.equal((await world.finish('again')).output, '{"a":1}');
  assert.throws(() => world.client.restart('unknown', true), refused(400));
});

test('purge removes ended instances only', async () => {
  const world = new World();
  const ended = world.start(waiter, {}, 'a');
  world.client.terminate(ended, 'x');
  const running = world.start(waiter, {}, 'b');
  await world.settle();
  assert.equal(world.client.purge([ended, running, 'unknown']), 1);
  assert.throws(() => world.client.get(ended), refused(404));
  assert.deepEqual(world.store.history(ended), []);
  assert.equal(world.client.get(running).status, 'Running');
});

test('continue-as-new: same instance, new execution, empty history; events of the same batch are carried over', async () => {
  const name = orchestrator(function* (c) {
    const { seen } = c.getInput() as { seen: unknown[] };
    if (seen.length === 3) return { seen };
    const event: unknown = yield c.waitForExternalEvent('item');
    c.continueAsNew({ seen: [...seen, event] });
  });
  const world = new World();
  const id = world.start(name, { seen: [] });
  await world.settle();
  const first = world.client.get(id).executionId;
  for (const n of [1, 2, 3]) world.raise(id, 'item', n);
  const record = await world.finish(id);
  assert.equal(record.output, '{"seen":[1,2,3]}');
  assert.notEqual(record.executionId, first);
  assert.equal(world.history(id).filter((event) => event.EventType === 0).length, 1);
});

test('an event that was buffered before continue-as-new and not consumed is lost, as in Azure', async () => {
  const name = orchestrator(function* (c) {
    const { round } = c.getInput() as { round: number };
    if (round === 0) {
      yield c.waitForExternalEvent('next');
      c.continueAsNew({ round: 1 });
      return;
    }
    const timer = c.createTimer(new Date(c.currentUtcDateTime.getTime() + 1000));
    const event = c.waitForExternalEvent('kept');
    const winner: unknown = yield c.Task.any([timer, event]);
    if (winner === event) timer.cancel();
    return { got: winner === event };
  });
  const world = new World();
  const id = world.start(name, { round: 0 });
  world.raise(id, 'kept', 1);
  await world.settle();
  world.raise(id, 'next');
  assert.equal((await world.finish(id)).output, '{"got":false}');
});

test('a text given to continueAsNew arrives in quotes, as in Azure', async () => {
  const name = orchestrator(function* (c) {
    yield c.callActivity('nothing');
    const input = c.getInput();
    if (input === 'first') c.continueAsNew('abc');
    else return { input };
  });
  assert.deepEqual(await new World().output(name, 'first'), { input: '"abc"' });
});

test('sub-orchestrations: default ID, explicit version, and an ID that is in use', async () => {
  const child = orchestrator(function* (c) {
    yield c.callActivity('nothing');
    return { id: c.instanceId, version: c.version };
  });
  const parent = orchestrator(function* (c) {
    const plain: unknown = yield c.callSubOrchestrator(child, {});
    let refusal = '';
    try {
      yield c.callSubOrchestrator(child, {}, 'busy');
    } catch (error) {
      refusal = (error as Error).message;
    }
    return { plain, refusal };
  });
  const world = new World({ settings: { defaultVersion: '2.0' } });
  world.start(waiter, {}, 'busy');
  await world.settle();
  const id = world.start(parent);
  const record = await world.finish(id);
  const output = JSON.parse(record.output ?? '') as { plain: { id: string; version: string }; refusal: string };
  assert.deepEqual(output.plain, { id: `${record.executionId}:0`, version: '2.0' });
  assert.match(output.refusal, /An Orchestration instance with the status Running already exists/);
});

test('more actions than maxOrchestrationActions', async () => {
  const name = orchestrator(function* (c) {
    yield c.Task.all([1, 2, 3].map((n) => c.callActivity('same', n)));
  });
  const text = await new World({ settings: { maxActions: 3 } }).failure(name);
  assert.match(text, /more than 3 actions/);
});

test('currentUtcDateTime and newGuid are the same in every replay', async () => {
  const seen: string[] = [];
  const name = orchestrator(function* (c) {
    seen.push(`${c.currentUtcDateTime.toISOString()} ${c.newGuid('x')}`);
    yield c.callActivity('nothing');
    yield c.callActivity('nothing');
  });
  await new World().finish(new World().start(name)).catch(() => {});
  const world = new World();
  seen.length = 0;
  await world.finish(world.start(name));
  assert.equal(seen.length, 3);
  assert.equal(new Set(seen).size, 1);
});

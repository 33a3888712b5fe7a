/** Entities: batches, order, locks, and the SDK's own ways with them. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { counter } from './app.ts';
import { df, orchestrator, World } from './harness.ts';

const read = (world: World, key: string) => JSON.parse(world.client.readEntity('Counter', key)) as { n: number };

test('a signal and a call from one orchestration arrive in order; names are lower-cased', async () => {
  const world = new World();
  const output = await world.output(
    orchestrator(function* (c) {
      c.signalEntity(counter('order'), 'add', 1);
      return { total: yield c.callEntity(new df.EntityId('COUNTER', 'order'), 'add', 2) };
    }),
  );
  assert.deepEqual(output, { total: 3 });
  assert.equal(world.store.entity('@counter@order')?.state, '{"n":3}');
});

test('calls of many orchestrations on one entity are serial and none is lost', async () => {
  const name = orchestrator(function* (c) {
    const totals: number[] = [];
    for (let i = 0; i < 5; i++) totals.push(yield c.callEntity(counter('shared'), 'add', 1));
    return totals;
  });
  const world = new World({ entityBatchSizeMax: 3 });
  const ids = Array.from({ length: 10 }, () => world.start(name));
  const totals: number[] = [];
  for (const id of ids) totals.push(...(JSON.parse((await world.finish(id)).output ?? '[]') as number[]));
  assert.deepEqual(
    totals.sort((a, b) => a - b),
    Array.from({ length: 50 }, (_, i) => i + 1),
  );
});

test('an operation that throws: the caller gets an error without its text, and the state stays changed', async () => {
  const world = new World();
  const output = await world.output(
    orchestrator(function* (c) {
      try {
        yield c.callEntity(counter('throws'), 'throwAfterSet');
      } catch (error) {
        return (error as Error).message;
      }
    }),
  );
  assert.equal(output, '[object Object]');
  assert.deepEqual(read(world, 'throws'), { n: -1 });
});

test('two returns in one operation shift the answers of the batch, as they do in Azure', async () => {
  const world = new World();
  const output = await world.output(
    orchestrator(function* (c) {
      return yield c.Task.all([c.callEntity(counter('twice'), 'returnTwice'), c.callEntity(counter('twice'), 'get')]);
    }),
  );
  assert.deepEqual(output, ['first', 'second']);
});

test('delete, then revive', async () => {
  const world = new World();
  world.client.signalEntity('counter', 'phoenix', 'add', '4');
  await world.settle();
  world.client.signalEntity('counter', 'phoenix', 'delete', null);
  await world.settle();
  assert.throws(() => world.client.readEntity('counter', 'phoenix'), /does not exist/);
  assert.deepEqual(world.store.entities({ name: 'counter', limit: 10 }), []);
  world.client.signalEntity('counter', 'phoenix', 'add', '1');
  await world.settle();
  assert.deepEqual(read(world, 'phoenix'), { n: 1 });
});

test('a signal from one entity to another, with the name in mixed case', async () => {
  const world = new World();
  world.client.signalEntity('counter', 'sender', 'forward', '7');
  await world.settle();
  assert.deepEqual(read(world, 'target'), { n: 7 });
});

test('a signal with a due time waits for it', async () => {
  const world = new World();
  world.client.signalEntity('counter', 'due', 'add', '1', world.clock.time + 60_000);
  await world.advance(59_999);
  assert.throws(() => world.client.readEntity('counter', 'due'));
  await world.advance(1);
  assert.deepEqual(read(world, 'due'), { n: 1 });
});

test('a critical section: others wait until the lock is released', async () => {
  const transfer = orchestrator(function* (c) {
    const lock: { release(): void } = yield c.lock(counter('from'), counter('to'));
    const before: number = yield c.callEntity(counter('from'), 'get');
    // Without the lock, another transfer would read the same value here.
    yield c.callActivity('same', {});
    yield c.callEntity(counter('from'), 'add', -1);
    yield c.callEntity(counter('to'), 'add', 1);
    lock.release();
    return { before };
  });
  const world = new World();
  const ids = [1, 2, 3, 4].map(() => world.start(transfer));
  const seen: number[] = [];
  for (const id of ids) {
    const record = await world.finish(id);
    assert.equal(record.status, 'Completed', record.output ?? '');
    seen.push((JSON.parse(record.output ?? '') as { before: number }).before);
  }
  await world.settle();
  assert.deepEqual(
    seen.sort((a, b) => a - b),
    [-3, -2, -1, 0],
  );
  assert.deepEqual([read(world, 'from'), read(world, 'to')], [{ n: -4 }, { n: 4 }]);
});

test('locks in opposite order do not deadlock: the SDK sorts them', async () => {
  const locker = (first: string, second: string) =>
    orchestrator(function* (c) {
      const lock: { release(): void } = yield c.lock(counter(first), counter(second));
      yield c.callEntity(counter(first), 'add', 1);
      lock.release();
    });
  const [a, b] = [locker('x', 'y'), locker('y', 'x')];
  const world = new World();
  const ids = [a, b, a, b, a, b].map((name) => world.start(name));
  for (const id of ids) assert.equal((await world.finish(id)).status, 'Completed');
});

test('an orchestration that ends, fails or is terminated inside a critical section gives its locks back', async () => {
  const holder = orchestrator(function* (c) {
    yield c.lock(counter('p'), counter('q'));
    const { how } = c.getInput() as { how: string };
    if (how === 'again') c.continueAsNew({ how: 'end' });
    if (how === 'fail') throw new Error('inside');
    if (how === 'wait') yield c.waitForExternalEvent('never');
  });
  const user = orchestrator(function* (c) {
    return { n: yield c.callEntity(counter('q'), 'add', 1) };
  });
  const world = new World();
  await world.finish(world.start(holder, { how: 'again' }));
  assert.deepEqual(await world.output(user), { n: 1 });
  await world.finish(world.start(holder, { how: 'fail' }));
  assert.deepEqual(await world.output(user), { n: 2 });
  const waiting = world.start(holder, { how: 'wait' });
  await world.settle();
  const blocked = world.start(user);
  await world.settle();
  assert.equal(world.client.get(blocked).status, 'Running');
  world.client.terminate(waiting, 'enough');
  assert.equal((await world.finish(blocked)).output, '{"n":3}');
});

test('an entity call that lost its race holds the orchestration open no longer, as in Azure', async () => {
  const world = new World({ wrap: (dispatch) => ({ ...dispatch, entity: () => new Promise(() => {}) }) });
  const output = await world.output(
    orchestrator(function* (c) {
      yield c.Task.any([c.callActivity('same', 1), c.callEntity(counter('silent'), 'get')]);
      return { early: true };
    }),
  );
  assert.deepEqual(output, { early: true });
});

test('a batch that fails as a whole is tried again: nothing is lost, nothing is done twice', async () => {
  let faults = 3;
  const world = new World({
    wrap: (dispatch) => ({
      ...dispatch,
      entity: (name, trigger) =>
        faults-- > 0 ? Promise.reject(new Error('worker trouble')) : dispatch.entity(name, trigger),
    }),
  });
  const output = await world.output(
    orchestrator(function* (c) {
      return { n: yield c.callEntity(counter('faulty'), 'add', 1) };
    }),
  );
  assert.deepEqual(output, { n: 1 });
});

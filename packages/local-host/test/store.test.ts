/** Both stores are one: every test runs on each. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, test } from 'vitest';
import type { Change, EntityRecord, InstanceRecord, Message } from '../src/engine/model.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { SqliteStore } from '../src/store/sqlite.ts';
import type { Store } from '../src/store/store.ts';

const folder = mkdtempSync(join(tmpdir(), 'store-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;
const stores: [string, () => Store][] = [
  ['memory', () => new MemoryStore()],
  ['sqlite', () => new SqliteStore(':memory:')],
  ['sqlite file', () => new SqliteStore(join(folder, `${++files}.sqlite`))],
];

const instance = (instanceId: string, more: Partial<InstanceRecord> = {}): InstanceRecord => ({
  instanceId,
  executionId: 'e',
  name: 'f',
  version: '',
  status: 'Running',
  input: null,
  output: null,
  customStatus: null,
  createdAt: 1000,
  updatedAt: 1000,
  parent: null,
  ...more,
});
const entity = (entityId: string, more: Partial<EntityRecord> = {}): EntityRecord => ({
  entityId,
  exists: true,
  state: '1',
  lockedBy: null,
  updatedAt: 5,
  ...more,
});
const message = (name: string): Message => ({ kind: 'event', name, input: null });
const put = (record: InstanceRecord): Change => ({ type: 'putInstance', record });

for (const [kind, open] of stores) {
  test(`${kind}: instances, filters and pages`, () => {
    const store = open();
    store.commit(['b', 'a', 'c_', 'd%'].map((id, i) => put(instance(id, { createdAt: 1000 + i }))));
    store.commit([put(instance('a', { status: 'Completed', createdAt: 1001, output: '"é"' }))]);
    const ids = (query: Parameters<Store['instances']>[0]) => store.instances(query).map((each) => each.instanceId);
    assert.deepEqual(store.instance('a')?.output, '"é"');
    assert.equal(store.instance('x'), undefined);
    assert.deepEqual(ids({ limit: 10 }), ['a', 'b', 'c_', 'd%']);
    assert.deepEqual(ids({ limit: 2, after: 'a' }), ['b', 'c_']);
    assert.deepEqual(ids({ limit: 9, createdFrom: 1001, createdTo: 1002 }), ['a', 'c_']);
    assert.deepEqual(ids({ limit: 9, statuses: ['Completed', 'Failed'] }), ['a']);
    assert.deepEqual(ids({ limit: 9, idPrefix: 'd%' }), ['d%']);
    assert.deepEqual(ids({ limit: 9, idPrefix: '%' }), []);
    store.close();
  });

  test(`${kind}: a history is appended in order, cleared, and refuses a gap together with all else`, () => {
    const store = open();
    store.commit([put(instance('a')), { type: 'appendHistory', instanceId: 'a', from: 0, events: ['1', '2'] }]);
    store.commit([{ type: 'appendHistory', instanceId: 'a', from: 2, events: ['3'] }]);
    assert.deepEqual(store.history('a'), ['1', '2', '3']);
    const conflict: Change[] = [
      put(instance('b')),
      { type: 'send', target: 'b', visibleAt: 0, message: message('x') },
      { type: 'appendHistory', instanceId: 'a', from: 2, events: ['again'] },
    ];
    assert.throws(() => store.commit(conflict));
    assert.equal(store.instance('b'), undefined);
    assert.deepEqual(store.inbox('b', 1, 10), []);
    store.commit([
      { type: 'clearHistory', instanceId: 'a' },
      { type: 'appendHistory', instanceId: 'a', from: 0, events: ['new'] },
    ]);
    assert.deepEqual(store.history('a'), ['new']);
    store.commit([{ type: 'deleteInstance', instanceId: 'a' }]);
    assert.deepEqual(store.history('a'), []);
    store.close();
  });

  test(`${kind}: messages are visible when due, in order of arrival, and gone when consumed`, () => {
    const store = open();
    const { sent } = store.commit([
      { type: 'send', target: 't', visibleAt: 50, message: message('later') },
      { type: 'send', target: 't', visibleAt: 0, message: message('first') },
      { type: 'send', target: 'u', visibleAt: 0, message: message('other') },
      { type: 'send', target: 't', visibleAt: 0, message: message('second') },
    ]);
    assert.deepEqual(
      sent.map((each) => each.visibleAt),
      [50, 0, 0, 0],
    );
    const names = (now: number) => store.inbox('t', now, 10).map((each) => (each.message as { name: string }).name);
    assert.deepEqual(names(49), ['first', 'second']);
    assert.deepEqual(names(50), ['later', 'first', 'second']);
    assert.equal(store.inbox('t', 50, 2).length, 2);
    store.commit([{ type: 'consume', seqs: [store.inbox('t', 0, 1)[0]!.seq] }]);
    assert.deepEqual(names(50), ['later', 'second']);
    const waiting = store.waitingTargets().map((each) => `${each.target} ${each.visibleAt}`);
    assert.deepEqual([...new Set(waiting)].sort(), ['t 0', 't 50', 'u 0']);
    store.commit([{ type: 'clearInbox', target: 't' }]);
    assert.deepEqual(names(50), []);
    store.close();
  });

  test(`${kind}: entities by name and time, without those that do not exist`, () => {
    const store = open();
    const rows = [entity('@a@1'), entity('@a@2', { exists: false }), entity('@ab@1', { updatedAt: 9 })];
    store.commit(rows.map((record): Change => ({ type: 'putEntity', record })));
    const ids = (query: Parameters<Store['entities']>[0]) => store.entities(query).map((each) => each.entityId);
    assert.deepEqual(ids({ limit: 9 }), ['@a@1', '@ab@1']);
    assert.deepEqual(ids({ limit: 9, name: 'a' }), ['@a@1']);
    assert.deepEqual(ids({ limit: 9, updatedFrom: 6 }), ['@ab@1']);
    assert.deepEqual(ids({ limit: 9, after: '@a@1' }), ['@ab@1']);
    store.commit([{ type: 'deleteEntity', entityId: '@a@1' }]);
    assert.equal(store.entity('@a@1'), undefined);
    store.close();
  });

  test(`${kind}: a timer's status is remembered`, () => {
    const store = open();
    assert.equal(store.timer('t'), undefined);
    store.commit([{ type: 'putTimer', name: 't', status: { next: 2, lastUpdated: 1 } }]);
    store.commit([{ type: 'putTimer', name: 't', status: { last: 2, next: 3, lastUpdated: 2 } }]);
    assert.deepEqual([store.timer('t'), store.timer('u')], [{ last: 2, next: 3, lastUpdated: 2 }, undefined]);
    store.close();
  });

  test(`${kind}: activities stay until their result is committed`, () => {
    const store = open();
    const work = { instanceId: 'i', executionId: 'e', taskId: 0, name: 'a', input: '"x"' };
    const { work: added } = store.commit([
      { type: 'addWork', work },
      { type: 'addWork', work: { ...work, taskId: 1 } },
    ]);
    assert.deepEqual(
      added.map((each) => each.taskId),
      [0, 1],
    );
    store.commit([{ type: 'removeWork', seq: added[0]!.seq }]);
    assert.equal(store.hasWork(added[0]!.seq), false);
    assert.deepEqual(store.pendingWork(), [added[1]]);
    store.close();
  });
}

/** Any sequence of commits leaves both stores with the same contents. */
test('memory and SQLite agree on any history of changes', () => {
  const id = fc.constantFrom('a', 'b', '@e@1', '@f@2');
  const change: fc.Arbitrary<Change> = fc.oneof(
    fc.record({ type: fc.constant('putInstance' as const), record: id.map((each) => instance(each)) }),
    fc.record({ type: fc.constant('deleteInstance' as const), instanceId: id }),
    fc.record({ type: fc.constant('clearHistory' as const), instanceId: id }),
    fc.record({
      type: fc.constant('appendHistory' as const),
      instanceId: id,
      from: fc.nat(3),
      events: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2, minLength: 1 }),
    }),
    fc.record({ type: fc.constant('putEntity' as const), record: id.map((each) => entity(each)) }),
    fc.record({ type: fc.constant('deleteEntity' as const), entityId: id }),
    fc.record({
      type: fc.constant('send' as const),
      target: id,
      visibleAt: fc.nat(5),
      message: fc.string().map(message),
    }),
    fc.record({ type: fc.constant('clearInbox' as const), target: id }),
  );
  const view = (store: Store) => ({
    instances: store.instances({ limit: 99 }),
    entities: store.entities({ limit: 99 }),
    histories: ['a', 'b', '@e@1', '@f@2'].map((each) => store.history(each)),
    inboxes: ['a', 'b', '@e@1', '@f@2'].map((each) => store.inbox(each, 3, 99).map((found) => found.message)),
  });
  fc.assert(
    fc.property(fc.array(fc.array(change, { maxLength: 5 }), { maxLength: 12 }), (commits) => {
      const [memory, sqlite] = [new MemoryStore(), new SqliteStore(':memory:')];
      for (const changes of commits) {
        const outcome = [memory, sqlite].map((store) => {
          try {
            return store.commit(changes).sent.length;
          } catch {
            return 'refused';
          }
        });
        assert.equal(outcome[0], outcome[1]);
        assert.deepEqual(view(memory), view(sqlite));
      }
      sqlite.close();
    }),
    { numRuns: 200 },
  );
});

test('a state file belongs to one host at a time', () => {
  const file = join(folder, 'locked.sqlite');
  const store = new SqliteStore(file);
  store.commit([put(instance('a'))]);
  assert.throws(() => new SqliteStore(file), /in use by another host/);
  store.close();
  const again = new SqliteStore(file);
  assert.equal(again.instance('a')?.instanceId, 'a');
  again.close();
});

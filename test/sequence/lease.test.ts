/** The lease by example. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { type LeaseAnswer, type LeaseState, reduceLeaseAny } from '../../src/sequence/lease.ts';

class Lease {
  text: string | undefined;

  do(operation: object): LeaseAnswer & { code?: string } {
    const { state, result } = reduceLeaseAny(this.text === undefined ? undefined : JSON.parse(this.text), operation);
    this.text = state === undefined ? undefined : JSON.stringify(state);
    return result.ok ? result : ({ ok: false, code: result.error.code } as never);
  }

  acquire(owner: string, attempt = 0): [granted: boolean, holder: string | undefined, position: number] {
    const { granted, holder, position } = this.do({ kind: 'acquire', owner, attempt });
    return [granted, holder, position];
  }
}

test('first come, first served; asking again keeps the place', () => {
  const lease = new Lease();
  assert.deepEqual(lease.acquire('a'), [true, 'a', 0]);
  assert.deepEqual(lease.acquire('b'), [false, 'a', 1]);
  assert.deepEqual(lease.acquire('c'), [false, 'a', 2]);
  assert.deepEqual(lease.acquire('b'), [false, 'a', 1]);
  assert.deepEqual(lease.acquire('a'), [true, 'a', 0]);
  lease.do({ kind: 'release', owner: 'a' });
  assert.deepEqual(lease.acquire('c'), [false, 'b', 1]);
  assert.deepEqual(lease.acquire('a'), [false, 'b', 2]);
  assert.deepEqual(lease.acquire('b'), [true, 'b', 0]);
});

test('a waiting run may leave the line', () => {
  const lease = new Lease();
  for (const owner of ['a', 'b', 'c']) lease.acquire(owner);
  assert.equal(lease.do({ kind: 'release', owner: 'b' }).removed, true);
  assert.equal(lease.do({ kind: 'release', owner: 'b' }).removed, false);
  assert.deepEqual(lease.acquire('c'), [false, 'a', 1]);
});

test('a dead holder, or a dead run in line, is evicted; only the life that was found dead', () => {
  const lease = new Lease();
  lease.acquire('a', 5);
  lease.acquire('b', 6);
  lease.acquire('c');
  assert.equal(lease.do({ kind: 'evict', holder: 'b', attempt: 6, owner: 'c' }).removed, true);
  assert.deepEqual(lease.acquire('c'), [false, 'a', 1]);
  lease.acquire('a', 7);
  assert.equal(lease.do({ kind: 'evict', holder: 'a', attempt: 5, owner: 'c' }).removed, false);
  const evicted = lease.do({ kind: 'evict', holder: 'a', attempt: 7, owner: 'c' });
  assert.deepEqual([evicted.removed, evicted.granted, evicted.holder, evicted.position], [true, true, 'c', 0]);
});

test('a later life keeps the place of the earlier one, which is refused from then on', () => {
  const lease = new Lease();
  lease.acquire('a', 1);
  lease.acquire('b', 1);
  lease.acquire('c', 1);
  assert.deepEqual(lease.acquire('b', 2), [false, 'a', 1]);
  assert.equal(lease.do({ kind: 'acquire', owner: 'b', attempt: 1 }).code, 'LeaseConflict');
  assert.equal(lease.do({ kind: 'release', owner: 'b', attempt: 1 }).removed, false);
});

test('each grant has its own number', () => {
  const lease = new Lease();
  const term = (operation: object) => lease.do(operation).term;
  assert.deepEqual(
    [
      term({ kind: 'acquire', owner: 'a' }),
      term({ kind: 'acquire', owner: 'b' }),
      term({ kind: 'acquire', owner: 'a' }),
      term({ kind: 'acquire', owner: 'a', attempt: 1 }),
      term({ kind: 'release', owner: 'a', attempt: 1 }),
      term({ kind: 'release', owner: 'b' }),
      term({ kind: 'acquire', owner: 'a', attempt: 1 }),
    ],
    [1, 1, 1, 2, 3, 3, 4],
  );
});

test('the holder may have its grant go on above a number; nobody else, and never below', () => {
  const lease = new Lease();
  const above = (owner: string, number: number) => lease.do({ kind: 'acquire', owner, above: number }).term;
  lease.acquire('a');
  lease.acquire('b');
  assert.equal(above('b', 50), 1);
  assert.equal(above('a', 50), 51);
  assert.equal(above('a', 20), 51);
  lease.do({ kind: 'release', owner: 'a' });
  assert.equal(lease.do({ kind: 'acquire', owner: 'b' }).term, 52);
});

test('a lease nobody asked for is free, and stays unwritten', () => {
  const lease = new Lease();
  assert.deepEqual(lease.do({ kind: 'show' }), {
    ok: true,
    granted: false,
    term: 0,
    position: -1,
    waiting: 0,
    removed: false,
  });
  lease.do({ kind: 'release', owner: 'a' });
  assert.equal(lease.text, undefined);
});

test('the line is bounded, in runs and in bytes', () => {
  const lease = new Lease();
  const owner = (k: number) => `${k}`.padEnd(limits.lifeIdLengthMax, '~');
  const attempt = Number.MAX_SAFE_INTEGER;
  for (let k = 0; k <= limits.leaseWaitersMax; k++) lease.acquire(owner(k), attempt);
  assert.equal(lease.do({ kind: 'show' }).waiting, limits.leaseWaitersMax);
  const before = lease.text;
  assert.equal(lease.do({ kind: 'acquire', owner: 'late' }).code, 'LimitExceeded');
  assert.equal(lease.text, before);
  assert.ok(Buffer.byteLength(before!) <= limits.entityStateBytesMax);
  lease.do({ kind: 'release', owner: owner(0), attempt });
  assert.deepEqual(lease.acquire('late'), [false, owner(1), limits.leaseWaitersMax]);
});

test('malformed requests and states are refused, and change nothing', () => {
  for (const operation of [
    undefined,
    null,
    7,
    'acquire',
    [],
    {},
    { kind: 'steal' },
    { kind: 'acquire' },
    { kind: 'acquire', owner: '' },
    { kind: 'acquire', owner: 'a', attempt: -1 },
    { kind: 'acquire', owner: 'a', attempt: 1n },
    { kind: 'acquire', owner: 'a', more: 1 },
  ]) {
    const { state, result } = reduceLeaseAny(undefined, operation);
    assert.deepEqual([state, result.ok, !result.ok && result.error.code], [undefined, false, 'InvalidRequest']);
  }
  const claim = { owner: 'a', attempt: 0 };
  for (const state of [{}, { version: 1, term: 1, line: [claim, claim] }, { version: 1, term: -1, line: [] }, 'gone']) {
    const outcome = reduceLeaseAny(state as LeaseState, { kind: 'acquire', owner: 'a' });
    assert.equal(outcome.state, state);
    assert.equal(!outcome.result.ok && outcome.result.error.code, 'Internal');
  }
});

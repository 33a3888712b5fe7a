/** The sequence by example: one rule a test. */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { fragmented, ranges, Sequence } from './sequence.ts';

describe('reservations', () => {
  test('follow one another, and the same owner gets the same again', () => {
    const sequence = new Sequence();
    assert.deepEqual(sequence.reserve('a', 10), [[1n, 10n]]);
    assert.deepEqual(sequence.reserve('b', '5'), [[11n, 5n]]);
    assert.deepEqual(sequence.reserve('a', 10), [[1n, 10n]]);
    sequence.do({ kind: 'commit', owner: 'a' });
    assert.deepEqual(sequence.reserve('a', 10), [[1n, 10n]]);
    assert.equal(sequence.reserve('a', 11), 'SequenceConflict');
    assert.equal(sequence.reserve('b', 4), 'SequenceConflict');
  });

  test('of nothing have no ranges, and are committed like any other', () => {
    const sequence = new Sequence();
    assert.deepEqual(sequence.reserve('a', 0), []);
    assert.deepEqual(ranges(sequence.do({ kind: 'commit', owner: 'a' })), []);
    assert.deepEqual(sequence.reserve('a', 0), []);
    assert.equal(sequence.state.next, '1');
  });

  test('use released ranges first, lowest first, then the tail', () => {
    const sequence = new Sequence();
    for (const owner of ['a', 'b', 'c', 'd', 'e']) sequence.reserve(owner, 10);
    for (const owner of ['d', 'b']) sequence.do({ kind: 'release', owner });
    assert.deepEqual(sequence.reserve('f', 25), [
      [11n, 10n],
      [31n, 10n],
      [51n, 5n],
    ]);
    sequence.do({ kind: 'release', owner: 'c' });
    sequence.do({ kind: 'release', owner: 'f' });
    assert.deepEqual(sequence.state.free, [{ first: '11', count: '30' }]);
    assert.equal(sequence.state.next, '51');
  });

  test('say how far they took the sequence, and nothing when they were there already', () => {
    const sequence = new Sequence();
    const moved = (owner: string, count: number) => {
      const answer = sequence.do({ kind: 'reserve', owner, count, start: 1, step: 1 });
      assert.ok('before' in answer);
      return [answer.before, answer.after];
    };
    assert.deepEqual(moved('a', 10), ['1', '11']);
    assert.deepEqual(moved('b', 5), ['11', '16']);
    assert.deepEqual(moved('a', 10), ['16', '16']);
    sequence.do({ kind: 'release', owner: 'a' });
    assert.deepEqual(moved('c', 12), ['16', '18'], 'ten of them were free');
    sequence.do({ kind: 'commit', owner: 'c' });
    assert.deepEqual(moved('c', 12), ['18', '18']);
  });

  test('start and step are fixed at first use', () => {
    const sequence = new Sequence();
    assert.deepEqual(sequence.reserve('a', 3, { start: 100, step: '10' }), [[100n, 3n]]);
    assert.deepEqual(sequence.reserve('b', 1, { start: '100', step: '10' }), [[130n, 1n]]);
    assert.equal(sequence.reserve('c', 1, { start: '1', step: '10' }), 'SequenceConflict');
    assert.equal(sequence.reserve('a', 3, { start: '100', step: '1' }), 'SequenceConflict');
    const other = sequence.do({ kind: 'reserve', owner: 'd', count: 1, start: '1', step: '10' });
    assert.ok(!other.ok);
    assert.match(other.error.message, /has start 100 and step 10, not start 1 and step 10$/);
    assert.match(other.error.remedy ?? '', /^Use the same start and step in every pipeline/);
  });

  test('begin no sequence with a start alone, or a step alone', () => {
    for (const half of [{ start: '1' }, { step: '1' }]) {
      const sequence = new Sequence();
      assert.equal(ranges(sequence.do({ kind: 'raiseTo', value: '5', ...half })), 'InvalidRequest');
      assert.equal(sequence.text, undefined);
    }
    // Of one that exists either may be left out.
    const sequence = new Sequence();
    sequence.reserve('a', 3);
    assert.equal(ranges(sequence.do({ kind: 'raiseTo', value: '1', step: '2' })), 'SequenceConflict');
    assert.equal(ranges(sequence.do({ kind: 'raiseTo', value: '1', start: '2' })), 'SequenceConflict');
    assert.ok(sequence.do({ kind: 'raiseTo', value: '1', step: '1' }).ok);
  });

  test('that are refused say which field, or what to do', () => {
    const sequence = new Sequence();
    const errorOf = (operation: { kind: string; [field: string]: unknown }) => {
      const of = operation.kind === 'reserve' ? { owner: 'a', start: '1', step: '1' } : {};
      const result = sequence.do({ ...of, ...operation });
      assert.ok(!result.ok);
      return result.error;
    };
    const fields = [
      [{ kind: 'reserve', count: -1 }, 'count', /^count: /],
      [{ kind: 'reserve', count: 1, step: 0 }, 'step', /^step: must be at least 1/],
      [{ kind: 'restore', state: { ...fragmented(3), next: '4' } }, 'state', /does not hold together: /],
    ] as const;
    for (const [operation, field, message] of fields) {
      const { code, where, message: said } = errorOf(operation);
      assert.deepEqual([code, where], ['InvalidRequest', { field }]);
      assert.match(said, message);
    }
    assert.equal(errorOf({ kind: 'reserve', count: String(limits.idMax), start: '3' }).code, 'SequenceExhausted');
    assert.match(errorOf({ kind: 'reserve', count: String(limits.idMax), start: '3' }).remedy!, /^Name another/);
    const narrow = new Sequence({ ...fragmented(100), next: String(limits.idMax) });
    const fragments = narrow.do({ kind: 'reserve', owner: 'a', count: 90, start: '1', step: '1' });
    assert.ok(!fragments.ok && /in more than 64 ranges/.test(fragments.error.message));
    assert.match(fragments.error.remedy!, /^Split the input/);
  });

  test('are exact to the largest ID, and refused by name beyond it, with the state as it was', () => {
    const sequence = new Sequence();
    const start = String(2n ** 63n - 11n);
    assert.deepEqual(sequence.reserve('a', 7, { start }), [[2n ** 63n - 11n, 7n]]);
    const before = sequence.text;
    assert.equal(sequence.reserve('b', 5, { start }), 'SequenceExhausted');
    assert.equal(sequence.reserve('b', String(limits.idMax), { start }), 'SequenceExhausted');
    assert.equal(sequence.text, before);
    assert.deepEqual(sequence.reserve('b', 4, { start }), [[2n ** 63n - 4n, 4n]]);
    assert.equal(sequence.reserve('c', 1, { start }), 'SequenceExhausted');
    assert.deepEqual(sequence.reserve('c', 0, { start }), []);
    sequence.do({ kind: 'release', owner: 'b' });
    assert.deepEqual(sequence.reserve('d', 1, { start }), [[2n ** 63n - 4n, 1n]]);
  });

  test('a whole sequence in one: all 2^63 IDs', () => {
    const sequence = new Sequence();
    assert.deepEqual(sequence.reserve('a', String(limits.idMax)), [[1n, limits.idMax]]);
    assert.equal(sequence.state.next, String(2n ** 63n));
    assert.equal(sequence.reserve('b', 1), 'SequenceExhausted');
  });
});

describe('the lives of an owner', () => {
  test('a later life takes the open reservation over; the earlier one can no longer touch it', () => {
    const sequence = new Sequence();
    assert.deepEqual(sequence.reserve('a', 10, { attempt: 1 }), [[1n, 10n]]);
    assert.deepEqual(sequence.reserve('a', 10, { attempt: 2 }), [[1n, 10n]]);
    const before = sequence.text;
    assert.equal(ranges(sequence.do({ kind: 'release', owner: 'a', attempt: 1 })), 'SequenceConflict');
    assert.equal(ranges(sequence.do({ kind: 'commit', owner: 'a', attempt: 1 })), 'SequenceConflict');
    assert.equal(sequence.reserve('a', 10, { attempt: 1 }), 'SequenceConflict');
    assert.equal(sequence.text, before);
    assert.deepEqual(ranges(sequence.do({ kind: 'commit', owner: 'a', attempt: 2 })), [[1n, 10n]]);
  });

  test('a released life cannot reserve again, a later one can, with another count', () => {
    const sequence = new Sequence();
    sequence.reserve('a', 10, { attempt: 1 });
    sequence.do({ kind: 'release', owner: 'a', attempt: 1 });
    assert.equal(sequence.reserve('a', 10, { attempt: 1 }), 'SequenceConflict');
    assert.deepEqual(sequence.reserve('a', 12, { attempt: 2 }), [[1n, 12n]]);
    assert.equal(ranges(sequence.do({ kind: 'release', owner: 'a', attempt: 1 })), 'SequenceConflict');
  });

  test('a reservation that arrives after its own release is refused', () => {
    const sequence = new Sequence();
    sequence.reserve('other', 1);
    assert.deepEqual(ranges(sequence.do({ kind: 'release', owner: 'a', attempt: 1 })), []);
    assert.equal(sequence.reserve('a', 10, { attempt: 1 }), 'SequenceConflict');
    // So is that of a later life, after the release of that one.
    assert.deepEqual(ranges(sequence.do({ kind: 'release', owner: 'a', attempt: 2 })), []);
    assert.equal(sequence.reserve('a', 10, { attempt: 2 }), 'SequenceConflict');
    assert.deepEqual(sequence.reserve('a', 10, { attempt: 3 }), [[2n, 10n]]);
  });

  test('committed is committed, released is released', () => {
    const sequence = new Sequence();
    sequence.reserve('a', 1);
    sequence.reserve('b', 1);
    sequence.do({ kind: 'commit', owner: 'a' });
    sequence.do({ kind: 'release', owner: 'b' });
    assert.equal(ranges(sequence.do({ kind: 'release', owner: 'a' })), 'SequenceConflict');
    assert.equal(ranges(sequence.do({ kind: 'commit', owner: 'b' })), 'SequenceConflict');
    assert.equal(ranges(sequence.do({ kind: 'commit', owner: 'nobody' })), 'SequenceConflict');
    // Nothing is given back twice, and nothing changes by it.
    const { text } = sequence;
    assert.deepEqual(sequence.do({ kind: 'release', owner: 'b' }), { ok: true, owner: 'b', ranges: [] });
    assert.equal(sequence.text, text);
    assert.deepEqual(new Sequence().do({ kind: 'release', owner: 'b' }), { ok: true, owner: 'b', ranges: [] });
  });
});

describe('imports', () => {
  test('begin a sequence after what exists, on its own steps', () => {
    const sequence = new Sequence();
    assert.equal(ranges(sequence.do({ kind: 'raiseTo', value: '25' })), 'InvalidRequest');
    const result = sequence.do({ kind: 'raiseTo', value: '25', start: '1', step: '10' });
    assert.deepEqual(result, { ok: true, raised: true, next: '31', abandoned: '0' });
    assert.deepEqual(sequence.reserve('a', 2, { start: '1', step: '10' }), [[31n, 2n]]);
  });

  test('last: what an open reservation holds below is not handed out again after its release', () => {
    const sequence = new Sequence();
    sequence.reserve('a', 10);
    assert.deepEqual(sequence.do({ kind: 'raiseTo', value: 6 }), {
      ok: true,
      raised: false,
      next: '11',
      abandoned: '0',
    });
    sequence.do({ kind: 'release', owner: 'a' });
    assert.deepEqual(sequence.reserve('b', 1), [[7n, 1n]]);
  });

  test('give up free ranges up to the value, and say how many IDs that were', () => {
    const sequence = new Sequence();
    for (const owner of ['a', 'b', 'c', 'd']) sequence.reserve(owner, 10);
    for (const owner of ['a', 'c']) sequence.do({ kind: 'release', owner });
    assert.deepEqual(sequence.do({ kind: 'raiseTo', value: '24' }), {
      ok: true,
      raised: false,
      next: '41',
      abandoned: '14',
    });
    assert.deepEqual(sequence.do({ kind: 'raiseTo', value: '24' }), {
      ok: true,
      raised: false,
      next: '41',
      abandoned: '0',
    });
    assert.deepEqual(sequence.reserve('e', 7), [
      [25n, 6n],
      [41n, 1n],
    ]);
  });

  test('up to the last ID that was given, or again, raise nothing', () => {
    const sequence = new Sequence();
    sequence.reserve('a', 10);
    const same = { ok: true, raised: false, next: '11', abandoned: '0' };
    for (const value of ['10', '10', '4']) assert.deepEqual(sequence.do({ kind: 'raiseTo', value }), same);
    assert.deepEqual(sequence.do({ kind: 'raiseTo', value: '11' }), { ...same, raised: true, next: '12' });
  });

  test('reach the largest ID: nothing is left', () => {
    const sequence = new Sequence();
    sequence.do({ kind: 'raiseTo', value: String(limits.idMax), start: '1', step: '2' });
    assert.equal(sequence.reserve('a', 1, { step: '2' }), 'SequenceExhausted');
  });
});

describe('restore and show', () => {
  test('an exported state restored elsewhere answers as the original does', () => {
    const original = new Sequence();
    original.reserve('a', 10);
    original.reserve('b', 10);
    original.reserve('c', 10);
    original.do({ kind: 'release', owner: 'a' });
    original.do({ kind: 'commit', owner: 'b' });
    const copy = new Sequence(original.state);
    assert.equal(copy.text, original.text);
    assert.deepEqual(copy.do({ kind: 'restore', state: original.state }), { ok: true, next: '31' });
    assert.deepEqual(copy.reserve('d', 12), original.reserve('d', 12));
    assert.equal(ranges(copy.do({ kind: 'restore', state: fragmented(1) })), 'SequenceConflict');
    assert.deepEqual(copy.text, original.text);
  });

  test('a state that does not hold together is not restored', () => {
    const broken = { ...fragmented(3), next: '4' };
    const sequence = new Sequence();
    assert.equal(ranges(sequence.do({ kind: 'restore', state: broken })), 'InvalidRequest');
    assert.equal(sequence.text, undefined);
  });

  test('show sums up, and tells what is known of one owner', () => {
    const sequence = new Sequence();
    assert.deepEqual(sequence.do({ kind: 'show' }), { ok: true, exists: false });
    sequence.reserve('a', 10);
    sequence.reserve('b', 5, { attempt: 3 });
    sequence.do({ kind: 'release', owner: 'a' });
    assert.deepEqual(sequence.do({ kind: 'show', owner: 'b' }), {
      ok: true,
      exists: true,
      start: '1',
      step: '1',
      next: '16',
      floor: '1',
      freeCount: '10',
      freeRanges: 1,
      openCount: '5',
      openOwners: ['b'],
      reservation: { outcome: 'open', attempt: 3, ranges: [{ first: '11', count: '5' }] },
    });
    assert.equal('reservation' in sequence.do({ kind: 'show', owner: 'nobody' }), false);
  });
});

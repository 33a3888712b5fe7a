/** The bounds of a sequence: what happens at each, and that state and answers stay within their bytes. */
import assert from 'node:assert/strict';
import { isDeepStrictEqual } from 'node:util';
import { describe, test } from 'vitest';
import { limits } from '../../src/limits.ts';
import type { SequenceState } from '../../src/sequence/state.ts';
import { fragmented, ranges, Sequence } from './sequence.ts';

describe('bounds', () => {
  test('a reservation takes at most the allowed number of ranges, and loses none of those it skips', () => {
    const sequence = new Sequence(fragmented(100));
    const taken = sequence.reserve('a', 90) as [bigint, bigint][];
    assert.equal(taken.length, limits.rangesPerReservationMax);
    assert.deepEqual(taken.at(-1), [201n, 27n]);
    assert.equal(sequence.state.free.length, 37);
    assert.deepEqual((sequence.reserve('b', 37) as unknown[]).length, 37);
    assert.deepEqual(sequence.state.free, []);
  });

  test('where even the tail is too short, the largest ranges are taken', () => {
    const state = fragmented(100);
    const largest = { first: String(limits.idMax - 500n), count: '400' };
    const sequence = new Sequence({ ...state, free: [...state.free, largest], next: String(limits.idMax - 9n) });
    assert.equal(sequence.reserve('a', 100 + 400 + 10 + 1), 'SequenceExhausted');
    assert.equal(sequence.reserve('a', 62 + 400 + 10 + 1), 'SequenceExhausted');
    const taken = sequence.reserve('a', 62 + 400 + 10) as [bigint, bigint][];
    assert.equal(taken.length, 64);
    assert.deepEqual(taken.slice(-2), [
      [limits.idMax - 500n, 400n],
      [limits.idMax - 9n, 10n],
    ]);
    assert.equal(sequence.state.free.length, 38);
  });

  test('open reservations: one too many waits, and is granted once another is closed', () => {
    const sequence = new Sequence();
    for (let k = 0; k < limits.openReservationsMax; k++) sequence.reserve(`run-${k}`, 1);
    const refused = sequence.do({ kind: 'reserve', owner: 'late', count: 1, start: '1', step: '1' });
    assert.ok(!refused.ok && refused.error.code === 'LimitExceeded' && refused.error.retryable);
    sequence.do({ kind: 'commit', owner: 'run-0' });
    assert.deepEqual(sequence.reserve('late', 1), [[101n, 1n]]);
  });

  test('finished owners: the oldest is forgotten first', () => {
    const sequence = new Sequence();
    for (let k = 0; k <= limits.rememberedOwnersMax; k++) {
      sequence.reserve(`run-${k}`, 1);
      sequence.do({ kind: 'commit', owner: `run-${k}` });
    }
    assert.equal(sequence.state.finished.length, limits.rememberedOwnersMax);
    assert.deepEqual(sequence.reserve('run-1', 1), [[2n, 1n]]);
    assert.equal(ranges(sequence.do({ kind: 'commit', owner: 'run-0' })), 'SequenceConflict');
  });

  test('ranges: memory goes first, then others wait, and alone it always goes on', () => {
    const sequence = new Sequence(fragmented(limits.sequenceRangesMax - 1, 10n));
    assert.deepEqual(sequence.reserve('a', 1), [[1n, 1n]]);
    assert.equal(sequence.reserve('b', 1), 'LimitExceeded');
    sequence.do({ kind: 'commit', owner: 'a' });
    assert.deepEqual(sequence.state.finished, [
      { owner: 'a', attempt: 0, outcome: 'committed', ranges: [{ first: '1', count: '1' }] },
    ]);
    assert.deepEqual(sequence.reserve('b', 1), [[2n, 1n]]);
    assert.deepEqual(sequence.state.finished, [], 'room was made by forgetting');
    assert.equal(sequence.reserve('c', 1), 'LimitExceeded');
    sequence.do({ kind: 'commit', owner: 'b' });
    assert.deepEqual(sequence.reserve('c', 35), [
      [3n, 8n],
      [12n, 10n],
      [23n, 10n],
      [34n, 7n],
    ]);
  });

  test('ranges: exactly as many as are allowed are no reason to wait', () => {
    // The second reservation takes a part of a free range: one range becomes two.
    for (const [free, answer] of [
      [limits.sequenceRangesMax - 2, [[2n, 1n]]],
      [limits.sequenceRangesMax - 1, 'LimitExceeded'],
    ] as const) {
      const sequence = new Sequence(fragmented(free, 10n));
      assert.deepEqual(sequence.reserve('a', 1), [[1n, 1n]]);
      assert.deepEqual(sequence.reserve('b', 1), answer);
    }
  });

  test('bytes: the fullest state of the longest owners and numbers fits', () => {
    const owner = (kind: string, k: number) => `${kind}${k}`.padEnd(limits.lifeIdLengthMax, '~');
    const base = 9_000_000_000_000_000_000n;
    const range = (k: number) => ({ first: String(base + BigInt(k) * 300_000_000_000_000n), count: '200000000000000' });
    const [opens, done] = [limits.openReservationsMax, limits.rememberedOwnersMax];
    const attempt = Number.MAX_SAFE_INTEGER;
    const state: SequenceState = {
      version: 1,
      start: '9000000000000000000',
      step: '1',
      next: '9223372036854775807',
      floor: '9000000000000000000',
      open: Array.from({ length: opens }, (_, k) => ({ owner: owner('open', k), attempt, ranges: [range(k)] })),
      finished: Array.from({ length: done }, (_, k) => ({
        owner: owner('done', k),
        attempt,
        outcome: 'committed',
        ranges: [range(opens + k)],
      })),
      free: Array.from({ length: limits.sequenceRangesMax - opens - done }, (_, k) => range(opens + done + k)),
    };
    const sequence = new Sequence(state);
    assert.ok(isDeepStrictEqual(sequence.state, state));
    const bytes = Buffer.byteLength(sequence.text!);
    assert.ok(bytes > limits.entityStateBytesMax / 2 && bytes <= limits.entityStateBytesMax, `${bytes} bytes`);
    const shown = JSON.stringify(sequence.do({ kind: 'show', owner: owner('open', 0) }));
    assert.ok(shown.length <= limits.payloadBytesMax, `${shown.length} bytes shown`);
  });

  test('bytes: the longest answer is far below the limit of a payload', () => {
    const size = 10n ** 15n;
    const start = 8_000_000_000_000_000_000n;
    const state = fragmented(limits.rangesPerReservationMax, size);
    const free = state.free.map(({ first }) => ({ first: String(BigInt(first) - 1n + start), count: String(size) }));
    const sequence = new Sequence({
      ...state,
      start: String(start),
      floor: String(start),
      free,
      next: String(BigInt(state.next) - 1n + start),
    });
    const result = sequence.do({
      kind: 'reserve',
      owner: 'r'.repeat(limits.lifeIdLengthMax),
      count: String(size * 64n),
      start: String(start),
      step: '1',
    });
    assert.equal((ranges(result) as unknown[]).length, 64);
    assert.ok(JSON.stringify(result).length <= limits.payloadBytesMax / 2);
  });
});

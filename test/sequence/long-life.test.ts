/**
 * A long life: many more runs than a sequence remembers, many at once, some failing, some dying and coming back. Once
 * all are closed there is no hole that is not free, and one more run fills every hole there is.
 */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { Sequence } from './sequence.ts';

const events = fc.record({
  what: fc.constantFrom('start', 'start', 'start', 'commit', 'commit', 'release', 'return', 'again'),
  which: fc.nat({ max: 1000 }),
  count: fc.oneof(fc.nat({ max: 3 }), fc.nat({ max: 400 })),
});

interface Live {
  owner: string;
  count: number;
  attempt: number;
  ranges: [bigint, bigint][];
}

/** Lives through the events; gives the IDs published, after every run is closed. */
function live(sequence: Sequence, history: { what: string; which: number; count: number }[]): [bigint, bigint][] {
  const open: Live[] = [];
  const published: [bigint, bigint][] = [];
  let started = 0;
  const close = (run: Live, kind: 'commit' | 'release') => {
    assert.ok(sequence.do({ kind, owner: run.owner, attempt: run.attempt }).ok);
    if (kind === 'commit') published.push(...run.ranges);
    open.splice(open.indexOf(run), 1);
  };
  for (const { what, which, count } of history) {
    const run = open[which % Math.max(1, open.length)];
    if (what === 'start' && open.length < limits.openReservationsMax) {
      const owner = `run-${started++}`;
      const ranges = sequence.reserve(owner, count, { attempt: 1 });
      if (ranges !== 'LimitExceeded') open.push({ owner, count, attempt: 1, ranges: ranges as [bigint, bigint][] });
    } else if (run && (what === 'return' || what === 'again')) {
      if (what === 'return') run.attempt++;
      assert.deepEqual(sequence.reserve(run.owner, run.count, { attempt: run.attempt }), run.ranges);
    } else if (run && (what === 'commit' || what === 'release')) close(run, what);
  }
  while (open[0]) close(open[0], open.length % 3 === 0 ? 'release' : 'commit');
  return published;
}

test('no ID twice, and no hole for good, however long and however rough the life', () => {
  fc.assert(
    fc.property(fc.array(events, { minLength: 300, maxLength: 900, size: 'max' }), (history) => {
      const sequence = new Sequence();
      sequence.reserve('first', 0);
      sequence.do({ kind: 'commit', owner: 'first' });
      const published = live(sequence, history);
      // One ID at a time would take long: ranges laid end to end say the same.
      const holes = () => {
        let end = 1n;
        const gaps: { first: string; count: string }[] = [];
        for (const [first, count] of published.toSorted(([a], [b]) => (a < b ? -1 : 1))) {
          assert.ok(first >= end, `ID ${first} is published twice`);
          if (first > end) gaps.push({ first: String(end), count: String(first - end) });
          end = first + count;
        }
        assert.equal(sequence.state.next, String(end), 'nothing is held beyond the last published ID');
        return gaps;
      };
      assert.deepEqual(sequence.state.free, holes(), 'every hole is free');
      for (let last = 0; sequence.state.free.length > 0; last++) {
        const some = sequence.state.free.slice(0, limits.rangesPerReservationMax);
        const ranges = sequence.reserve(
          `last-${last}`,
          String(some.reduce((sum, { count }) => sum + BigInt(count), 0n)),
        );
        assert.ok(sequence.do({ kind: 'commit', owner: `last-${last}` }).ok);
        published.push(...(ranges as [bigint, bigint][]));
      }
      assert.deepEqual(holes(), []);
    }),
    { numRuns: 4 },
  );
});

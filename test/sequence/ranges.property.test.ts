/** Taking from and giving back to a supply of ranges, at every degree of fragmentation, against sets of single IDs. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { limits } from '../../src/limits.ts';
import { endOf, type IdRange } from '../../src/sequence/id-range.ts';
import { above, giveBack, type Supply, take, union } from '../../src/sequence/ranges.ts';

/** A supply near the largest ID: free ranges of random sizes and distances, then a short tail. */
const supplies = fc
  .record({
    pieces: fc.array(fc.record({ gap: fc.bigInt({ min: 1n, max: 4n }), count: fc.bigInt({ min: 1n, max: 6n }) }), {
      maxLength: 12,
    }),
    tail: fc.bigInt({ min: 0n, max: 12n }),
    step: fc.bigInt({ min: 1n, max: 1000n }),
  })
  .map(({ pieces, tail, step }) => {
    const supply: Supply = { free: [], next: limits.idMax + step - tail * step };
    let end = supply.next;
    for (const { gap, count } of pieces) {
      const first = end - (gap + count) * step;
      supply.free.unshift({ first, count });
      end = first;
    }
    return { supply, step };
  });

function idsOf(ranges: IdRange[], step: bigint): bigint[] {
  return ranges.flatMap(({ first, count }) =>
    Array.from({ length: Number(count) }, (_, k) => first + BigInt(k) * step),
  );
}

function everything({ free, next }: Supply, step: bigint): bigint[] {
  const tail = next > limits.idMax ? 0n : (limits.idMax - next) / step + 1n;
  return idsOf([...free, { first: next, count: tail }], step);
}

function sizes({ free, next }: Supply, step: bigint): bigint[] {
  return [...free.map(({ count }) => count), next > limits.idMax ? 0n : (limits.idMax - next) / step + 1n];
}

const counts = fc.bigInt({ min: 0n, max: 40n });
const bounds = fc.integer({ min: 1, max: 8 });

test('what is taken and what is left is what was there; refused only when no choice exists', () => {
  fc.assert(
    fc.property(supplies, counts, bounds, ({ supply, step }, count, rangesMax) => {
      const all = everything(supply, step);
      const outcome = take(supply, count, step, rangesMax);
      const most = sizes(supply, step)
        .sort((a, b) => Number(b - a))
        .slice(0, rangesMax)
        .reduce((sum, size) => sum + size, 0n);
      if (typeof outcome === 'string') {
        assert.equal(outcome, BigInt(all.length) < count ? 'exhausted' : 'fragmented');
        assert.ok(most < count, 'no choice of so many ranges would do');
        return;
      }
      const taken = idsOf(outcome.taken, step);
      assert.equal(BigInt(taken.length), count);
      assert.ok(outcome.taken.length <= rangesMax);
      assert.deepEqual(
        taken,
        [...taken].sort((a, b) => (a < b ? -1 : 1)),
        'ascending',
      );
      const left = everything(outcome.left, step);
      // Above `next` nothing was ever handed out; what a choice skipped below it is free.
      assert.deepEqual(
        [...taken, ...left].sort((a, b) => (a < b ? -1 : 1)),
        all,
      );
      if (union(outcome.taken, step).length < outcome.taken.length) assert.fail('ranges are maximal');
    }),
    { numRuns: 1000 },
  );
});

test('the lowest IDs are taken whenever they lie in few enough ranges', () => {
  fc.assert(
    fc.property(supplies, counts, bounds, ({ supply, step }, count, rangesMax) => {
      const lowest = everything(supply, step).slice(0, Number(count));
      const runs = lowest.filter((id, index) => index === 0 || id - lowest[index - 1]! !== step).length;
      fc.pre(BigInt(lowest.length) === count && runs <= rangesMax);
      const outcome = take(supply, count, step, rangesMax);
      assert.ok(typeof outcome === 'object');
      assert.deepEqual(idsOf(outcome.taken, step), lowest);
    }),
    { numRuns: 1000 },
  );
});

test('giving back what was taken restores the supply', () => {
  fc.assert(
    fc.property(supplies, counts, bounds, ({ supply, step }, count, rangesMax) => {
      const outcome = take(supply, count, step, rangesMax);
      fc.pre(typeof outcome === 'object');
      assert.deepEqual(giveBack(outcome.left, outcome.taken, step), supply);
    }),
    { numRuns: 1000 },
  );
});

test('above: exactly the IDs from the floor on', () => {
  fc.assert(
    fc.property(supplies, fc.nat({ max: 80 }), ({ supply, step }, at) => {
      const [lowest] = supply.free;
      fc.pre(lowest !== undefined);
      const floor = lowest.first + BigInt(at) * step;
      const kept = above(supply.free, floor, step);
      assert.deepEqual(
        idsOf(kept, step),
        idsOf(supply.free, step).filter((id) => id >= floor),
      );
      assert.ok(kept.every((range) => endOf(range, step) > range.first));
    }),
  );
});

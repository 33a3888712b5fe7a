/** Ordinals become IDs in halves of 64 bits exactly as they do as BigInts, up to the last ID that there is. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { IdMap } from '../../src/sequence/id-map.ts';

const idMax = 2n ** 63n - 1n;

test('an ID written in halves is the ID', () => {
  const range = fc.record({ first: fc.bigInt(0n, idMax), count: fc.integer({ min: 1, max: 1000 }) });
  const around = fc.constantFrom(0n, 2n ** 31n, 2n ** 32n, 2n ** 53n, idMax).chain((middle) =>
    fc.record({
      first: fc.bigInt(-2000n, 2000n).map((by) => middle + by),
      count: fc.integer({ min: 1, max: 1000 }),
    }),
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(range, around), { minLength: 1, maxLength: 3 }),
      fc.constantFrom(1n, 2n, 1000n),
      (ranges, step) => {
        const valid = ranges.filter(({ first, count }) => first >= 0n && first + BigInt(count - 1) * step <= idMax);
        const total = valid.reduce((sum, { count }) => sum + count, 0);
        const map = new IdMap({
          step: String(step),
          count: total,
          ranges: valid.map(({ first, count }) => ({ first: String(first), count: String(count) })),
        } as ConstructorParameters<typeof IdMap>[0]);
        const ids = new BigInt64Array(total);
        const halves = new Int32Array(ids.buffer);
        for (let ordinal = 0; ordinal < total; ordinal++) map.put(halves, ordinal, ordinal);
        const wanted = valid.flatMap(({ first, count }) =>
          Array.from({ length: count }, (_, i) => first + BigInt(i) * step),
        );
        assert.deepEqual([...ids], wanted);
        assert.throws(() => map.put(halves, 0, total), /beyond the reservation/);
        assert.throws(() => map.at(total), /beyond the reservation/);
      },
    ),
  );
});

test('a slice of the ordinals is ranges with the same IDs, none of them empty', () => {
  const counts = fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(counts, fc.constantFrom(1n, 3n), fc.nat(40), fc.nat(40), (all, step, start, count) => {
      const ranges = all.map((own, i) => ({ first: String(100 * (all.length - i)), count: String(own) }));
      const map = new IdMap({ step: String(step), ranges });
      const total = all.reduce((sum, own) => sum + own, 0);
      if (count > 0 && start + count > total) {
        assert.throws(() => map.slice(start, count), /beyond the reservation/);
        return;
      }
      const sliced = map.slice(start, count);
      assert.ok(sliced.every((range) => range.count > 0n));
      assert.deepEqual(
        sliced.flatMap(({ first, count: own }) =>
          Array.from({ length: Number(own) }, (_, i) => first + BigInt(i) * step),
        ),
        Array.from({ length: count }, (_, i) => map.at(start + i)),
      );
    }),
  );
});

test('a reservation is as long as it says', () => {
  const ranges = [{ first: '1', count: '5' }];
  assert.throws(
    () => new IdMap({ step: '1', count: 6, ranges } as ConstructorParameters<typeof IdMap>[0]),
    /5 IDs .* of 6/,
  );
});

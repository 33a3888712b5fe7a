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
      },
    ),
  );
});

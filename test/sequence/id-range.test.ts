/** Looking for IDs among those of ranges and lists. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ascending, commonId, placeAmong } from '../../src/sequence/id-range.ts';

const lists = fc.uniqueArray(fc.bigInt(-20n, 60n), { maxLength: 20 }).map((ids) => BigInt64Array.from(ids).sort());

describe('an ID among others', () => {
  test('is at the place of the first that is not less', () => {
    fc.assert(
      fc.property(lists, fc.bigInt(-25n, 65n), (ids, id) => {
        const at = [...ids].findIndex((one) => one >= id);
        expect(placeAmong(ids, id)).toBe(at < 0 ? ids.length : at);
      }),
    );
  });

  test('is common to a list and a range where both have it, in steps of the sequence', () => {
    const range = fc.record({ first: fc.bigInt(-20n, 60n), count: fc.bigInt(1n, 12n) });
    fc.assert(
      fc.property(lists, range, fc.bigInt(1n, 4n), (ids, { first, count }, step) => {
        const own = Array.from({ length: Number(count) }, (_, i) => first + BigInt(i) * step);
        expect(commonId(ids, { first, count }, step)).toBe(own.find((id) => ids.includes(id)));
      }),
    );
  });

  test('orders ranges by their first', () => {
    const of = (...firsts: bigint[]) => firsts.map((first) => ({ first }));
    expect(of(3n, -1n, 2n ** 62n, 0n).sort(ascending)).toEqual(of(-1n, 0n, 3n, 2n ** 62n));
    expect(ascending({ first: 5n }, { first: 5n })).toBe(0);
  });
});

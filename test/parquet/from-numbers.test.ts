/** Numbers in one go become what the builder makes of them one by one, or nothing. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { fromNumbers } from '../../src/parquet/from-numbers.ts';
import { builder } from '../../src/parquet/logical.ts';
import type { ColumnType } from '../../src/parquet/types.ts';

const types: Record<string, ColumnType> = {
  double: { physical: 'DOUBLE' },
  int32: { physical: 'INT32' },
  int64: { physical: 'INT64' },
  int16: { physical: 'INT32', annotation: { kind: 'int', bitWidth: 16, signed: true } },
  'decimal(9,2)': { physical: 'INT32', annotation: { kind: 'decimal', precision: 9, scale: 2 } },
  'decimal(14,2)': { physical: 'INT64', annotation: { kind: 'decimal', precision: 14, scale: 2 } },
  'decimal(18,6)': { physical: 'INT64', annotation: { kind: 'decimal', precision: 18, scale: 6 } },
};

const number = fc.oneof(
  fc.integer(),
  fc.integer({ min: -99_999_999, max: 99_999_999 }).map((n) => n / 100),
  fc.integer({ min: -99_999, max: 99_999 }).map((n) => n / 1000),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constantFrom(-0, 0, 0.005, 1.005, -2.675, Number.NaN, Number.POSITIVE_INFINITY),
);

for (const [name, type] of Object.entries(types)) {
  test(`${name}: as the builder writes them`, () => {
    fc.assert(
      fc.property(fc.array(number, { maxLength: 5 }), (numbers) => {
        const values = fromNumbers(type, Float64Array.from(numbers));
        if (!values) return;
        const build = builder(type);
        for (const one of numbers) build.push(one);
        assert.deepEqual([...values.data], [...build.finish().values.data]);
      }),
      { numRuns: 500 },
    );
  });
}

test('what fits is taken', () => {
  for (const type of Object.values(types)) assert.equal(fromNumbers(type, Float64Array.of(1, 0, -7))?.length, 3);
  assert.deepEqual(
    [...fromNumbers(types['decimal(14,2)']!, Float64Array.of(-12.34, 5e9))!.data],
    [-1234n, 500_000_000_000n],
  );
});

test('other types, and numbers that do not fit, are left alone', () => {
  assert.equal(fromNumbers({ physical: 'FLOAT' }, Float64Array.of(1)), undefined);
  assert.equal(fromNumbers(types.int32!, Float64Array.of(1, 2 ** 31)), undefined);
  assert.equal(fromNumbers(types.int16!, Float64Array.of(40_000)), undefined);
  assert.equal(fromNumbers(types['decimal(9,2)']!, Float64Array.of(1e7)), undefined);
});

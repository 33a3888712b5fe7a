import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ColumnType } from '../../src/parquet/types.ts';
import { constantProblem } from '../../src/pipeline/constant.ts';
import { type } from '../../src/pipeline/index.ts';

const uses: [name: string, column: ColumnType, right: unknown[], wrong: unknown[]][] = [
  ['string', type.string.column, ['', 'a'], [1, null, undefined]],
  ['uuid', type.uuid.column, ['00112233-4455-6677-8899-aabbccddeeff'], ['0011', 1]],
  ['bytes', type.bytes.column, [new Uint8Array(2), new Uint8Array(0)], [1, [1]]],
  ['boolean', type.boolean.column, [true, false], [0, 'true', null]],
  ['int32', type.int32.column, [0, -(2 ** 31), 2 ** 31 - 1], [2 ** 31, -(2 ** 31) - 1, 0.5, '1', Number.NaN]],
  ['int64', type.int64.column, [0, 2n ** 63n - 1n, -(2n ** 63n), 2 ** 53 - 1], [2 ** 53, 2n ** 63n, 0.5]],
  ['float32', type.float32.column, [0.5, Number.NaN], ['0.5', 1n]],
  ['float64', type.float64.column, [0.5, Number.POSITIVE_INFINITY], ['0.5']],
  ['date', type.date.column, [new Date(0)], ['2024-01-01x', true, new Date(Number.NaN)]],
  ['timestamp', type.timestamp.column, [new Date(0)], ['now', true]],
  [
    'decimal',
    type.decimal(5, 2).column,
    [0, 1.5, -999.99, '999.99', '-0.1', '+1', '001.50', '1.500', '.5', '7.'],
    [1000, '1000', '0.001', 'a', '', '.', '1e3', Number.NaN, Number.POSITIVE_INFINITY, true, null],
  ],
];

describe('constants', () => {
  for (const [name, column, right, wrong] of uses) {
    test(name, () => {
      for (const value of right) assert.equal(constantProblem(value, column), undefined, String(value));
      for (const value of wrong) assert.equal(typeof constantProblem(value, column), 'string', String(value));
    });
  }
});

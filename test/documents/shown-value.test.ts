/** Values as JSON and people see them. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { shownValue } from '../../src/documents/shown-value.ts';

test('a value is shown as JSON has it, without the loss of a digit, and a long one short', () => {
  const cases: [unknown, unknown][] = [
    [9_223_372_036_854_775_807n, '9223372036854775807'],
    [new Date(86_400_000), '1970-01-02T00:00:00.000Z'],
    [Uint8Array.of(1, 2, 255), 'AQL/'],
    ['x'.repeat(200), 'x'.repeat(200)],
    ['x'.repeat(201), `${'x'.repeat(197)}...`],
    [new Uint8Array(300), `${'A'.repeat(197)}...`],
    [Number.NaN, 'NaN'],
    [Number.NEGATIVE_INFINITY, '-Infinity'],
    [1.5, 1.5],
    [false, false],
    [undefined, null],
    [null, null],
  ];
  for (const [value, shown] of cases) assert.equal(shownValue(value), shown);
});

/** Which types of one column the files of a run may mix, and that widening keeps every value. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { builder, reader, typeText } from '../../src/parquet/logical.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import { widenColumn, widest } from '../../src/source/widen.ts';

const int = (bitWidth: 8 | 16 | 32 | 64, signed: boolean): ColumnType => ({
  physical: bitWidth === 64 ? 'INT64' : 'INT32',
  annotation: { kind: 'int', bitWidth, signed },
});
const int32: ColumnType = { physical: 'INT32' };
const int64: ColumnType = { physical: 'INT64' };
const float: ColumnType = { physical: 'FLOAT' };
const double: ColumnType = { physical: 'DOUBLE' };
const bytes: ColumnType = { physical: 'BYTE_ARRAY' };
const string: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const json: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'json' } };
const date: ColumnType = { physical: 'INT32', annotation: { kind: 'date' } };
const int96: ColumnType = { physical: 'INT96' };
const timestamp = (unit: 'MILLIS' | 'MICROS' | 'NANOS', utc: boolean): ColumnType => ({
  physical: 'INT64',
  annotation: { kind: 'timestamp', unit, utc },
});
const decimal = (physical: ColumnType['physical'], precision: number, scale: number, length?: number): ColumnType => ({
  physical,
  ...(length && { typeLength: length }),
  annotation: { kind: 'decimal', precision, scale },
});

const pairs: [ColumnType, ColumnType, ColumnType | undefined][] = [
  [int32, int32, int32],
  [int32, int64, int64],
  [int(8, true), int(16, true), int(16, true)],
  [int(16, true), int32, int32],
  [int(8, false), int(32, false), int(32, false)],
  [int(8, false), int(8, true), int(16, true)],
  [int(32, false), int32, int64],
  [int(32, false), int64, int64],
  [int(64, false), int64, undefined],
  [int(64, false), int(32, false), int(64, false)],
  [float, double, double],
  [int32, double, undefined],
  [timestamp('MILLIS', true), timestamp('MICROS', true), timestamp('MICROS', true)],
  [timestamp('NANOS', false), timestamp('MICROS', false), timestamp('NANOS', false)],
  [timestamp('MILLIS', true), timestamp('MILLIS', false), undefined],
  [timestamp('MILLIS', true), int96, undefined],
  [timestamp('MILLIS', true), int64, undefined],
  [date, int32, undefined],
  [date, timestamp('MILLIS', true), undefined],
  [decimal('INT32', 9, 2), decimal('INT64', 18, 2), decimal('INT64', 18, 2)],
  [decimal('BYTE_ARRAY', 9, 2), decimal('INT64', 9, 2), decimal('INT32', 9, 2)],
  [decimal('INT32', 5, 2), decimal('BYTE_ARRAY', 30, 2), decimal('FIXED_LEN_BYTE_ARRAY', 30, 2, 13)],
  [decimal('BYTE_ARRAY', 38, 0), decimal('INT32', 1, 0), decimal('FIXED_LEN_BYTE_ARRAY', 38, 0, 16)],
  [decimal('INT32', 9, 2), decimal('INT32', 9, 3), undefined],
  [string, bytes, undefined],
  [string, json, undefined],
  [{ physical: 'BOOLEAN' }, int32, undefined],
];

for (const [a, b, expected] of pairs) {
  test(`${typeText(a)} with ${typeText(b)}: ${expected ? typeText(expected) : 'refused'}`, () => {
    assert.deepEqual(widest(a, b), expected);
    assert.deepEqual(widest(b, a), expected);
  });
}

function column(type: ColumnType, values: readonly unknown[]) {
  const build = builder(type);
  for (const value of values) build.push(value);
  const { values: built, valid } = build.finish();
  const nulls = values.filter((value) => value === null).length;
  return { form: 'plain', rows: values.length, nulls, values: built, valid } as const;
}

const bigints = (bits: number, signed: boolean) =>
  fc.bigInt(
    signed
      ? { min: -(2n ** BigInt(bits - 1)), max: 2n ** BigInt(bits - 1) - 1n }
      : { min: 0n, max: 2n ** BigInt(bits) - 1n },
  );

const kept: [ColumnType, ColumnType, fc.Arbitrary<unknown>][] = [
  [int32, int64, bigints(32, true)],
  [int(32, false), int64, bigints(32, false)],
  [int(8, false), int(16, true), bigints(8, false)],
  [int(32, false), int(64, false), bigints(32, false)],
  [decimal('INT32', 9, 2), decimal('FIXED_LEN_BYTE_ARRAY', 30, 2, 13), fc.bigInt(-(10n ** 9n) + 1n, 10n ** 9n - 1n)],
  [decimal('BYTE_ARRAY', 18, 2), decimal('INT64', 18, 2), fc.bigInt(-(10n ** 18n) + 1n, 10n ** 18n - 1n)],
  [decimal('FIXED_LEN_BYTE_ARRAY', 9, 2, 6), decimal('INT32', 9, 2), fc.bigInt(-(10n ** 9n) + 1n, 10n ** 9n - 1n)],
];

for (const [from, to, values] of kept) {
  test(`every value of ${typeText(from)} is the same in ${typeText(to)}, nulls too`, () => {
    fc.assert(
      fc.property(fc.array(fc.option(values), { minLength: 1 }), (list) => {
        const wide = widenColumn(column(from, list), from, to, place);
        const read = reader(to, 'bigint');
        assert.ok(wide.form === 'plain');
        assert.deepEqual(
          list.map((_, i) => (wide.valid?.[i] === 0 ? null : read(wide.values, i))),
          list,
        );
      }),
    );
  });
}

const place = (row: number) => ({ blob: 'x', row });

test('units of time are multiplied; what leaves 64 bits is refused by name', () => {
  const millis = timestamp('MILLIS', true);
  const nanos = timestamp('NANOS', true);
  const wide = widenColumn(column(millis, [-1n, 1_700_000_000_123n]), millis, nanos, place);
  assert.ok(wide.form === 'plain' && wide.values.kind === 'int64');
  assert.deepEqual([...wide.values.data], [-1_000_000n, 1_700_000_000_123_000_000n]);
  assert.throws(() => widenColumn(column(millis, [0n, 2n ** 62n]), millis, nanos, place), {
    code: 'InvalidValue',
    where: { blob: 'x', row: 1 },
  });
});

test('an entry beyond the wider type is refused by the first row that uses it, and ignored where none does', () => {
  const [millis, nanos] = [timestamp('MILLIS', true), timestamp('NANOS', true)];
  const dictionary = { kind: 'int64' as const, length: 2, data: BigInt64Array.of(1n, 2n ** 62n) };
  const of = (...entries: number[]) => ({
    form: 'dictionary' as const,
    rows: entries.length,
    nulls: 0,
    dictionary,
    indices: Int32Array.from(entries),
  });
  assert.throws(() => widenColumn(of(0, 0, 1, 1), millis, nanos, place), { where: { blob: 'x', row: 2 } });
  const wide = widenColumn(of(0, 0), millis, nanos, place);
  assert.ok(wide.form === 'dictionary' && wide.dictionary.kind === 'int64');
  assert.equal(wide.dictionary.data[0], 1_000_000n);
});

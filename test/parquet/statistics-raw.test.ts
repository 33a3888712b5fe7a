/** Statistics of foreign footers: what of them is believed, by the order that the file states and by the column's type. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { hasOrder, parseStatistics, writeStatistics } from '../../src/parquet/statistics-raw.ts';
import { readThrift } from '../../src/parquet/thrift-read.ts';
import { ThriftWriter } from '../../src/parquet/thrift-write.ts';
import type { ColumnType, RawStatistics } from '../../src/parquet/types.ts';

const int32: ColumnType = { physical: 'INT32' };
const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const unsigned: ColumnType = { physical: 'INT32', annotation: { kind: 'int', bitWidth: 32, signed: false } };
const bytes = (...values: number[]) => Uint8Array.of(...values);

/** `Statistics` with fields in the order of their IDs: the deprecated pair is 1 (max) and 2 (min). */
function read(write: (writer: ThriftWriter) => void, type: ColumnType, order: number | 'unsaid' = 1) {
  const writer = new ThriftWriter();
  write(writer);
  writer.end();
  const encoded = writer.finish();
  return parseStatistics(readThrift(encoded, 0, encoded.length).value, type, order === 'unsaid' ? undefined : order);
}

const old = (writer: ThriftWriter) => {
  writer.binary(1, bytes(9, 0, 0, 0));
  writer.binary(2, bytes(1, 0, 0, 0));
};
const both = (writer: ThriftWriter) => {
  old(writer);
  writer.i64(3, 2);
  writer.i64(4, 5);
  writer.binary(5, bytes(8, 0, 0, 0));
  writer.binary(6, bytes(2, 0, 0, 0));
  writer.bool(7, true);
  writer.bool(8, false);
};
const fresh = { maxValue: bytes(8, 0, 0, 0), minValue: bytes(2, 0, 0, 0), maxExact: true, minExact: false };

test('the deprecated pair is believed where its order was never in doubt, and nothing newer is there', () => {
  const pair = { maxValue: bytes(9, 0, 0, 0), minValue: bytes(1, 0, 0, 0) };
  for (const order of [1, 'unsaid'] as const) assert.deepEqual(read(old, int32, order), pair);
  const fixed: ColumnType = { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 4 };
  for (const type of [text, unsigned, fixed, { physical: 'INT96' } as ColumnType])
    assert.equal(read(old, type), undefined, JSON.stringify(type));
  assert.deepEqual(read(both, int32), { ...fresh, nullCount: 2, distinctCount: 5 });
});

test('newer bounds are believed in the order that the file states; without one, where all writers mean the same', () => {
  assert.deepEqual(read(both, text), { ...fresh, nullCount: 2, distinctCount: 5 });
  assert.deepEqual(read(both, unsigned), { ...fresh, nullCount: 2, distinctCount: 5 });
  assert.deepEqual(read(both, int32, 'unsaid'), { ...fresh, nullCount: 2 });
  assert.deepEqual(read(both, text, 'unsaid'), { nullCount: 2 });
  assert.deepEqual(read(both, text, 7), { nullCount: 2 }, 'an order that we do not know');
  const interval = { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 4, annotation: { kind: 'interval' } } as ColumnType;
  assert.ok(!hasOrder(interval) && hasOrder(text));
  assert.deepEqual(read(both, interval), { nullCount: 2, distinctCount: 5 });
  assert.equal(parseStatistics(undefined, int32, 1), undefined);
  assert.equal(
    read(() => undefined, int32),
    undefined,
  );
});

test('a bound of another width, or that is no number, is none', () => {
  const bound = (type: ColumnType, value: Uint8Array) => read((writer) => writer.binary(5, value), type)?.maxValue;
  const float = (value: number) => new Uint8Array(Float32Array.of(value).buffer);
  const double = (value: number) => new Uint8Array(Float64Array.of(value).buffer);
  assert.equal(bound(int32, bytes(1, 2, 3)), undefined);
  assert.deepEqual(bound(text, bytes(1, 2, 3)), bytes(1, 2, 3));
  assert.deepEqual(bound({ physical: 'FLOAT' }, float(2)), float(2));
  assert.equal(bound({ physical: 'FLOAT' }, float(Number.NaN)), undefined);
  assert.deepEqual(bound({ physical: 'DOUBLE' }, double(2)), double(2));
  assert.equal(bound({ physical: 'DOUBLE' }, double(Number.NaN)), undefined);
  const half = { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 2, annotation: { kind: 'float16' } } as ColumnType;
  assert.deepEqual(bound(half, bytes(0, 0x40)), bytes(0, 0x40));
  assert.equal(bound(half, bytes(1, 0x7c)), undefined);
});

test('what is written is read again; exactness goes with its bound', () => {
  const all: RawStatistics = { nullCount: 0, distinctCount: 3, ...fresh };
  const none: RawStatistics = { nullCount: 4, maxExact: true, minExact: true };
  const cases = [
    [all, all],
    [none, { nullCount: 4 }],
  ] as const;
  for (const [given, wanted] of cases) {
    const writer = new ThriftWriter();
    writeStatistics(writer, 12, given);
    writer.end();
    const encoded = writer.finish();
    const struct = readThrift(encoded, 0, encoded.length).value;
    assert.deepEqual(parseStatistics(struct.struct(12), text, 1), wanted);
  }
});

/** Statistics: exact, in the order of the type, and true of every value; DuckDB and a slow reference agree. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { encodePlain } from '../../src/parquet/encode-pages.ts';
import { reader } from '../../src/parquet/logical.ts';
import { compareDecimals, statisticsOf } from '../../src/parquet/statistics.ts';
import type { ColumnType, RawStatistics, Values } from '../../src/parquet/types.ts';
import { bytesAt, compareBytes } from '../../src/parquet/values.ts';
import { everythingQuery, Judge } from './support/duckdb.ts';
import { decodeAt, fileOf, footerOf, plainOf } from './support/files.ts';
import { everyType, randomColumn } from './support/random.ts';

/** Numbers, bigints and bytes in the type's order; NaN is left out. */
function ordered(type: ColumnType, values: Values, i: number): number | bigint | Uint8Array | undefined {
  if (values.kind === 'boolean') return values.data[i]!;
  if (values.kind === 'bytes' || values.kind === 'fixed') {
    if (type.annotation?.kind === 'decimal') return reader(type, 'bigint')(values, i) as bigint;
    if (type.annotation?.kind !== 'float16') return bytesAt(values, i);
  }
  const isUnsigned = type.annotation?.kind === 'int' && !type.annotation.signed;
  if (values.kind === 'int64') return isUnsigned ? BigInt.asUintN(64, values.data[i]!) : values.data[i]!;
  if (values.kind === 'int32') return isUnsigned ? values.data[i]! >>> 0 : values.data[i]!;
  const number = reader(type, 'number')(values, i) as number;
  return Number.isNaN(number) ? undefined : number;
}

function compare(a: number | bigint | Uint8Array, b: number | bigint | Uint8Array): number {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return compareBytes(a, b);
  return a < b ? -1 : a > b ? 1 : 0;
}

/** A bound as one value of the column. */
function boundValue(type: ColumnType, bound: Uint8Array): Values {
  if (type.physical === 'BYTE_ARRAY') {
    return { kind: 'bytes', length: 1, data: bound, offsets: Uint32Array.of(0, bound.length) };
  }
  const buffer = Uint8Array.from(bound).buffer;
  switch (type.physical) {
    case 'BOOLEAN':
      return { kind: 'boolean', length: 1, data: bound };
    case 'INT32':
      return { kind: 'int32', length: 1, data: new Int32Array(buffer) };
    case 'INT64':
      return { kind: 'int64', length: 1, data: new BigInt64Array(buffer) };
    case 'FLOAT':
      return { kind: 'float', length: 1, data: new Float32Array(buffer) };
    case 'DOUBLE':
      return { kind: 'double', length: 1, data: new Float64Array(buffer) };
    default:
      return { kind: 'fixed', length: 1, data: bound, width: bound.length };
  }
}

test('bounds are the least and the greatest value, or truly beyond them where they are cut', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...Object.keys(everyType)),
      fc.integer({ min: 0, max: 60 }),
      fc.constantFrom(0, 0.3, 1),
      fc.integer(),
      (name, rows, nullShare, seed) => {
        const type = everyType[name]!;
        const { values, valid, nulls } = randomColumn(type, rows, 50, nullShare, seed);
        const statistics = statisticsOf(values, type, valid, nulls);
        assert.equal(statistics.nullCount, nulls);
        const all = Array.from({ length: rows }, (_, i) => (valid?.[i] === 0 ? undefined : ordered(type, values, i)))
          .filter((value) => value !== undefined)
          .sort(compare);
        if (name === 'int96' || name === 'interval' || all.length === 0) {
          assert.deepEqual(statistics, { nullCount: nulls });
          return;
        }
        const min = ordered(type, boundValue(type, statistics.minValue!), 0)!;
        const order = compare(min, all[0]!);
        assert.ok(statistics.minExact ? order === 0 : order < 0);
        if (statistics.maxValue === undefined) return;
        const max = ordered(type, boundValue(type, statistics.maxValue), 0)!;
        const above = compare(max, all.at(-1)!);
        assert.ok(statistics.maxExact ? above === 0 : above > 0);
        if (type.physical === 'BYTE_ARRAY')
          assert.ok(statistics.minValue!.length <= 64 && statistics.maxValue.length <= 68);
      },
    ),
    { numRuns: 500 },
  );
});

test('DuckDB states the same bounds for its own files', async () => {
  const judge = await Judge.open();
  const file = await judge.write(everythingQuery(2000));
  judge.close();
  const footer = footerOf(file);
  // DuckDB writes no bounds for these, or cuts texts at another length.
  const otherwise = new Set(['blob', 'step', 'nothing', 'unique_text', 'uid', 'f32', 'f64', 'dec38']);
  let compared = 0;
  for (const leaf of footer.leaves) {
    if (otherwise.has(leaf.name)) continue;
    const column = decodeAt(file, footer, 0, leaf.ordinal);
    const { values, valid } = plainOf(column);
    const { minValue, maxValue, nullCount } = statisticsOf(values, leaf.type, valid, column.nulls);
    const theirs = footer.rowGroups[0]!.chunks[leaf.ordinal]!.statistics!;
    assert.deepEqual([minValue, maxValue, nullCount], [theirs.minValue, theirs.maxValue, theirs.nullCount], leaf.name);
    compared++;
  }
  assert.ok(compared > 15);
});

function ofTexts(texts: string[]): RawStatistics {
  const type: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  const data = Buffer.from(texts.join(''));
  const offsets = Uint32Array.of(0, ...texts.map((_, i) => Buffer.byteLength(texts.slice(0, i + 1).join(''))));
  return statisticsOf({ kind: 'bytes', length: texts.length, data, offsets }, type);
}

test('long texts are cut between characters, and the maximum is rounded up', () => {
  const cut = (text: string) => {
    const { minValue, maxValue, minExact, maxExact } = ofTexts([text]);
    assert.deepEqual([minExact, maxExact], [false, maxValue && false]);
    return [Buffer.from(minValue!).toString(), maxValue && Buffer.from(maxValue).toString()];
  };
  const a = 'a'.repeat(63);
  assert.deepEqual(cut(`${a}bcd`), [`${a}b`, `${a}c`]);
  assert.deepEqual(cut(`${a}éé`), [a, `${'a'.repeat(62)}b`]);
  assert.deepEqual(cut(`${a}\u007fz`), [`${a}\u007f`, `${a}\u0080`]);
  assert.deepEqual(cut(`${'a'.repeat(61)}\ud7ff!!`), [`${'a'.repeat(61)}\ud7ff`, `${'a'.repeat(61)}\ue000`]);
  assert.deepEqual(cut('\u{10ffff}'.repeat(20)), ['\u{10ffff}'.repeat(16), undefined]);
});

test('bytes of nothing but 255 have no rounded-up maximum', () => {
  const data = new Uint8Array(100).fill(255);
  const values: Values = { kind: 'bytes', length: 1, data, offsets: Uint32Array.of(0, 100) };
  const statistics = statisticsOf(values, { physical: 'BYTE_ARRAY' });
  assert.equal(statistics.maxValue, undefined);
  assert.equal(statistics.minValue?.length, 64);
});

test('long bytes are cut: the minimum as it begins, the maximum with its last byte that can grow raised by one', () => {
  const of = (data: Uint8Array, type: ColumnType = { physical: 'BYTE_ARRAY' }) => {
    const offsets = Uint32Array.of(0, data.length);
    const { minValue, maxValue, minExact, maxExact } = statisticsOf({ kind: 'bytes', length: 1, data, offsets }, type);
    return { min: minValue && [...minValue], max: maxValue && [...maxValue], minExact, maxExact };
  };
  const sevens = new Array<number>(64).fill(7);
  assert.deepEqual(of(Uint8Array.from([...sevens, 1])), {
    ...{ min: sevens, max: [...sevens.slice(1), 8] },
    ...{ minExact: false, maxExact: false },
  });
  const full = new Array<number>(69).fill(255);
  assert.deepEqual(of(Uint8Array.from([5, ...full])).max, [6]);
  assert.deepEqual(of(Uint8Array.from([5, 254, ...full])).max, [5, 255]);
  // Exactly as long as a bound may be.
  assert.deepEqual(of(Uint8Array.from(sevens)), { min: sevens, max: sevens, minExact: true, maxExact: true });
  // The leading bytes of a decimal are no bound of it.
  const decimal: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'decimal', precision: 38, scale: 0 } };
  const nothing = { min: undefined, max: undefined, minExact: undefined, maxExact: undefined };
  assert.deepEqual(of(Uint8Array.from([...sevens, 1]), decimal), nothing);
  assert.deepEqual(of(Uint8Array.from(sevens), decimal).max, sevens);
});

test('zero is -0 as a minimum and +0 as a maximum, and NaN is no bound', () => {
  const doubles = (...numbers: number[]) =>
    statisticsOf({ kind: 'double', length: numbers.length, data: Float64Array.from(numbers) }, { physical: 'DOUBLE' });
  const zero = [0, 0, 0, 0, 0, 0, 0, 0];
  const minusZero = [0, 0, 0, 0, 0, 0, 0, 0x80];
  for (const numbers of [[0], [-0], [0, Number.NaN, -0]]) {
    const { minValue, maxValue } = doubles(...numbers);
    assert.deepEqual([[...minValue!], [...maxValue!]], [minusZero, zero]);
  }
  assert.deepEqual(doubles(Number.NaN, Number.NaN), {});
  const half: ColumnType = { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 2, annotation: { kind: 'float16' } };
  const { minValue, maxValue } = statisticsOf({ kind: 'fixed', length: 1, data: new Uint8Array(2), width: 2 }, half);
  assert.deepEqual([[...minValue!], [...maxValue!]], [minusZero.slice(-2), zero.slice(-2)]);
  const single = statisticsOf({ kind: 'float', length: 1, data: Float32Array.of(0) }, { physical: 'FLOAT' });
  assert.deepEqual([[...single.minValue!], [...single.maxValue!]], [minusZero.slice(-4), zero.slice(-4)]);
  // Of other bytes a zero is a zero.
  const { annotation: _, ...plain } = half;
  const bytes = statisticsOf({ kind: 'fixed', length: 1, data: new Uint8Array(2), width: 2 }, plain);
  assert.deepEqual([...bytes.minValue!], [0, 0]);
  const infinite = doubles(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY);
  assert.equal(Buffer.from(infinite.minValue!).readDoubleLE(), Number.NEGATIVE_INFINITY);
  assert.equal(Buffer.from(infinite.maxValue!).readDoubleLE(), Number.POSITIVE_INFINITY);
});

test('decimals in bytes are ordered as signed integers of any length', () => {
  const bytes = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
  assert.ok(compareDecimals(bytes('ff'), bytes('00')) < 0);
  assert.ok(compareDecimals(bytes('ff80'), bytes('ff')) < 0);
  assert.equal(compareDecimals(bytes('ffff'), bytes('ff')), 0);
  assert.equal(compareDecimals(bytes('007f'), bytes('7f')), 0);
  assert.ok(compareDecimals(bytes('0080'), bytes('7f')) > 0);
});

test('unused dictionary entries are no bounds', () => {
  const type: ColumnType = { physical: 'INT32' };
  const dictionary: Values = { kind: 'int32', length: 4, data: Int32Array.of(-9, 5, 3, 99) };
  const statistics = statisticsOf(dictionary, type, Uint8Array.of(0, 1, 1, 0), 7);
  const expected: RawStatistics = { nullCount: 7, minExact: true, maxExact: true };
  assert.deepEqual(statistics, {
    ...expected,
    minValue: Uint8Array.of(3, 0, 0, 0),
    maxValue: Uint8Array.of(5, 0, 0, 0),
  });
  // The same through a file.
  const chunk = encodePlain(type, true, dictionary, Uint8Array.of(0, 1, 1, 0), 'SNAPPY');
  const file = fileOf([{ name: 'c', type, optional: true, chunks: [chunk] }]);
  assert.deepEqual(footerOf(file).rowGroups[0]!.chunks[0]!.statistics, { ...statistics, nullCount: 2 });
});

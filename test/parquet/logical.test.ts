/** JavaScript values of every type: as DuckDB shows them, there and back, and refused with a reason. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { decimalNumber, decimalText, parseDecimal, roundToDecimal } from '../../src/parquet/decimal.ts';
import { float16At, float16Bits } from '../../src/parquet/float16.ts';
import { builder, compatible, kindsOf, type LogicalKind, reader } from '../../src/parquet/logical.ts';
import type { ColumnType, Values } from '../../src/parquet/types.ts';
import { everythingQuery, Judge } from './support/duckdb.ts';
import { decodeAt, firstDifference, footerOf, plainOf } from './support/files.ts';
import { everyType, randomColumn } from './support/random.ts';

const iso = (date: unknown) => (date as Date).toISOString().replace('T', ' ').replace('Z', '');

/** Floats by their bits, since texts of floats differ between engines. */
function floatText(value: unknown): string {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value as number);
  return Number.isNaN(value) ? 'nan' : buffer.toString('hex');
}

/** How DuckDB prints what the reader gives; the columns that are missing print as `String` does. */
const printed: Record<string, (value: unknown) => string> = {
  day: (value) => iso(value).slice(0, 10),
  ts: iso,
  ts_ms: iso,
  ts_ns: iso,
  tstz: iso,
  blob: (value) => Buffer.from(value as Uint8Array).toString(),
  tod: (value) => new Date(Number((value as bigint) / 1000n)).toISOString().slice(11, 23),
  f32: floatText,
  f64: floatText,
};

test('every value is what DuckDB says it is', async () => {
  const judge = await Judge.open();
  const file = await judge.write(everythingQuery(1000));
  const path = judge.put('everything.parquet', file);
  // To the millisecond, rounded down, as a Date holds it; floats as doubles in full.
  const ms = (column: string) => `strftime(${column}::TIMESTAMP, '%Y-%m-%d %H:%M:%S.%g') AS ${column}`;
  const rows = await judge.rows(`SELECT * EXCLUDE (step) REPLACE (${['ts', 'ts_ms', 'tstz'].map(ms).join()},
    strftime(ts_ns, '%Y-%m-%d %H:%M:%S.%g') AS ts_ns, left(tod::VARCHAR || '.000000', 12) AS tod,
    decode(blob) AS blob, f32::DOUBLE AS f32) FROM '${path}'`);
  judge.close();
  const footer = footerOf(file);
  for (const leaf of footer.leaves) {
    if (leaf.name === 'step') continue;
    const { values, valid } = plainOf(decodeAt(file, footer, 0, leaf.ordinal));
    const read = reader(leaf.type, 'any');
    const isFloat = printed[leaf.name] === floatText;
    rows.forEach((row, r) => {
      const value = valid?.[r] === 0 ? null : read(values, r);
      const shown = isFloat && row[leaf.name] !== null ? floatText(Number(row[leaf.name])) : row[leaf.name];
      const expected = shown === null ? null : String(shown).toLowerCase();
      const got = value === null ? null : (printed[leaf.name] ?? String)(value).toLowerCase();
      // The text of a time has as many decimals as it needs.
      if (leaf.name === 'tod' && got !== null)
        assert.ok(got.startsWith(expected!.replace(/\.?0*$/, '')), `${leaf.name} ${r}`);
      else assert.equal(got, expected, `${leaf.name} of row ${r}`);
    });
  }
});

test('what is read in any kind is written back as it was', () => {
  const exact: Record<string, LogicalKind[]> = {
    timestamp: ['bigint'],
    localTimestamp: ['bigint'],
    int96: ['bigint'],
    int64: ['bigint'],
    uint64: ['bigint'],
    decimal38: ['string', 'bigint'],
    decimal18: ['string', 'bigint'],
    bytes: ['bytes'],
  };
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(everyType)), fc.integer(), fc.boolean(), (name, seed, withNulls) => {
      const type = everyType[name]!;
      // Random bytes are no valid Julian day, and beyond the precision.
      if (name === 'int96' || name === 'decimal38') return;
      const column = randomColumn(type, 60, 60, withNulls ? 0.3 : 0, seed);
      for (const kind of exact[name] ?? kindsOf(type)) {
        const read = reader(type, kind);
        const build = builder(type);
        for (let r = 0; r < 60; r++) {
          if (column.valid?.[r] === 0) build.pushNull();
          else build.push(read(column.values, r));
        }
        const back = build.finish();
        assert.equal(build.length, 60);
        assert.equal(back.valid === undefined, column.nulls === 0);
        if (name === 'decimalBytes') continue; // The same number may have more bytes than it needs.
        if (name === 'float16') continue; // NaNs of other bits are one NaN.
        if ((type.physical === 'FLOAT' || type.physical === 'DOUBLE') && kind === 'number') {
          for (let r = 0; r < 60; r++) assert.ok(Object.is(read(back.values, r), read(column.values, r)));
        } else assert.equal(firstDifference(back, column), -1, `${name} as ${kind}`);
      }
    }),
    { numRuns: 300 },
  );
});

function roundTrip(type: ColumnType, value: unknown, kind: LogicalKind = 'any'): unknown {
  const build = builder(type);
  build.push(value);
  return reader(type, kind)(build.finish().values, 0);
}

test('one value of each kind, in the kinds it can be had', () => {
  const when = new Date('2024-02-29T12:34:56.789Z');
  const cases: [ColumnType, unknown, LogicalKind, unknown][] = [
    [everyType.decimal9!, '12.34', 'string', '12.34'],
    [everyType.decimal9!, '-0.05', 'number', -0.05],
    [everyType.decimal9!, 7, 'string', '7.00'],
    [everyType.decimal9!, 0.1 + 0.2, 'string', '0.30'],
    [everyType.decimal9!, -1.005, 'bigint', -101n],
    [everyType.decimal9!, 1234n, 'string', '12.34'],
    [everyType.decimalBytes!, '-123456789012345678901234567.891', 'string', '-123456789012345678901234567.891'],
    [everyType.decimal38!, '-1.5', 'bigint', -15_000_000_000n],
    [everyType.uint32!, 4294967295, 'any', 4294967295],
    [everyType.uint64!, 2n ** 64n - 1n, 'any', 2n ** 64n - 1n],
    [everyType.int64!, 2 ** 53 - 1, 'number', 2 ** 53 - 1],
    [everyType.date!, when, 'any', new Date('2024-02-29')],
    [everyType.date!, new Date('1969-12-31T23:00:00Z'), 'bigint', -1n],
    [everyType.timestamp!, when, 'any', when],
    [everyType.timestamp!, -1n, 'any', new Date(-1)],
    [everyType.localTimestamp!, 1_999_999n, 'date', new Date(1)],
    [everyType.int96!, when, 'any', when],
    [everyType.int96!, -1n, 'bigint', -1n],
    [everyType.int96!, -1n, 'date', new Date(-1)],
    [everyType.timeMs!, 86_399_999, 'any', 86_399_999],
    [everyType.uuid!, '0F0E0D0C-0B0A-0908-0706-050403020100', 'any', '0f0e0d0c-0b0a-0908-0706-050403020100'],
    [everyType.float16!, 0.5, 'any', 0.5],
    [everyType.float!, 0.1, 'any', Math.fround(0.1)],
    [everyType.boolean!, true, 'any', true],
    [everyType.string!, 'a\u0000é😀\ufeff', 'any', 'a\u0000é😀\ufeff'],
    [everyType.string!, '\ufeffx', 'any', '\ufeffx'],
    [everyType.bytes!, 'text', 'string', 'text'],
    [everyType.bytes!, Uint8Array.of(1, 255), 'any', Uint8Array.of(1, 255)],
    [everyType.fixed!, Uint8Array.of(1, 2, 3, 4, 5), 'any', Uint8Array.of(1, 2, 3, 4, 5)],
    [everyType.json!, '{"a":1}', 'any', '{"a":1}'],
  ];
  for (const [type, value, kind, expected] of cases) assert.deepEqual(roundTrip(type, value, kind), expected);
});

test('values that do not fit are refused, and say why', () => {
  const refusals: [ColumnType, unknown, RegExp][] = [
    [everyType.int32!, 2 ** 31, /out of range/],
    [everyType.int32!, 1.5, /not an integer/],
    [everyType.int32!, '1', /"1" is no INT32/],
    [everyType.int32!, Number.NaN, /NaN is no INT32: it is not an integer/],
    [everyType.int8!, 128, /128 is no INT_8 on INT32: it is out of range/],
    [everyType.uint32!, -1, /out of range/],
    [everyType.int64!, 2 ** 53, /use a bigint/],
    [everyType.int64!, 2n ** 63n, /out of range/],
    [everyType.uint64!, -1n, /out of range/],
    [everyType.decimal9!, '1.234', /more than 2 decimals/],
    [everyType.decimal9!, '12345678', /more than 9 digits/],
    [everyType.decimal9!, 'twelve', /not a decimal number/],
    [everyType.decimal9!, Number.POSITIVE_INFINITY, /Infinity is not a decimal number/],
    [everyType.date!, 5, /5 is no DATE/],
    [everyType.date!, new Date(Number.NaN), /invalid Date/],
    [everyType.timestamp!, '2024-01-01', /is no TIMESTAMP\(MICROS, UTC\)/],
    [everyType.localTimestamp!, new Date(8.64e15), /out of range/],
    [everyType.timeMs!, 86_400_000, /out of range/],
    [everyType.boolean!, 1, /1 is no BOOLEAN/],
    [everyType.double!, 1n, /1 is no DOUBLE/],
    [everyType.string!, 5, /5 is no STRING/],
    [everyType.string!, 'a\ud800', /lone surrogate/],
    [everyType.uuid!, 'not-a-uuid', /is no UUID/],
    [everyType.fixed!, Uint8Array.of(1), /1 bytes instead of 5/],
    [everyType.string!, {}, /a value of type object/],
  ];
  for (const [type, value, message] of refusals) {
    const build = builder(type);
    assert.throws(() => build.push(value), { code: 'InvalidValue', message });
    // The refused value leaves no trace.
    build.pushNull();
    assert.equal(build.length, 1);
    assert.deepEqual(build.finish().valid, Uint8Array.of(0));
  }
});

test('reading refuses what a kind cannot hold', () => {
  const longs: Values = { kind: 'int64', length: 1, data: BigInt64Array.of(2n ** 53n) };
  assert.throws(() => reader(everyType.int64!, 'number')(longs, 0), {
    code: 'InvalidValue',
    message: /9007199254740992/,
  });
  const far: Values = { kind: 'int64', length: 1, data: BigInt64Array.of(2n ** 63n - 1n) };
  assert.ok(reader(everyType.timestamp!, 'bigint')(far, 0) === 2n ** 63n - 1n);
  const ms: ColumnType = { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'MILLIS', utc: true } };
  assert.throws(() => reader(ms, 'date')(far, 0), { code: 'InvalidValue' });
  const bad: Values = { kind: 'bytes', length: 1, data: Uint8Array.of(0x61, 0xff), offsets: Uint32Array.of(0, 2) };
  assert.throws(() => reader(everyType.string!, 'string')(bad, 0), { code: 'InvalidValue', message: /not UTF-8/ });
});

test('kinds and types that do not go together are refused before any value is read', () => {
  assert.equal(compatible(everyType.int32!, 'any'), true);
  assert.equal(compatible(everyType.decimal9!, 'number'), true);
  assert.equal(
    compatible(everyType.string!, 'number'),
    'STRING on BYTE_ARRAY can be read as string or bytes, not as number',
  );
  assert.match(String(compatible(everyType.timestamp!, 'number')), /TIMESTAMP\(MICROS, UTC\) on INT64/);
  assert.throws(
    () => reader(everyType.boolean!, 'string'),
    (error) => error instanceof OrdinalError && error.code === 'ColumnTypeMismatch',
  );
});

test('decimal texts and numbers', () => {
  assert.equal(decimalText(-5n, 3), '-0.005');
  assert.equal(decimalText(0n, 0), '0');
  assert.equal(decimalNumber(12345678901234567890n, 10), 1234567890.1234567);
  assert.equal(parseDecimal('1e3', 2), 100_000n);
  assert.equal(parseDecimal('+.5', 1), 5n);
  assert.equal(parseDecimal('1.500', 1), 15n);
  for (const text of ['', '.', '-', '1,5', '0x10', '1e', ' ']) assert.equal(typeof parseDecimal(text, 2), 'string');
  fc.assert(
    fc.property(
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      fc.integer({ min: 0, max: 20 }),
      (unscaled, scale) => {
        assert.equal(parseDecimal(decimalText(unscaled, scale), scale), unscaled);
        assert.equal(decimalNumber(unscaled, scale), Number(decimalText(unscaled, scale)));
      },
    ),
  );
  fc.assert(
    fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (number) => {
      // Numbers that fit the scale come back.
      const unscaled = roundToDecimal(number, 340);
      assert.equal(decimalNumber(unscaled as bigint, 340), number === 0 ? 0 : number);
    }),
  );
});

test('half precision rounds to nearest, ties to even', () => {
  for (let bits = 0; bits < 65536; bits++) {
    const number = float16At(Uint8Array.of(bits & 255, bits >>> 8), 0);
    if (!Number.isNaN(number)) assert.equal(float16Bits(number), bits);
  }
  assert.equal(float16Bits(65519), 0x7bff);
  assert.equal(float16Bits(65520), 0x7c00);
  assert.equal(float16Bits(2 ** -25), 0);
  assert.equal(float16Bits(2 ** -24 * 1.5), 2);
  assert.equal(float16Bits(1 + 2 ** -11), 0x3c00);
  assert.equal(float16Bits(1 + 3 * 2 ** -11), 0x3c02);
});

test('64-bit decimals are the nearest doubles, below 2^52, at it and beyond', () => {
  const edges = [
    0n,
    1n,
    2n ** 32n - 1n,
    2n ** 32n,
    2n ** 52n - 1n,
    2n ** 52n,
    2n ** 53n - 1n,
    2n ** 53n + 1n,
    10n ** 18n - 1n,
  ];
  const data = BigInt64Array.from(edges.flatMap((edge) => [edge, -edge, edge / 7n, -edge / 7n - 1n]));
  for (const scale of [0, 2, 9, 18]) {
    const type: ColumnType = { physical: 'INT64', annotation: { kind: 'decimal', precision: 18, scale } };
    const read = reader(type, 'number');
    for (let i = 0; i < data.length; i++) {
      const wanted = Number(decimalText(data[i]!, scale));
      assert.equal(read({ kind: 'int64', length: data.length, data }, i), wanted, `${data[i]} of scale ${scale}`);
    }
  }
});

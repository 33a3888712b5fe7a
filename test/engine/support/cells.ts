/**
 * Kinds of source columns: a Parquet type, a schema, random values, and for each value what a pipeline's functions
 * must see (`js`) and what a reader must find (`canon`, a text).
 */
import { z } from 'zod';
import type { ColumnType } from '../../../src/parquet/types.ts';

/** A value after the contract; null is null. */
export interface Cell {
  js: unknown;
  canon: string;
  /** True for a value that the schema refuses. */
  refused?: boolean;
}

export interface ColumnKind {
  type: ColumnType;
  schema: z.ZodType;
  /** What the schema gives: names kinds that may be the same natural key. */
  gives: string;
  /** True when the schema may turn a value into null. */
  givesNull?: boolean;
  /** A physical value, as a builder takes it. */
  raw(random: () => number): unknown;
  /** Other types that a file may hold the same values in, the widest first. */
  variants?: { type: ColumnType; raw?(raw: unknown): unknown }[];
  /** The cell that the contract must make of a raw value. */
  cell(raw: unknown): Cell | null;
}

const int = (random: () => number, min: number, max: number) => min + Math.floor(random() * (max - min + 1));
const plain = (js: unknown): Cell => ({ js, canon: canonOf(js) });

/** The canonical text of a JavaScript value of any kind that needs no type. */
export function canonOf(js: unknown): string {
  if (js instanceof Uint8Array) return `0x${Buffer.from(js).toString('hex')}`;
  if (js instanceof Date) return `${BigInt(js.getTime()) * 1_000_000n}ns`;
  if (Object.is(js, -0)) return '-0';
  return String(js);
}

function kind(
  type: ColumnType,
  gives: string,
  schema: z.ZodType,
  raw: ColumnKind['raw'],
  cell: ColumnKind['cell'] = plain,
): ColumnKind {
  return { type, gives, schema, raw, cell };
}

const letters = ['a', 'B', ' ', 'é', '', 'ß', '😀', 'x y', '\n'];
function text(random: () => number): string {
  let out = '';
  for (let n = int(random, 0, random() < 0.05 ? 60 : 4); n > 0; n--) out += letters[int(random, 0, letters.length - 1)];
  return out;
}

const bytes = (random: () => number, length: number) => Uint8Array.from({ length }, () => int(random, 0, 255));
const int64 = (random: () => number) =>
  random() < 0.5 ? BigInt(int(random, -50, 50)) : BigInt.asIntN(64, BigInt(int(random, 0, 2 ** 50)) * 8191n);
const finite = (random: () => number) =>
  random() < 0.3 ? [0, -0, 1.5, -1, 1e300][int(random, 0, 4)]! : random() * 1e6;

function decimalText(unscaled: bigint, scale: number): string {
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  return `${unscaled < 0n ? '-' : ''}${whole}${scale > 0 ? `.${digits.slice(-scale)}` : ''}`;
}

function decimal(physical: ColumnType['physical'], precision: number, scale: number, typeLength?: number): ColumnType {
  return { physical, ...(typeLength && { typeLength }), annotation: { kind: 'decimal', precision, scale } };
}

const unscaled = (precision: number) => (random: () => number) => {
  const magnitude = BigInt(int(random, 0, 2 ** 50)) * (precision > 18 ? 10n ** BigInt(precision - 18) : 1n);
  return (random() < 0.5 ? -1n : 1n) * (magnitude % 10n ** BigInt(precision));
};
const asDecimalText = (scale: number) => (raw: unknown) => plain(decimalText(raw as bigint, scale));

function timestamp(unit: 'MILLIS' | 'MICROS' | 'NANOS', utc: boolean, asDate: boolean): ColumnKind {
  const nanos = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n }[unit];
  const perMs = 1_000_000n / nanos;
  const type: ColumnType = { physical: 'INT64', annotation: { kind: 'timestamp', unit, utc } };
  const raw = (random: () => number) =>
    BigInt(int(random, -1e12, 2e12)) * perMs + BigInt(int(random, 0, Number(perMs)));
  const cell = (value: unknown): Cell => {
    const units = value as bigint;
    const floor = units >= 0n || units % perMs === 0n ? units / perMs : units / perMs - 1n;
    return { js: asDate ? new Date(Number(floor)) : units, canon: `${units * nanos}ns` };
  };
  return kind(type, `timestamp${unit}${utc}${asDate}`, asDate ? z.date() : z.bigint(), raw, cell);
}

function time(unit: 'MILLIS' | 'MICROS' | 'NANOS', utc: boolean): ColumnKind {
  const nanos = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n }[unit];
  const type: ColumnType = { physical: unit === 'MILLIS' ? 'INT32' : 'INT64', annotation: { kind: 'time', unit, utc } };
  const raw = (random: () => number) => {
    const micros = BigInt(int(random, 0, 86_399_999_999));
    return unit === 'MILLIS' ? Number(micros / 1000n) : (micros * 1000n) / nanos;
  };
  const cell = (units: unknown): Cell => ({ js: units, canon: `${BigInt(units as number | bigint) * nanos}ns` });
  return kind(type, `time${unit}${utc}`, unit === 'MILLIS' ? z.int() : z.bigint(), raw, cell);
}

const signed = (bitWidth: 8 | 16 | 32 | 64, isSigned: boolean) =>
  ({ kind: 'int', bitWidth, signed: isSigned }) as const;
const string: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const asText = z.string();

const kinds: Record<string, ColumnKind> = {
  boolean: kind({ physical: 'BOOLEAN' }, 'boolean', z.boolean(), (r) => r() < 0.5),
  int32: kind({ physical: 'INT32' }, 'int32', z.int(), (r) => int(r, -1000, 1000)),
  int32bounded: kind({ physical: 'INT32' }, 'int32', z.int().min(-5).max(1e9), (r) => int(r, -5, 1e9)),
  int32number: kind({ physical: 'INT32' }, 'int32', z.number(), (r) => int(r, -(2 ** 31), 2 ** 31 - 1)),
  int32bigint: kind(
    { physical: 'INT32' },
    'int32n',
    z.bigint(),
    (r) => int(r, -9, 9),
    (raw) => plain(BigInt(raw as number)),
  ),
  int8: kind({ physical: 'INT32', annotation: signed(8, true) }, 'int8', z.int(), (r) => int(r, -128, 127)),
  uint8: kind({ physical: 'INT32', annotation: signed(8, false) }, 'uint8', z.int(), (r) => int(r, 0, 255)),
  int16: kind({ physical: 'INT32', annotation: signed(16, true) }, 'int16', z.int(), (r) => int(r, -(2 ** 15), 9)),
  uint16: kind({ physical: 'INT32', annotation: signed(16, false) }, 'uint16', z.int(), (r) => int(r, 0, 2 ** 16 - 1)),
  uint32: kind({ physical: 'INT32', annotation: signed(32, false) }, 'uint32', z.int(), (r) => int(r, 0, 2 ** 32 - 1)),
  int64: kind({ physical: 'INT64' }, 'int64', z.bigint(), int64),
  int64number: kind(
    { physical: 'INT64' },
    'int64n',
    z.int().min(-(2 ** 40)),
    (r) => BigInt(int(r, -(2 ** 40), 2 ** 50)),
    (raw) => plain(Number(raw)),
  ),
  uint64: kind({ physical: 'INT64', annotation: signed(64, false) }, 'uint64', z.bigint(), (r) =>
    BigInt.asUintN(64, int64(r)),
  ),
  float: kind({ physical: 'FLOAT' }, 'float', z.number(), (r) => Math.fround(finite(r) % 1e30)),
  double: kind({ physical: 'DOUBLE' }, 'double', z.number(), finite),
  doubleBounded: kind({ physical: 'DOUBLE' }, 'double', z.number().min(0), (r) => Math.abs(finite(r))),
  float16: kind(
    { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 2, annotation: { kind: 'float16' } },
    'float16',
    z.number(),
    (r) => int(r, 1, 2000),
  ),
  string: kind(string, 'string', asText, text),
  stringActive: kind(string, 'string', asText.max(1000), text),
  stringTrimmed: kind(string, 'string', asText.trim().toLowerCase(), text, (raw) =>
    plain((raw as string).trim().toLowerCase()),
  ),
  stringToLength: kind(string, 'length', asText.transform((s) => s.length).pipe(z.int32()), text, (raw) =>
    plain((raw as string).length),
  ),
  stringToNull: {
    ...kind(
      string,
      'string',
      asText.transform((s) => (s.length === 1 ? null : s)).pipe(z.string().nullable()),
      text,
      (raw) => ((raw as string).length === 1 ? null : plain(raw)),
    ),
    givesNull: true,
  },
  numberSame: kind(
    { physical: 'INT32' },
    'double',
    z
      .number()
      .transform((n) => n)
      .pipe(z.number()),
    (r) => int(r, -5, 50),
  ),
  enumText: kind({ physical: 'BYTE_ARRAY', annotation: { kind: 'enum' } }, 'enum', asText, text),
  json: kind({ physical: 'BYTE_ARRAY', annotation: { kind: 'json' } }, 'json', asText, (r) => `{"a":${int(r, 0, 99)}}`),
  bytes: kind({ physical: 'BYTE_ARRAY' }, 'bytes', z.instanceof(Uint8Array), (r) => bytes(r, int(r, 0, 5))),
  // Months, days and milliseconds, each below 256.
  interval: kind(
    { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 12, annotation: { kind: 'interval' } },
    'interval',
    z.instanceof(Uint8Array),
    (r) => Uint8Array.from({ length: 12 }, (_, i) => (i % 4 === 0 ? int(r, 0, 255) : 0)),
  ),
  fixed: kind({ physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 3 }, 'fixed', z.instanceof(Uint8Array), (r) =>
    bytes(r, 3),
  ),
  uuid: kind({ physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 16, annotation: { kind: 'uuid' } }, 'uuid', asText, (r) =>
    Buffer.from(bytes(r, 16))
      .toString('hex')
      .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
  ),
  date: kind(
    { physical: 'INT32', annotation: { kind: 'date' } },
    'date',
    z.date(),
    (r) => BigInt(int(r, -20000, 40000)),
    (raw) => ({ js: new Date(Number(raw) * 86_400_000), canon: `${raw}d` }),
  ),
  timeMillis: time('MILLIS', false),
  timeMillisUtc: time('MILLIS', true),
  timeMicros: time('MICROS', false),
  timeMicrosUtc: time('MICROS', true),
  timeNanos: time('NANOS', false),
  timestampMicros: timestamp('MICROS', true, true),
  timestampMillis: timestamp('MILLIS', false, true),
  timestampNanos: timestamp('NANOS', false, false),
  timestampMillisUtc: timestamp('MILLIS', true, false),
  timestampMillisDate: timestamp('MILLIS', true, true),
  timestampMicrosLocal: timestamp('MICROS', false, false),
  // DuckDB has no nanoseconds with a zone: it would show microseconds.
  timestampNanosUtc: { ...timestamp('NANOS', true, false), raw: (r) => BigInt(int(r, -1e15, 2e15)) * 1000n },
  int96: kind(
    { physical: 'INT96' },
    'int96',
    z.date(),
    (r) => BigInt(int(r, -1e12, 2e12)) * 1_000_000n + BigInt(int(r, 0, 999)) * 1000n,
    (raw) => {
      const nanos = raw as bigint;
      const ms = nanos / 1_000_000n;
      const floor = nanos >= 0n || nanos % 1_000_000n === 0n ? ms : ms - 1n;
      return { js: new Date(Number(floor)), canon: `${nanos}ns` };
    },
  ),
  decimal9: kind(decimal('INT32', 9, 2), 'decimal9', asText, unscaled(9), asDecimalText(2)),
  decimal9number: kind(
    decimal('INT32', 9, 2),
    'decimal9n',
    z.number().min(-1e6),
    (r) => BigInt(int(r, -1e8, 9e8)),
    (raw) => ({ js: Number(decimalText(raw as bigint, 2)), canon: decimalText(raw as bigint, 2) }),
  ),
  decimal18: kind(decimal('INT64', 18, 4), 'decimal18', asText, unscaled(18), asDecimalText(4)),
  decimalBytes: kind(decimal('BYTE_ARRAY', 30, 3), 'decimalBytes', asText, unscaled(30), asDecimalText(3)),
  decimal38: kind(decimal('FIXED_LEN_BYTE_ARRAY', 38, 10, 16), 'decimal38', z.bigint(), unscaled(38), (raw) => ({
    js: raw,
    canon: decimalText(raw as bigint, 10),
  })),
};

const int64Type: ColumnType = { physical: 'INT64' };
const dateIn = (unit: 'MILLIS' | 'MICROS' | 'NANOS', factor: bigint) => ({
  type: { physical: 'INT64', annotation: { kind: 'timestamp', unit, utc: false } } satisfies ColumnType,
  raw: (raw: unknown) => (raw as bigint) * factor,
});

/** Other types that files of one run may hold a kind's values in, the widest first. */
const variants: Record<string, NonNullable<ColumnKind['variants']>> = {
  int32: [{ type: int64Type }, { type: { physical: 'INT32', annotation: signed(16, true) } }],
  int32bounded: [{ type: int64Type }],
  int32bigint: [{ type: int64Type }, { type: { physical: 'INT32', annotation: signed(8, true) } }],
  int8: [
    { type: int64Type },
    { type: { physical: 'INT32' } },
    { type: { physical: 'INT32', annotation: signed(16, true) } },
  ],
  uint32: [{ type: int64Type }],
  float: [{ type: { physical: 'DOUBLE' } }],
  numberSame: [{ type: int64Type }],
  timestampMillis: [dateIn('NANOS', 1_000_000n), dateIn('MICROS', 1000n)],
  decimal9: [
    { type: decimal('FIXED_LEN_BYTE_ARRAY', 22, 2, 10) },
    { type: decimal('INT64', 18, 2) },
    { type: decimal('BYTE_ARRAY', 9, 2) },
    { type: decimal('FIXED_LEN_BYTE_ARRAY', 9, 2, 5) },
  ],
  decimal9number: [{ type: decimal('INT64', 12, 2) }],
  decimalBytes: [{ type: decimal('FIXED_LEN_BYTE_ARRAY', 33, 3, 14) }],
};

/** Kinds whose schemas refuse some of the values. */
export const pickyKinds: Record<string, ColumnKind> = {
  pickyInt: {
    ...kinds.int32!,
    schema: z.int().refine((n) => n % 3 !== 0, 'a multiple of three'),
    cell: (raw) => ({ ...plain(raw), refused: (raw as number) % 3 === 0 }),
  },
  pickyBounds: {
    ...kinds.int64number!,
    schema: z.int().max(0),
    cell: (raw) => ({ ...plain(Number(raw)), refused: (raw as bigint) > 0n }),
  },
  // Zod counts characters, not code units.
  pickyText: {
    ...kinds.string!,
    schema: z.string().trim().max(3),
    cell: (raw) => ({ ...plain((raw as string).trim()), refused: [...(raw as string).trim()].length > 3 }),
  },
  pickyLength: {
    ...kinds.stringToLength!,
    schema: z
      .string()
      .transform((s) => s.length)
      .pipe(z.int32().max(3)),
    cell: (raw) => ({ ...plain((raw as string).length), refused: (raw as string).length > 3 }),
  },
  pickyDecimal: {
    ...kinds.decimal9number!,
    schema: z.number().max(100),
    cell: (raw) => ({ ...kinds.decimal9number!.cell(raw)!, refused: (raw as bigint) > 10_000n }),
  },
};

export const columnKinds: Record<string, ColumnKind> = Object.fromEntries(
  Object.entries({ ...kinds, ...pickyKinds }).map(([name, one]) => [
    name,
    variants[name] ? { ...one, variants: variants[name] } : one,
  ]),
);

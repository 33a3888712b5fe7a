/**
 * Physical values as JavaScript values: what each column type can be read as, and a reader for it. `builder.ts` is the
 * way back. The contract, the verifier and the preview read by it. It must never give a value that is not exact, but
 * where the table says "nearest".
 *
 * | type | natural | also |
 * |---|---|---|
 * | BOOLEAN | boolean | |
 * | string, enum, JSON | string | bytes |
 * | BYTE_ARRAY, FIXED_LEN_BYTE_ARRAY, BSON, interval | bytes | string (BYTE_ARRAY that is UTF-8) |
 * | INT32, signed or unsigned | number | bigint |
 * | INT64, signed or unsigned | bigint | number (within ±(2^53 - 1)) |
 * | FLOAT, DOUBLE, FLOAT16 | number | |
 * | DECIMAL | string, exact | number (nearest double), bigint (unscaled) |
 * | date | date | bigint (days) |
 * | timestamp, INT96 | date (rounded down to ms) | bigint (raw; INT96: nanoseconds since the epoch) |
 * | time | number (MILLIS), bigint | number, bigint (raw units) |
 * | UUID | string | bytes |
 *
 * Specification: parquet-format `LogicalTypes.md`.
 */
import { OrdinalError } from '../errors.ts';
import { decimalNumber, decimalText, unscaledFromBytes } from './decimal.ts';
import { float16At } from './float16.ts';
import { textReader } from './text.ts';
import { dateOf, dayMs, int96Nanos, timestampMs } from './time.ts';
import { typeText } from './type-text.ts';
import type { ColumnType, PhysicalType, Values } from './types.ts';
import { bytesAt, copyOf } from './values.ts';

export { type Builder, builder } from './builder.ts';
export { typeText } from './type-text.ts';

/** How a value appears in JavaScript; 'any' is the type's natural kind. */
export type LogicalKind = 'string' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes' | 'any';

/** Reads value i. Throws `OrdinalError` InvalidValue where the value cannot be had in the kind. */
export type ValueReader = (values: Values, i: number) => unknown;

type Kind = Exclude<LogicalKind, 'any'>;

const kindsOfPhysical: Readonly<Record<PhysicalType, readonly Kind[]>> = {
  BOOLEAN: ['boolean'],
  INT32: ['number', 'bigint'],
  INT64: ['bigint', 'number'],
  INT96: ['date', 'bigint'],
  FLOAT: ['number'],
  DOUBLE: ['number'],
  BYTE_ARRAY: ['bytes', 'string'],
  FIXED_LEN_BYTE_ARRAY: ['bytes'],
};

/**
 * The kinds that a type can be read as, the natural one first.
 * @param type type of the column
 * @returns the kinds, the natural one first
 */
export function kindsOf(type: ColumnType): readonly Kind[] {
  const { annotation, physical } = type;
  switch (annotation?.kind) {
    case 'string':
    case 'enum':
    case 'json':
    case 'uuid':
      return ['string', 'bytes'];
    case 'decimal':
      return ['string', 'number', 'bigint'];
    case 'date':
    case 'timestamp':
      return ['date', 'bigint'];
    case 'float16':
      return ['number'];
    default:
      return kindsOfPhysical[physical];
  }
}

/**
 * True when a column of the type can be read as the kind; else why not.
 * @param type type of the column
 * @param kind how values are to appear in JavaScript
 * @returns true, or why not
 */
export function compatible(type: ColumnType, kind: LogicalKind): true | string {
  const kinds = kindsOf(type);
  if (kind === 'any' || kinds.includes(kind)) return true;
  return `${typeText(type)} can be read as ${kinds.join(' or ')}, not as ${kind}`;
}

/**
 * A reader of the type's values as the kind.
 * @param type type of the column
 * @param kind how values are to appear in JavaScript
 * @returns a function that reads one value; it throws `InvalidValue`
 * @throws `ColumnTypeMismatch` when the type cannot be read as the kind
 * @throws `InvalidValue` from the reader, for a value that cannot be had in the kind
 */
export function reader(type: ColumnType, kind: LogicalKind): ValueReader {
  const reason = compatible(type, kind);
  if (reason !== true) throw new OrdinalError('ColumnTypeMismatch', `${reason}.`);
  const wanted: Kind = kind === 'any' ? kindsOf(type)[0]! : kind;
  const { annotation } = type;
  switch (annotation?.kind) {
    case 'decimal':
      return decimalReader(annotation.scale, wanted);
    case 'uuid':
      return wanted === 'string' ? readUuid : readBytes;
    case 'float16':
      return (values, i) => float16At((values as Values & { kind: 'fixed' }).data, i * 2);
    case 'date':
      if (wanted === 'date') return (values, i) => checkedDate(Number(values.data[i]) * dayMs);
      return readBigint;
    case 'timestamp': {
      const { unit } = annotation;
      if (wanted === 'date') return (values, i) => checkedDate(timestampMs(longs(values)[i]!, unit));
      return readBigint;
    }
    case 'int':
      if (!annotation.signed) return unsignedReader(type, wanted);
      break;
    default:
  }
  switch (wanted) {
    case 'boolean':
      return (values, i) => values.data[i] !== 0;
    case 'string':
      return textReader();
    case 'bytes':
      return readBytes;
    case 'date':
      return (values, i) => checkedDate(timestampMs(readInt96(values, i), 'NANOS'));
    case 'bigint':
      return type.physical === 'INT96' ? readInt96 : readBigint;
    case 'number':
      return type.physical === 'INT64' ? (values, i) => safeNumber(longs(values)[i]!) : (values, i) => values.data[i];
  }
}

/**
 * A reader that fails on no value: integers as stored (INT96 as nanoseconds since the epoch), else bytes. For messages.
 * @param type type of the column
 * @returns a reader that throws nothing
 * @throws `ColumnTypeMismatch` or `InvalidValue` never: the kind is one of the type's own and takes every value
 */
export function rawReader(type: ColumnType): ValueReader {
  const kinds = kindsOf(type);
  return reader(type, kinds.includes('bigint') ? 'bigint' : kinds.includes('bytes') ? 'bytes' : 'any');
}

function longs(values: Values): BigInt64Array {
  return values.data as BigInt64Array;
}

function readBigint(values: Values, i: number): bigint {
  return values.kind === 'int64' ? values.data[i]! : BigInt(values.data[i]!);
}

function readInt96(values: Values, i: number): bigint {
  return int96Nanos((values as Values & { kind: 'fixed' }).data, i * 12);
}

function readBytes(values: Values, i: number): Uint8Array {
  return copyOf(bytesAt(values as Values & { kind: 'bytes' | 'fixed' }, i));
}

function unsignedReader(type: ColumnType, kind: Kind): ValueReader {
  if (type.physical === 'INT32') {
    if (kind === 'number') return (values, i) => (values.data as Int32Array)[i]! >>> 0;
    return (values, i) => BigInt((values.data as Int32Array)[i]! >>> 0);
  }
  const read = (values: Values, i: number) => BigInt.asUintN(64, longs(values)[i]!);
  return kind === 'bigint' ? read : (values, i) => safeNumber(read(values, i));
}

function decimalReader(scale: number, kind: Kind): ValueReader {
  const unscaled = (values: Values, i: number): bigint =>
    values.kind === 'bytes' || values.kind === 'fixed' ? unscaledFromBytes(bytesAt(values, i)) : readBigint(values, i);
  if (kind === 'bigint') return unscaled;
  if (kind === 'number') return decimalNumberReader(scale, unscaled);
  return (values, i) => decimalText(unscaled(values, i), scale);
}

/** 64-bit decimals below 2^52 are read in two halves: no BigInt is made, and the quotient is rounded once. */
function decimalNumberReader(scale: number, unscaled: (values: Values, i: number) => bigint): ValueReader {
  const divisor = 10 ** scale;
  let data: BigInt64Array | undefined;
  let halves = new Int32Array(0);
  return (values, i) => {
    if (values.kind !== 'int64' || scale > 22) return decimalNumber(unscaled(values, i), scale);
    if (values.data !== data) {
      data = values.data;
      halves = new Int32Array(data.buffer as ArrayBuffer, data.byteOffset, data.length * 2);
    }
    const high = halves[2 * i + 1]!;
    if (high >= 2 ** 20 || high < -(2 ** 20)) return decimalNumber(data[i]!, scale);
    return (high * 2 ** 32 + (halves[2 * i]! >>> 0)) / divisor;
  };
}

function safeNumber(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new OrdinalError(
    'InvalidValue',
    `${value} is beyond the integers that a number holds exactly: read the column as int64 or as a decimal.`,
    {
      remedy: 'Use z.bigint() for int64, or z.string() for the exact text of a decimal.',
    },
  );
}

function checkedDate(ms: number): Date {
  const date = dateOf(ms);
  if (date) return date;
  throw new OrdinalError('InvalidValue', 'The timestamp is beyond what a date can hold (±100,000,000 days).', {
    remedy: 'Read the column as a bigint (z.bigint()).',
  });
}

function readUuid(values: Values, i: number): string {
  const hex = Buffer.from(bytesAt(values as Values & { kind: 'fixed' }, i)).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

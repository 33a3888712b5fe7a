/**
 * Types that the files of one run may mix, and the one that holds the values of both:
 *
 * | here | there | output |
 * |---|---|---|
 * | integers, signed | wider, signed | the wider; without annotation from 32 bits on |
 * | integers, unsigned | wider, unsigned | the wider |
 * | integers, unsigned | signed | signed and twice as wide as the unsigned, up to 64 bits |
 * | FLOAT | DOUBLE | DOUBLE |
 * | TIME or TIMESTAMP in one unit | in another, both UTC or both local | the finer unit |
 * | ENUM | STRING | STRING |
 * | DECIMAL | same scale, another precision or encoding | the larger precision: INT32 to 9 digits, INT64 to 18, else fixed bytes |
 *
 * Everything else is refused: texts with bytes, UTC with local time, INT96 with TIMESTAMP, other scales.
 *
 * Specification: parquet-format `LogicalTypes.md`.
 */
import { type ErrorLocation, OrdinalError } from '../errors.ts';
import { unscaledFromBytes, unscaledToBytes } from '../parquet/decimal.ts';
import { typeText } from '../parquet/type-text.ts';
import type { Annotation, Column, ColumnType, TimeUnit, Values } from '../parquet/types.ts';
import { allocate, bytesAt } from '../parquet/values.ts';

const unitOrder: readonly TimeUnit[] = ['MILLIS', 'MICROS', 'NANOS'];
const perMilli: Record<TimeUnit, bigint> = { MILLIS: 1n, MICROS: 1000n, NANOS: 1_000_000n };

/** The type that holds all values of both, or undefined. */
export function widest(a: ColumnType, b: ColumnType): ColumnType | undefined {
  if (typeText(a) === typeText(b)) return a;
  const [x, y] = [a.annotation, b.annotation];
  if (x?.kind === 'decimal' && y?.kind === 'decimal') return x.scale === y.scale ? widestDecimal(x, y) : undefined;
  if ((x?.kind === 'time' || x?.kind === 'timestamp') && x.kind === y?.kind) {
    if (x.utc !== y.utc) return undefined;
    const unit = unitOrder[Math.max(unitOrder.indexOf(x.unit), unitOrder.indexOf(y.unit))]!;
    return { physical: 'INT64', annotation: { ...x, unit } };
  }
  const isText = (one: Annotation | undefined) => one?.kind === 'enum' || one?.kind === 'string';
  if (isText(x) && isText(y)) return { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  const [i, j] = [integerOf(a), integerOf(b)];
  if (i && j) return widestInteger(i, j);
  const isFloat = (type: ColumnType) => (type.physical === 'FLOAT' || type.physical === 'DOUBLE') && !type.annotation;
  return isFloat(a) && isFloat(b) ? { physical: 'DOUBLE' } : undefined;
}

interface Integer {
  bits: number;
  signed: boolean;
}

function integerOf({ physical, annotation }: ColumnType): Integer | undefined {
  if (physical !== 'INT32' && physical !== 'INT64') return undefined;
  if (annotation === undefined) return { bits: physical === 'INT32' ? 32 : 64, signed: true };
  return annotation.kind === 'int' ? { bits: annotation.bitWidth, signed: annotation.signed } : undefined;
}

function widestInteger(a: Integer, b: Integer): ColumnType | undefined {
  const signed = a.signed || b.signed;
  const need = (x: Integer) => (signed && !x.signed ? x.bits * 2 : x.bits);
  const bits = Math.max(need(a), need(b));
  if (bits !== 8 && bits !== 16 && bits !== 32 && bits !== 64) return undefined;
  const physical = bits === 64 ? 'INT64' : 'INT32';
  if (signed && bits >= 32) return { physical };
  return { physical, annotation: { kind: 'int', bitWidth: bits, signed } };
}

function widestDecimal(a: Annotation & { kind: 'decimal' }, b: Annotation & { kind: 'decimal' }): ColumnType {
  const precision = Math.max(a.precision, b.precision);
  const annotation = { kind: 'decimal', precision, scale: a.scale } as const;
  if (precision <= 9) return { physical: 'INT32', annotation };
  if (precision <= 18) return { physical: 'INT64', annotation };
  return { physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: bytesOfPrecision(precision), annotation };
}

/** Bytes of the shortest two's complement that holds all integers of so many digits. */
function bytesOfPrecision(precision: number): number {
  return Math.ceil((precision * Math.log2(10) + 1) / 8);
}

/** Takes a value that is beyond the wider type, and its slot: throws, or lets the slot be zero. */
type Beyond = (slot: number, raw: bigint) => void;

/**
 * A column of one type as the wider type that `widest` gave, or, of nulls alone, as any type. Throws `InvalidValue` for a
 * row's value beyond it, where `locate` says; an entry that no row uses becomes zero. Throws `CorruptFile` where there is
 * no such type and the column holds values.
 */
export function widenColumn(
  column: Column,
  from: ColumnType,
  to: ColumnType,
  locate: (row: number) => ErrorLocation,
): Column {
  if (typeText(from) === typeText(to)) return column;
  const { rows, nulls } = column;
  if (nulls === rows) return { form: 'plain', rows, nulls, values: allocate(to, rows), valid: new Uint8Array(rows) };
  if (typeText(widest(from, to) ?? from) !== typeText(to)) {
    throw new OrdinalError('CorruptFile', `${typeText(from)} holds values where its footer says that all are null`, {
      where: locate(0),
      remedy: 'Write the file again: it is damaged, or its writer states false statistics.',
    });
  }
  const beyond: Beyond = (slot, raw) => {
    const row = column.form === 'dictionary' ? column.indices.indexOf(slot) : slot;
    if (row < 0) return;
    throw new OrdinalError('InvalidValue', `${raw} of ${typeText(from)} is beyond ${typeText(to)}`, {
      where: locate(row),
      remedy: 'Run the files separately: others of the run store this column more finely.',
    });
  };
  if (column.form === 'dictionary')
    return { ...column, dictionary: widenValues(column.dictionary, from, to, undefined, beyond) };
  return { ...column, values: widenValues(column.values, from, to, column.valid, beyond) };
}

function widenValues(
  values: Values,
  from: ColumnType,
  to: ColumnType,
  valid: Uint8Array | undefined,
  beyond: Beyond,
): Values {
  // An ENUM is the same text under another name.
  if (to.annotation?.kind === 'string') return values;
  if (to.annotation?.kind === 'decimal') return widenDecimals(values, to, valid, beyond);
  const out = allocate(to, values.length);
  if (out.kind === 'double' && values.kind === 'float') out.data.set(values.data.subarray(0, values.length));
  else if (out.kind === 'int32' && values.kind === 'int32') out.data.set(values.data.subarray(0, values.length));
  else if (out.kind === 'int64') widenLongs(values, from, to, out.data, beyond);
  else throw new OrdinalError('Internal', `${typeText(from)} does not widen to ${typeText(to)}`);
  return out;
}

function widenLongs(values: Values, from: ColumnType, to: ColumnType, out: BigInt64Array, beyond: Beyond): void {
  const factor = unitFactor(from, to);
  const unsigned = from.annotation?.kind === 'int' && !from.annotation.signed;
  for (let i = 0; i < values.length; i++) {
    const raw =
      values.kind === 'int64' ? values.data[i]! : BigInt(unsigned ? Number(values.data[i]) >>> 0 : values.data[i]!);
    const scaled = raw * factor;
    if (BigInt.asIntN(64, scaled) !== scaled) beyond(i, raw);
    else out[i] = scaled;
  }
}

function unitFactor(from: ColumnType, to: ColumnType): bigint {
  const [x, y] = [from.annotation, to.annotation];
  const isTime = (a: Annotation | undefined) => a?.kind === 'time' || a?.kind === 'timestamp';
  if (!isTime(x) || !isTime(y)) return 1n;
  return perMilli[(y as { unit: TimeUnit }).unit] / perMilli[(x as { unit: TimeUnit }).unit];
}

function widenDecimals(values: Values, to: ColumnType, valid: Uint8Array | undefined, beyond: Beyond): Values {
  const out = allocate(to, values.length);
  for (let i = 0; i < values.length; i++) {
    if (valid !== undefined && valid[i] === 0) continue;
    const unscaled =
      values.kind === 'bytes' || values.kind === 'fixed'
        ? unscaledFromBytes(bytesAt(values, i))
        : BigInt((values.data as Int32Array | BigInt64Array)[i]!);
    if (out.kind === 'int32') {
      if (BigInt.asIntN(32, unscaled) !== unscaled) beyond(i, unscaled);
      else out.data[i] = Number(unscaled);
    } else if (out.kind === 'int64') {
      if (BigInt.asIntN(64, unscaled) !== unscaled) beyond(i, unscaled);
      else out.data[i] = unscaled;
    } else if (out.kind === 'fixed') {
      if (BigInt.asIntN(out.width * 8, unscaled) !== unscaled) beyond(i, unscaled);
      else out.data.set(unscaledToBytes(unscaled, out.width), i * out.width);
    }
  }
  return out;
}

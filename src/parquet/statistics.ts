/**
 * Exact minimum, maximum and null count of values, in the order that their type defines. The encoders call it. It must
 * never leave a value out: engines skip row groups by it.
 *
 * Specification: parquet-format `parquet.thrift` (Statistics, ColumnOrder), `LogicalTypes.md` (sort orders).
 */
import { byteBounds } from './bounds.ts';
import { float16At } from './float16.ts';
import { hasOrder } from './statistics-raw.ts';
import type { ColumnType, RawStatistics, Values } from './types.ts';
import { bytesAt, bytesOf, copyOf } from './values.ts';

interface Extremes {
  min: number;
  max: number;
}

/**
 * Statistics of the values whose slot in `present` is not 0 (all values when it is undefined): for a plain column
 * that is its validity, for a dictionary which entries are used. `nullCount`, when given, is stated as it is.
 * @param values values of the column, aligned to rows
 * @param type type of the column
 * @param present 0 for each value that does not count; undefined when all count
 * @param nullCount nulls to state, if any number is to be stated
 * @returns bounds and counts as the footer has them
 */
export function statisticsOf(
  values: Values,
  type: ColumnType,
  present?: Uint8Array,
  nullCount?: number,
): RawStatistics {
  const out: RawStatistics = nullCount === undefined ? {} : { nullCount };
  if (!hasOrder(type)) return out;
  const extremes = findExtremes(values, type, present);
  if (extremes === undefined) return out;
  if (values.kind === 'bytes')
    return { ...out, ...byteBounds(type, bytesAt(values, extremes.min), bytesAt(values, extremes.max)) };
  out.minValue = plainBytes(values, extremes.min);
  out.maxValue = plainBytes(values, extremes.max);
  if (values.kind === 'float' || values.kind === 'double' || type.annotation?.kind === 'float16') orderZeros(out);
  out.minExact = true;
  out.maxExact = true;
  return out;
}

/** The PLAIN bytes of one value of fixed width. */
function plainBytes(values: Values & { kind: Exclude<Values['kind'], 'bytes'> }, i: number): Uint8Array {
  const width = values.kind === 'fixed' ? values.width : values.data.BYTES_PER_ELEMENT;
  return copyOf(bytesOf(values.data), i * width, (i + 1) * width);
}

/** A minimum of zero is written as -0 and a maximum as +0, since readers may order the two either way. */
function orderZeros(statistics: RawStatistics): void {
  const { minValue, maxValue } = statistics;
  if (minValue && isZero(minValue)) minValue[minValue.length - 1] = 0x80;
  if (maxValue && isZero(maxValue)) maxValue[maxValue.length - 1] = 0;
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte, i) => byte === 0 || (i === bytes.length - 1 && byte === 0x80));
}

/** Positions of a least and a greatest value; undefined when there is none to compare. */
function findExtremes(values: Values, type: ColumnType, present: Uint8Array | undefined): Extremes | undefined {
  switch (values.kind) {
    case 'boolean':
      return ofBooleans(values.data, values.length, present);
    case 'float':
    case 'double':
      return ofFloats(values.data, values.length, present);
    case 'int32':
      return ofInts(values.data, values.length, isUnsigned(type), present);
    case 'int64':
      return ofLongs(values.data, values.length, isUnsigned(type), present);
    case 'bytes':
    case 'fixed':
      if (type.annotation?.kind === 'float16') return ofFloat16(values, present);
      return ofBytes(values, type.annotation?.kind === 'decimal', present);
  }
}

function isUnsigned(type: ColumnType): boolean {
  return type.annotation?.kind === 'int' && !type.annotation.signed;
}

function ofBooleans(data: Uint8Array, length: number, present: Uint8Array | undefined): Extremes | undefined {
  // Whatever comes after the first false and the first true changes nothing.
  const first = [-1, -1];
  for (let i = 0; i < length && (first[0]! < 0 || first[1]! < 0); i++) {
    if (present !== undefined && present[i] === 0) continue;
    if (first[data[i]!]! < 0) first[data[i]!] = i;
  }
  const [no, yes] = first as [number, number];
  if (no < 0 && yes < 0) return undefined;
  return { min: no < 0 ? yes : no, max: yes < 0 ? no : yes };
}

function ofInts(
  data: Int32Array,
  length: number,
  unsigned: boolean,
  present: Uint8Array | undefined,
): Extremes | undefined {
  // Flipping the sign bit maps unsigned order to signed order.
  const flip = unsigned ? 0x80000000 | 0 : 0;
  let min = -1;
  let max = -1;
  let least = 0;
  let greatest = 0;
  for (let i = 0; i < length; i++) {
    if (present !== undefined && present[i] === 0) continue;
    const value = data[i]! ^ flip;
    if (min < 0) {
      min = i;
      max = i;
      least = value;
      greatest = value;
    } else if (value < least) {
      min = i;
      least = value;
    } else if (value > greatest) {
      max = i;
      greatest = value;
    }
  }
  return min < 0 ? undefined : { min, max };
}

function ofFloats(
  data: Float32Array | Float64Array,
  length: number,
  present: Uint8Array | undefined,
): Extremes | undefined {
  let min = -1;
  let max = -1;
  let least = Number.POSITIVE_INFINITY;
  let greatest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    if (present !== undefined && present[i] === 0) continue;
    const value = data[i]!;
    // NaN compares false and so is never a bound; infinities have to be let in as first values.
    if (value < least || (min < 0 && value === least)) {
      least = value;
      min = i;
    }
    if (value > greatest || (max < 0 && value === greatest)) {
      greatest = value;
      max = i;
    }
  }
  return min < 0 ? undefined : { min, max };
}

/** 64-bit integers compared by halves: no BigInt is made per value. */
function ofLongs(
  data: BigInt64Array,
  length: number,
  unsigned: boolean,
  present: Uint8Array | undefined,
): Extremes | undefined {
  const halves = new Int32Array(data.buffer, data.byteOffset, length * 2);
  // Flipping the sign bit maps unsigned order to signed order: always for the low half, for the high one as needed.
  const sign = 0x80000000 | 0;
  const flip = unsigned ? sign : 0;
  let min = -1;
  let max = -1;
  let minHigh = 0;
  let minLow = 0;
  let maxHigh = 0;
  let maxLow = 0;
  for (let i = 0; i < length; i++) {
    if (present !== undefined && present[i] === 0) continue;
    const low = halves[2 * i]! ^ sign;
    const high = halves[2 * i + 1]! ^ flip;
    if (min < 0) {
      min = i;
      max = i;
      minHigh = high;
      minLow = low;
      maxHigh = high;
      maxLow = low;
    } else if (high < minHigh || (high === minHigh && low < minLow)) {
      min = i;
      minHigh = high;
      minLow = low;
    } else if (high > maxHigh || (high === maxHigh && low > maxLow)) {
      max = i;
      maxHigh = high;
      maxLow = low;
    }
  }
  return min < 0 ? undefined : { min, max };
}

function ofFloat16(
  values: Values & { kind: 'bytes' | 'fixed' },
  present: Uint8Array | undefined,
): Extremes | undefined {
  const numbers = new Float64Array(values.length);
  for (let i = 0; i < values.length; i++) numbers[i] = float16At(bytesAt(values, i), 0);
  return ofFloats(numbers, values.length, present);
}

function ofBytes(
  values: Values & { kind: 'bytes' | 'fixed' },
  decimal: boolean,
  present: Uint8Array | undefined,
): Extremes | undefined {
  const compareAt = decimal ? compareDecimalsAt : compareBytesAt;
  const { data } = values;
  let min = -1;
  let max = -1;
  // A first byte strictly between those of the bounds settles most comparisons; signed decimals have no such byte.
  let low = 256;
  let high = -1;
  for (let i = 0; i < values.length; i++) {
    if (present !== undefined && present[i] === 0) continue;
    const start = values.kind === 'fixed' ? i * values.width : values.offsets[i]!;
    const end = values.kind === 'fixed' ? start + values.width : values.offsets[i + 1]!;
    const first = decimal || start === end ? -1 : data[start]!;
    if (first > low && first < high) continue;
    if (min < 0) {
      min = i;
      max = i;
      low = first;
      high = first;
      continue;
    }
    // Against the greatest first: values that ascend are then compared once.
    const order = compareAt(values, i, max);
    if (order > 0) {
      max = i;
      high = first;
    } else if (order < 0 && compareAt(values, i, min) < 0) {
      min = i;
      low = first;
    }
  }
  return min < 0 ? undefined : { min, max };
}

/** Unsigned lexicographic order of values i and j, without making views of them. */
function compareBytesAt(values: Values & { kind: 'bytes' | 'fixed' }, i: number, j: number): number {
  const { data } = values;
  const isFixed = values.kind === 'fixed';
  let a = isFixed ? i * values.width : values.offsets[i]!;
  let b = isFixed ? j * values.width : values.offsets[j]!;
  const lengthA = isFixed ? values.width : values.offsets[i + 1]! - a;
  const lengthB = isFixed ? values.width : values.offsets[j + 1]! - b;
  for (let k = Math.min(lengthA, lengthB); k > 0; k--, a++, b++) {
    const difference = data[a]! - data[b]!;
    if (difference !== 0) return difference;
  }
  return lengthA - lengthB;
}

function compareDecimalsAt(values: Values & { kind: 'bytes' | 'fixed' }, i: number, j: number): number {
  return compareDecimals(bytesAt(values, i), bytesAt(values, j));
}

/**
 * Order of big-endian two's complement integers of any lengths.
 * @param a big-endian two's complement
 * @param b the same, of any length
 * @returns negative, zero or positive
 */
export function compareDecimals(a: Uint8Array, b: Uint8Array): number {
  const signA = (a[0] ?? 0) >>> 7;
  const signB = (b[0] ?? 0) >>> 7;
  if (signA !== signB) return signB - signA;
  const length = Math.max(a.length, b.length);
  const fill = signA === 1 ? 255 : 0;
  for (let i = 0; i < length; i++) {
    const byteA = a[i - length + a.length] ?? fill;
    const byteB = b[i - length + b.length] ?? fill;
    if (byteA !== byteB) return byteA - byteB;
  }
  return 0;
}

/**
 * `Statistics` of a footer as raw PLAIN bytes. Bounds are kept only where their order is the one the type defines, so
 * that they can be copied to another file as they are. `footer-read.ts` and `footer-write.ts` call it.
 *
 * Specification: parquet-format `parquet.thrift` (Statistics, ColumnOrder).
 */
import { widthOf } from './constants.ts';
import { float16At } from './float16.ts';
import type { ThriftStruct } from './thrift-read.ts';
import type { ThriftWriter } from './thrift-write.ts';
import type { ColumnType, RawStatistics } from './types.ts';
import { copyOf } from './values.ts';

/** `ColumnOrder` union: TYPE_ORDER. */
const typeOrder = 1;

/**
 * True where the specification defines an order for the type's minimum and maximum, as far as we know.
 * @param type type of the column
 * @returns true when bounds of the type mean something
 */
export function hasOrder(type: ColumnType): boolean {
  const kind = type.annotation?.kind;
  return type.physical !== 'INT96' && kind !== 'interval' && kind !== 'unknown' && kind !== 'other';
}

/** True for types whose order was never in doubt, so that the deprecated `min` and `max` can be believed. */
function hasSignedOrder(type: ColumnType): boolean {
  const { annotation, physical } = type;
  if (physical === 'BYTE_ARRAY' || physical === 'FIXED_LEN_BYTE_ARRAY') return false;
  return hasOrder(type) && !(annotation?.kind === 'int' && !annotation.signed);
}

/**
 * The statistics of a chunk, as far as they can be believed. Without a `ColumnOrder` the bounds' order is undefined,
 * and they are believed only where every writer means the same: some compare UTF-8 as UTF-16, unsigned numbers as
 * signed ones, and count objects for distinct values.
 * @param raw `Statistics` as thrift has it
 * @param type type of the column
 * @param order the column's `ColumnOrder` union field; undefined when the file does not say
 * @returns what can be believed; undefined when nothing was stated
 * @throws `ThriftError` when a field has another type than it should have; `parseFooter` makes it a CorruptFile
 */
export function parseStatistics(
  raw: ThriftStruct | undefined,
  type: ColumnType,
  order: number | undefined,
): RawStatistics | undefined {
  if (!raw) return undefined;
  const out: RawStatistics = {};
  const nullCount = raw.int(3);
  const distinctCount = raw.int(4);
  if (nullCount !== undefined && nullCount >= 0) out.nullCount = nullCount;
  if (distinctCount !== undefined && distinctCount >= 0 && order === typeOrder) out.distinctCount = distinctCount;
  if (order === undefined ? hasSignedOrder(type) : order === typeOrder && hasOrder(type)) {
    const max = bound(raw.bytes(5), type);
    const min = bound(raw.bytes(6), type);
    const maxExact = raw.bool(7);
    const minExact = raw.bool(8);
    if (max) out.maxValue = max;
    if (min) out.minValue = min;
    if (max && maxExact !== undefined) out.maxExact = maxExact;
    if (min && minExact !== undefined) out.minExact = minExact;
  }
  if (hasSignedOrder(type) && !out.minValue && !out.maxValue) {
    const max = bound(raw.bytes(1), type);
    const min = bound(raw.bytes(2), type);
    if (max) out.maxValue = max;
    if (min) out.minValue = min;
  }
  return Object.keys(out).length > 0 ? out : undefined;
}

/** A copy of a bound that can be one: of the type's width, and no NaN. */
function bound(bytes: Uint8Array | undefined, type: ColumnType): Uint8Array | undefined {
  if (!bytes) return undefined;
  const width = widthOf(type.physical, type.typeLength);
  if (type.physical !== 'BYTE_ARRAY' && bytes.length !== width) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (type.physical === 'FLOAT' && Number.isNaN(view.getFloat32(0, true))) return undefined;
  if (type.physical === 'DOUBLE' && Number.isNaN(view.getFloat64(0, true))) return undefined;
  if (type.annotation?.kind === 'float16' && Number.isNaN(float16At(bytes, 0))) return undefined;
  return copyOf(bytes);
}

/**
 * Writes `Statistics` as field `id` of an open struct. The deprecated pair is left out.
 * @param writer the open struct
 * @param id field of the struct
 * @param statistics what to state
 */
export function writeStatistics(writer: ThriftWriter, id: number, statistics: RawStatistics): void {
  writer.open(id);
  writer.i64(3, statistics.nullCount);
  writer.i64(4, statistics.distinctCount);
  writer.binary(5, statistics.maxValue);
  writer.binary(6, statistics.minValue);
  writer.bool(7, statistics.maxValue && statistics.maxExact);
  writer.bool(8, statistics.minValue && statistics.minExact);
  writer.end();
}

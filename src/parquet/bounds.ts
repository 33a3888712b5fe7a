/**
 * Bounds of byte arrays: long ones are cut, the minimum downwards and the maximum upwards, text between characters.
 * `statistics.ts` calls it. A bound must never be tighter than the values.
 *
 * Specification: parquet-format `parquet.thrift` (Statistics: min_value, max_value, is_max_value_exact).
 */
import type { ColumnType, RawStatistics } from './types.ts';
import { copyOf } from './values.ts';

/** Bounds of byte arrays are cut to this many bytes. */
const boundBytesMax = 64;

/**
 * The bounds as statistics state them; a maximum that cannot be rounded up is left out.
 * @param type type of the column
 * @param minValue the smallest value, in the order of the type
 * @param maxValue the greatest value
 * @returns bounds of at most 64 bytes or so; a maximum that cannot be rounded up is left out
 */
export function byteBounds(type: ColumnType, minValue: Uint8Array, maxValue: Uint8Array): RawStatistics {
  const out: RawStatistics = {};
  const kind = type.annotation?.kind;
  const isText = kind === 'string' || kind === 'enum' || kind === 'json';
  // A decimal's leading bytes are no bound of it.
  const mayCut = kind !== 'decimal';
  if (minValue.length <= boundBytesMax || mayCut) {
    out.minValue = copyOf(minValue, 0, cutAt(minValue, isText));
    out.minExact = out.minValue.length === minValue.length;
  }
  if (maxValue.length <= boundBytesMax) {
    out.maxValue = copyOf(maxValue);
    out.maxExact = true;
  } else if (mayCut) {
    const raised = raise(maxValue.subarray(0, cutAt(maxValue, isText)), isText);
    if (raised) {
      out.maxValue = raised;
      out.maxExact = false;
    }
  }
  return out;
}

/** Length of the longest allowed prefix; of text, one that ends between characters. */
function cutAt(bytes: Uint8Array, isText: boolean): number {
  if (bytes.length <= boundBytesMax) return bytes.length;
  let end = boundBytesMax;
  while (isText && end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return end;
}

/** The least short value above everything that begins with `prefix`; undefined when there is none. */
function raise(prefix: Uint8Array, isText: boolean): Uint8Array | undefined {
  if (isText) return raiseText(prefix);
  for (let end = prefix.length; end > 0; end--) {
    if (prefix[end - 1] === 0xff) continue;
    const out = copyOf(prefix, 0, end);
    out[end - 1] = out[end - 1]! + 1;
    return out;
  }
  return undefined;
}

function raiseText(prefix: Uint8Array): Uint8Array | undefined {
  const points = [...new TextDecoder().decode(prefix)];
  while (points.length > 0) {
    const point = points.pop()!.codePointAt(0)!;
    if (point === 0x10ffff) continue;
    // UTF-8 order is code point order; surrogates are no characters.
    const next = point === 0xd7ff ? 0xe000 : point + 1;
    return new TextEncoder().encode(points.join('') + String.fromCodePoint(next));
  }
  return undefined;
}

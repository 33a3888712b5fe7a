/**
 * Helpers over `Values`: allocate, gather, slice, concatenate, compare. Everything is physical; nothing here knows what
 * a value means. All of `src/parquet` calls it, and so does who handles columns.
 */

import { arenaOf, copyForward, slackBytes } from '../bytes/short-bytes.ts';
import { OrdinalError } from '../errors.ts';
import { arenaBytesMax, widthOf } from './constants.ts';
import type { ColumnType, Values } from './types.ts';

/**
 * Zeroed values of a column's physical type; byte arrays are all empty.
 * @param type type of the column
 * @param length number of values
 * @returns zeroed values
 */
export function allocate(type: ColumnType, length: number): Values {
  switch (type.physical) {
    case 'BOOLEAN':
      return { kind: 'boolean', length, data: new Uint8Array(length) };
    case 'INT32':
      return { kind: 'int32', length, data: new Int32Array(length) };
    case 'INT64':
      return { kind: 'int64', length, data: new BigInt64Array(length) };
    case 'FLOAT':
      return { kind: 'float', length, data: new Float32Array(length) };
    case 'DOUBLE':
      return { kind: 'double', length, data: new Float64Array(length) };
    case 'BYTE_ARRAY':
      return { kind: 'bytes', length, data: new Uint8Array(0), offsets: new Uint32Array(length + 1) };
    case 'INT96':
    case 'FIXED_LEN_BYTE_ARRAY': {
      const width = widthOf(type.physical, type.typeLength);
      return { kind: 'fixed', length, data: new Uint8Array(length * width), width };
    }
  }
}

/**
 * A view of the bytes of a typed array.
 * @param data a typed array
 * @returns its bytes, over the same memory
 */
export function bytesOf(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/**
 * A copy of bytes [from, to): never a view, as `slice` of a Node buffer is.
 * @param bytes where they are
 * @param from first byte
 * @param to byte behind the last
 * @returns bytes in memory of their own
 */
export function copyOf(bytes: Uint8Array, from = 0, to: number = bytes.length): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(from, to));
}

/**
 * Bytes that the values take in PLAIN encoding without length prefixes: their information, not their memory.
 * @param values values of any type
 * @returns bytes
 */
export function byteLength(values: Values): number {
  if (values.kind === 'bytes') return values.offsets[values.length]! - values.offsets[0]!;
  if (values.kind === 'fixed') return values.length * values.width;
  return values.length * values.data.BYTES_PER_ELEMENT;
}

/**
 * Bytes of value i of byte arrays and fixed arrays, as a view.
 * @param values byte arrays, or values of a fixed width in bytes
 * @param i position of the value
 * @returns the bytes, over the same memory
 */
export function bytesAt(values: Values & { kind: 'bytes' | 'fixed' }, i: number): Uint8Array {
  if (values.kind === 'fixed') return values.data.subarray(i * values.width, (i + 1) * values.width);
  return values.data.subarray(values.offsets[i]!, values.offsets[i + 1]!);
}

/**
 * Values[indices[k]] for each k; an index of -1 gives zero or an empty value.
 * @param values values to pick from
 * @param indices positions, or -1
 * @param count how many of the indices to follow; all by default
 * @param bytesMax bytes that the result may take
 * @returns `count` values
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function gather(
  values: Values,
  indices: Int32Array,
  count: number = indices.length,
  bytesMax: number = arenaBytesMax,
): Values {
  switch (values.kind) {
    case 'boolean':
      return { kind: 'boolean', length: count, data: gatherSmall(values.data, indices, count) };
    case 'int32':
      return { kind: 'int32', length: count, data: gatherWords(values.data, indices, count) };
    case 'float':
      return { kind: 'float', length: count, data: new Float32Array(gatherWords(values.data, indices, count).buffer) };
    case 'double':
      return { kind: 'double', length: count, data: new Float64Array(gatherLongs(values.data, indices, count).buffer) };
    case 'int64':
      return { kind: 'int64', length: count, data: gatherLongs(values.data, indices, count) };
    case 'bytes':
      return gatherBytes(values, indices, count, bytesMax);
    case 'fixed': {
      const { width, data } = values;
      const out = new Uint8Array(count * width);
      for (let k = 0; k < count; k++) {
        const i = indices[k]!;
        if (i >= 0) for (let b = 0; b < width; b++) out[k * width + b] = data[i * width + b]!;
      }
      return { kind: 'fixed', length: count, data: out, width };
    }
  }
}

// One function for each width, so that each sees one kind of array: V8 makes such loops several times as fast.

function gatherSmall(data: Uint8Array, indices: Int32Array, count: number): Uint8Array {
  const out = new Uint8Array(count);
  for (let k = 0; k < count; k++) {
    const i = indices[k]!;
    if (i >= 0) out[k] = data[i]!;
  }
  return out;
}

function gatherWords(data: Int32Array | Float32Array, indices: Int32Array, count: number): Int32Array<ArrayBuffer> {
  const from = new Int32Array(data.buffer, data.byteOffset, data.length);
  const out = new Int32Array(count);
  for (let k = 0; k < count; k++) {
    const i = indices[k]!;
    if (i >= 0) out[k] = from[i]!;
  }
  return out;
}

/** 64-bit values move in two halves: no BigInt is made. */
function gatherLongs(
  data: BigInt64Array | Float64Array,
  indices: Int32Array,
  count: number,
): BigInt64Array<ArrayBuffer> {
  const out = new BigInt64Array(count);
  const from = new Int32Array(data.buffer, data.byteOffset, data.length * 2);
  const to = new Int32Array(out.buffer);
  for (let k = 0; k < count; k++) {
    const i = indices[k]!;
    if (i < 0) continue;
    to[2 * k] = from[2 * i]!;
    to[2 * k + 1] = from[2 * i + 1]!;
  }
  return out;
}

function gatherBytes(values: Values & { kind: 'bytes' }, indices: Int32Array, count: number, bytesMax: number): Values {
  const { data, offsets } = values;
  const outOffsets = new Uint32Array(count + 1);
  let total = 0;
  for (let k = 0; k < count; k++) {
    const i = indices[k]!;
    if (i >= 0) total += offsets[i + 1]! - offsets[i]!;
    outOffsets[k + 1] = total;
  }
  checkBytes(total, bytesMax);
  const source = arenaOf(data);
  const target = arenaOf(new Uint8Array(total + slackBytes));
  for (let k = 0; k < count; k++) {
    const i = indices[k]!;
    if (i >= 0) copyForward(source, offsets[i]!, offsets[i + 1]! - offsets[i]!, target, outOffsets[k]!);
  }
  return { kind: 'bytes', length: count, data: target.bytes.subarray(0, total), offsets: outOffsets };
}

/**
 * Copies data[from, to) to out[at...]. Short runs by hand: a call to `set` costs more than thirty bytes do.
 * @param data where the bytes are
 * @param from first byte
 * @param to byte behind the last
 * @param out where they go
 * @param at first byte there
 */
export function copyBytes(data: Uint8Array, from: number, to: number, out: Uint8Array, at: number): void {
  if (to - from > 32) {
    out.set(data.subarray(from, to), at);
    return;
  }
  for (let i = from, o = at; i < to; i++, o++) out[o] = data[i]!;
}

/**
 * Refuses values that take more memory than they may.
 * @param bytes bytes of the values, decoded
 * @param bytesMax bytes that they may take
 * @throws `LimitExceeded` when they take more
 */
export function checkBytes(bytes: number, bytesMax: number = arenaBytesMax): void {
  if (bytes <= bytesMax) return;
  throw new OrdinalError(
    'LimitExceeded',
    `The column's values take ${bytes} bytes decoded; the limit is ${bytesMax}.`,
    {
      remedy: 'Write the file with smaller row groups or shorter values, or leave the column out of the pipeline.',
    },
  );
}

/**
 * Values [from, to) as views; the byte arena is shared.
 * @param values values of any type
 * @param from first value
 * @param to value behind the last
 * @returns the values, over the same memory
 */
export function slice(values: Values, from: number, to: number): Values {
  const length = to - from;
  if (values.kind === 'bytes') return { ...values, length, offsets: values.offsets.subarray(from, to + 1) };
  const width = values.kind === 'fixed' ? values.width : 1;
  return { ...values, length, data: values.data.subarray(from * width, to * width) } as Values;
}

/**
 * The values of `pieces` one after the other, copied. All must be of the type.
 * @param type type of the column
 * @param pieces values of the type
 * @returns all of them, in memory of their own
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function concat(type: ColumnType, pieces: readonly Values[]): Values {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const out = allocate(type, length);
  if (out.kind === 'bytes') return concatBytes(pieces, out.offsets, length);
  let at = 0;
  const target = bytesOf(out.data);
  for (const piece of pieces) {
    if (piece.kind !== out.kind) throw mixed(out.kind, piece.kind);
    const bytes = bytesOf(piece.data).subarray(0, byteLength(piece));
    target.set(bytes, at);
    at += bytes.length;
  }
  return out;
}

function concatBytes(pieces: readonly Values[], offsets: Uint32Array, length: number): Values {
  const total = pieces.reduce((sum, piece) => sum + byteLength(piece), 0);
  checkBytes(total);
  const data = new Uint8Array(total);
  let row = 0;
  let at = 0;
  for (const piece of pieces) {
    if (piece.kind !== 'bytes') throw mixed('bytes', piece.kind);
    const base = piece.offsets[0]!;
    data.set(piece.data.subarray(base, piece.offsets[piece.length]!), at);
    for (let i = 0; i < piece.length; i++) offsets[row++] = at + piece.offsets[i]! - base;
    at += piece.offsets[piece.length]! - base;
  }
  offsets[row] = at;
  return { kind: 'bytes', length, data, offsets };
}

function mixed(wanted: string, found: string): OrdinalError {
  return new OrdinalError('Internal', `values of kind ${found} where ${wanted} belong`);
}

/**
 * Unsigned lexicographic order of bytes: negative, zero or positive.
 * @param a bytes
 * @param b bytes
 * @returns negative, zero or positive
 */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = a[i]! - b[i]!;
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/**
 * PLAIN encoding, and BYTE_STREAM_SPLIT, which is PLAIN with its bytes sorted by significance. `decode.ts` and the
 * encoders call it. It must never read beyond the bytes that it is given.
 *
 * Specification: parquet-format `Encodings.md` (PLAIN = 0, BYTE_STREAM_SPLIT = 9).
 */

import { arenaOf, copyForward, slackBytes } from '../bytes/short-bytes.ts';
import { widthOf } from './constants.ts';
import type { ColumnType, Values } from './types.ts';
import { allocate, bytesOf } from './values.ts';

/**
 * Decodes PLAIN values.
 * @param type type of the column
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @returns `count` values, in memory of their own
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodePlain(type: ColumnType, bytes: Uint8Array, start: number, end: number, count: number): Values {
  if (type.physical === 'BYTE_ARRAY') return decodePlainBytes(bytes, start, end, count);
  if (type.physical === 'BOOLEAN') return decodePlainBooleans(bytes, start, end, count);
  const stored = plainBytes(type, bytes, start, end, count);
  const out = allocate(type, count);
  bytesOf(out.data).set(stored);
  return out;
}

/**
 * The bytes of PLAIN values of fixed width. Little-endian in the file and in every machine that Node runs on: the bytes
 * are the values.
 * @param type type of the column
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @returns a view of the values' bytes
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function plainBytes(type: ColumnType, bytes: Uint8Array, start: number, end: number, count: number): Uint8Array {
  needPlain(type, count, end - start);
  return bytes.subarray(start, start + count * widthOf(type.physical, type.typeLength));
}

/**
 * Checks that there are enough bytes for PLAIN values of a type other than BYTE_ARRAY.
 * @param type type of the column
 * @param count number of values
 * @param available bytes there are
 * @throws `RangeError` when they are too few
 */
export function needPlain(type: ColumnType, count: number, available: number): void {
  const width = widthOf(type.physical, type.typeLength);
  const needed = type.physical === 'BOOLEAN' ? Math.ceil(count / 8) : count * width;
  if (needed > available) throw new RangeError(`${count} values of ${width} bytes in ${available} bytes`);
}

/**
 * Checks that bytes are `count` values and nothing else: where the bytes of values lie apart, the size of the page says
 * where each begins, and readers that go by the size would read other values.
 * @param type type of the column
 * @param count number of values
 * @param available bytes there are
 * @throws `RangeError` when they are more or fewer
 */
export function needExactly(type: ColumnType, count: number, available: number): void {
  const width = widthOf(type.physical, type.typeLength);
  if (count * width !== available)
    throw new RangeError(`${count} split values of ${width} bytes in ${available} bytes`);
}

function decodePlainBooleans(bytes: Uint8Array, start: number, end: number, count: number): Values {
  needPlain({ physical: 'BOOLEAN' }, count, end - start);
  const data = new Uint8Array(count);
  for (let k = 0; k < count; k++) data[k] = (bytes[start + (k >>> 3)]! >>> (k & 7)) & 1;
  return { kind: 'boolean', length: count, data };
}

function decodePlainBytes(bytes: Uint8Array, start: number, end: number, count: number): Values {
  if (count * 4 > end - start) throw new RangeError(`${count} byte arrays in ${end - start} bytes`);
  const offsets = new Uint32Array(count + 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  let i = start;
  let total = 0;
  for (let k = 0; k < count; k++) {
    if (end - i < 4) throw new RangeError('a byte array without a length');
    const length = view.getUint32(i, true);
    if (length > end - i - 4) throw new RangeError(`a byte array of ${length} bytes runs past the end`);
    total += length;
    offsets[k + 1] = total;
    i += 4 + length;
  }
  const source = arenaOf(bytes);
  const target = arenaOf(new Uint8Array(total + slackBytes));
  i = start;
  for (let k = 0; k < count; k++) {
    const length = offsets[k + 1]! - offsets[k]!;
    copyForward(source, i + 4, length, target, offsets[k]!);
    i += 4 + length;
  }
  return { kind: 'bytes', length: count, data: target.bytes.subarray(0, total), offsets };
}

/**
 * Decodes BYTE_STREAM_SPLIT: byte b of every value lies together.
 * @param type type of the column
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @returns `count` values
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeByteStreamSplit(
  type: ColumnType,
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
): Values {
  if (type.physical === 'BYTE_ARRAY' || type.physical === 'BOOLEAN') {
    throw new RangeError(`BYTE_STREAM_SPLIT of ${type.physical}`);
  }
  needExactly(type, count, end - start);
  const out = allocate(type, count);
  const target = bytesOf(out.data);
  const width = count === 0 ? 0 : target.length / count;
  for (let b = 0; b < width; b++) {
    let i = start + b * count;
    for (let o = b; o < target.length; o += width) target[o] = bytes[i++]!;
  }
  return out;
}

/**
 * Values [from, to) in PLAIN encoding without the null slots (`valid[i]` 0). The result may be a view of the values
 * themselves.
 * @param values values of the column, aligned to rows
 * @param valid 0 for each row that is null, aligned to the values; undefined when none is null
 * @param from first value
 * @param to value behind the last
 * @returns the bytes, or a view of the values' own
 */
export function encodePlainValues(values: Values, valid: Uint8Array | undefined, from: number, to: number): Uint8Array {
  if (values.kind === 'bytes') return encodePlainBytes(values, valid, from, to);
  if (values.kind === 'boolean') return encodePlainBooleans(values.data, valid, from, to);
  const all = bytesOf(values.data);
  const width = values.kind === 'fixed' ? values.width : values.data.BYTES_PER_ELEMENT;
  if (!valid) return all.subarray(from * width, to * width);
  const out = new Uint8Array((to - from) * width);
  let o = 0;
  for (let i = from; i < to; i++) {
    if (valid[i] === 0) continue;
    for (let b = i * width; b < (i + 1) * width; b++) out[o++] = all[b]!;
  }
  return out.subarray(0, o);
}

function encodePlainBooleans(data: Uint8Array, valid: Uint8Array | undefined, from: number, to: number): Uint8Array {
  const out = new Uint8Array(Math.ceil((to - from) / 8));
  let bits = 0;
  let count = 0;
  let i = from;
  // Whole bytes where there are no nulls: half the time.
  for (; valid === undefined && i + 8 <= to; i += 8, count += 8) {
    out[count >>> 3] =
      data[i]! |
      (data[i + 1]! << 1) |
      (data[i + 2]! << 2) |
      (data[i + 3]! << 3) |
      (data[i + 4]! << 4) |
      (data[i + 5]! << 5) |
      (data[i + 6]! << 6) |
      (data[i + 7]! << 7);
  }
  for (; i < to; i++) {
    if (valid !== undefined && valid[i] === 0) continue;
    // Booleans are 0 or 1 here as everywhere.
    bits |= data[i]! << (count & 7);
    count++;
    if ((count & 7) !== 0) continue;
    out[(count >>> 3) - 1] = bits;
    bits = 0;
  }
  if ((count & 7) !== 0) out[count >>> 3] = bits;
  return out.subarray(0, Math.ceil(count / 8));
}

function encodePlainBytes(
  values: Values & { kind: 'bytes' },
  valid: Uint8Array | undefined,
  from: number,
  to: number,
): Uint8Array {
  const { data, offsets } = values;
  const source = arenaOf(data);
  const target = arenaOf(new Uint8Array(offsets[to]! - offsets[from]! + 4 * (to - from) + slackBytes));
  let o = 0;
  for (let i = from; i < to; i++) {
    if (valid && valid[i] === 0) continue;
    const length = offsets[i + 1]! - offsets[i]!;
    target.view.setUint32(o, length, true);
    copyForward(source, offsets[i]!, length, target, o + 4);
    o += 4 + length;
  }
  return target.bytes.subarray(0, o);
}

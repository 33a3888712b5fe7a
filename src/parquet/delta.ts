/**
 * The DELTA encodings. Integers are decoded in 32-bit halves with explicit carry: 64-bit differences wrap around as the
 * specification demands, and no BigInt is made per value. `decode.ts` calls it. It must never allocate what a header
 * asks for before it has seen the bytes.
 *
 * Specification: parquet-format `Encodings.md` (DELTA_BINARY_PACKED = 5, DELTA_LENGTH_BYTE_ARRAY = 6,
 * DELTA_BYTE_ARRAY = 7).
 */
import type { Values } from './types.ts';
import { copyOf } from './values.ts';

const miniblocksMax = 4096;
const blockValuesMax = 1 << 20;

interface Cursor {
  bytes: Uint8Array;
  i: number;
  end: number;
}

/** Halves of a 64-bit integer, both as unsigned 32-bit numbers. */
interface Halves {
  low: number;
  high: number;
}

function varint64(cursor: Cursor): Halves {
  let low = 0;
  let high = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    if (cursor.i >= cursor.end) throw new RangeError('an integer without an end');
    const byte = cursor.bytes[cursor.i++]!;
    const bits = byte & 127;
    if (shift < 28) low |= bits << shift;
    else if (shift === 28) {
      low |= bits << 28;
      high |= bits >>> 4;
    } else high |= bits << (shift - 32);
    if (byte < 128) return { low: low >>> 0, high: high >>> 0 };
  }
  throw new RangeError('an integer of more than 64 bits');
}

function zigzag64(cursor: Cursor): Halves {
  const { low, high } = varint64(cursor);
  const sign = -(low & 1);
  return {
    low: (((low >>> 1) | (high << 31)) ^ sign) >>> 0,
    high: ((high >>> 1) ^ sign) >>> 0,
  };
}

function count32(cursor: Cursor): number {
  const { low, high } = varint64(cursor);
  if (high !== 0) throw new RangeError('a count of more than 32 bits');
  return low;
}

/**
 * Decodes DELTA_BINARY_PACKED values from bytes [start, end): the low halves into `low`, the high ones into `high`
 * where it is given. At most `max` values are accepted. Returns the count and the first byte not consumed.
 * Throws `RangeError`.
 */
function decodeHalves(
  bytes: Uint8Array,
  start: number,
  end: number,
  max: number,
  stride: number,
  out: Int32Array,
): { count: number; end: number } {
  const cursor: Cursor = { bytes, i: start, end };
  const blockValues = count32(cursor);
  const miniblocks = count32(cursor);
  const count = count32(cursor);
  const first = zigzag64(cursor);
  if (miniblocks === 0 || miniblocks > miniblocksMax || blockValues > blockValuesMax)
    throw new RangeError('odd blocks');
  const perMiniblock = blockValues / miniblocks;
  if (perMiniblock === 0 || perMiniblock % 8 !== 0) throw new RangeError(`miniblocks of ${perMiniblock} values`);
  if (count > max) throw new RangeError(`${count} delta values where at most ${max} belong`);
  let low = first.low;
  let high = first.high;
  if (count > 0) {
    out[0] = low;
    if (stride === 2) out[1] = high;
  }
  for (let done = 1; done < count; ) {
    const least = zigzag64(cursor);
    const widths = cursor.i;
    if (miniblocks > end - cursor.i) throw new RangeError('a block without bit widths');
    cursor.i += miniblocks;
    for (let m = 0; m < miniblocks && done < count; m++) {
      const width = bytes[widths + m]!;
      if (width > 64) throw new RangeError(`a bit width of ${width}`);
      const size = (perMiniblock * width) / 8;
      const take = Math.min(perMiniblock, count - done);
      // The last miniblock's padding may be missing, its values may not.
      if (Math.ceil((take * width) / 8) > end - cursor.i) throw new RangeError('a miniblock runs past the end');
      for (let k = 0, bit = 0; k < take; k++, bit += width, done++) {
        let deltaLow = least.low;
        let deltaHigh = least.high;
        if (width > 0) {
          const residueLow = bitsAt(bytes, cursor.i, bit, Math.min(width, 32));
          const residueHigh = width > 32 ? bitsAt(bytes, cursor.i, bit + 32, width - 32) : 0;
          deltaLow += residueLow;
          deltaHigh += residueHigh + (deltaLow > 0xffffffff ? 1 : 0);
        }
        low += deltaLow >>> 0;
        high = (high + deltaHigh + (low > 0xffffffff ? 1 : 0)) >>> 0;
        low >>>= 0;
        out[done * stride] = low;
        if (stride === 2) out[done * 2 + 1] = high;
      }
      cursor.i = Math.min(end, cursor.i + size);
    }
  }
  return { count, end: cursor.i };
}

/** Up to 32 bits, least significant first, from bit `bit` of the bytes at `start`. */
function bitsAt(bytes: Uint8Array, start: number, bit: number, width: number): number {
  let i = start + (bit >>> 3);
  const skip = bit & 7;
  let value = bytes[i++]! >>> skip;
  for (let got = 8 - skip; got < width; got += 8) value |= bytes[i++]! << got;
  return (width === 32 ? value : value & ((1 << width) - 1)) >>> 0;
}

/**
 * Decodes DELTA_BINARY_PACKED to INT32 values.
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @returns `count` values
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeDeltaInt32(bytes: Uint8Array, start: number, end: number, count: number): Values {
  const data = new Int32Array(count);
  const got = decodeHalves(bytes, start, end, count, 1, data);
  if (got.count !== count) throw new RangeError(`${got.count} delta values instead of ${count}`);
  return { kind: 'int32', length: count, data };
}

/**
 * Decodes DELTA_BINARY_PACKED to INT64 values.
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @returns `count` values
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeDeltaInt64(bytes: Uint8Array, start: number, end: number, count: number): Values {
  const data = new BigInt64Array(count);
  const got = decodeHalves(bytes, start, end, count, 2, new Int32Array(data.buffer));
  if (got.count !== count) throw new RangeError(`${got.count} delta values instead of ${count}`);
  return { kind: 'int64', length: count, data };
}

function decodeLengths(bytes: Uint8Array, start: number, end: number, count: number): { out: Int32Array; end: number } {
  const out = new Int32Array(count);
  const got = decodeHalves(bytes, start, end, count, 1, out);
  if (got.count !== count) throw new RangeError(`${got.count} lengths instead of ${count}`);
  return { out, end: got.end };
}

/**
 * Decodes DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes.
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @returns `count` byte arrays
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeDeltaLengthBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
): Values & { kind: 'bytes' } {
  const lengths = decodeLengths(bytes, start, end, count);
  const offsets = new Uint32Array(count + 1);
  let total = 0;
  for (let k = 0; k < count; k++) {
    const length = lengths.out[k]!;
    if (length < 0 || length > end - lengths.end - total) throw new RangeError(`a byte array of ${length} bytes`);
    total += length;
    offsets[k + 1] = total;
  }
  return { kind: 'bytes', length: count, data: copyOf(bytes, lengths.end, lengths.end + total), offsets };
}

/**
 * Decodes DELTA_BYTE_ARRAY: each value begins with so many bytes of the one before.
 * @param bytes the page's body
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count number of values
 * @param bytesMax bytes that all values may take together
 * @returns `count` byte arrays
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeDeltaBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  bytesMax: number,
): Values & { kind: 'bytes' } {
  const prefixes = decodeLengths(bytes, start, end, count);
  const suffixes = decodeDeltaLengthBytes(bytes, prefixes.end, end, count);
  const offsets = new Uint32Array(count + 1);
  let total = 0;
  let previous = 0;
  for (let k = 0; k < count; k++) {
    const prefix = prefixes.out[k]!;
    if (prefix < 0 || prefix > previous) throw new RangeError(`a prefix of ${prefix} bytes of ${previous}`);
    previous = prefix + suffixes.offsets[k + 1]! - suffixes.offsets[k]!;
    total += previous;
    if (total > bytesMax) throw new RangeError(`byte arrays of more than ${bytesMax} bytes`);
    offsets[k + 1] = total;
  }
  const data = new Uint8Array(total);
  for (let k = 0; k < count; k++) {
    const at = offsets[k]!;
    const prefix = prefixes.out[k]!;
    if (prefix > 0) data.copyWithin(at, offsets[k - 1]!, offsets[k - 1]! + prefix);
    data.set(suffixes.data.subarray(suffixes.offsets[k]!, suffixes.offsets[k + 1]!), at + prefix);
  }
  return { kind: 'bytes', length: count, data, offsets };
}

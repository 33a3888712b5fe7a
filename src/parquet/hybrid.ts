/**
 * The RLE / bit-packed hybrid: dictionary indices, levels and RLE booleans. These are the hottest loops of the library,
 * so they work on typed arrays, eight values at a time, with one 32-bit load per value. `decode.ts`, `levels.ts` and
 * the encoders call it. It must never write beyond `count` values.
 *
 * Specification: parquet-format `Encodings.md` (RLE = 3).
 */

const INT32_MAX = 2 ** 31 - 1;

/** In place of a byte's position: a value is not in its range. */
export const BEYOND = -1;

/**
 * Bits needed for values 0 to `max`; 0 for `max` 0.
 * @param max the greatest value
 * @returns bits
 */
export function bitWidthOf(max: number): number {
  return max === 0 ? 0 : 32 - Math.clz32(max);
}

/**
 * Decodes values of `bitWidth` bits into out[at...].
 * @param bytes where the runs are
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param bitWidth bits of a value, 0 to 31
 * @param count number of values
 * @param out where the values go
 * @param at first place in `out`
 * @param last the greatest value that may be there
 * @returns the first byte not consumed, or `BEYOND` when some value is not among 0 to `last`
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeHybrid(
  bytes: Uint8Array,
  start: number,
  end: number,
  bitWidth: number,
  count: number,
  out: Int32Array | Uint8Array,
  at: number,
  last = INT32_MAX,
): number {
  if (bitWidth > 32) throw new RangeError(`a bit width of ${bitWidth}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const stop = at + count;
  const run: Run = { packed: false, length: 0, value: 0, at: start };
  let o = at;
  let signs = 0;
  while (o < stop) {
    readRun(bytes, run, end, bitWidth);
    const wanted = Math.min(run.length, stop - o);
    if (!run.packed) {
      out.fill(run.value, o, o + wanted);
      if (wanted > 0) signs |= run.value | (last - run.value);
    } else {
      checkPacked(wanted, bitWidth, end - run.at);
      signs |= unpack(bytes, view, run.at, end, bitWidth, wanted, out, o, last);
      run.at = Math.min(end, run.at + (run.length / 8) * bitWidth);
    }
    o += wanted;
  }
  return signs < 0 ? BEYOND : run.at;
}

/** One run: `length` times `value`, or so many packed values that begin at byte `at`. */
interface Run {
  packed: boolean;
  length: number;
  value: number;
  /** The first byte not consumed. */
  at: number;
}

/** Reads the run that begins at byte `run.at`, up to its packed values. Throws `RangeError`. */
function readRun(bytes: Uint8Array, run: Run, end: number, bitWidth: number): void {
  // Run header: a varint whose lowest bit tells the kind.
  let i = run.at;
  let header = 0;
  for (let shift = 0; ; shift += 7) {
    if (i >= end || shift > 28) throw new RangeError('a run without a header');
    const byte = bytes[i++]!;
    header |= (byte & 127) << shift;
    if (byte < 128) break;
  }
  header >>>= 0;
  run.packed = (header & 1) === 1;
  run.length = run.packed ? (header >>> 1) * 8 : header >>> 1;
  if (!run.packed) {
    const valueBytes = (bitWidth + 7) >>> 3;
    if (valueBytes > end - i) throw new RangeError('a run without its value');
    run.value = 0;
    for (let b = 0; b < valueBytes; b++) run.value |= bytes[i++]! << (8 * b);
  }
  run.at = i;
}

/** The padding of the last group may be missing; the values that are wanted may not. */
function checkPacked(wanted: number, bitWidth: number, available: number): void {
  if (Math.ceil((wanted * bitWidth) / 8) > available) throw new RangeError('bit-packed values run past the end');
}

/** Values that are unpacked at a time where they are only looked at. */
const looked = new Int32Array(4096);

/**
 * Whether values of `bitWidth` bits are all among 0 to `last`; no value is kept. Packed values whose width allows
 * nothing beyond `last` are passed over.
 * @param bytes where the runs are
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param bitWidth bits of a value, 0 to 32
 * @param count number of values
 * @param last the greatest value that may be there
 * @returns true when all are
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function hybridHolds(
  bytes: Uint8Array,
  start: number,
  end: number,
  bitWidth: number,
  count: number,
  last: number,
): boolean {
  if (bitWidth > 32) throw new RangeError(`a bit width of ${bitWidth}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const free = 2 ** bitWidth - 1 <= last;
  const run: Run = { packed: false, length: 0, value: 0, at: start };
  for (let seen = 0; seen < count; ) {
    readRun(bytes, run, end, bitWidth);
    const wanted = Math.min(run.length, count - seen);
    if (!run.packed) {
      if (wanted > 0 && (run.value < 0 || run.value > last)) return false;
    } else {
      checkPacked(wanted, bitWidth, end - run.at);
      // Whole groups of eight take a whole number of bytes.
      for (let from = 0; !free && from < wanted; from += looked.length) {
        const at = run.at + (from / 8) * bitWidth;
        const take = Math.min(looked.length, wanted - from);
        if (unpack(bytes, view, at, end, bitWidth, take, looked, 0, last) < 0) return false;
      }
      run.at = Math.min(end, run.at + (run.length / 8) * bitWidth);
    }
    seen += wanted;
  }
  return true;
}

/**
 * Unpacks `count` values of `bitWidth` bits, least significant bit first, from byte `start`. The sign of the result is
 * set by a value that is negative or beyond `last`: values are looked at while they are at hand, since another pass over
 * them costs as much as this one.
 * @param bytes where the values are
 * @param view a view of the same bytes
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param bitWidth bits of a value, 1 to 31
 * @param count number of values
 * @param out where the values go
 * @param at first place in `out`
 * @param last the greatest value that may be there
 * @returns a negative number when a value is not among 0 to `last`
 */
export function unpack(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  bitWidth: number,
  count: number,
  out: Int32Array | Uint8Array,
  at: number,
  last: number,
): number {
  let o = at;
  const stop = at + count;
  let signs = 0;
  if (bitWidth === 0) {
    out.fill(0, at, stop);
    return last;
  }
  if (bitWidth === 8) {
    for (let i = start; o < stop; o++, i++) {
      const value = bytes[i]!;
      out[o] = value;
      signs |= last - value;
    }
    return signs;
  }
  let done = 0;
  if (bitWidth <= 25) {
    // Eight values are exactly `bitWidth` bytes, and value k of a group lies within the four bytes that begin at
    // byte (k * bitWidth) >> 3 of it. The last load of a group may reach three bytes beyond it.
    const mask = 2 ** bitWidth - 1;
    const groups = Math.max(0, Math.min(count >>> 3, Math.floor((end - start - 3) / bitWidth)));
    const [b1, b2, b3, b4, b5, b6, b7] = offsets(bitWidth);
    const [s1, s2, s3, s4, s5, s6, s7] = shifts(bitWidth);
    let i = start;
    for (let g = 0; g < groups; g++, i += bitWidth, o += 8) {
      const v0 = view.getInt32(i, true) & mask;
      const v1 = (view.getInt32(i + b1, true) >>> s1) & mask;
      const v2 = (view.getInt32(i + b2, true) >>> s2) & mask;
      const v3 = (view.getInt32(i + b3, true) >>> s3) & mask;
      const v4 = (view.getInt32(i + b4, true) >>> s4) & mask;
      const v5 = (view.getInt32(i + b5, true) >>> s5) & mask;
      const v6 = (view.getInt32(i + b6, true) >>> s6) & mask;
      const v7 = (view.getInt32(i + b7, true) >>> s7) & mask;
      out[o] = v0;
      out[o + 1] = v1;
      out[o + 2] = v2;
      out[o + 3] = v3;
      out[o + 4] = v4;
      out[o + 5] = v5;
      out[o + 6] = v6;
      out[o + 7] = v7;
      signs |= (last - v0) | (last - v1) | (last - v2) | (last - v3);
      signs |= (last - v4) | (last - v5) | (last - v6) | (last - v7);
    }
    done = groups * 8;
  }
  // What is left, and the widths above 25 bits: byte by byte.
  for (let k = done; k < count; k++, o++) {
    let value = 0;
    let bit = k * bitWidth;
    for (let got = 0; got < bitWidth; ) {
      const within = bit & 7;
      const take = Math.min(8 - within, bitWidth - got);
      value |= ((bytes[start + Math.floor(bit / 8)]! >>> within) & ((1 << take) - 1)) << got;
      got += take;
      bit += take;
    }
    out[o] = value;
    signs |= value | (last - value);
  }
  return signs;
}

type Seven = [number, number, number, number, number, number, number];

/** Byte in a group at which the load for value 1 to 7 begins. */
function offsets(bitWidth: number): Seven {
  return [1, 2, 3, 4, 5, 6, 7].map((k) => (k * bitWidth) >>> 3) as Seven;
}

function shifts(bitWidth: number): Seven {
  return [1, 2, 3, 4, 5, 6, 7].map((k) => (k * bitWidth) & 7) as Seven;
}

/** Groups of eight in one bit-packed run: what a two-byte header can say. */
const groupsPerRunMax = 8191;

/**
 * Encodes values[from, to), all of which must fit `bitWidth` bits (1 to 31). Repeats become runs where that is
 * shorter; everything else is bit-packed in groups of eight, the last padded with zeros. The first `head` bytes are left
 * to the caller.
 * @param values values that all fit `bitWidth` bits
 * @param from first value
 * @param to value behind the last
 * @param bitWidth bits of a value, 1 to 31
 * @param head bytes to leave free at the beginning
 * @returns the runs, behind the free bytes
 */
export function encodeHybrid(
  values: Int32Array | Uint8Array,
  from: number,
  to: number,
  bitWidth: number,
  head = 0,
): Uint8Array {
  const valueBytes = (bitWidth + 7) >>> 3;
  // A run pays when it saves more than its own header and value and the header of the run it interrupts.
  const runMin = Math.max(8, Math.ceil((8 * (valueBytes + 4)) / bitWidth));
  // Runs are shorter than the groups they replace, so all groups packed is the worst case; 16 bytes are for headers
  // and for the last store, which is of four bytes.
  const groups = Math.ceil((to - from) / 8);
  const out = new Uint8Array(head + groups * bitWidth + 2 * Math.ceil(groups / groupsPerRunMax) + 16);
  const view = new DataView(out.buffer);
  let o = head;
  let literal = from;
  let i = from;
  while (i < to) {
    // Only at a group's beginning may a run begin, so groups are whole.
    const value = values[i]!;
    let stop = i + 1;
    while (stop < to && values[stop] === value) stop++;
    const isRun = stop - i >= runMin;
    if (!isRun) i += 8;
    const end = Math.min(i, to);
    if (end > literal && (isRun || i >= to || end - literal >= groupsPerRunMax * 8)) {
      o = writeVarint((Math.ceil((end - literal) / 8) << 1) | 1, out, o);
      o = pack(values, literal, end, bitWidth, view, o);
      literal = end;
    }
    if (!isRun) continue;
    o = writeVarint((stop - i) * 2, out, o);
    for (let b = 0; b < valueBytes; b++) out[o++] = value >>> (8 * b);
    i = stop;
    literal = stop;
  }
  return out.subarray(0, o);
}

function writeVarint(value: number, out: Uint8Array, at: number): number {
  let o = at;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[o++] = (rest % 128) | 128;
  out[o++] = rest;
  return o;
}

/** Packs values[from, to) into whole groups of eight, 32 bits at a time. Returns the byte behind them. */
function pack(
  values: Int32Array | Uint8Array,
  from: number,
  to: number,
  bitWidth: number,
  view: DataView,
  at: number,
): number {
  let o = at;
  let pending = 0;
  let bits = 0;
  for (let i = from; i < to; i++) {
    const value = values[i]!;
    pending |= value << bits;
    bits += bitWidth;
    if (bits < 32) continue;
    view.setInt32(o, pending, true);
    o += 4;
    bits -= 32;
    // What of the value did not fit; all of it did when no bit is left over.
    pending = bits === 0 ? 0 : value >>> (bitWidth - bits);
  }
  // The last group's padding is zeros, which the array already holds.
  view.setInt32(o, pending, true);
  return at + Math.ceil((to - from) / 8) * bitWidth;
}

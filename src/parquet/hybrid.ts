/**
 * The RLE / bit-packed hybrid: dictionary indices, levels and RLE booleans. These are the hottest loops of the
 * library, so they work on typed arrays, eight values at a time, with one 32-bit load per value.
 *
 * Specification: parquet-format `Encodings.md` (RLE = 3).
 */

/** Bits needed for values 0 to `max`; 0 for `max` 0. */
export function bitWidthOf(max: number): number {
  return max === 0 ? 0 : 32 - Math.clz32(max);
}

/**
 * Decodes `count` values of `bitWidth` bits from bytes [start, end) into out[at...]. Returns the first byte not
 * consumed. Throws `RangeError` when the bytes end too soon.
 */
export function decodeHybrid(
  bytes: Uint8Array,
  start: number,
  end: number,
  bitWidth: number,
  count: number,
  out: Int32Array | Uint8Array,
  at: number,
): number {
  if (bitWidth > 32) throw new RangeError(`a bit width of ${bitWidth}`);
  const valueBytes = (bitWidth + 7) >>> 3;
  const view = new DataView(bytes.buffer, bytes.byteOffset, end);
  const last = at + count;
  let i = start;
  let o = at;
  while (o < last) {
    // Run header: a varint whose lowest bit tells the kind.
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (i >= end || shift > 28) throw new RangeError('a run without a header');
      const byte = bytes[i++]!;
      header |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    header >>>= 0;
    if ((header & 1) === 0) {
      if (valueBytes > end - i) throw new RangeError('a run without its value');
      let value = 0;
      for (let b = 0; b < valueBytes; b++) value |= bytes[i++]! << (8 * b);
      const stop = Math.min(last, o + (header >>> 1));
      out.fill(value, o, stop);
      o = stop;
    } else {
      const packed = (header >>> 1) * 8;
      const wanted = Math.min(packed, last - o);
      // The padding of the last group may be missing; the values that are wanted may not.
      if (Math.ceil((wanted * bitWidth) / 8) > end - i) throw new RangeError('bit-packed values run past the end');
      unpack(bytes, view, i, end, bitWidth, wanted, out, o);
      o += wanted;
      i = Math.min(end, i + (packed / 8) * bitWidth);
    }
  }
  return i;
}

/** Unpacks `count` values of `bitWidth` bits, least significant bit first, from byte `start`. */
export function unpack(
  bytes: Uint8Array,
  view: DataView,
  start: number,
  end: number,
  bitWidth: number,
  count: number,
  out: Int32Array | Uint8Array,
  at: number,
): void {
  let o = at;
  const last = at + count;
  if (bitWidth === 0) {
    out.fill(0, at, last);
    return;
  }
  if (bitWidth === 8) {
    for (let i = start; o < last; o++, i++) out[o] = bytes[i]!;
    return;
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
      out[o] = view.getInt32(i, true) & mask;
      out[o + 1] = (view.getInt32(i + b1, true) >>> s1) & mask;
      out[o + 2] = (view.getInt32(i + b2, true) >>> s2) & mask;
      out[o + 3] = (view.getInt32(i + b3, true) >>> s3) & mask;
      out[o + 4] = (view.getInt32(i + b4, true) >>> s4) & mask;
      out[o + 5] = (view.getInt32(i + b5, true) >>> s5) & mask;
      out[o + 6] = (view.getInt32(i + b6, true) >>> s6) & mask;
      out[o + 7] = (view.getInt32(i + b7, true) >>> s7) & mask;
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
  }
}

type Seven = [number, number, number, number, number, number, number];

/** Byte in a group at which the load for value 1 to 7 begins. */
function offsets(bitWidth: number): Seven {
  return [1, 2, 3, 4, 5, 6, 7].map((k) => (k * bitWidth) >>> 3) as Seven;
}

function shifts(bitWidth: number): Seven {
  return [1, 2, 3, 4, 5, 6, 7].map((k) => (k * bitWidth) & 7) as Seven;
}

/** Groups of eight in one bit-packed run: what a one-byte header can say. */
const groupsPerRunMax = 63;

/**
 * Encodes values[from, to), all of which must fit `bitWidth` bits (1 to 31). Repeats become runs where that is
 * shorter; everything else is bit-packed in groups of eight, the last padded with zeros.
 */
export function encodeHybrid(values: Int32Array | Uint8Array, from: number, to: number, bitWidth: number): Uint8Array {
  const valueBytes = (bitWidth + 7) >>> 3;
  // Worst case: every group packed with a header every 63 groups, or short runs between them.
  const groups = Math.ceil((to - from) / 8);
  const out = new Uint8Array(groups * (bitWidth + 1) + Math.ceil(groups / 8) + 32);
  // A run pays when it saves more than its own header and value and the header of the run it interrupts.
  const runMin = Math.max(8, Math.ceil((8 * (valueBytes + 4)) / bitWidth));
  let o = 0;
  let i = from;
  let literalHeader = -1;
  let literalGroups = 0;
  while (i < to) {
    const value = values[i]!;
    let stop = i + 1;
    while (stop < to && values[stop] === value) stop++;
    if (stop - i >= runMin) {
      if (literalHeader >= 0) out[literalHeader] = (literalGroups << 1) | 1;
      literalHeader = -1;
      for (let header = (stop - i) * 2; ; header = Math.floor(header / 128)) {
        if (header < 128) {
          out[o++] = header;
          break;
        }
        out[o++] = (header % 128) | 128;
      }
      for (let b = 0; b < valueBytes; b++) out[o++] = (value >>> (8 * b)) & 255;
      i = stop;
      continue;
    }
    if (literalHeader < 0 || literalGroups === groupsPerRunMax) {
      if (literalHeader >= 0) out[literalHeader] = (literalGroups << 1) | 1;
      literalHeader = o++;
      literalGroups = 0;
    }
    o = packGroup(values, i, to, bitWidth, out, o);
    literalGroups++;
    i += 8;
  }
  if (literalHeader >= 0) out[literalHeader] = (literalGroups << 1) | 1;
  return out.subarray(0, o);
}

/** Packs values[i, i + 8), zeros beyond `to`, into `bitWidth` bytes. */
function packGroup(
  values: Int32Array | Uint8Array,
  i: number,
  to: number,
  bitWidth: number,
  out: Uint8Array,
  at: number,
): number {
  // At most seven bits are pending, so 25 more fit a 32-bit integer; wider values go in two parts.
  const lowWidth = bitWidth > 25 ? 16 : bitWidth;
  const highWidth = bitWidth - lowWidth;
  const lowMask = 2 ** lowWidth - 1;
  let o = at;
  let pending = 0;
  let bits = 0;
  for (let k = i; k < i + 8; k++) {
    const value = k < to ? values[k]! : 0;
    pending |= (value & lowMask) << bits;
    bits += lowWidth;
    for (; bits >= 8; bits -= 8, pending >>>= 8) out[o++] = pending;
    if (highWidth === 0) continue;
    pending |= (value >>> lowWidth) << bits;
    bits += highWidth;
    for (; bits >= 8; bits -= 8, pending >>>= 8) out[o++] = pending;
  }
  return o;
}

/**
 * PLAIN INT64 values that count up by one, compressed without a compressor. Of 256 neighbours only the lowest byte
 * differs, so a compressor finds the same thing again and again: one new byte, then seven bytes as eight bytes ago.
 * Writing that down directly saves the search: measured for 3 million values in ZSTD, 10 ms instead of 240 ms at about
 * the same size. The output is ordinary ZSTD and Snappy that every reader knows.
 *
 * Specification: RFC 8878 (Zstandard), sections 3.1.1.1 to 3.1.1.4; google/snappy, `format_description.txt`.
 */
import type { Codec, Values } from './types.ts';

const groupValues = 256;
const valueBytes = 8;

/** Below this length general compression is quick enough, and the formats' corner cases stay away. */
export const countedRunMin = 1024;

/** Writes 64-bit integers that grow in small steps as little-endian bytes. */
class Counter {
  low: number;
  high: number;

  constructor(first: bigint) {
    this.low = Number(BigInt.asUintN(32, first));
    this.high = Number(BigInt.asIntN(32, first >> 32n));
  }

  write(view: DataView, at: number): void {
    view.setUint32(at, this.low, true);
    view.setInt32(at + 4, this.high, true);
  }

  add(count: number): void {
    this.low += count;
    if (this.low > 0xffffffff) {
      this.low -= 0x100000000;
      this.high++;
    }
  }
}

// Block types and modes of RFC 8878.
const rawBlock = 0;
const compressedBlock = 2;
/** All three sequence codes in RLE mode: one symbol each, and no bits per sequence. */
const allRle = 0b01_01_01_00;
/** Code of literal length 1, of match length 7. */
const literalLength1 = 1;
const matchLength7 = 4;
/** Offset codes: "as last time", and the one whose values 8 to 15 take three bits; offset 8 has the value 11. */
const repeatOffset = 0;
const offset8Code = 3;
/** A bitstream of nothing, and one of the three bits 011; the bit above them marks its end. */
const noBits = 0b1;
const offset8Bits = 0b1_011;

/** Bytes of the block of a whole group: header, literals and their size, sequences. */
const wholeBlockBytes = 3 + 2 + (groupValues - 1) + valueBytes + 7;

/** ZSTD frame of `count` values from `first`; `count` is at least `countedRunMin`. */
export function zstdCountedRun(first: bigint, count: number): Uint8Array {
  const groups = Math.ceil(count / groupValues) + 2;
  const out = new Uint8Array(32 + groups * 280 + (groupValues + 1) * valueBytes);
  const view = new DataView(out.buffer);
  const counter = new Counter(first);
  view.setUint32(0, 0xfd2fb528, true);
  // A single segment whose size follows in four bytes.
  out[4] = 0xa0;
  view.setUint32(5, count * valueBytes, true);
  let o = 9;

  // Raw: all values before the first whole group, and the first of that.
  const head = (groupValues - (counter.low % groupValues)) % groupValues;
  o = zstdBlockHeader(out, o, rawBlock, (head + 1) * valueBytes, false);
  for (let k = 0; k <= head; k++, o += valueBytes) {
    counter.write(view, o);
    if (k < head) counter.add(1);
  }
  // One sequence that names the offset; all later ones repeat it.
  o = zstdBlockHeader(out, o, compressedBlock, 8, false);
  out.set([1 << 3, 1, 1, allRle, literalLength1, offset8Code, matchLength7, offset8Bits], o);
  o += 8;

  let left = count - head;
  // Where the last block of a whole group began: all such blocks differ in their trailing literals alone.
  let whole = -1;
  for (let from = 2; left > 0; from = 1) {
    const inGroup = Math.min(groupValues, left);
    left -= inGroup;
    counter.add(groupValues);
    // The next group's first value is this block's last literals.
    const trailing = left > 0 ? valueBytes : 0;
    const isLast = left <= 1;
    const sequences = inGroup - from;
    const isWhole = sequences === groupValues - 1 && trailing > 0 && !isLast;
    if (isWhole && whole >= 0) {
      out.copyWithin(o, whole, whole + wholeBlockBytes);
      o += wholeBlockBytes;
    } else {
      if (isWhole) whole = o;
      o = zstdSequences(out, o, from, sequences, trailing, isLast);
    }
    if (trailing > 0) counter.write(view, o - (sequences < 128 ? 6 : 7) - valueBytes);
    if (left === 1) break;
  }
  return out.subarray(0, o);
}

function zstdBlockHeader(out: Uint8Array, at: number, type: number, size: number, isLast: boolean): number {
  const header = (size << 3) | (type << 1) | (isLast ? 1 : 0);
  out[at] = header;
  out[at + 1] = header >>> 8;
  out[at + 2] = header >>> 16;
  return at + 3;
}

/** A block of `sequences` literals that count up from `from`, room for `trailing` more, and the sequences. */
function zstdSequences(
  out: Uint8Array,
  at: number,
  from: number,
  sequences: number,
  trailing: number,
  isLast: boolean,
): number {
  const literals = sequences + trailing;
  const countBytes = sequences < 128 ? 1 : 2;
  let o = zstdBlockHeader(out, at, compressedBlock, 2 + literals + countBytes + 5, isLast);
  // Raw literals with a 12-bit size.
  out[o++] = (1 << 2) | ((literals & 15) << 4);
  out[o++] = literals >>> 4;
  for (let k = 0; k < sequences; k++) out[o++] = from + k;
  o += trailing;
  if (countBytes === 2) out[o++] = 128 | (sequences >>> 8);
  out[o++] = sequences;
  out[o++] = allRle;
  out[o++] = literalLength1;
  out[o++] = repeatOffset;
  out[o++] = matchLength7;
  out[o++] = noBits;
  return o;
}

// Snappy's elements: a literal of 8 bytes, one of 1 byte, and a copy of 7 bytes from 8 bytes back.
const literal8 = (8 - 1) << 2;
const literal1 = 0;
const copy7 = ((7 - 4) << 2) | 1;

/** Snappy bytes of `count` values from `first`. */
export function snappyCountedRun(first: bigint, count: number): Uint8Array {
  const groups = Math.ceil(count / groupValues) + 2;
  const out = new Uint8Array(8 + groups * (1 + valueBytes) + count * 4);
  const view = new DataView(out.buffer);
  const counter = new Counter(first);
  let o = 0;
  let size = count * valueBytes;
  for (; size >= 128; size = Math.floor(size / 128)) out[o++] = (size % 128) | 128;
  out[o++] = size;
  for (let left = count; left > 0; ) {
    const lowest = counter.low % groupValues;
    const inGroup = Math.min(left, groupValues - lowest);
    out[o++] = literal8;
    counter.write(view, o);
    o += valueBytes;
    for (let k = 1; k < inGroup; k++, o += 4) {
      out[o] = literal1;
      out[o + 1] = lowest + k;
      out[o + 2] = copy7;
      out[o + 3] = valueBytes;
    }
    counter.add(inGroup);
    left -= inGroup;
  }
  return out.subarray(0, o);
}

/** `count` values from `first`, compressed; undefined where the codec has no direct way for that. */
export function countedRun(first: bigint, count: number, codec: Codec): Uint8Array | undefined {
  if (codec === 'ZSTD') return zstdCountedRun(first, count);
  return codec === 'SNAPPY' ? snappyCountedRun(first, count) : undefined;
}

/** Values compressed as one counted run; undefined where they are none, or the codec has no direct way for it. */
export function compressedRun(values: Values, codec: Codec): Uint8Array | undefined {
  const { length } = values;
  if (values.kind !== 'int64' || length < countedRunMin) return undefined;
  const { data } = values;
  const halves = new Int32Array(data.buffer, data.byteOffset, 2 * length);
  const low = halves[0]!;
  const high = halves[1]!;
  for (let i = 1; i < length; i++) {
    const next = (low + i) | 0;
    const carried = next >>> 0 < low >>> 0 ? 1 : 0;
    if (halves[2 * i] !== next || halves[2 * i + 1] !== ((high + carried) | 0)) return undefined;
  }
  return countedRun(data[0]!, length, codec);
}

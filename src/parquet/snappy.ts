/**
 * Snappy's raw format. Every length and distance is checked against both ends, so damaged input ends in an error and in
 * time linear in its size. `codecs.ts` calls it.
 *
 * Specification: google/snappy, `format_description.txt`.
 */
import { type Arena, arenaOf, copyForward, slackBytes } from '../bytes/short-bytes.ts';
import { copyOf } from './values.ts';

const hashBits = 14;
/** Distances of the three-byte copy, the longest that is written. */
const distanceMax = 0xffff;
/** A match is looked for up to here before the end, so that four bytes can be loaded. */
const tailBytes = 16;
/** Positions by hash of four bytes; one table for all calls, since making it costs as much as a small page. */
const table = new Int32Array(1 << hashBits);

/**
 * Decompresses raw Snappy.
 * @param bytes the stored body
 * @param length bytes that it must give
 * @param allocate gives memory for so many elements; what is in it does not matter
 * @returns exactly `length` bytes, in memory of `allocate`
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function snappyDecompress(
  bytes: Uint8Array,
  length: number,
  allocate: (length: number) => Uint8Array = (size) => new Uint8Array(size),
): Uint8Array {
  let announced = 0;
  let i = 0;
  for (let scale = 1; ; scale *= 128) {
    if (i >= bytes.length || i === 5) throw new RangeError('its preamble has no end');
    const byte = bytes[i++]!;
    announced += (byte & 127) * scale;
    if (byte < 128) break;
  }
  if (announced !== length) throw new RangeError(`its preamble says ${announced} bytes, its header ${length}`);
  // A two-byte copy makes at most 11 bytes and a three-byte copy 64.
  if (length > bytes.length * 22) throw new RangeError(`${bytes.length} bytes cannot become ${length}`);
  const source = arenaOf(bytes);
  const target = arenaOf(allocate(length + slackBytes));
  const out = target.bytes;
  const { view } = target;
  const end = bytes.length;
  let o = 0;
  while (i < end) {
    const tag = bytes[i++]!;
    let count: number;
    let distance: number;
    switch (tag & 3) {
      case 0: {
        count = (tag >>> 2) + 1;
        if (count > 60) {
          const size = count - 60;
          if (size > end - i) throw new RangeError('a literal without its length');
          count = 1;
          for (let b = 0, scale = 1; b < size; b++, scale *= 256) count += bytes[i++]! * scale;
        }
        if (count > end - i || count > length - o) throw new RangeError('a literal runs past the end');
        copyForward(source, i, count, target, o);
        i += count;
        o += count;
        continue;
      }
      case 1:
        if (i + 1 > end) throw new RangeError('a copy without its distance');
        count = ((tag >>> 2) & 7) + 4;
        distance = ((tag >>> 5) << 8) | bytes[i]!;
        i += 1;
        break;
      case 2:
        if (i + 2 > end) throw new RangeError('a copy without its distance');
        count = (tag >>> 2) + 1;
        distance = bytes[i]! | (bytes[i + 1]! << 8);
        i += 2;
        break;
      default:
        if (i + 4 > end) throw new RangeError('a copy without its distance');
        count = (tag >>> 2) + 1;
        distance = (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)) >>> 0;
        i += 4;
    }
    if (distance === 0 || distance > o) throw new RangeError('a copy from before the beginning');
    if (count > length - o) throw new RangeError('a copy runs past the end');
    // A copy may overlap itself: that is how runs are written. From as far back as a step is long, steps are safe.
    if (distance >= 8) {
      for (let k = 0; k < count; k += 8) view.setBigInt64(o + k, view.getBigInt64(o + k - distance, true), true);
    } else for (let k = o; k < o + count; k++) out[k] = out[k - distance]!;
    o += count;
  }
  if (o !== length) throw new RangeError(`${o} bytes instead of ${length}`);
  return out.subarray(0, length);
}

/** Outputs up to this size are made in shared memory first, since most of what might be needed is not. */
const scratchBytesMax = 4 << 20;
let scratch = arenaOf(new Uint8Array(0));

function scratchOf(length: number): Arena {
  if (length > scratchBytesMax) return arenaOf(new Uint8Array(length));
  if (length > scratch.bytes.length) scratch = arenaOf(new Uint8Array(scratchBytesMax));
  return scratch;
}

/**
 * Compresses by greedy matches through a table of the last position of each four bytes.
 * @param bytes what to compress
 * @returns raw Snappy
 */
export function snappyCompress(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  // Literals of at least one byte between copies of at least four: never more than a sixth longer.
  const target = scratchOf(32 + length + Math.ceil(length / 6));
  const source = arenaOf(bytes);
  const out = target.bytes;
  const { view } = source;
  let o = writeVarint(length, out, 0);
  // A small input needs, and has cleared, a small part of the table.
  const bits = Math.max(8, Math.min(hashBits, 32 - Math.clz32(length)));
  const shift = 32 - bits;
  table.fill(-1, 0, 1 << bits);
  let anchor = 0;
  let i = 0;
  while (i < length - tailBytes) {
    const four = view.getInt32(i, true);
    const hash = Math.imul(four, 0x1e35a7bd) >>> shift;
    const candidate = table[hash]!;
    table[hash] = i;
    if (candidate < 0 || i - candidate > distanceMax || view.getInt32(candidate, true) !== four) {
      // The longer nothing matches, the bigger the steps.
      i += 1 + ((i - anchor) >>> 5);
      continue;
    }
    o = writeLiteral(source, anchor, i, target, o);
    let end = i + 4;
    const distance = i - candidate;
    while (end + 4 <= length && view.getInt32(end, true) === view.getInt32(end - distance, true)) end += 4;
    while (end < length && bytes[end] === bytes[end - distance]) end++;
    o = writeCopies(distance, end - i, out, o);
    i = end;
    anchor = end;
  }
  return copyOf(out, 0, writeLiteral(source, anchor, length, target, o));
}

function writeLiteral(source: Arena, from: number, to: number, target: Arena, at: number): number {
  const count = to - from;
  if (count === 0) return at;
  const out = target.bytes;
  let o = at;
  if (count <= 60) out[o++] = (count - 1) << 2;
  else {
    const size = count <= 0x100 ? 1 : count <= 0x10000 ? 2 : count <= 0x1000000 ? 3 : 4;
    out[o++] = (59 + size) << 2;
    for (let b = 0, rest = count - 1; b < size; b++, rest >>>= 8) out[o++] = rest;
  }
  copyForward(source, from, count, target, o);
  return o + count;
}

function writeCopies(distance: number, count: number, out: Uint8Array, at: number): number {
  let o = at;
  let left = count;
  while (left > 0) {
    // At least four bytes have to be left for the last copy.
    const take = left > 64 ? (left < 68 ? 60 : 64) : left;
    if (take >= 4 && take <= 11 && distance < 2048) {
      out[o++] = 1 | ((take - 4) << 2) | ((distance >>> 8) << 5);
      out[o++] = distance;
    } else {
      out[o++] = 2 | ((take - 1) << 2);
      out[o++] = distance;
      out[o++] = distance >>> 8;
    }
    left -= take;
  }
  return o;
}

function writeVarint(value: number, out: Uint8Array, at: number): number {
  let o = at;
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) out[o++] = (rest % 128) | 128;
  out[o++] = rest;
  return o;
}

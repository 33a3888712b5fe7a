/**
 * LZ4 blocks, bare (LZ4_RAW) and in Hadoop's framing (LZ4). Some writers put a bare block, or a frame of one of the
 * other kinds, under the name LZ4; the bare block is recognised by failing as Hadoop's framing. `codecs.ts` calls it.
 * Every length and distance is checked, for the input may be damaged.
 *
 * Specification: lz4 `doc/lz4_Block_format.md`; parquet-format `Compression.md` (LZ4, LZ4_RAW).
 */
const matchMin = 4;
/** The format's end conditions: the last five bytes are literals, the last match begins twelve bytes before the end. */
const lastLiterals = 5;
const matchFindLimit = 12;
const hashBits = 14;

/**
 * Decompresses one block.
 * @param bytes the block
 * @param length bytes that it must give
 * @returns exactly `length` bytes
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function lz4Decompress(bytes: Uint8Array, length: number): Uint8Array {
  // A length byte adds at most 255 bytes.
  if (length > bytes.length * 255) throw new RangeError(`${bytes.length} bytes cannot become ${length}`);
  const out = new Uint8Array(length);
  const written = decompressBlock(bytes, 0, bytes.length, out, 0);
  if (written !== length) throw new RangeError(`an LZ4 block of ${written} bytes instead of ${length}`);
  return out;
}

function decompressBlock(bytes: Uint8Array, from: number, end: number, out: Uint8Array, at: number): number {
  let i = from;
  let o = at;
  while (i < end) {
    const token = bytes[i++]!;
    let literals = token >>> 4;
    if (literals === 15) {
      let more = 255;
      while (more === 255) {
        if (i >= end) throw new RangeError('an LZ4 length without an end');
        more = bytes[i++]!;
        literals += more;
      }
    }
    if (literals > end - i || literals > out.length - o) throw new RangeError('LZ4 literals run past the end');
    if (literals > 24) out.set(bytes.subarray(i, i + literals), o);
    else for (let k = 0; k < literals; k++) out[o + k] = bytes[i + k]!;
    i += literals;
    o += literals;
    // The last sequence has no match.
    if (i === end) break;
    if (i + 2 > end) throw new RangeError('an LZ4 match without an offset');
    const offset = bytes[i]! | (bytes[i + 1]! << 8);
    i += 2;
    let count = token & 15;
    if (count === 15) {
      let more = 255;
      while (more === 255) {
        if (i >= end) throw new RangeError('an LZ4 length without an end');
        more = bytes[i++]!;
        count += more;
      }
    }
    count += matchMin;
    if (offset === 0 || offset > o - at) throw new RangeError('an LZ4 match before the beginning');
    if (count > out.length - o) throw new RangeError('an LZ4 match runs past the end');
    if (offset >= count && count > 24) out.copyWithin(o, o - offset, o - offset + count);
    else for (let k = o; k < o + count; k++) out[k] = out[k - offset]!;
    o += count;
  }
  return o - at;
}

/**
 * Decompresses Hadoop's framing: blocks behind two big-endian lengths, of the output and of the input.
 * @param bytes the blocks with their lengths
 * @param length bytes that they must give
 * @returns exactly `length` bytes
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function lz4HadoopDecompress(bytes: Uint8Array, length: number): Uint8Array {
  if (length > bytes.length * 255) throw new RangeError(`${bytes.length} bytes cannot become ${length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const out = new Uint8Array(length);
  try {
    let i = 0;
    let o = 0;
    while (i + 8 <= bytes.length) {
      const outLength = view.getUint32(i);
      const inLength = view.getUint32(i + 4);
      if (inLength > bytes.length - i - 8 || outLength > length - o) throw new RangeError('not framed');
      const written = decompressBlock(bytes, i + 8, i + 8 + inLength, out.subarray(o, o + outLength), 0);
      if (written !== outLength) throw new RangeError('not framed');
      i += 8 + inLength;
      o += outLength;
    }
    if (i !== bytes.length || o !== length) throw new RangeError('not framed');
    return out;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return lz4Decompress(bytes, length);
  }
}

/**
 * Compresses to one block: greedy matches through a table of the last position of each four bytes.
 * @param bytes what to compress
 * @returns one block
 */
export function lz4Compress(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  const out = new Uint8Array(length + Math.ceil(length / 255) + 16);
  const table = new Int32Array(1 << hashBits).fill(-1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  let o = 0;
  let anchor = 0;
  let i = 0;
  const matchEnd = length - lastLiterals;
  while (i < length - matchFindLimit) {
    const four = view.getUint32(i, true);
    const hash = Math.imul(four, 0x9e3779b1) >>> (32 - hashBits);
    const candidate = table[hash]!;
    table[hash] = i;
    if (candidate < 0 || i - candidate > 0xffff || view.getUint32(candidate, true) !== four) {
      // The longer nothing matches, the bigger the steps.
      i += 1 + ((i - anchor) >>> 6);
      continue;
    }
    let end = i + matchMin;
    while (end < matchEnd && bytes[end] === bytes[candidate + end - i]) end++;
    o = writeSequence(bytes, anchor, i, i - candidate, end - i, out, o);
    i = end;
    anchor = end;
  }
  return out.slice(0, writeSequence(bytes, anchor, length, 0, 0, out, o));
}

/** Writes literals [anchor, to) and a match; the last sequence has a match of length 0, which is none. */
function writeSequence(
  bytes: Uint8Array,
  anchor: number,
  to: number,
  offset: number,
  match: number,
  out: Uint8Array,
  at: number,
): number {
  const literals = to - anchor;
  const extra = match - matchMin;
  let o = at;
  out[o++] = (Math.min(literals, 15) << 4) | (match === 0 ? 0 : Math.min(extra, 15));
  if (literals >= 15) o = writeLength(literals - 15, out, o);
  out.set(bytes.subarray(anchor, to), o);
  o += literals;
  if (match === 0) return o;
  out[o++] = offset & 255;
  out[o++] = offset >>> 8;
  return extra >= 15 ? writeLength(extra - 15, out, o) : o;
}

function writeLength(length: number, out: Uint8Array, at: number): number {
  let o = at;
  let rest = length;
  for (; rest >= 255; rest -= 255) out[o++] = 255;
  out[o++] = rest;
  return o;
}

/**
 * Compresses to Hadoop's framing, in one block.
 * @param bytes what to compress
 * @returns one block behind its lengths
 */
export function lz4HadoopCompress(bytes: Uint8Array): Uint8Array {
  const block = lz4Compress(bytes);
  const out = new Uint8Array(block.length + 8);
  const view = new DataView(out.buffer);
  view.setUint32(0, bytes.length);
  view.setUint32(4, block.length);
  out.set(block, 8);
  return out;
}

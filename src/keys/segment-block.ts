/**
 * The blocks of a segment: some thousand keys, each block compressed by itself (ZSTD), since keys of one kind are much
 * alike. Numbers are laid out as byte planes (`byte-planes.ts`):
 *
 *     low and high words of the values · differences of the hashes · lengths of the keys (four planes of n bytes each) ·
 *     key bytes
 *
 * Two older layouts, each with a magic of its own, are read and not written: numbers one after the other (i64 value[n] ·
 * u32 hash[n] · u32 end[n] · key bytes · pad to 8, little endian), compressed or not.
 */
import zlib from 'node:zlib';
import { lowAndHigh, readEnds, readPlanes, type Words, wordsOf, writePlanes } from '../bytes/byte-planes.ts';
import { OrdinalError } from '../errors.ts';

/** At the end of a segment: which layout its blocks have. */
export const MAGIC = 0x33534b4f;
/** Of the older layouts. */
const MAGIC_WORDS = 0x32534b4f;
const MAGIC_WORDS_UNCOMPRESSED = 0x31534b4f;

/** How the blocks of a segment are laid out. */
export type SegmentLayout = 'planes' | 'words' | 'uncompressed words';
const layouts: ReadonlyMap<number, SegmentLayout> = new Map([
  [MAGIC, 'planes'],
  [MAGIC_WORDS, 'words'],
  [MAGIC_WORDS_UNCOMPRESSED, 'uncompressed words'],
]);

/** Bytes of a key's value, hash and length. */
export const NUMBERS_BYTES = 16;

/** Bytes of a block: its keys may be long. */
const BLOCK_BYTES_MAX = 1 << 30;

/** One block. */
export interface SegmentBlock {
  values: BigInt64Array;
  hashes: Uint32Array;
  ends: Uint32Array;
  bytes: Uint8Array;
}

/**
 * The layout that a segment's magic stands for.
 * @param magic the last four bytes of a segment
 * @returns the layout; undefined for what is no segment
 */
export function layoutOf(magic: number): SegmentLayout | undefined {
  return layouts.get(magic);
}

/**
 * Writes a block's numbers to its beginning.
 * @param block bytes of the block: `NUMBERS_BYTES` for each key come first
 * @param low low words of the values
 * @param high high words of the values
 * @param hashes hashes, ascending
 * @param lengths lengths of the keys in bytes
 * @returns the byte behind the numbers
 */
export function writeNumbers(
  block: Uint8Array,
  low: Words,
  high: Words,
  hashes: Int32Array,
  lengths: Int32Array,
): number {
  const valuesEnd = writePlanes(high, false, block, writePlanes(low, false, block, 0));
  const hashesEnd = writePlanes(wordsOf(hashes), true, block, valuesEnd);
  return writePlanes(wordsOf(lengths), false, block, hashesEnd);
}

/**
 * The block that is stored as these bytes.
 * @param stored the block as the segment has it
 * @param keys keys of the block
 * @param layout how the segment's blocks are laid out
 * @param blob name of the segment, for errors
 * @returns the block, in memory of its own
 * @throws `CorruptFile` when the bytes are no such block
 */
export function blockAt(stored: Uint8Array, keys: number, layout: SegmentLayout, blob: string): SegmentBlock {
  const block = layout === 'uncompressed words' ? new Uint8Array(stored) : decompressed(stored, keys, blob);
  if (keys === 0 || block.length < keys * NUMBERS_BYTES) throw corruptSegment(blob);
  const { values, hashes, ends } = layout === 'planes' ? numbersOfPlanes(block, keys) : numbersOfWords(block, keys);
  const start = keys * NUMBERS_BYTES;
  const used = ends[keys - 1]!;
  if (start + used > block.length) throw corruptSegment(blob);
  return { values, hashes, ends, bytes: block.subarray(start, start + used) };
}

type Numbers = Pick<SegmentBlock, 'values' | 'hashes' | 'ends'>;

function numbersOfPlanes(block: Uint8Array, keys: number): Numbers {
  const values = new BigInt64Array(keys);
  const hashes = new Uint32Array(keys);
  const ends = new Uint32Array(keys);
  const [low, high] = lowAndHigh(values);
  const valuesEnd = readPlanes(high, false, block, readPlanes(low, false, block, 0));
  const hashesEnd = readPlanes(wordsOf(new Int32Array(hashes.buffer)), true, block, valuesEnd);
  readEnds(ends, block, hashesEnd);
  return { values, hashes, ends };
}

function numbersOfWords({ buffer, byteOffset: base }: Uint8Array, keys: number): Numbers {
  return {
    values: new BigInt64Array(buffer, base, keys),
    hashes: new Uint32Array(buffer, base + keys * 8, keys),
    ends: new Uint32Array(buffer, base + keys * 12, keys),
  };
}

/** A block in memory of its own, which words can be read from. */
function decompressed(stored: Uint8Array, keys: number, blob: string): Uint8Array {
  try {
    const block = zlib.zstdDecompressSync(stored, {
      chunkSize: 64 * Math.max(keys, 16),
      maxOutputLength: BLOCK_BYTES_MAX,
    });
    return block.byteOffset % 8 === 0 ? block : new Uint8Array(block);
  } catch (cause) {
    throw corruptSegment(blob, cause);
  }
}

/**
 * The error of a damaged segment, for the caller to throw.
 * @param blob name of the segment
 * @param cause what was found first
 * @returns a CorruptFile
 */
export function corruptSegment(blob: string, cause?: unknown): OrdinalError {
  return new OrdinalError('CorruptFile', `"${blob}" is not a key segment`, {
    where: { blob },
    cause,
    remedy: 'Rebuild the key index from what was published: npm run ordinal -- keys rebuild.',
  });
}

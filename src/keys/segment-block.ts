/**
 * The blocks of a segment: some thousand keys, each block compressed by itself (ZSTD), since keys of one kind are much
 * alike. `segment.ts` calls it. Numbers are laid out as byte planes (`byte-planes.ts`):
 *
 *     low and high words of the values · differences of the hashes · lengths of the keys (four planes of n bytes each) ·
 *     key bytes
 */
import zlib from 'node:zlib';
import { lowAndHigh, readEnds, readPlanes, type Words, wordsOf, writePlanes } from '../bytes/byte-planes.ts';
import { OrdinalError } from '../errors.ts';

/** At the end of every segment: names this layout of its blocks. */
export const MAGIC = 0x33534b4f;

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
 * @param blob name of the segment, for errors
 * @returns the block, in memory of its own
 * @throws `CorruptFile` when the bytes are no such block
 */
export function blockAt(stored: Uint8Array, keys: number, blob: string): SegmentBlock {
  const block = decompressed(stored, keys, blob);
  if (keys === 0 || block.length < keys * NUMBERS_BYTES) throw corruptSegment(blob);
  const values = new BigInt64Array(keys);
  const hashes = new Uint32Array(keys);
  const ends = new Uint32Array(keys);
  const [low, high] = lowAndHigh(values);
  const valuesEnd = readPlanes(high, false, block, readPlanes(low, false, block, 0));
  const hashesEnd = readPlanes(wordsOf(new Int32Array(hashes.buffer)), true, block, valuesEnd);
  readEnds(ends, block, hashesEnd);
  const start = keys * NUMBERS_BYTES;
  const used = ends[keys - 1]!;
  if (start + used > block.length) throw corruptSegment(blob);
  return { values, hashes, ends, bytes: block.subarray(start, start + used) };
}

function decompressed(stored: Uint8Array, keys: number, blob: string): Uint8Array {
  try {
    return zlib.zstdDecompressSync(stored, { chunkSize: 64 * Math.max(keys, 16), maxOutputLength: BLOCK_BYTES_MAX });
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
    remedy: `Make it anew from what was published: ${rebuildOf(blob)}.`,
  });
}

/**
 * The command that makes anew what a segment is of: a key index, or the ledger of a pipeline.
 * @param blob name of the segment
 * @returns a command line
 */
export function rebuildOf(blob: string): string {
  const [of, name] = blob.split('/');
  return `npm run ordinal -- ${of === 'ledger' ? 'ledger' : 'keys'} rebuild ${name}`;
}

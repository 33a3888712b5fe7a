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
import { limits } from '../limits.ts';

/** At the end of every segment: names this layout of its blocks. */
export const MAGIC = 0x33534b4f;

/** Bytes of a key's value, hash and length. */
export const NUMBERS_BYTES = 16;

/** Bytes of a key's value. */
const VALUE_BYTES = 8;

/** One block, in memory of its own. */
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

/** A block to look keys up in: of its values only those are decoded that are asked for. */
export interface OpenBlock extends Omit<SegmentBlock, 'values'> {
  /** All bytes of the block: `wordAt` reads a value from them. */
  planes: Uint8Array;
}

/** Opens the blocks of one segment, one after the other: new memory for each would cost more than to decode it. */
export class BlockReader {
  readonly #blob: string;
  #hashes = new Uint32Array(0);
  #ends = new Uint32Array(0);
  /** Bytes of the largest block so far: the next one will hardly have more. */
  #size = 0;

  /** @param blob name of the segment, for errors */
  constructor(blob: string) {
    this.#blob = blob;
  }

  /**
   * The block that is stored as these bytes.
   * @param stored the block as the segment has it
   * @param keys keys of the block
   * @returns the block, until the next one is opened
   * @throws `CorruptFile` when the bytes are no such block
   */
  open(stored: Uint8Array, keys: number): OpenBlock {
    const planes = this.#decompressed(stored, keys);
    if (keys === 0) throw corruptSegment(this.#blob);
    if (keys > this.#hashes.length) {
      this.#hashes = new Uint32Array(keys);
      this.#ends = new Uint32Array(keys);
    }
    const hashes = this.#hashes.subarray(0, keys);
    const ends = this.#ends.subarray(0, keys);
    const words = wordsOf(new Int32Array(hashes.buffer, hashes.byteOffset, keys));
    readEnds(ends, planes, readPlanes(words, true, planes, keys * VALUE_BYTES));
    const start = keys * NUMBERS_BYTES;
    const used = ends[keys - 1]!;
    // What is read beyond the bytes is 0: too few of them show here.
    if (start + used > planes.length) throw corruptSegment(this.#blob);
    return { hashes, ends, planes, bytes: planes.subarray(start, start + used) };
  }

  #decompressed(stored: Uint8Array, keys: number): Uint8Array {
    const chunkSize = Math.max(this.#size + 1024, 24 * keys, 1024);
    try {
      const block = zlib.zstdDecompressSync(stored, { chunkSize, maxOutputLength: limits.keyBlockBytesMax });
      this.#size = Math.max(this.#size, block.length);
      return block;
    } catch (cause) {
      throw corruptSegment(this.#blob, cause);
    }
  }
}

/**
 * The values of an open block, all of them.
 * @param block the block
 * @returns the block with its values, in memory of its own
 */
export function withValues({ hashes, ends, planes, bytes }: OpenBlock): SegmentBlock {
  const values = new BigInt64Array(hashes.length);
  const [low, high] = lowAndHigh(values);
  readPlanes(high, false, planes, readPlanes(low, false, planes, 0));
  return { values, hashes: hashes.slice(), ends: ends.slice(), bytes };
}

/**
 * One word of the values of an open block.
 * @param planes the block's bytes
 * @param count keys of the block
 * @param k the key
 * @param first 0 for the low words, 4 for the high ones
 * @returns the word
 */
export function wordAt(planes: Uint8Array, count: number, k: number, first: 0 | 4): number {
  const at = first * count + k;
  return planes[at]! | (planes[at + count]! << 8) | (planes[at + 2 * count]! << 16) | (planes[at + 3 * count]! << 24);
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

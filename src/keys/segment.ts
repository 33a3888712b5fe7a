/**
 * Segments: the files that a key index consists of. Keys in the order of their hash, in blocks, with a directory of the
 * blocks' hash bounds, so that a reader fetches only the blocks that may hold what it looks for. `segment-block.ts` has
 * the blocks; behind them, little endian:
 *
 *     directory: for each block f64 offset · u32 stored length · u32 keys · u32 first hash · u32 last hash
 *     tail:      u32 blocks · u32 magic
 *
 * A value is an ID; or, in the delta of one run, the key's ordinal among the run's new keys, whose ID follows from the
 * ranges that the run was given. The hash is `hashKey` of `table.ts`: it is part of the format.
 */
import { lowAndHigh, wordsOf } from '../bytes/byte-planes.ts';
import { arenaOf, copyForward, slackBytes } from '../bytes/short-bytes.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { isLayout } from '../storage/layout.ts';
import type { BlobStore } from '../storage/store.ts';
import { compressQuickly } from '../storage/zstd.ts';
import {
  BlockReader,
  corruptSegment,
  MAGIC,
  NUMBERS_BYTES,
  type OpenBlock,
  rebuildOf,
  type SegmentBlock,
  withValues,
  writeNumbers,
} from './segment-block.ts';
import type { KeyTable } from './table.ts';

const BLOCK_KEYS = 8192;
const DIRECTORY_ENTRY_BYTES = 24;
const TAIL_BYTES = 8;
/** Blocks fetched in one request, and the hole between two that is fetched along. */
const REQUEST_BYTES_MAX = 8 * 1024 * 1024;
const HOLE_BYTES_MAX = 64 * 1024;

/** Where a segment is and what it takes to read it. */
export interface SegmentPlace {
  blob: string;
  keys: number;
  /** Size of the blob, and where in it the directory begins. */
  bytes: number;
  directory: number;
}

/** Takes keys in ascending order of hash and gives the segment's bytes, piece by piece. */
export class SegmentWriter {
  readonly #values = new BigInt64Array(BLOCK_KEYS);
  readonly #hashes = new Int32Array(BLOCK_KEYS);
  readonly #lengths = new Int32Array(BLOCK_KEYS);
  #bytes = new Uint8Array(BLOCK_KEYS * 16);
  #used = 0;
  #count = 0;
  #offset = 0;
  #last = 0;
  readonly #directory: BlockPlace[] = [];
  #pieces: Uint8Array[] = [];
  #keys = 0;

  /** Adds key [start, end) of `bytes` with its hash and value. Hashes must not descend. */
  add(hash: number, value: bigint, bytes: Uint8Array, start: number, end: number): void {
    invariant(hash >= this.#last, 'keys come in the order of their hash');
    this.#last = hash;
    const length = end - start;
    if (this.#used + length > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + length));
      larger.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = larger;
    }
    for (let i = start, k = this.#used; i < end; i++, k++) this.#bytes[k] = bytes[i]!;
    this.#used += length;
    this.#values[this.#count] = value;
    this.#hashes[this.#count] = hash;
    this.#lengths[this.#count] = length;
    this.#keys++;
    if (++this.#count === BLOCK_KEYS) this.#flush();
  }

  /** Whether a block is complete and not taken yet. */
  get ready(): boolean {
    return this.#pieces.length > 0;
  }

  /** Complete blocks so far, to be stored in this order. */
  take(): Uint8Array[] {
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  /** Ends the segment: the last pieces are taken after it. */
  finish(): Omit<SegmentPlace, 'blob'> {
    this.#flush();
    const directory = this.#offset;
    const bytes = directoryOf(this.#directory);
    this.#pieces.push(bytes);
    return { keys: this.#keys, bytes: directory + bytes.length, directory };
  }

  #flush(): void {
    const n = this.#count;
    if (n === 0) return;
    const block = new Uint8Array(n * NUMBERS_BYTES + this.#used);
    const [low, high] = lowAndHigh(this.#values.subarray(0, n));
    const at = writeNumbers(block, low, high, this.#hashes.subarray(0, n), this.#lengths.subarray(0, n));
    block.set(this.#bytes.subarray(0, this.#used), at);
    const stored = compressQuickly(block);
    const { length } = stored;
    this.#directory.push({
      offset: this.#offset,
      length,
      keys: n,
      first: this.#hashes[0]! >>> 0,
      last: this.#hashes[n - 1]! >>> 0,
    });
    this.#pieces.push(stored);
    this.#offset += length;
    this.#count = 0;
    this.#used = 0;
  }
}

/**
 * The segment of a table's keys, with their ordinals as values: as `SegmentWriter` makes it, in one piece.
 * @param table distinct keys
 * @returns the bytes, and what the head says of the segment
 */
export function segmentOf(table: KeyTable): { bytes: Uint8Array; place: Omit<SegmentPlace, 'blob'> } {
  const { data, offsets } = table.values();
  const source = arenaOf(data);
  const order = table.byHash();
  const allHashes = table.hashes();
  const starts = new Uint32Array(BLOCK_KEYS);
  const lengths = new Int32Array(BLOCK_KEYS);
  const hashes = new Int32Array(BLOCK_KEYS);
  const ordinals = new Int32Array(BLOCK_KEYS);
  // Ordinals are below 2^31: the high half is zero.
  const zeros = new Int32Array(BLOCK_KEYS);
  const blocks: BlockPlace[] = [];
  const pieces: Uint8Array[] = [];
  let scratch = arenaOf(new Uint8Array(0));
  let directory = 0;
  for (let begin = 0; begin < order.length; begin += BLOCK_KEYS) {
    const keys = Math.min(BLOCK_KEYS, order.length - begin);
    let used = 0;
    // Keys lie anywhere in memory: where they are is looked up for all of them before any is copied, for look-ups that do
    // not wait for each other take half the time.
    for (let k = 0; k < keys; k++) {
      const ordinal = order[begin + k]!;
      ordinals[k] = ordinal;
      hashes[k] = allHashes[ordinal]!;
      const from = offsets[ordinal]!;
      const length = offsets[ordinal + 1]! - from;
      starts[k] = from;
      lengths[k] = length;
      used += length;
    }
    const size = keys * NUMBERS_BYTES + used;
    if (size + slackBytes > scratch.bytes.length) scratch = arenaOf(new Uint8Array(2 * size));
    const { bytes } = scratch;
    const part = (list: Int32Array) => (keys === BLOCK_KEYS ? list : list.subarray(0, keys));
    let at = writeNumbers(bytes, wordsOf(part(ordinals)), wordsOf(part(zeros)), part(hashes), part(lengths));
    for (let k = 0; k < keys; k++) {
      copyForward(source, starts[k]!, lengths[k]!, scratch, at);
      at += lengths[k]!;
    }
    const stored = compressQuickly(bytes.subarray(0, size));
    const [first, last] = [hashes[0]! >>> 0, hashes[keys - 1]! >>> 0];
    blocks.push({ offset: directory, length: stored.length, keys, first, last });
    pieces.push(stored);
    directory += stored.length;
  }
  pieces.push(directoryOf(blocks));
  const bytes = Buffer.concat(pieces);
  return { bytes, place: { keys: order.length, bytes: bytes.length, directory } };
}

function directoryOf(blocks: readonly BlockPlace[]): Uint8Array {
  const bytes = new Uint8Array(blocks.length * DIRECTORY_ENTRY_BYTES + TAIL_BYTES);
  const view = new DataView(bytes.buffer);
  blocks.forEach(({ offset, length, keys, first, last }, i) => {
    const at = i * DIRECTORY_ENTRY_BYTES;
    view.setFloat64(at, offset, true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, keys, true);
    view.setUint32(at + 16, first, true);
    view.setUint32(at + 20, last, true);
  });
  view.setUint32(bytes.length - 8, blocks.length, true);
  view.setUint32(bytes.length - 4, MAGIC, true);
  return bytes;
}

interface BlockPlace {
  offset: number;
  length: number;
  keys: number;
  first: number;
  last: number;
}

/**
 * Reads the blocks of a segment that `wanted` says yes to, in the order of hash. Each request is made while its
 * predecessor is worked on.
 * @param store the storage
 * @param container container of the blob
 * @param place where the segment is
 * @param wanted whether a block is needed, by its first and last hash; all are by default
 * @returns the blocks
 * @throws `StorageFailed` (retryable) when the segment is gone, which means that it was merged into another one
 *   meanwhile
 * @throws `CorruptFile` when the segment is damaged, `NewerVersion` when a newer Ordinal wrote it
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export async function* readBlocks(
  store: BlobStore,
  container: string,
  place: SegmentPlace,
  wanted: (first: number, last: number) => boolean = () => true,
): AsyncIterable<SegmentBlock> {
  for await (const block of openBlocks(store, container, place, wanted)) yield withValues(block);
}

/**
 * The same to look keys up in: each block is there until the next one is asked for.
 * @param store the storage
 * @param container container of the blob
 * @param place where the segment is
 * @param wanted whether a block is needed, by its first and last hash
 * @returns the blocks
 * @throws `StorageFailed` (retryable) when the segment is gone
 * @throws `CorruptFile` when the segment is damaged
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export async function* openBlocks(
  store: BlobStore,
  container: string,
  place: SegmentPlace,
  wanted: (first: number, last: number) => boolean,
): AsyncIterable<OpenBlock> {
  const reader = new BlockReader(place.blob);
  const directory = await readDirectory(store, container, place);
  const requests = grouped(directory.filter((block) => wanted(block.first, block.last)));
  const fetch = (group: BlockPlace[] | undefined) => {
    if (!group) return undefined;
    const [first, last] = [group[0]!, group.at(-1)!];
    const fetching = readPart(store, container, place.blob, first.offset, last.offset + last.length - first.offset);
    // An error on the way must not leave the prefetch's rejection unhandled.
    fetching.catch(() => undefined);
    return fetching;
  };
  let next = fetch(requests[0]);
  for (let r = 0; next; r++) {
    const bytes: Uint8Array = await next;
    next = fetch(requests[r + 1]);
    const group = requests[r]!;
    for (const block of group) {
      const at = block.offset - group[0]!.offset;
      yield reader.open(bytes.subarray(at, at + block.length), block.keys);
    }
  }
}

async function readDirectory(store: BlobStore, container: string, place: SegmentPlace): Promise<BlockPlace[]> {
  const bytes = await readPart(store, container, place.blob, place.directory, place.bytes - place.directory);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(bytes.length - 8, true);
  const known = isLayout(view.getUint32(bytes.length - 4, true), MAGIC, place.blob);
  if (!known || count * DIRECTORY_ENTRY_BYTES + TAIL_BYTES !== bytes.length) throw corruptSegment(place.blob);
  return Array.from({ length: count }, (_, i) => {
    const at = i * DIRECTORY_ENTRY_BYTES;
    return {
      offset: view.getFloat64(at, true),
      length: view.getUint32(at + 8, true),
      keys: view.getUint32(at + 12, true),
      first: view.getUint32(at + 16, true),
      last: view.getUint32(at + 20, true),
    };
  });
}

function grouped(blocks: readonly BlockPlace[]): BlockPlace[][] {
  const groups: BlockPlace[][] = [];
  for (const block of blocks) {
    const open = groups.at(-1);
    const [first, last] = [open?.[0], open?.at(-1)];
    const near = last && block.offset - (last.offset + last.length) <= HOLE_BYTES_MAX;
    if (open && first && near && block.offset + block.length - first.offset <= REQUEST_BYTES_MAX) open.push(block);
    else groups.push([block]);
  }
  return groups;
}

async function readPart(
  store: BlobStore,
  container: string,
  blob: string,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = await store.read(container, blob, { offset, length });
  if (bytes) return bytes;
  throw new OrdinalError('StorageFailed', `key segment "${blob}" is gone`, {
    where: { blob },
    retryable: true,
    remedy: `Start the run again; if the segment stays gone: ${rebuildOf(blob)}.`,
  });
}

/**
 * Compaction: when an index has many segments of one level, they become one of the next. Merging is a walk along sorted
 * segments, block by block, so that memory does not grow with the index. It needs no lease: segments never change, and
 * the head is changed only if it still lists what was merged.
 */
import { invariant } from '../errors.ts';
import { type IdRanges, idAt } from './ids.ts';
import type { IndexEntry, IndexHead } from './index-documents.ts';
import { indexBlobs } from './index-documents.ts';
import { changeHead, type IndexPartition, readHead } from './key-index.ts';
import { readBlocks, type SegmentPlace, SegmentWriter } from './segment.ts';
import type { SegmentBlock } from './segment-block.ts';

/** Segments of one level that are merged into one. */
export const SEGMENTS_PER_LEVEL = 8;
/** Bytes of one staged block of a merged segment. */
const PIECE_BYTES = 8 * 1024 * 1024;

/**
 * The oldest segments of the lowest level that has enough of them.
 * @param head entries of the head, or of one owner
 * @param perLevel segments of one level that are merged into one
 * @returns the segments to merge; undefined when no level has enough
 */
export function mergeable(
  head: Pick<IndexHead, 'entries'>,
  perLevel: number = SEGMENTS_PER_LEVEL,
): IndexEntry[] | undefined {
  const levels = [...new Set(head.entries.map(({ level }) => level))].sort((a, b) => a - b);
  for (const level of levels) {
    const entries = head.entries.filter((entry) => entry.level === level);
    if (entries.length >= perLevel) return entries.slice(0, perLevel);
  }
  return undefined;
}

/**
 * Merges what can be merged.
 * @param at the partition
 * @param perLevel segments of one level that are merged into one
 * @returns how many merges were made
 * @throws `StorageFailed` when the service cannot be reached or refuses, or a segment is gone
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `LimitExceeded` when a block is larger than it may be
 * @throws `StorageConflict` (retryable) when others keep changing the head
 */
export async function compact(at: IndexPartition, perLevel: number = SEGMENTS_PER_LEVEL): Promise<number> {
  for (let merges = 0; ; merges++) {
    const head = (await readHead(at))?.value;
    const entries = head && mergeable(head, perLevel);
    if (!entries) return merges;
    await merge(at, entries);
  }
}

async function merge(at: IndexPartition, entries: readonly IndexEntry[]): Promise<void> {
  const { store, container, document, partition } = at;
  const [first, last] = [entries[0]!, entries.at(-1)!];
  const blob = indexBlobs.merged(document.index, document.epoch, partition, first.from, last.to);
  const place = await writeMerged(at, blob, entries);
  const merged: IndexEntry = {
    ...place,
    ids: null,
    level: Math.max(...entries.map(({ level }) => level)) + 1,
    from: first.from,
    to: last.to,
  };
  let replaced = false;
  await changeHead(at, (head) => {
    const all = entries.every((entry) => head.entries.some((other) => other.blob === entry.blob));
    replaced = all;
    // Somebody else has merged them.
    if (!all) return head;
    const kept = head.entries.filter((entry) => !entries.some((other) => other.blob === entry.blob));
    const place = kept.findIndex((entry) => entry.from > merged.to);
    const list = place < 0 ? [...kept, merged] : kept.toSpliced(place, 0, merged);
    return { ...head, entries: list };
  });
  // A reader that still has the old head finds them gone, and reads the head again.
  if (replaced) for (const entry of entries) await store.remove(container, entry.blob);
}

/**
 * Writes segments as one, with IDs for values.
 * @param at the partition
 * @param blob name of the new segment
 * @param sources segments to merge; `ids` turns their values into IDs
 * @returns where the new segment is
 * @throws `StorageFailed` when the service cannot be reached or refuses, or a segment is gone
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `LimitExceeded` when a block is larger than it may be
 * @throws `StorageConflict` (retryable) when others keep changing the head
 */
export async function writeMerged(
  at: Pick<IndexPartition, 'store' | 'container'>,
  blob: string,
  sources: readonly (SegmentPlace & { ids: IdRanges | null })[],
): Promise<SegmentPlace> {
  const writer = new SegmentWriter();
  const upload = new SegmentUpload(at, blob);
  const cursors: Cursor[] = [];
  for (const source of sources) {
    const cursor = new Cursor(readBlocks(at.store, at.container, source)[Symbol.asyncIterator](), source.ids);
    if (await cursor.nextBlock()) cursors.push(cursor);
  }
  while (cursors.length > 0) {
    let least = cursors[0]!;
    for (const cursor of cursors) if (cursor.hash < least.hash) least = cursor;
    if (!least.moveTo(writer) && !(await least.nextBlock())) cursors.splice(cursors.indexOf(least), 1);
    if (writer.ready) await upload.add(writer);
  }
  const place = writer.finish();
  await upload.finish(writer);
  const keys = sources.reduce((sum, source) => sum + source.keys, 0);
  invariant(place.keys === keys, `merged ${place.keys} keys of ${keys}`);
  return { blob, ...place };
}

/** Walks along the keys of a segment. */
export class Cursor {
  readonly #blocks: AsyncIterator<SegmentBlock>;
  readonly #ids: IdRanges | null;
  #block: SegmentBlock | undefined;
  #at = 0;
  hash = 0;

  constructor(blocks: AsyncIterator<SegmentBlock>, ids: IdRanges | null) {
    this.#blocks = blocks;
    this.#ids = ids;
  }

  /** Goes on to the next block. False when there is none. */
  async nextBlock(): Promise<boolean> {
    const next = await this.#blocks.next();
    if (next.done) return false;
    this.#block = next.value;
    this.#at = 0;
    this.hash = next.value.hashes[0]!;
    return true;
  }

  /** A view of the present key's bytes. */
  get key(): Uint8Array {
    const { ends, bytes } = this.#block!;
    return bytes.subarray(this.#at === 0 ? 0 : ends[this.#at - 1]!, ends[this.#at]!);
  }

  /** Hands the present key to the writer, if there is one. False when it was the block's last. */
  moveTo(writer: SegmentWriter | undefined): boolean {
    const { values, hashes, ends, bytes } = this.#block!;
    const i = this.#at++;
    if (writer === undefined) return this.#stay(hashes);
    const value = this.#ids ? idAt(this.#ids, Number(values[i]!)) : values[i]!;
    writer.add(hashes[i]!, value, bytes, i === 0 ? 0 : ends[i - 1]!, ends[i]!);
    return this.#stay(hashes);
  }

  #stay(hashes: Uint32Array): boolean {
    if (this.#at >= hashes.length) return false;
    this.hash = hashes[this.#at]!;
    return true;
  }
}

/** Stages a segment's blocks as they come, and commits them together. */
export class SegmentUpload {
  readonly #at: Pick<IndexPartition, 'store' | 'container'>;
  readonly #blob: string;
  readonly #ids: string[] = [];
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(at: Pick<IndexPartition, 'store' | 'container'>, blob: string) {
    this.#at = at;
    this.#blob = blob;
  }

  /**
   * Stages the blocks that the writer has complete.
   * @throws `LimitExceeded` when a block is larger than it may be
   * @throws `StorageConflict` when the blob is being changed in another way
   * @throws `StorageFailed` when the service cannot be reached or refuses
   */
  async add(writer: SegmentWriter): Promise<void> {
    for (const part of writer.take()) {
      this.#parts.push(part);
      this.#bytes += part.byteLength;
    }
    if (this.#bytes >= PIECE_BYTES) await this.#stage();
  }

  /**
   * Stages the rest and commits the blob.
   * @throws `LimitExceeded` when a block is larger than it may be
   * @throws `StorageConflict` when the blob is being changed in another way
   * @throws `StorageFailed` when the service cannot be reached or refuses
   */
  async finish(writer: SegmentWriter): Promise<void> {
    await this.add(writer);
    if (this.#bytes > 0) await this.#stage();
    await this.#at.store.commitBlocks(this.#at.container, this.#blob, this.#ids);
  }

  async #stage(): Promise<void> {
    const id = Buffer.from(String(this.#ids.length).padStart(6, '0')).toString('base64');
    await this.#at.store.stageBlock(this.#at.container, this.#blob, id, this.#parts);
    this.#ids.push(id);
    this.#parts = [];
    this.#bytes = 0;
  }
}

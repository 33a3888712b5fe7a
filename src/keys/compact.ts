/**
 * Compaction: when an index has many segments of one level, they become one of the next. Merging is a walk along sorted
 * segments, block by block, so that memory does not grow with the index. It needs no lease: segments never change, and
 * the head is changed only if it still lists what was merged.
 */
import { invariant } from '../errors.ts';
import { IdMap } from '../sequence/id-map.ts';
import type { IdList } from '../sequence/id-range.ts';
import { type IndexEntry, type IndexHead, indexBlobs } from './index-documents.ts';
import { changeHead, type IndexPartition, readHead } from './key-index.ts';
import { readBlocks, type SegmentPlace, SegmentWriter } from './segment.ts';
import type { SegmentBlock } from './segment-block.ts';

/** Segments of one level that are merged into one. */
export const SEGMENTS_PER_LEVEL = 8;
/** Bytes of one staged block of a merged segment. */
const PIECE_BYTES = 8 * 1024 * 1024;

/** Neighbours in one list of a head: its keys, or the digests of attributes that `owner` has published. */
export interface Mergeable {
  owner: string | undefined;
  entries: IndexEntry[];
}

/**
 * The oldest segments of the lowest level that has enough of them.
 * @param head entries of the head, or of one owner
 * @param perLevel segments of one level that are merged into one
 * @returns the segments to merge; undefined when no level has enough
 */
export function mergeable(
  head: Pick<IndexHead, 'entries' | 'attributes'>,
  perLevel: number = SEGMENTS_PER_LEVEL,
): Mergeable | undefined {
  for (const owner of [undefined, ...Object.keys(head.attributes ?? {})]) {
    const entries = crowded(listOf(head, owner), perLevel);
    if (entries) return { owner, entries };
  }
  return undefined;
}

function listOf(head: Pick<IndexHead, 'entries' | 'attributes'>, owner: string | undefined): IndexEntry[] {
  return owner === undefined ? head.entries : (head.attributes?.[owner] ?? []);
}

/**
 * The oldest segments of the lowest level that has enough of them. Older segments have higher levels: they are neighbours.
 * @param list segments, oldest first
 * @param perLevel segments of one level that are merged into one
 * @returns the segments to merge; undefined when no level has enough
 */
export function crowded(list: readonly IndexEntry[], perLevel: number): IndexEntry[] | undefined {
  const levels = [...new Set(list.map(({ level }) => level))].sort((a, b) => a - b);
  for (const level of levels) {
    const entries = list.filter((entry) => entry.level === level);
    if (entries.length >= perLevel) return entries.slice(0, perLevel);
  }
  return undefined;
}

/**
 * Merges what can be merged.
 * @param at the partition
 * @param perLevel segments of one level that are merged into one
 * @returns how many merges were made
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `LimitExceeded` when a document or a block is larger than it may be, or keys are too many for a table
 * @throws `StorageConflict` (retryable) when others keep changing the head
 */
export async function compact(at: IndexPartition, perLevel: number = SEGMENTS_PER_LEVEL): Promise<number> {
  for (let merges = 0; ; merges++) {
    const head = (await readHead(at))?.value;
    const found = head && mergeable(head, perLevel);
    if (!found) return merges;
    await merge(at, found);
  }
}

async function merge(at: IndexPartition, { owner, entries }: Mergeable): Promise<void> {
  const { store, container, document, partition } = at;
  const [from, to] = [entries[0]!.from, entries.at(-1)!.to];
  const names = [document.index, document.epoch, partition] as const;
  const blob =
    owner === undefined
      ? indexBlobs.merged(...names, from, to)
      : indexBlobs.mergedAttributes(...names, owner, from, to);
  const place = await writeMerged(at, blob, entries, owner !== undefined);
  const level = Math.max(...entries.map((entry) => entry.level)) + 1;
  const merged: IndexEntry = { ...place, ids: null, level, from, to };
  let replaced = false;
  await changeHead(at, (head) => {
    const all = listOf(head, owner);
    const first = all.findIndex((entry) => entry.blob === entries[0]!.blob);
    replaced = first >= 0 && entries.every((entry, i) => all[first + i]?.blob === entry.blob);
    // Somebody else has merged them.
    if (!replaced) return head;
    const list = all.toSpliced(first, entries.length, merged);
    return owner === undefined
      ? { ...head, entries: list }
      : { ...head, attributes: { ...head.attributes, [owner]: list } };
  });
  // A reader that still has the old head finds them gone, and reads the head again.
  if (replaced) for (const entry of entries) await store.remove(container, entry.blob);
}

/**
 * Writes segments as one, with IDs for values. A key is in one of them only; or, with `newest`, the last segment's value
 * for it stays.
 * @param at the storage and the container
 * @param blob name of the new segment
 * @param sources segments, oldest first
 * @param newest whether a key may be in several of them
 * @returns where the new segment is
 * @throws `StorageFailed` when the service refuses, or a segment is gone
 * @throws `CorruptFile` when a segment is damaged
 * @throws `LimitExceeded` when the new segment has more blocks than a blob may have
 * @throws `StorageConflict` when the new segment's blob is being changed in another way
 */
export async function writeMerged(
  at: Pick<IndexPartition, 'store' | 'container'>,
  blob: string,
  sources: readonly (SegmentPlace & { ids: IdList | null })[],
  newest: boolean,
): Promise<SegmentPlace> {
  const writer = new SegmentWriter();
  const upload = new SegmentUpload(at, blob);
  const cursors: Cursor[] = [];
  for (const source of newest ? sources.toReversed() : sources) {
    const cursor = new Cursor(readBlocks(at.store, at.container, source)[Symbol.asyncIterator](), source.ids);
    if (await cursor.nextBlock()) cursors.push(cursor);
  }
  let hash = -1;
  /** Keys of that hash which are written. */
  let written: Uint8Array[] = [];
  while (cursors.length > 0) {
    let least = cursors[0]!;
    // Of equal hashes the first cursor's comes first: the newest segment's.
    for (const cursor of cursors) if (cursor.hash < least.hash) least = cursor;
    let known = false;
    if (newest) {
      if (least.hash !== hash) written = [];
      hash = least.hash;
      const { key } = least;
      known = written.some((other) => Buffer.compare(other, key) === 0);
      if (!known) written.push(key.slice());
    }
    if (!least.moveTo(known ? undefined : writer) && !(await least.nextBlock()))
      cursors.splice(cursors.indexOf(least), 1);
    if (writer.ready) await upload.add(writer);
  }
  const place = writer.finish();
  await upload.finish(writer);
  const keys = sources.reduce((sum, source) => sum + source.keys, 0);
  invariant(newest || place.keys === keys, `merged ${place.keys} keys of ${keys}`);
  return { blob, ...place };
}

/** Walks along the keys of a segment. */
class Cursor {
  readonly #blocks: AsyncIterator<SegmentBlock>;
  readonly #ids: IdMap | null;
  #block: SegmentBlock | undefined;
  #at = 0;
  hash = 0;

  constructor(blocks: AsyncIterator<SegmentBlock>, ids: IdList | null) {
    this.#blocks = blocks;
    this.#ids = ids && new IdMap(ids);
  }

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
    const value = this.#ids ? this.#ids.at(Number(values[i]!)) : values[i]!;
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
class SegmentUpload {
  readonly #at: Pick<IndexPartition, 'store' | 'container'>;
  readonly #blob: string;
  readonly #ids: string[] = [];
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(at: Pick<IndexPartition, 'store' | 'container'>, blob: string) {
    this.#at = at;
    this.#blob = blob;
  }

  async add(writer: SegmentWriter): Promise<void> {
    for (const part of writer.take()) {
      this.#parts.push(part);
      this.#bytes += part.byteLength;
    }
    if (this.#bytes >= PIECE_BYTES) await this.#stage();
  }

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

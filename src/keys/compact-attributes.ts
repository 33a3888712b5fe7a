/**
 * Compaction of the digests of attributes: as that of keys, but a key may be in several segments, and the newest digest
 * stays.
 */
import { Cursor, mergeable, SEGMENTS_PER_LEVEL, SegmentUpload } from './compact.ts';
import { type IndexEntry, type IndexHead, indexBlobs } from './index-documents.ts';
import { changeHead, type IndexPartition, readHead } from './key-index.ts';
import { readBlocks, type SegmentPlace, SegmentWriter } from './segment.ts';

/**
 * The segments of one owner that can be merged.
 * @param head the head as it is
 * @param perLevel segments of one level that are merged into one
 * @returns the owner `<pipeline>.<entity>` and its segments; undefined when none can be merged
 */
export function mergeableAttributes(
  head: IndexHead,
  perLevel: number = SEGMENTS_PER_LEVEL,
): { owner: string; entries: IndexEntry[] } | undefined {
  for (const [owner, all] of Object.entries(head.attributes ?? {})) {
    const entries = mergeable({ entries: all }, perLevel);
    if (entries) return { owner, entries };
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
export async function compactAttributes(at: IndexPartition, perLevel: number = SEGMENTS_PER_LEVEL): Promise<number> {
  for (let merges = 0; ; merges++) {
    const head = (await readHead(at))?.value;
    const found = head && mergeableAttributes(head, perLevel);
    if (!found) return merges;
    await merge(at, found.owner, found.entries);
  }
}

async function merge(at: IndexPartition, owner: string, entries: readonly IndexEntry[]): Promise<void> {
  const { store, container, document, partition } = at;
  const [from, to] = [entries[0]!.from, entries.at(-1)!.to];
  const blob = indexBlobs.mergedAttributes(document.index, document.epoch, partition, owner, from, to);
  const place = await writeNewest(at, blob, entries);
  const level = Math.max(...entries.map((entry) => entry.level)) + 1;
  const merged: IndexEntry = { ...place, ids: null, level, from, to };
  let replaced = false;
  await changeHead(at, (head) => {
    const list = head.attributes?.[owner] ?? [];
    const first = list.findIndex((entry) => entry.blob === entries[0]!.blob);
    // Merged ones are neighbours: what is older has been merged more often.
    replaced = first >= 0 && entries.every((entry, i) => list[first + i]?.blob === entry.blob);
    if (!replaced) return head;
    return { ...head, attributes: { ...head.attributes, [owner]: list.toSpliced(first, entries.length, merged) } };
  });
  if (replaced) for (const entry of entries) await store.remove(container, entry.blob);
}

/** Writes segments as one, with the last segment's value for each key. */
async function writeNewest(
  at: Pick<IndexPartition, 'store' | 'container'>,
  blob: string,
  sources: readonly SegmentPlace[],
): Promise<SegmentPlace> {
  const writer = new SegmentWriter();
  const upload = new SegmentUpload(at, blob);
  const cursors: Cursor[] = [];
  for (const source of sources.toReversed()) {
    const cursor = new Cursor(readBlocks(at.store, at.container, source)[Symbol.asyncIterator](), null);
    if (await cursor.nextBlock()) cursors.push(cursor);
  }
  let hash = -1;
  /** Keys of that hash which are written. */
  let written: Uint8Array[] = [];
  while (cursors.length > 0) {
    let least = cursors[0]!;
    // Of equal hashes the newest segment's comes first.
    for (const cursor of cursors) if (cursor.hash < least.hash) least = cursor;
    if (least.hash !== hash) written = [];
    hash = least.hash;
    const { key } = least;
    const known = written.some((other) => Buffer.compare(other, key) === 0);
    if (!known) written.push(key.slice());
    if (!least.moveTo(known ? undefined : writer) && !(await least.nextBlock()))
      cursors.splice(cursors.indexOf(least), 1);
    if (writer.ready) await upload.add(writer);
  }
  const place = writer.finish();
  await upload.finish(writer);
  return { blob, ...place };
}

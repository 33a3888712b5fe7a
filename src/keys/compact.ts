/**
 * Compaction: when an index has many segments of one level, they become one of the next. Merging is a walk along sorted
 * segments, block by block, so that memory does not grow with the index. It needs no lease: segments never change, and
 * the head is changed only if it still lists what was merged.
 */
import { blocksOfRanges, isScattered } from './described.ts';
import { type Described, type IndexEntry, type IndexHead, indexBlobs } from './index-documents.ts';
import { changeHead, type IndexPartition, readHead } from './key-index.ts';
import { storedSource, writeMerged } from './merge-segments.ts';

/** Segments of one level that are merged into one. */
export const SEGMENTS_PER_LEVEL = 8;
/**
 * What can be merged: neighbours in one list of a head, its keys or the digests of attributes that `owner` has published;
 * or all that `owner` has described.
 */
export type Mergeable = { owner: string | undefined; entries: IndexEntry[] } | { owner: string; described: Described };

/**
 * The oldest segments of the lowest level that has enough of them.
 * @param head entries of the head, or of one owner
 * @param perLevel segments of one level that are merged into one
 * @returns the segments to merge; undefined when no level has enough
 */
export function mergeable(
  head: Pick<IndexHead, 'entries' | 'attributes' | 'described'>,
  perLevel: number = SEGMENTS_PER_LEVEL,
): Mergeable | undefined {
  for (const owner of [undefined, ...Object.keys(head.attributes ?? {})]) {
    const entries = crowded(listOf(head, owner), perLevel);
    if (entries) return { owner, entries };
  }
  const scattered = Object.entries(head.described ?? {}).find(([, described]) => isScattered(described, perLevel));
  return scattered && { owner: scattered[0], described: scattered[1] };
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
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export async function compact(at: IndexPartition, perLevel: number = SEGMENTS_PER_LEVEL): Promise<number> {
  for (let merges = 0; ; merges++) {
    const head = (await readHead(at))?.value;
    const found = head && mergeable(head, perLevel);
    if (!found) return merges;
    if ('entries' in found) await merge(at, found);
    else await mergeDescribed(at, found, head.number);
  }
}

async function merge(at: IndexPartition, { owner, entries }: Extract<Mergeable, { entries: unknown }>): Promise<void> {
  const { store, container, document, partition } = at;
  const [from, to] = [entries[0]!.from, entries.at(-1)!.to];
  const names = [document.index, document.epoch, partition] as const;
  const blob =
    owner === undefined
      ? indexBlobs.merged(...names, from, to)
      : indexBlobs.mergedAttributes(...names, owner, from, to);
  const sources = entries.map((entry) => storedSource(at, entry));
  const place = await writeMerged(at, blob, sources, owner === undefined ? 'distinct' : 'newest');
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

/** Writes the set of described keys as one segment. A head that has changed meanwhile is left as it is. */
async function mergeDescribed(
  at: IndexPartition,
  { owner, described: before }: Extract<Mergeable, { described: unknown }>,
  number: number,
): Promise<void> {
  const { store, container, document, partition } = at;
  const blob = indexBlobs.mergedDescribed(document.index, document.epoch, partition, owner, number);
  const inHead = before.keys - before.segments.reduce((sum, segment) => sum + segment.keys, 0);
  const sources = [
    { keys: inHead, blocks: blocksOfRanges(before.ids), ids: null },
    ...before.segments.map((segment) => storedSource(at, segment)),
  ];
  const place = await writeMerged(at, blob, sources, 'ids');
  const merged: Described = { ...before, ids: { ...before.ids, ranges: [] }, segments: [{ ...place, ids: null }] };
  const after = await changeHead(at, (head) => {
    const isSame = JSON.stringify(head.described?.[owner]) === JSON.stringify(before);
    return isSame ? { ...head, described: { ...head.described, [owner]: merged } } : head;
  });
  const named = new Set(after.described?.[owner]?.segments.map((segment) => segment.blob));
  // Of a head that has changed meanwhile, the new segment is what nobody names.
  for (const segment of [...before.segments, place])
    if (!named.has(segment.blob)) await store.remove(container, segment.blob);
}

/**
 * Finding the IDs of arriving keys in an index: both sides are in the order of hash, so it is one merge. The resolve
 * calls it. It must never give an ID that no segment has.
 */

import { IdMap } from '../sequence/id-map.ts';
import type { IdList } from '../sequence/id-range.ts';
import type { BlobStore } from '../storage/store.ts';
import { readBlocks, type SegmentPlace } from './segment.ts';
import type { SegmentBlock } from './segment-block.ts';
import type { KeyTable } from './table.ts';

export interface Segment extends SegmentPlace {
  /** Null: values are IDs. Otherwise they are ordinals into these ranges. */
  ids: IdList | null;
}

/** What an unknown key has in place of an ID. IDs are never negative. */
export const UNKNOWN = -1n;

/**
 * By ordinal of the table: the key's ID, or `UNKNOWN`. Blocks whose hash bounds hold no arriving key are not read.
 * @param store the storage
 * @param container container of the blob
 * @param segments segments of one partition
 * @param table distinct keys
 * @returns by ordinal of the table: the ID, or `UNKNOWN`
 * @throws `StorageFailed` when the service cannot be reached or refuses, or a segment is gone
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export async function findIds(
  store: BlobStore,
  container: string,
  segments: readonly Segment[],
  table: KeyTable,
): Promise<BigInt64Array> {
  const found = new BigInt64Array(table.size).fill(UNKNOWN);
  if (table.size === 0 || segments.length === 0) return found;
  const order = table.byHash();
  const hashes = new Uint32Array(order.length);
  for (let i = 0; i < order.length; i++) hashes[i] = table.hashAt(order[i]!);
  for (const segment of segments) {
    const ids = segment.ids && new IdMap(segment.ids);
    const wanted = (first: number, last: number) => {
      const at = lowerBound(hashes, first);
      return at < hashes.length && hashes[at]! <= last;
    };
    for await (const block of readBlocks(store, container, segment, wanted)) {
      findInBlock(block, ids, table, order, hashes, found);
    }
  }
  return found;
}

function findInBlock(
  block: SegmentBlock,
  ids: IdMap | null,
  table: KeyTable,
  order: Uint32Array,
  hashes: Uint32Array,
  found: BigInt64Array,
): void {
  const count = block.hashes.length;
  const last = block.hashes[count - 1]!;
  let b = 0;
  for (let i = lowerBound(hashes, block.hashes[0]!); i < hashes.length && hashes[i]! <= last; i++) {
    const hash = hashes[i]!;
    while (block.hashes[b]! < hash) b++;
    // Several keys may have one hash, on either side.
    for (let k = b; k < count && block.hashes[k] === hash; k++) {
      const start = k === 0 ? 0 : block.ends[k - 1]!;
      if (!table.equals(order[i]!, block.bytes, start, block.ends[k]!)) continue;
      const value = block.values[k]!;
      found[order[i]!] = ids === null ? value : ids.at(Number(value));
      break;
    }
  }
}

/** First position whose value is at least `value`. */
function lowerBound(sorted: Uint32Array, value: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

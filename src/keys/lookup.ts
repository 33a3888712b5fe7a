/**
 * Finding the IDs of arriving keys in an index: both sides are in the order of hash, so it is one merge. The resolve
 * calls it. It must never give an ID that no segment has.
 */

import { IdMap } from '../sequence/id-map.ts';
import type { IdList } from '../sequence/id-range.ts';
import type { BlobStore } from '../storage/store.ts';
import { openBlocks, type SegmentPlace } from './segment.ts';
import { type OpenBlock, wordAt } from './segment-block.ts';
import { type KeyTable, PAIRS_MAX } from './table.ts';

export interface Segment extends SegmentPlace {
  /** Null: values are IDs. Otherwise they are ordinals into these ranges. */
  ids: IdList | null;
}

/** Keys in the order of their hash, and by ordinal what is found, as halves of 64-bit integers. */
interface Arriving {
  table: KeyTable;
  order: Uint32Array;
  /** In that order. */
  hashes: Uint32Array;
  halves: Int32Array;
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
  const halves = new Int32Array(found.buffer, found.byteOffset, 2 * found.length);
  for (const segment of segments) {
    const ids = segment.ids && new IdMap(segment.ids);
    const wanted = (first: number, last: number) => {
      const at = lowerBound(hashes, first);
      return at < hashes.length && hashes[at]! <= last;
    };
    for await (const block of openBlocks(store, container, segment, wanted)) {
      findInBlock(block, ids, { table, order, hashes, halves });
    }
  }
  return found;
}

/** Pairs of an arriving key and a key of the block that have one hash, to be compared together. */
const ordinals = new Int32Array(PAIRS_MAX);
const places = new Int32Array(PAIRS_MAX);
const starts = new Uint32Array(PAIRS_MAX);
const ends = new Uint32Array(PAIRS_MAX);
const equal = new Uint8Array(PAIRS_MAX);

function findInBlock(block: OpenBlock, ids: IdMap | null, { table, order, hashes, halves }: Arriving): void {
  const { hashes: own, ends: keyEnds } = block;
  const count = own.length;
  const last = own[count - 1]!;
  let pairs = 0;
  let b = 0;
  for (let i = lowerBound(hashes, own[0]!); i < hashes.length; i++) {
    const hash = hashes[i]!;
    if (hash > last) break;
    while (own[b]! < hash) b++;
    // Several keys may have one hash, on either side.
    for (let k = b; k < count && own[k] === hash; k++) {
      ordinals[pairs] = order[i]!;
      places[pairs] = k;
      starts[pairs] = k === 0 ? 0 : keyEnds[k - 1]!;
      ends[pairs] = keyEnds[k]!;
      if (++pairs < PAIRS_MAX) continue;
      takeEqual(block, ids, table, pairs, halves);
      pairs = 0;
    }
  }
  takeEqual(block, ids, table, pairs, halves);
}

/** Takes the values of pairs whose keys are equal. As halves, so that no BigInt is made for a key. */
function takeEqual(
  { bytes, planes, hashes: { length: count } }: OpenBlock,
  ids: IdMap | null,
  table: KeyTable,
  pairs: number,
  halves: Int32Array,
): void {
  table.equalMany(ordinals, { bytes, starts, ends, count: pairs }, equal);
  for (let p = 0; p < pairs; p++) {
    if (equal[p] === 0) continue;
    const [ordinal, k] = [ordinals[p]!, places[p]!];
    const low = wordAt(planes, count, k, 0);
    const high = wordAt(planes, count, k, 4);
    if (ids) {
      ids.put(halves, ordinal, (low >>> 0) + high * 2 ** 32);
      continue;
    }
    halves[2 * ordinal] = low;
    halves[2 * ordinal + 1] = high;
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

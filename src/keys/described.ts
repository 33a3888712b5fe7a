/**
 * Which keys an entity has described: a bit for each key, as a set of IDs. Most keys are described by the row that
 * brings them, so most sets are one range; what does not fit a few ranges is a segment of IDs in ascending order. The
 * resolve, the rebuild and compaction call it. It must never take a key for described that was not: its description
 * would be lost.
 */
import { IdMap } from '../sequence/id-map.ts';
import { endOf, fromJson, type IdList, type IdRange, toJson } from '../sequence/id-range.ts';
import { union } from '../sequence/ranges.ts';
import type { BlobStore } from '../storage/store.ts';
import type { Described, NumberSet, PendingDelta } from './index-documents.ts';
import { readBlocks, type SegmentPlace, SegmentWriter } from './segment.ts';
import type { SegmentBlock } from './segment-block.ts';

/** Ranges up to which a set of one run needs no segment; and those that a head holds until they are merged into one. */
const RUN_RANGES_MAX = 64;
const HEAD_RANGES_MAX = 256;

/** What an entity has described that has described nothing. */
export const nothingDescribed: Described = { keys: 0, ids: { step: '1', ranges: [] }, segments: [] };

const noBytes = new Uint8Array(0);
const BLOCK_KEYS = 8192;
const HASH_MAX = 2 ** 32 - 1;

/**
 * What a segment of IDs has in place of a hash: the ID itself, where 32 bits hold it. It never descends as IDs ascend.
 * @param id an ID
 * @returns 0 to 2^32-1
 */
export function placeOfId(id: bigint): number {
  return Math.min(Number(id), HASH_MAX);
}

/**
 * Ascending numbers as a set: the ranges, or the pieces of a segment for the caller to store.
 * @param numbers distinct numbers, ascending
 * @param step distance between neighbours in a range
 * @returns the ranges; or none, with the segment's bytes and what is to be said of it
 */
export function numberSet(
  numbers: BigInt64Array,
  step: bigint,
): { ranges: IdRange[]; segment?: { pieces: Uint8Array[]; place: Omit<SegmentPlace, 'blob'> } } {
  const ranges: IdRange[] = [];
  for (const number of numbers) {
    const last = ranges.at(-1);
    if (last && endOf(last, step) === number) last.count++;
    else if (ranges.push({ first: number, count: 1n }) > RUN_RANGES_MAX) break;
  }
  if (ranges.length <= RUN_RANGES_MAX) return { ranges };
  const writer = new SegmentWriter();
  for (const number of numbers) writer.add(placeOfId(number), number, noBytes, 0, 0);
  const place = writer.finish();
  return { ranges: [], segment: { pieces: writer.take(), place } };
}

/**
 * Adds what a run has described, once it has published.
 * @param before the set without it
 * @param delta what the run described
 * @param ids IDs of the run's new keys, in the order of their ordinals
 * @returns the set with it
 */
export function withDescribed(
  before: Described | undefined,
  { step, fresh, known }: NonNullable<PendingDelta['described']>,
  ids: IdList,
): Described {
  const { keys, ids: listed, segments } = before ?? nothingDescribed;
  const map = new IdMap(ids);
  const given = fresh.ranges.map(fromJson).flatMap(({ first, count }) => map.slice(Number(first), Number(count)));
  const all = union([...listed.ranges.map(fromJson), ...known.ranges.map(fromJson), ...given], BigInt(step));
  return {
    keys: keys + fresh.keys + known.keys,
    ids: { step, ranges: all.map(toJson) },
    segments: [
      ...segments,
      ...(fresh.segment ? [{ ...fresh.segment, ids }] : []),
      ...(known.segment ? [{ ...known.segment, ids: null }] : []),
    ],
  };
}

/**
 * Whether a set has so many ranges or segments that it is to be written as one segment.
 * @param set what an entity has described
 * @param segmentsMax segments that are too many
 * @returns true when it is to be merged
 */
export function isScattered(set: Described, segmentsMax: number): boolean {
  return set.ids.ranges.length > HEAD_RANGES_MAX || set.segments.length >= segmentsMax;
}

/**
 * The IDs, of those given, that are not in a set. Blocks of segments that hold none of them are not read.
 * @param store the storage
 * @param container the work container
 * @param set what an entity has described
 * @param ids distinct IDs; they are sorted in place
 * @returns those that are not in it, ascending
 * @throws `StorageFailed` when the service cannot be reached or refuses, or a segment is gone
 * @throws `CorruptFile` when a segment is damaged
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export async function undescribedOf(
  store: BlobStore,
  container: string,
  set: Described | undefined,
  ids: BigInt64Array,
): Promise<BigInt64Array> {
  let left = notInRanges(ids.sort(), (set ?? nothingDescribed).ids);
  for (const segment of set?.segments ?? []) {
    if (left.length === 0) break;
    const map = segment.ids && new IdMap(segment.ids);
    const found = new Uint8Array(left.length);
    const isWanted = (first: number, last: number) => {
      const at = lowerBound(left, (id) => placeOfId(id) < first);
      return at < left.length && placeOfId(left[at]!) <= last;
    };
    for await (const block of readBlocks(store, container, segment, map ? undefined : isWanted)) {
      markFound(map ? block.values.map((ordinal) => map.at(Number(ordinal))) : block.values, left, found);
    }
    left = left.filter((_, i) => found[i] === 0);
  }
  return left;
}

/** The ascending IDs that are in none of the ranges, which ascend too. */
function notInRanges(ids: BigInt64Array, { step, ranges }: IdList): BigInt64Array {
  const by = BigInt(step);
  const all = ranges.map(fromJson);
  let r = 0;
  return ids.filter((id) => {
    while (r < all.length && endOf(all[r]!, by) <= id) r++;
    const range = all[r];
    return range === undefined || id < range.first || (id - range.first) % by !== 0n;
  });
}

/** Marks those of `sorted` that are among the values of a block; both ascend. */
function markFound(values: BigInt64Array, sorted: BigInt64Array, found: Uint8Array): void {
  let i = lowerBound(sorted, (id) => id < values[0]!);
  for (const value of values) {
    while (sorted[i]! < value) i++;
    if (sorted[i] === value) found[i] = 1;
  }
}

/** Number of leading items for which `isBelow` holds. */
function lowerBound(sorted: BigInt64Array, isBelow: (id: bigint) => boolean): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBelow(sorted[middle]!)) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Ranges as the blocks of a segment of IDs, for a merge.
 * @param list ascending ranges
 * @returns the blocks
 */
export async function* blocksOfRanges({ step, ranges }: IdList): AsyncIterable<SegmentBlock> {
  const by = BigInt(step);
  let values: bigint[] = [];
  for (const range of ranges.map(fromJson)) {
    for (let id = range.first; id < endOf(range, by); id += by) {
      if (values.push(id) === BLOCK_KEYS) {
        yield blockOf(values);
        values = [];
      }
    }
  }
  if (values.length > 0) yield blockOf(values);
}

function blockOf(ids: readonly bigint[]): SegmentBlock {
  const { length } = ids;
  const hashes = Uint32Array.from(ids, placeOfId);
  return { values: BigInt64Array.from(ids), hashes, ends: new Uint32Array(length), bytes: noBytes };
}

/**
 * A set as a run's document names it.
 * @param keys numbers in the set
 * @param ranges as `numberSet` gave them
 * @param segment where its segment was stored, if it has one
 * @returns the set for the head
 */
export function namedSet(keys: number, ranges: readonly IdRange[], segment: SegmentPlace | undefined): NumberSet {
  return { keys, ranges: ranges.map(toJson), segment: segment ?? null };
}

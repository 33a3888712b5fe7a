/**
 * A range of IDs: the one type for it, and the one way to write it as JSON. Sequences, manifests, key indexes and seals
 * all use it. How far apart its IDs are is the step of its sequence, which stands beside a list of ranges.
 */
import { z } from 'zod';

/**
 * `count` IDs from `first`, a step apart. `count` is at least 1, and a bigint: what is free after an imported maximum may
 * be more than 2^53 IDs.
 */
export interface IdRange {
  first: bigint;
  count: bigint;
}

/** An ID or a count of IDs as decimal text, for JSON has no 64-bit integer. */
export const decimalSchema = z.string().regex(/^(0|[1-9][0-9]{0,18})$/, 'must be a decimal integer from 0 to 2^63-1');

/** The ID of an unknown member as decimal text: no sequence gives it, and it may be negative. */
export const memberIdSchema = z.string().regex(/^(0|-?[1-9][0-9]{0,18})$/, 'must be a decimal integer of 64 bits');
/** IDs of unknown members. */
export const memberIdsSchema = z.array(memberIdSchema);

/** A range as JSON. */
export const idRangeSchema = z.object({ first: decimalSchema, count: decimalSchema });
/** A range with decimal texts. */
export type IdRangeJson = z.infer<typeof idRangeSchema>;

/** Ranges of one sequence, in the order of the ordinals that stand for their IDs. */
export const idListSchema = z.object({ step: decimalSchema, ranges: z.array(idRangeSchema) });
/** Ranges of one sequence as JSON, in the order of ordinals. */
export type IdList = z.infer<typeof idListSchema>;

/**
 * A range as it is computed with.
 * @param range the range with decimal texts
 * @returns the same with bigints
 */
export function fromJson({ first, count }: IdRangeJson): IdRange {
  return { first: BigInt(first), count: BigInt(count) };
}

/**
 * A range as it is written.
 * @param range the range with bigints
 * @returns the same with decimal texts
 */
export function toJson({ first, count }: IdRange): IdRangeJson {
  return { first: String(first), count: String(count) };
}

/**
 * The first ID after a range.
 * @param range IDs
 * @param step distance between IDs of the sequence, at least 1
 * @returns the ID behind the last
 */
export function endOf({ first, count }: IdRange, step: bigint): bigint {
  return first + count * step;
}

/**
 * IDs in all ranges together.
 * @param ranges disjoint ranges
 * @returns the sum of their counts
 */
export function countOf(ranges: readonly { count: bigint }[]): bigint {
  return ranges.reduce((sum, { count }) => sum + count, 0n);
}

/**
 * Order of ranges by their first ID, for `sort`.
 * @param a one range
 * @param b another
 * @returns negative, zero or positive
 */
export function ascending(a: { first: bigint }, b: { first: bigint }): number {
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}

/**
 * Where an ID is among others, or would be.
 * @param ids ascending
 * @param id what is looked for
 * @returns the place of the first that is not less; the length when all are
 */
export function placeAmong(ids: BigInt64Array, id: bigint): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ids[middle]! < id) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * The first ID of a list that a range has too.
 * @param ids ascending
 * @param range IDs of a sequence
 * @param step distance between IDs of the sequence
 * @returns the ID; undefined when there is none
 */
export function commonId(ids: BigInt64Array, range: IdRange, step: bigint): bigint | undefined {
  for (let i = placeAmong(ids, range.first); i < ids.length && ids[i]! < endOf(range, step); i++)
    if ((ids[i]! - range.first) % step === 0n) return ids[i];
  return undefined;
}

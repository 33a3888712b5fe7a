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

export const idRangeSchema = z.object({ first: decimalSchema, count: decimalSchema });
export type IdRangeJson = z.infer<typeof idRangeSchema>;

/** Ranges of one sequence, in the order of the ordinals that stand for their IDs. */
export const idListSchema = z.object({ step: decimalSchema, ranges: z.array(idRangeSchema) });
export type IdList = z.infer<typeof idListSchema>;

export function fromJson({ first, count }: IdRangeJson): IdRange {
  return { first: BigInt(first), count: BigInt(count) };
}

export function toJson({ first, count }: IdRange): IdRangeJson {
  return { first: String(first), count: String(count) };
}

/** The first ID after a range. */
export function endOf({ first, count }: IdRange, step: bigint): bigint {
  return first + count * step;
}

/** IDs in all ranges together. */
export function countOf(ranges: readonly { count: bigint }[]): bigint {
  return ranges.reduce((sum, { count }) => sum + count, 0n);
}

export function ascending(a: { first: bigint }, b: { first: bigint }): number {
  return a.first < b.first ? -1 : a.first > b.first ? 1 : 0;
}

/** Ranges of IDs as JSON: what a run's new keys were given, in the order of their ordinals. */
import { z } from 'zod';
import { invariant } from '../errors.ts';

const decimal = z.string().regex(/^\d{1,19}$/);

/** Ranges of IDs as JSON: `first` and `count` of each, `step` for all, in decimal text. */
export const idRangesSchema = z.object({
  step: decimal,
  ranges: z.array(z.object({ first: decimal, count: decimal })),
});
/** IDs in the order of ordinals: the first range, then the next. */
export type IdRanges = z.infer<typeof idRangesSchema>;

/**
 * The ID at an ordinal. An ordinal beyond the ranges is a defect (Internal).
 * @param ids the ranges that a run's new keys were given
 * @param ordinal 0-based position among the new keys
 * @returns the ID
 */
export function idAt({ step, ranges }: IdRanges, ordinal: number): bigint {
  let rest = BigInt(ordinal);
  for (const range of ranges) {
    const count = BigInt(range.count);
    if (rest < count) return BigInt(range.first) + rest * BigInt(step);
    rest -= count;
  }
  invariant(false, `ordinal ${ordinal} is beyond the ranges`);
}

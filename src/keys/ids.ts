/** Ranges of IDs as JSON: what a run's new keys were given, in the order of their ordinals. */
import { z } from 'zod';
import { invariant } from '../errors.ts';

const decimal = z.string().regex(/^\d{1,19}$/);

export const idRangesSchema = z.object({
  step: decimal,
  ranges: z.array(z.object({ first: decimal, count: decimal })),
});
export type IdRanges = z.infer<typeof idRangesSchema>;

/** The ID at an ordinal. */
export function idAt({ step, ranges }: IdRanges, ordinal: number): bigint {
  let rest = BigInt(ordinal);
  for (const range of ranges) {
    const count = BigInt(range.count);
    if (rest < count) return BigInt(range.first) + rest * BigInt(step);
    rest -= count;
  }
  invariant(false, `ordinal ${ordinal} is beyond the ranges`);
}

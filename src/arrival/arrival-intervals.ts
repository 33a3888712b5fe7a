/**
 * The durable entity `arrivals`, one for each pipeline: it divides the receipts of arriving blobs among runs. A receipt
 * has the storage's time of writing. A run takes the receipts of an interval (after, to]. Intervals must not overlap
 * and must leave no gap between them. The gatherer calls it; `src/registration/arrival.ts` registers it. It is a pure
 * function.
 */
import { z } from 'zod';
import { OrdinalError, refuseNewer } from '../errors.ts';
import type { EntityCall } from '../sequence/calls.ts';

export const intervalsEntityName = 'arrivals';

const msSchema = z.int().nonnegative();
const cutSchema = z.object({ owner: z.string(), after: msSchema, to: msSchema });

const stateSchema = z.object({
  version: z.literal(1),
  /** End of the last interval: all receipts up to here belong to runs. */
  upTo: msSchema,
  /** The last intervals that were given, oldest first, so that a repeated request gets the same answer. */
  recent: z.array(cutSchema),
});
export type IntervalsState = z.infer<typeof stateSchema>;

const operationSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('show') }),
  z.object({ kind: z.literal('cut'), owner: z.string().min(1).max(200), to: msSchema }),
]);

const RECENT_MAX = 50;

export interface IntervalsAnswer {
  ok: true;
  upTo: number;
  /** The interval that the owner got; absent when nothing is left up to `to`. */
  cut?: { after: number; to: number };
}

/**
 * Applies one operation to the state of a pipeline's intervals. Pure.
 *
 * @param stored the entity's state; undefined before the first operation.
 * @param given `{ kind: 'show' }`, or `{ kind: 'cut', owner, to }` with `to` in milliseconds since 1970.
 * @returns the new state and the answer.
 * @throws OrdinalError `NewerVersion` for a state of a newer Ordinal, `Internal` for a malformed state or operation; the entity's adapter returns it as an answer.
 */
export function reduceIntervals(
  stored: IntervalsState | undefined,
  given: unknown,
): { state: IntervalsState | undefined; result: IntervalsAnswer } {
  const operation = operationSchema.safeParse(given);
  refuseNewer(stored, 1, 'the stored state of the arrivals');
  const parsed = stateSchema.optional().safeParse(stored);
  if (!operation.success || !parsed.success)
    throw new OrdinalError('Internal', 'the arrivals entity got a malformed operation or has a malformed state');
  const state = parsed.data ?? { version: 1, upTo: 0, recent: [] };
  if (operation.data.kind === 'show') return { state: parsed.data, result: { ok: true, upTo: state.upTo } };
  const { owner, to } = operation.data;
  const before = state.recent.find((cut) => cut.owner === owner && cut.to === to);
  if (before) return { state, result: { ok: true, upTo: state.upTo, cut: { after: before.after, to } } };
  if (to <= state.upTo) return { state, result: { ok: true, upTo: state.upTo } };
  const cut = { owner, after: state.upTo, to };
  const next: IntervalsState = { version: 1, upTo: to, recent: [...state.recent, cut].slice(-RECENT_MAX) };
  return { state: next, result: { ok: true, upTo: to, cut: { after: cut.after, to } } };
}

export function showIntervals(pipeline: string): EntityCall<IntervalsAnswer> {
  return { entity: { name: intervalsEntityName, key: pipeline }, operation: 'show', input: {} };
}

export function closeInterval(pipeline: string, input: { owner: string; to: number }): EntityCall<IntervalsAnswer> {
  return { entity: { name: intervalsEntityName, key: pipeline }, operation: 'cut', input };
}

/**
 * The state of a sequence: as JSON in the entity (`SequenceState`), and with bigints while an operation works on it
 * (`Ledger`). Every ID from `start` to below `next` is in exactly one place: free, open, or used (committed, imported);
 * used ones need no record, but the ranges of the last committed owners are kept, so that a late duplicate of their
 * reservation gets the same answer. The reducer calls it. A state that does not hold together must never be worked
 * with.
 */
import { z } from 'zod';
import { invariant, OrdinalError, refuseNewer } from '../errors.ts';
import { limits } from '../limits.ts';
import { ascending, decimalSchema, endOf, fromJson, type IdRange, idRangeSchema, toJson } from './id-range.ts';

/** A life's name, or a helper's instance ID: printable ASCII that JSON does not escape, so that bytes can be counted in characters. */
export const ownerSchema = z
  .string()
  .regex(/^[!#-[\]-~]+$/, 'must be printable ASCII without quotes, backslash or space')
  .max(limits.lifeIdLengthMax);
/** Which life of its owner an operation comes from: anything that grows with each, such as its start time in ms. */
export const attemptSchema = z.int().nonnegative();

const reservationSchema = z.strictObject({
  owner: ownerSchema,
  attempt: attemptSchema,
  ranges: z.array(idRangeSchema),
});
const finishedSchema = reservationSchema.extend({ outcome: z.enum(['committed', 'released']) });

/** What the entity keeps. */
export const sequenceStateSchema = z.strictObject({
  version: z.literal(1),
  /** First ID ever given, and the distance between IDs: fixed at first use. */
  start: decimalSchema,
  step: decimalSchema,
  /** First ID above all that were ever handed out or imported; above 2^63-1 once the sequence is used up. */
  next: z.string().regex(/^(0|[1-9][0-9]{0,19})$/),
  /** First ID above all that were imported (`raiseTo`): none below it is ever handed out again. `start` if none were. */
  floor: z.string().regex(/^(0|[1-9][0-9]{0,19})$/),
  /** Released ranges from `floor` to below `next` ascending, merged; never touching `next`. */
  free: z.array(idRangeSchema),
  /** Reservations that are neither committed nor released, oldest first. */
  open: z.array(reservationSchema),
  /** The last finished owners, oldest first. A released one keeps no ranges: they belong to nobody, or to others. */
  finished: z.array(finishedSchema),
});

/** The entity's state: a JSON object, all IDs and counts as decimal strings. */
export type SequenceState = z.infer<typeof sequenceStateSchema>;

/** What an owner was given, in one of its lives. */
export interface Reservation {
  owner: string;
  attempt: number;
  ranges: IdRange[];
}

/** A reservation that was committed or released. */
export interface Finished extends Reservation {
  outcome: 'committed' | 'released';
}

/** The same state as `SequenceState`, with bigints. */
export interface Ledger {
  start: bigint;
  step: bigint;
  next: bigint;
  floor: bigint;
  free: IdRange[];
  open: Reservation[];
  finished: Finished[];
}

/**
 * Reads a state and checks that it holds together. One that does not is a defect (Internal): it is never guessed at.
 * @param state the entity's state
 * @returns the same with bigints
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export function toLedger(state: SequenceState): Ledger {
  refuseNewer(state, 1, 'the stored state of the sequence');
  const parsed = sequenceStateSchema.safeParse(state);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new OrdinalError(
      'Internal',
      `the stored state is not a sequence: ${issue?.path.join('.')}: ${issue?.message}`,
    );
  }
  const { data } = parsed;
  const ledger: Ledger = {
    start: BigInt(data.start),
    step: BigInt(data.step),
    next: BigInt(data.next),
    floor: BigInt(data.floor),
    free: data.free.map(fromJson),
    open: data.open.map((entry) => ({ ...entry, ranges: entry.ranges.map(fromJson) })),
    finished: data.finished.map((entry) => ({ ...entry, ranges: entry.ranges.map(fromJson) })),
  };
  assertLedger(ledger);
  return ledger;
}

/**
 * The JSON of a ledger, checked before it can be written: invariants, counts and bytes. A breach is a defect
 * (Internal).
 * @param ledger the sequence while an operation works on it
 * @returns the entity's state, at most `limits.payloadBytesMax` long
 */
export function toState(ledger: Ledger): SequenceState {
  assertLedger(ledger);
  const state: SequenceState = {
    version: 1,
    start: String(ledger.start),
    step: String(ledger.step),
    next: String(ledger.next),
    floor: String(ledger.floor),
    free: ledger.free.map(toJson),
    open: ledger.open.map(({ owner, attempt, ranges }) => ({ owner, attempt, ranges: ranges.map(toJson) })),
    finished: ledger.finished.map(({ owner, attempt, outcome, ranges }) => ({
      owner,
      attempt,
      outcome,
      ranges: ranges.map(toJson),
    })),
  };
  const bytes = Buffer.byteLength(JSON.stringify(state));
  invariant(bytes <= limits.entityStateBytesMax, `sequence state of ${bytes} bytes`);
  return state;
}

/**
 * Ranges in the state that cannot be forgotten: what bounds it.
 * @param ledger the sequence while an operation works on it
 * @returns free ranges and those of open reservations
 */
export function liveRangeCount(ledger: Ledger): number {
  return ledger.free.length + ledger.open.reduce((sum, entry) => sum + entry.ranges.length, 0);
}

/**
 * Ranges in the state, remembered ones included.
 * @param ledger the sequence while an operation works on it
 * @returns all ranges
 */
export function rangeCount(ledger: Ledger): number {
  return liveRangeCount(ledger) + ledger.finished.reduce((sum, entry) => sum + entry.ranges.length, 0);
}

/** No ID in two places, every range on the sequence's lattice and below `next`, free ranges maximal, all bounded. */
function assertLedger(ledger: Ledger): void {
  const { start, step, next, floor, free } = ledger;
  invariant(step >= 1n, 'step is at least 1');
  invariant(next >= start && (next - start) % step === 0n, 'next lies on the sequence');
  invariant(floor >= start && (floor - start) % step === 0n, 'the floor lies on the sequence');
  invariant(floor <= next && (free[0]?.first ?? next) >= floor, 'next and all free ranges are above the floor');
  invariant(next <= limits.idMax + step, 'next is at most one step above the largest ID');
  const entries = [...ledger.open, ...ledger.finished];
  const held = [...free, ...entries.flatMap((entry) => entry.ranges)].sort(ascending);
  let end = start;
  for (const range of held) {
    invariant(range.count >= 1n, 'a range holds at least one ID');
    invariant(range.first >= end, 'no ID is in two places');
    invariant((range.first - start) % step === 0n, 'a range lies on the sequence');
    end = endOf(range, step);
  }
  invariant(end <= next, 'no range reaches beyond next');
  free.forEach((range, index) => {
    invariant(endOf(range, step) < (free[index + 1]?.first ?? next), 'free ranges are ascending and maximal');
  });
  invariant(new Set(entries.map((entry) => entry.owner)).size === entries.length, 'an owner appears once');
  invariant(rangeCount(ledger) <= limits.sequenceRangesMax + 2, 'ranges are bounded');
  invariant(ledger.open.length <= limits.openReservationsMax, 'open reservations are bounded');
  invariant(ledger.finished.length <= limits.rememberedOwnersMax, 'remembered owners are bounded');
}

/** A sequence's answers: what a ledger says, as JSON values. */
import type { ReservationAnswer, ReserveAnswer, ReservedRange, ShowAnswer } from './operations.ts';
import { countOf, type Range } from './ranges.ts';
import type { Finished, Ledger, Reservation } from './state.ts';

/**
 * Ranges as JSON values.
 * @param ranges ranges of IDs
 * @param step distance between IDs of the sequence, at least 1
 * @returns the same with decimal texts
 */
export function rangesOf(ranges: Range[], step: bigint): ReservedRange[] {
  return ranges.map(({ first, count }) => ({ first: String(first), count: String(count), step: String(step) }));
}

/**
 * What an owner holds, as an answer.
 * @param ledger the sequence while an operation works on it
 * @param reservation the owner and its ranges
 * @returns the answer to `commit`, and the core of the answer to `reserve`
 */
export function reserved(ledger: Ledger, { owner, ranges }: Reservation): ReservationAnswer {
  return { ok: true, owner, count: String(countOf(ranges)), ranges: rangesOf(ranges, ledger.step) };
}

/**
 * A reservation, and how far it took the sequence.
 * @param ledger the sequence while an operation works on it
 * @param entry the reservation
 * @param after the sequence after the operation
 * @returns the answer to `reserve`
 */
export function drawn(ledger: Ledger, entry: Reservation, after: Ledger): ReserveAnswer {
  return { ...reserved(ledger, entry), before: String(ledger.next), after: String(after.next) };
}

/**
 * A summary of the sequence, small whatever the state holds, and what it knows of one owner.
 * @param ledger the sequence; undefined when it was never used
 * @param owner an owner to tell of, if any
 * @returns the answer to `show`
 */
export function show(ledger: Ledger | undefined, owner: string | undefined): ShowAnswer {
  if (!ledger) return { ok: true, exists: false };
  const { start, step, next, floor, free, open, finished } = ledger;
  const known = [...open.map((entry) => ({ ...entry, outcome: 'open' as const })), ...finished];
  const entry: (Reservation & { outcome: 'open' | Finished['outcome'] }) | undefined = known.find(
    (candidate) => candidate.owner === owner,
  );
  return {
    ok: true,
    exists: true,
    start: String(start),
    step: String(step),
    next: String(next),
    floor: String(floor),
    freeCount: String(countOf(free)),
    freeRanges: free.length,
    openCount: String(countOf(open.flatMap(({ ranges }) => ranges))),
    openOwners: open.map(({ owner }) => owner),
    ...(entry && {
      reservation: { outcome: entry.outcome, attempt: entry.attempt, ranges: rangesOf(entry.ranges, step) },
    }),
  };
}

/**
 * A sequence's answers: what a ledger says, as JSON values. The reducer calls it. It must never change a ledger.
 */

import { countOf, toJson } from './id-range.ts';
import type { ReservationAnswer, ReserveAnswer, ShowAnswer } from './operations.ts';
import type { Finished, Ledger, Reservation } from './state.ts';

/**
 * What an owner holds, as an answer.
 * @param reservation the owner and its ranges
 * @returns the answer to `commit`, and the core of the answer to `reserve`
 */
export function reserved({ owner, ranges }: Reservation): ReservationAnswer {
  return { ok: true, owner, count: String(countOf(ranges)), ranges: ranges.map(toJson) };
}

/**
 * A reservation, and how far it took the sequence.
 * @param ledger the sequence while an operation works on it
 * @param entry the reservation
 * @param after the sequence after the operation
 * @returns the answer to `reserve`
 */
export function drawn(ledger: Ledger, entry: Reservation, after: Ledger): ReserveAnswer {
  return { ...reserved(entry), before: String(ledger.next), after: String(after.next) };
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
      reservation: { outcome: entry.outcome, attempt: entry.attempt, ranges: entry.ranges.map(toJson) },
    }),
  };
}

/** A sequence's answers: what a ledger says, as JSON values. */

import { countOf, toJson } from './id-range.ts';
import type { ReservationAnswer, ReserveAnswer, ShowAnswer } from './operations.ts';
import type { Finished, Ledger, Reservation } from './state.ts';

export function reserved({ owner, ranges }: Reservation): ReservationAnswer {
  return { ok: true, owner, count: String(countOf(ranges)), ranges: ranges.map(toJson) };
}

/** A reservation, and how far it took the sequence. */
export function drawn(ledger: Ledger, entry: Reservation, after: Ledger): ReserveAnswer {
  return { ...reserved(entry), before: String(ledger.next), after: String(after.next) };
}

/** A summary of the sequence, small whatever the state holds, and what it knows of one owner. */
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

/**
 * Reservations of dead runs. A run that was ended from outside cannot give its IDs back, and where no lease is waited
 * for nobody would notice. So every run looks at the sequences that it is about to draw on: reservations that are
 * still open belong to runs that live, or are settled now, and their IDs are the first to be handed out again.
 */
import type { Task } from 'durable-functions';
import type { Orchestration } from '../durable/context.ts';
import { askEntity, showOperation } from '../sequence/calls.ts';
import { isAlive, settle } from './leases.ts';
import { askAll } from './reserve-ids.ts';

/** Settles dead owners of open reservations of these sequences, whatever their pipeline. */
export function* settleOrphans(
  df: Orchestration,
  sequences: readonly string[],
  runId: string,
): Generator<Task, void, unknown> {
  const settled = new Set<string>([runId]);
  const shown = yield* askAll(
    df,
    sequences.map((sequence) => showOperation(sequence)),
  );
  for (const [i, sequence] of sequences.entries()) {
    for (const owner of shown[i]!.openOwners ?? []) {
      if (settled.has(owner)) continue;
      settled.add(owner);
      // First the reservation, then the question: a later life of the owner is then told from the dead one.
      const held = yield* askEntity(df, showOperation(sequence, { owner }));
      if (!held.ok || held.reservation?.outcome !== 'open') continue;
      if (!(yield* isAlive(df, owner))) yield* settle(df, owner, held.reservation.attempt);
    }
  }
}

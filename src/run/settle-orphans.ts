/**
 * Settles dead runs that still hold reserved IDs. A run that was ended from outside cannot give its IDs back, and
 * nobody would notice when no lease is waited for. So every run looks at the sequences that it is about to use: the
 * owner of each open reservation is either alive or is settled now. A settled run's IDs are the next ones to be given
 * out. The same is done for lives that have claimed versions of a run's source. The orchestrator and `reserve-ids.ts`
 * call it. It must never settle a life that may be alive.
 */

import type { Task } from 'durable-functions';
import type { Orchestration } from '../durable/context.ts';
import { askAll, onSequence } from '../sequence/calls.ts';
import { lifeOfId } from '../storage/names.ts';
import { isAlive } from './leases.ts';
import { settle } from './settle.ts';

/** Settles the dead owners of open reservations in these sequences, of any pipeline. `self` is never settled. */
export function* settleOrphans(
  df: Orchestration,
  sequences: readonly string[],
  self: string,
): Generator<Task, void, unknown> {
  const shown = yield* askAll(
    df,
    sequences.map((sequence) => onSequence('show', sequence, {})),
  );
  const owners = shown.flatMap(({ openOwners }) => openOwners ?? []);
  yield* settleDead(df, owners, self);
}

/** Settles those of these lives that are dead. `self` is never settled. */
export function* settleDead(
  df: Orchestration,
  owners: readonly string[],
  self: string,
): Generator<Task, void, unknown> {
  const settled = new Set<string>([self]);
  for (const owner of owners) {
    const life = lifeOfId(owner);
    if (!life || settled.has(owner)) continue;
    settled.add(owner);
    if (!(yield* isAlive(df, owner))) yield* settle(df, life);
  }
}

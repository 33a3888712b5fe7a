/**
 * Settles a life of a run for good. It closes the life to late writers; then it commits what the life holds if the life
 * published, and gives it back if not. It is used for a run that fails, a run that was ended from outside, a dead
 * holder of a lease or a reservation, and the earlier lives of a run that is started again. Every step may be repeated,
 * also by several orchestrations at once.
 *
 * The life need not be dead. Once its manifest is closed it can publish nothing, so its IDs may be given to others.
 */

import type { Task } from 'durable-functions';
import type { Orchestration } from '../durable/context.ts';
import { call, type Patience } from '../durable/fan-out.ts';
import { fromErrorValue } from '../errors.ts';
import { endLife, lowerLives } from '../lives/activities.ts';
import { askEntity, onLease, onSequence } from '../sequence/calls.ts';
import { type Life, lifeId } from '../storage/names.ts';
import { type DiscardOutput, discardRun } from './discard-activity.ts';

/**
 * Settles one life.
 *
 * @param patience how long a failing activity is tried again; without it, a few tries.
 * @returns what was found: whether the life had published, and what it held.
 */
export function* settle(
  df: Orchestration,
  { runId, life }: Life,
  patience?: Patience,
): Generator<Task, DiscardOutput, unknown> {
  const owner = lifeId({ runId, life });
  // First the manifest and the files, then the IDs. Otherwise a file could hold an ID that another run gets.
  const discarded = yield* call(df, discardRun, { runId, life }, patience);
  for (const sequence of discarded.sequences) {
    const shown = yield* askEntity(df, onSequence('show', sequence, { owner }));
    if (!shown.ok) throw fromErrorValue(shown.error);
    const { outcome = 'none', attempt = 0 } = shown.reservation ?? {};
    // A reservation that does not exist is released too: the request for it may still be under way, and is then
    // refused.
    if (outcome !== 'open' && (outcome !== 'none' || discarded.published)) continue;
    const end = discarded.published ? 'commit' : 'release';
    const answer = yield* askEntity(df, onSequence(end, sequence, { owner, attempt }));
    // Another orchestration that settles this life may have been faster.
    if (!answer.ok && answer.error.code !== 'SequenceConflict') throw fromErrorValue(answer.error);
  }
  yield* releaseLeases(df, [...discarded.indexes], owner);
  yield* call(df, endLife, { runId, life, at: df.currentUtcDateTime.toISOString() }, patience);
  return discarded;
}

/** Releases leases, and leaves the line for those that were only waited for. Empties `held`. */
export function* releaseLeases(df: Orchestration, held: string[], owner: string): Generator<Task, void, unknown> {
  const names = held.splice(0);
  if (names.length === 0) return;
  // The same operation leaves the line for a lease. A lease that is gone needs no release, so the answers are not read.
  const calls = names.map((name) => onLease('release', name, { owner }));
  yield df.Task.all(calls.map(({ entity, operation, input }) => df.callEntity(entity, operation, input)));
}

/** Settles the earlier lives of a run that nobody has settled yet. */
export function* settleEarlier(
  df: Orchestration,
  { runId, life }: Life,
  onWait: (waiting: string) => void,
  patience?: Patience,
): Generator<Task, void, unknown> {
  if (life === 1) return;
  const { lives } = yield* call(df, lowerLives, { runId, life }, patience);
  for (const lower of lives) {
    onWait(`what life ${lower} of this run holds to be given back`);
    yield* settle(df, { runId, life: lower }, patience);
  }
}

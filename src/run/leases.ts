/**
 * One holder at a time for each key index, from resolve to publish. Leases are taken in name order, so that no two runs
 * wait for each other. A waiting run polls with durable timers; a holder that is dead by its run's status is evicted,
 * and what it had reserved is settled: committed where its manifest exists, released where not.
 */
import type { Task } from 'durable-functions';
import type { ActivityResult } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { activity } from '../durable/fan-out.ts';
import { fromErrorValue, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  acquireLeaseOperation,
  askEntity,
  commitOperation,
  evictLeaseOperation,
  releaseLeaseOperation,
  releaseOperation,
  showOperation,
} from '../sequence/calls.ts';

/** Registered in `functions/`, because it asks the durable client: whether a run can still go on. */
export const LIVENESS_ACTIVITY = 'livenessOfRun';

export interface Liveness {
  alive: boolean;
}

/**
 * Seconds until the next poll. A release hands the lease to the next in line at once, so whoever is next asks often, at
 * first; a long wait asks seldom, so that its history stays short: a day of waiting is some 1,600 polls.
 */
export function pollSeconds(poll: number, position: number): number {
  if (poll >= 100) return 60;
  return Math.min(15, position === 1 ? 1 + Math.floor(poll / 2) : 2 ** Math.min(poll, 4));
}

export interface LeaseHolder {
  readonly input: { runId: string };
  readonly attempt: number;
  leases: string[];
  terms: Record<string, number>;
}

/** Takes all leases; each one is noted before it is asked for, so that a failure gives it back. */
export function* acquireLeases(
  df: Orchestration,
  names: readonly string[],
  run: LeaseHolder,
  onWait: () => void,
): Generator<Task, void, unknown> {
  const { attempt } = run;
  const { runId } = run.input;
  const deadline = df.currentUtcDateTime.getTime() + limits.leaseWaitMinutesMax * 60_000;
  for (const name of [...new Set(names)].sort()) {
    run.leases.push(name);
    for (let poll = 0; ; poll++) {
      const answer = yield* askEntity(df, acquireLeaseOperation(name, { owner: runId, attempt }));
      if (!answer.ok) throw fromErrorValue(answer.error);
      if (answer.granted) {
        run.terms[name] = answer.term;
        break;
      }
      onWait();
      if (df.currentUtcDateTime.getTime() > deadline) {
        throw new OrdinalError('LeaseTimeout', `run "${answer.holder}" holds key index "${name}" for too long`, {
          remedy: 'See why that run does not end; terminate it, then start this run again.',
        });
      }
      const { holder, holderAttempt } = answer;
      if (holder !== undefined && !(yield* isAlive(df, holder))) {
        yield* settle(df, holder, holderAttempt);
        const evicted = yield* askEntity(
          df,
          evictLeaseOperation(name, {
            holder,
            owner: runId,
            ...(holderAttempt !== undefined && { attempt: holderAttempt }),
          }),
        );
        if (!evicted.ok) throw fromErrorValue(evicted.error);
        continue;
      }
      const seconds = pollSeconds(poll, answer.position);
      yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + seconds * 1000));
    }
  }
}

export function* releaseLeases(
  df: Orchestration,
  held: string[],
  runId: string,
  attempt: number,
): Generator<Task, void, unknown> {
  const names = held.splice(0);
  if (names.length === 0) return;
  // A lease that was only waited for is left by the same operation; one that is gone needs no release.
  const calls = names.map((name) => releaseLeaseOperation(name, { owner: runId, attempt }));
  yield df.Task.all(calls.map(({ entity, operation, input }) => df.callEntity(entity, operation, input)));
}

export function* isAlive(df: Orchestration, runId: string): Generator<Task, boolean, unknown> {
  const result = (yield df.callActivity(LIVENESS_ACTIVITY, { runId })) as ActivityResult<Liveness>;
  // Not knowing is no proof of death.
  return result.ok ? result.value.alive : true;
}

/**
 * Ends what a dead run has left open. Its manifest decides which way, and is closed to the run if it is not there.
 *
 * @param attempt the life that was found dead: what a later one has begun meanwhile is left alone.
 */
export function* settle(
  df: Orchestration,
  runId: string,
  attempt: number = Number.MAX_SAFE_INTEGER,
): Generator<Task, void, unknown> {
  const outcome = yield* activity(df, 'outcomeOfRun', { runId });
  // A run that has not published by now may do so at any moment, unless it is closed: the discard has the last word.
  const discarded = outcome.published ? undefined : yield* activity(df, 'discardRun', { runId, attempt });
  const published = outcome.published || discarded?.published === true;
  for (const sequence of outcome.sequences) {
    const shown = yield* askEntity(df, showOperation(sequence, { owner: runId }));
    if (!shown.ok || shown.reservation?.outcome !== 'open' || shown.reservation.attempt > attempt) continue;
    const end = published ? commitOperation : releaseOperation;
    const answer = yield* askEntity(df, end(sequence, { owner: runId, attempt: shown.reservation.attempt }));
    // A later life that came in between keeps what it took over.
    if (!answer.ok && answer.error.code !== 'SequenceConflict') throw fromErrorValue(answer.error);
  }
}

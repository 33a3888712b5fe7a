/**
 * Takes the leases of key indexes, so that only one run at a time works with a key index, from resolve to publish. The
 * run's orchestrator and rebuilds call it. Leases are always taken in name order, so that no two runs wait for each
 * other. A waiting run polls with durable timers. When the holder's instance is dead, the holder is settled, and that
 * gives its lease to the next run in line.
 */

import type { Task } from 'durable-functions';
import type { Orchestration } from '../durable/context.ts';
import { callOnce } from '../durable/fan-out.ts';
import { fromErrorValue, OrdinalError } from '../errors.ts';
import { askEntity, onLease } from '../sequence/calls.ts';
import { lifeOfId } from '../storage/names.ts';
import { livenessOfInstance } from './liveness-activity.ts';
import { settle } from './settle.ts';

/**
 * Seconds until the next poll. A release gives the lease to the next run in line at once, so that run asks often at
 * first. A long wait asks rarely, so that its history stays short: a day of waiting is about 1,600 polls.
 */
export function pollSeconds(poll: number, position: number): number {
  if (poll >= 100) return 60;
  return Math.min(15, position === 1 ? 1 + Math.floor(poll / 2) : 2 ** Math.min(poll, 4));
}

export interface LeaseHolder {
  /** A life's name, or a helper's instance ID. Others ask whether this instance is alive. */
  readonly owner: string;
  leases: string[];
  terms: Record<string, number>;
}

export interface LeaseWait {
  /** Called before each wait with what is waited for. */
  onWait(waiting: string): void;
  /**
   * Minutes after which the wait is given up. Without it, something else must end the wait, such as a run's deadline.
   */
  minutesMax?: number;
}

/**
 * Takes all leases, in name order. Each one is noted in `run.leases` before it is asked for, so that a failed run gives
 * it back.
 *
 * @throws OrdinalError `LeaseTimeout` when `minutesMax` has passed; otherwise the entity's refusal.
 */
export function* acquireLeases(
  df: Orchestration,
  names: readonly string[],
  run: LeaseHolder,
  { onWait, minutesMax = Number.POSITIVE_INFINITY }: LeaseWait,
): Generator<Task, void, unknown> {
  const { owner } = run;
  const started = df.currentUtcDateTime.getTime();
  for (const name of [...new Set(names)].sort()) {
    run.leases.push(name);
    for (let poll = 0; ; poll++) {
      const answer = yield* askEntity(df, onLease('acquire', name, { owner }));
      if (!answer.ok && !answer.error.retryable) throw fromErrorValue(answer.error);
      if (answer.ok && answer.granted) {
        run.terms[name] = answer.term;
        break;
      }
      const { holder, holderAttempt: attempt = 0 } = answer.ok ? answer : {};
      onWait(
        answer.ok ? `key index "${name}", which run "${holder}" holds` : `a place in line: ${answer.error.message}`,
      );
      if (df.currentUtcDateTime.getTime() - started > minutesMax * 60_000) {
        throw new OrdinalError('LeaseTimeout', `run "${holder}" has held key index "${name}" for too long`, {
          remedy: 'Find out why that run does not end. Cancel it, then start this run again.',
        });
      }
      if (holder !== undefined && !(yield* isAlive(df, holder))) {
        const life = lifeOfId(holder);
        if (life) yield* settle(df, life);
        // Settling gives the lease back when the life is known. Any other dead holder is evicted here.
        const evicted = yield* askEntity(df, onLease('evict', name, { holder, attempt, owner }));
        if (!evicted.ok) throw fromErrorValue(evicted.error);
        if (evicted.holder !== holder) continue;
      }
      const seconds = pollSeconds(poll, answer.ok ? answer.position : 0);
      yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + seconds * 1000));
    }
  }
}

export function* isAlive(df: Orchestration, instance: string): Generator<Task, boolean, unknown> {
  const result = yield* callOnce(df, livenessOfInstance, { instance });
  // When the client does not answer, the instance counts as alive: nothing proves that it is dead.
  return result.ok ? result.value.alive : true;
}

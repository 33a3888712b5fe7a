/**
 * The middle of a run: counts the rows exactly, then reserves that many IDs from each sequence. The run's orchestrator
 * calls it after the split. IDs must not be reserved before all counts are exact, because unused IDs would be gaps.
 */

import type { Task } from 'durable-functions';
import type { Ids } from '../documents/documents.ts';
import type { Orchestration } from '../durable/context.ts';
import { callAll, request } from '../durable/fan-out.ts';
import { fromErrorValue, invariant } from '../errors.ts';
import type { PlanOutput } from '../plan/activity.ts';
import { type ResolveOutput, resolveKeys } from '../resolve/activity.ts';
import { askAll, askEach, onSequence } from '../sequence/calls.ts';
import type { SequenceResult } from '../sequence/operations.ts';
import { type TallyOutput, tallyRows } from '../split/tally-activity.ts';
import { pollSeconds } from './leases.ts';
import { type RunState, refOf, report, waitsTooLong } from './run-state.ts';
import { settleOrphans } from './settle-orphans.ts';

export interface Counts {
  /** New rows by entity. */
  rows: Record<string, number>;
  /** New rows by keyed entity and key partition, where there are several. */
  partitions: Record<string, number[]>;
}

/** Exact row counts of every entity: rows entities are counted from the batches, keyed entities from the key lists. */
export function* countRows(df: Orchestration, run: RunState, plan: PlanOutput): Generator<Task, Counts, unknown> {
  const ref = refOf(run, plan);
  const calls = [
    request(tallyRows, ref),
    ...plan.keyed.flatMap(({ entity, index, partitions }) =>
      Array.from({ length: partitions }, (_, partition) =>
        request(resolveKeys, { ...ref, entity, partition, term: run.terms[index] ?? 0 }),
      ),
    ),
  ] as const;
  const [tally, ...resolved] = yield* callAll(df, calls, run.patience);
  return countsOf(tally, resolved);
}

/** Adds up what the tally and the resolves of all key partitions came to. */
export function countsOf(tally: TallyOutput, resolved: readonly ResolveOutput[]): Counts {
  const counts: Counts = { rows: { ...tally.rows }, partitions: {} };
  for (const { entity, partition, newRows, listedKeys } of resolved) {
    counts.rows[entity] = (counts.rows[entity] ?? 0) + newRows;
    counts.partitions[entity] = [...(counts.partitions[entity] ?? []), newRows];
    invariant(counts.partitions[entity].length === partition + 1, 'partitions in order');
    // Without this check, a key list that is gone would look like an empty one.
    invariant(listedKeys === tally.keys[entity], `all key lists of "${entity}" are there`);
  }
  return counts;
}

/**
 * Makes one reservation in each sequence, of exactly as many IDs as there are rows. When a sequence has reached its
 * limit of open reservations, the run waits. Before it waits it gives back what the other sequences gave, so that no
 * two runs wait for each other.
 *
 * @returns by sequence: the ranges, the count, the step, and the next ID before and after.
 * @throws OrdinalError a sequence's final refusal.
 */
export function* reserveAll(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  rows: Record<string, number>,
): Generator<Task, Ids['sequences'], unknown> {
  const { owner } = run;
  const counts = plan.sequences.map(({ draws }) => draws.reduce((sum, entity) => sum + (rows[entity] ?? 0), 0));
  for (;;) {
    const attempt = run.tries;
    const answers = yield* askEach(
      df,
      plan.sequences.map(({ name, start, step }, i) =>
        onSequence('reserve', name, { owner, attempt, count: counts[i]!, start, step }),
      ),
    );
    const refused = answers.findIndex(({ ok }) => !ok);
    if (refused < 0) {
      return Object.fromEntries(plan.sequences.map((of, i) => [of.name, drawn(of, counts[i]!, answers[i]!)]));
    }
    const errors = answers.flatMap((answer) => (answer.ok ? [] : [answer.error]));
    const final = errors.find(({ retryable }) => !retryable) ?? (waitsTooLong(df, run) ? errors[0] : undefined);
    if (final?.code === 'SequenceConflict' && run.tries === 0) {
      // Another execution of this life was here, and may have tried more than once.
      run.tries = yield* triesSoFar(df, plan, owner);
      if (run.tries > 0) continue;
    }
    if (final) throw fromErrorValue(final);
    yield* askAll(
      df,
      plan.sequences
        .filter((_, i) => answers[i]!.ok)
        .map(({ name }) => onSequence('release', name, { owner, attempt })),
    );
    const waiting = `room in sequence "${plan.sequences[refused]!.name}": ${errors[0]!.message}`;
    report(df, run, { phase: 'reserve', waiting });
    yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + 1000 * pollSeconds(attempt, 0)));
    // A run that died meanwhile is settled, which makes room for others.
    yield* settleOrphans(
      df,
      plan.sequences.map(({ name }) => name),
      owner,
    );
    run.tries++;
  }
}

/** For an owner whose tries are not known here: the number of the open try, or of the next one. */
function* triesSoFar(df: Orchestration, plan: PlanOutput, owner: string): Generator<Task, number, unknown> {
  const shown = yield* askAll(
    df,
    plan.sequences.map(({ name }) => onSequence('show', name, { owner })),
  );
  const next = shown.map(
    ({ reservation }) => (reservation?.outcome === 'released' ? 1 : 0) + (reservation?.attempt ?? 0),
  );
  return Math.max(...next);
}

/** What a sequence gave, in the form of the documents. */
function drawn({ step }: { step: string }, count: number, answer: SequenceResult<'reserve'>): Ids['sequences'][string] {
  invariant(answer.ok, 'a reservation');
  const { ranges, before, after } = answer;
  return { step, count, ranges, before, after };
}

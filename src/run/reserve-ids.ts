/** From exact counts to IDs: the middle of a run, when everything is split and nothing is numbered yet. */
import type { Task } from 'durable-functions';
import type { Ids } from '../documents/documents.ts';
import type { Orchestration } from '../durable/context.ts';
import { activities } from '../durable/fan-out.ts';
import { fromErrorValue, invariant } from '../errors.ts';
import type { PlanOutput } from '../plan/activity.ts';
import type { ResolveOutput } from '../resolve/activity.ts';
import { type EntityCall, reserveOperation } from '../sequence/calls.ts';
import type { SequenceResult } from '../sequence/operations.ts';
import type { TallyOutput } from '../split/tally-activity.ts';
import { type RunState, refOf } from './run-state.ts';

export interface Counts {
  /** New rows by entity. */
  rows: Record<string, number>;
  /** New rows by keyed entity and key partition, where there are several. */
  partitions: Record<string, number[]>;
}

/** Exact row counts of every entity: from the batches for rows entities, from the key lists for keyed ones. */
export function* countRows(df: Orchestration, run: RunState, plan: PlanOutput): Generator<Task, Counts, unknown> {
  const ref = refOf(run, plan);
  const [tally, ...resolved] = yield* activities(df, [
    { name: 'tallyRows', input: ref },
    ...plan.keyed.flatMap(({ entity, index, partitions }) =>
      Array.from({ length: partitions }, (_, partition) => ({
        name: 'resolveKeys' as const,
        input: { ...ref, entity, partition, term: run.terms[index] ?? 0 },
      })),
    ),
  ]);
  const counts: Counts = { rows: { ...(tally as TallyOutput).rows }, partitions: {} };
  const seen: Record<string, number> = {};
  for (const { entity, partition, newRows, listedKeys } of resolved as ResolveOutput[]) {
    counts.rows[entity] = (counts.rows[entity] ?? 0) + newRows;
    counts.partitions[entity] = [...(counts.partitions[entity] ?? []), newRows];
    invariant(counts.partitions[entity].length === partition + 1, 'partitions in order');
    seen[entity] = listedKeys;
    // A key list that is gone would be taken for an empty one.
    invariant(listedKeys === (tally as TallyOutput).keys[entity], `all key lists of "${entity}" are there`);
  }
  return counts;
}

/** One reservation per sequence, of exactly as many IDs as there are rows. */
export function* reserveAll(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  rows: Record<string, number>,
): Generator<Task, Ids['sequences'], unknown> {
  const { runId: owner } = run.input;
  const { attempt } = run;
  const counts = plan.sequences.map(({ draws }) => draws.reduce((sum, entity) => sum + (rows[entity] ?? 0), 0));
  run.reserved = plan.sequences.map(({ name }) => name);
  const reserved = yield* askAll(
    df,
    plan.sequences.map(({ name, start, step }, i) =>
      reserveOperation(name, { owner, attempt, count: counts[i]!, start, step }),
    ),
  );
  return Object.fromEntries(
    plan.sequences.map(({ name, step }, i) => {
      const { ranges, before, after } = reserved[i]!;
      return [name, { step, count: counts[i]!, ranges, before, after }];
    }),
  );
}

/** Asks several sequences at once. Throws the first refusal, once all have answered. */
export function* askAll<K extends 'reserve' | 'show' | 'commit'>(
  df: Orchestration,
  calls: readonly EntityCall<SequenceResult<K>>[],
): Generator<Task, Extract<SequenceResult<K>, { ok: true }>[], unknown> {
  if (calls.length === 0) return [];
  const tasks = calls.map((call) => df.callEntity(call.entity, call.operation, call.input));
  const answers = (yield df.Task.all(tasks)) as SequenceResult<K>[];
  for (const answer of answers) if (!answer.ok) throw fromErrorValue(answer.error);
  return answers as Extract<SequenceResult<K>, { ok: true }>[];
}

/**
 * How a life ends: `complete` when its manifest exists, `undo` when it does not. The run's orchestrator calls both.
 * Every step may be repeated, by the life itself or by whoever finds it dead. A life whose manifest exists must never
 * be undone.
 */

import type { Task } from 'durable-functions';
import type { ActivityResult } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { call } from '../durable/fan-out.ts';
import type { PlanOutput } from '../plan/activity.ts';
import { compactIndex, compactVersions, type ExtendOutput, extendIndex } from '../publish/extend-index-activity.ts';
import { askAll, onLease, onSequence } from '../sequence/calls.ts';
import type { SequenceResult } from '../sequence/operations.ts';
import { lifeId } from '../storage/names.ts';
import { updateTables } from '../tables/activity.ts';
import { type RunOutput, type RunState, refOf, report } from './run-state.ts';
import { releaseLeases, settle } from './settle.ts';

/** What follows a publication: the key index gets the new keys, sequences commit, leases go to the next run in line. */
export function* complete(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  { manifest, rows, life, crowdedLedger, ...end }: Published,
): Generator<Task, RunOutput, unknown> {
  const { runId, pipeline } = run.input;
  const names = plan.sequences.map(({ name }) => name);
  const crowded = yield* commitAndExtend(df, run, plan, lifeId({ runId, life }), names);
  // A second execution of this life may find what the first one published, and the leases that it may still hold.
  const indexes = [...new Set(plan.keyed.map(({ index }) => index))].sort();
  if (plan.tables) yield* releaseAndUpdate(df, indexes, run, life);
  else yield* releaseLeases(df, indexes, run.owner);
  // Nothing waits for the compaction, so it comes last and may fail.
  for (const entity of crowded) yield* optional(call(df, compactIndex, { ...refOf(run, plan), entity }));
  if (crowdedLedger) yield* optional(call(df, compactVersions, refOf(run, plan)));
  const finishedAt = end.finishedAt ?? df.currentUtcDateTime.toISOString();
  const ids = end.ids === undefined ? {} : { ids: end.ids };
  report(df, run, { phase: 'done', batches: plan.batches, rows, files: plan.files, finishedAt, ...ids });
  return { runId, pipeline, rows, manifest };
}

/**
 * Releases the leases, and updates views and tables at the same time: the next run in line does not wait for them. An
 * update that fails is made up by the next publication.
 */
function* releaseAndUpdate(
  df: Orchestration,
  indexes: readonly string[],
  { input: { runId, pipeline }, owner }: RunState,
  life: number,
): Generator<Task, void, unknown> {
  const input = { runId, life, pipeline };
  const releases = indexes.map((name) => onLease('release', name, { owner }));
  const tasks = releases.map(({ entity, operation, input: asked }) => df.callEntity(entity, operation, asked));
  tasks.push(df.callActivity(updateTables.name, input));
  let updated: ActivityResult<object> | undefined;
  try {
    updated = ((yield df.Task.all(tasks)) as unknown[]).at(-1) as ActivityResult<object>;
  } catch {
    // The activity gave no answer, such as one that ran out of time. The leases were released with the same step.
  }
  if (!updated?.ok && updated?.error.retryable !== false) yield* optional(call(df, updateTables, input));
}

/** What a run published, and which life of it. */
interface Published {
  manifest: string;
  rows: number;
  life: number;
  /** When all was published, and how many IDs were given: of this life's own publication. */
  finishedAt?: string;
  ids?: number;
  crowdedLedger?: true;
}

/**
 * Commits the reservations and adds the run's new keys to the heads of their indexes. Both run at the same time,
 * because neither needs the other. When an index cannot be extended here, the next run that resolves does it.
 *
 * @param owner the life that published.
 * @returns the entities whose index has many segments now.
 */
function* commitAndExtend(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  owner: string,
  names: readonly string[],
): Generator<Task, string[], unknown> {
  const commits = names.map((name) => onSequence('commit', name, { owner, attempt: run.tries }));
  // A life that was published earlier has no plan here. The next run that resolves adds its keys.
  const extending = !plan.published && plan.keyed.length > 0;
  const tasks = commits.map((call) => df.callEntity(call.entity, call.operation, call.input));
  if (extending) tasks.push(df.callActivity(extendIndex.name, refOf(run, plan)));
  if (tasks.length === 0) return [];
  let answers: unknown[] = [];
  try {
    answers = (yield df.Task.all(tasks)) as unknown[];
  } catch {
    // One of them gave no answer, such as an activity that ran out of time. Each one is called again by itself.
  }
  const left = names.filter((_, i) => !(answers[i] as SequenceResult<'commit'> | undefined)?.ok);
  if (left.length > 0) yield* commitLeft(df, owner, left);
  if (!extending) return [];
  const extended = answers[names.length] as ActivityResult<ExtendOutput> | undefined;
  if (extended?.ok) return extended.value.crowded;
  if (extended?.error.retryable === false) return [];
  return (yield* optional(call(df, extendIndex, refOf(run, plan))))?.crowded ?? [];
}

/** Commits the reservations whose first commit was refused, because a later try made them. Others are left alone. */
function* commitLeft(df: Orchestration, owner: string, names: readonly string[]): Generator<Task, void, unknown> {
  const shown = yield* askAll(
    df,
    names.map((name) => onSequence('show', name, { owner })),
  );
  const commits = names.flatMap((name, i) => {
    const reservation = shown[i]!.reservation;
    if (reservation?.outcome !== 'open') return [];
    return [onSequence('commit', name, { owner, attempt: reservation.attempt })];
  });
  yield* askAll(df, commits);
}

/**
 * Gives back what a failed run holds. What cannot be given back now is settled later by another run or by the sweep. A
 * run that failed after its manifest was written has succeeded: its output is returned.
 */
export function* undo(df: Orchestration, run: RunState): Generator<Task, RunOutput | undefined, unknown> {
  const { runId, pipeline } = run.input;
  try {
    const { published, manifest, rows } = yield* settle(df, run.input);
    if (!published) return undefined;
    report(df, run, { phase: 'done', rows, finishedAt: df.currentUtcDateTime.toISOString() });
    return { runId, pipeline, rows, manifest };
  } catch {
    // The run is reported as failed with its first error. Whoever waits for what it holds will find it dead and settle
    // it.
    return undefined;
  }
}

/** Work that may fail without harm. Undefined when it failed. */
function* optional<T>(work: Generator<Task, T, unknown>): Generator<Task, T | undefined, unknown> {
  try {
    return yield* work;
  } catch {
    return undefined;
  }
}

/**
 * How a run ends: completed when its manifest is there, undone when it is not. Every step may be repeated, by the run
 * itself or by whoever finds it dead.
 */
import type { Task } from 'durable-functions';
import type { ActivityResult } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { activity } from '../durable/fan-out.ts';
import type { PlanOutput } from '../plan/activity.ts';
import type { ExtendOutput } from '../publish/extend-index-activity.ts';
import { askEntity, commitOperation, releaseOperation, showOperation } from '../sequence/calls.ts';
import type { SequenceResult } from '../sequence/operations.ts';
import { releaseLeases } from './leases.ts';
import { askAll } from './reserve-ids.ts';
import { type RunOutput, type RunState, refOf, report } from './run-state.ts';

/** What follows a publication: the key index learns the new keys, sequences commit, leases go to the next in line. */
export function* complete(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  { manifest, rows }: { manifest: string; rows: number },
): Generator<Task, RunOutput, unknown> {
  const { runId, pipeline } = run.input;
  const names = plan.sequences.map(({ name }) => name);
  const crowded = yield* commitAndExtend(df, run, plan, names);
  // An earlier life may have left its leases held.
  run.leases = [...new Set(plan.keyed.map(({ index }) => index))].sort();
  yield* releaseLeases(df, run.leases, runId, run.attempt);
  for (const entity of crowded) yield* attempt(activity(df, 'compactIndex', { ...refOf(run, plan), entity }));
  report(df, run, { phase: 'done', batches: plan.batches, rows, files: plan.files });
  return { runId, pipeline, rows, manifest };
}

/**
 * Commits the reservations, and takes the run's new keys into the heads of their indexes: both at once, for neither waits
 * for the other. What of the indexes fails here is made up for by the next run that resolves.
 *
 * @returns entities whose index has many segments now.
 */
function* commitAndExtend(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  names: readonly string[],
): Generator<Task, string[], unknown> {
  const { runId: owner } = run.input;
  const commits = names.map((name) => commitOperation(name, { owner, attempt: run.attempt }));
  // An earlier life published, and its plan may be gone: the next run that resolves takes its keys in.
  const extending = !plan.published && plan.keyed.length > 0;
  const tasks = commits.map((call) => df.callEntity(call.entity, call.operation, call.input));
  if (extending) tasks.push(df.callActivity('extendIndex', refOf(run, plan)));
  if (tasks.length === 0) return [];
  let answers: unknown[] = [];
  try {
    answers = (yield df.Task.all(tasks)) as unknown[];
  } catch {
    // One that gave no answer, as an activity that ran out of its time: each is asked again by itself.
  }
  const left = names.filter((_, i) => !(answers[i] as SequenceResult<'commit'> | undefined)?.ok);
  if (left.length > 0) yield* commitLeft(df, run, left);
  if (!extending) return [];
  const extended = answers[names.length] as ActivityResult<ExtendOutput> | undefined;
  if (extended?.ok) return extended.value.crowded;
  if (extended?.error.retryable === false) return [];
  return (yield* attempt(activity(df, 'extendIndex', refOf(run, plan))))?.crowded ?? [];
}

/** Commits what was refused to this life of the run: what another life holds, and not what is forgotten since long. */
function* commitLeft(df: Orchestration, run: RunState, names: readonly string[]): Generator<Task, void, unknown> {
  const { runId: owner } = run.input;
  const shown = yield* askAll(
    df,
    names.map((name) => showOperation(name, { owner })),
  );
  const commits = names.flatMap((name, i) => {
    const reservation = shown[i]!.reservation;
    if (reservation?.outcome !== 'open') return [];
    return [commitOperation(name, { owner, attempt: Math.max(run.attempt, reservation.attempt) })];
  });
  yield* askAll(df, commits);
}

/**
 * Gives back what a failed run holds. What cannot be given back now is taken over by the next run. A run that failed
 * when its manifest was there already has not failed: it is completed, and its output returned.
 */
export function* undo(df: Orchestration, run: RunState): Generator<Task, RunOutput | undefined, unknown> {
  const { input, plan } = run;
  const { runId } = input;
  try {
    // First the files, then the IDs: nobody may find an ID in a file that another run may get.
    const discarded = yield* activity(df, 'discardRun', { runId, attempt: run.attempt });
    if (discarded.published) {
      // Not what this life published: it failed before it came to that.
      if (plan === undefined || run.reserved.length === 0) return undefined;
      return yield* complete(df, run, plan, { manifest: discarded.manifest, rows: plan.rows });
    }
    for (const sequence of run.reserved) {
      yield* askEntity(df, releaseOperation(sequence, { owner: runId, attempt: run.attempt }));
    }
    yield* releaseLeases(df, run.leases, runId, run.attempt);
  } catch {
    // The run is reported as failed by its first error. Whoever waits for what it holds finds it dead, and settles it.
  }
  return undefined;
}

/** What may be left undone. Undefined when it failed. */
function* attempt<T>(work: Generator<Task, T, unknown>): Generator<Task, T | undefined, unknown> {
  try {
    return yield* work;
  } catch {
    return undefined;
  }
}

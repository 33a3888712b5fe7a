/**
 * A run: plan → split → resolve → reserve → seal → publish, as one durable orchestration whose instance ID is the run
 * ID. It passes references and counts only. Nothing is reserved before exact counts are known; nothing counts before
 * the manifest is there; whatever fails before that is undone by name.
 */
import type { Task } from 'durable-functions';
import { type ErrorValue, fromErrorValue, invariant, OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { askEntity, commitOperation, releaseOperation, reserveOperation, showOperation } from '../sequence/calls.ts';
import type { PlanOutput } from './activities/plan.ts';
import type { ResolveOutput } from './activities/resolve.ts';
import type { TallyOutput } from './activities/tally.ts';
import { type ActivityResult, shortened } from './activity.ts';
import { withDeadline } from './deadline.ts';
import { type Ids, type RunInput, runInputSchema } from './documents.ts';
import { activities, activity, fanOut, taskRangeSchema } from './fan-out.ts';
import { acquireLeases, releaseLeases } from './leases.ts';
import type { Orchestration } from './orchestration.ts';
import { settleOrphans } from './orphans.ts';
import type { Phase, RunStatus } from './status.ts';
import { callBack } from './tidy.ts';

export const RUN_ORCHESTRATION = 'run';

export interface RunOutput {
  runId: string;
  pipeline: string;
  rows: number;
  /** Blob in the pipeline's output container; a dry run has none. */
  manifest?: string;
}

interface RunState {
  readonly input: RunInput;
  /** Distinguishes lives of one run ID: time of the first episode. */
  readonly attempt: number;
  readonly startedAt: string;
  leases: string[];
  reserved: string[];
  plan: PlanOutput | undefined;
  status: RunStatus;
}

/** The orchestrator. Ends with its error in the custom status, and thrown, when the run fails. */
export function* runOrchestrator(context: { df: Orchestration }): Generator<Task, RunOutput, unknown> {
  const { df } = context;
  const input = runInputSchema.parse(df.getInput<unknown>());
  const start = df.currentUtcDateTime;
  const run: RunState = {
    input,
    attempt: start.getTime(),
    startedAt: start.toISOString(),
    leases: [],
    reserved: [],
    plan: undefined,
    status: { phase: 'plan', pipeline: input.pipeline, prefix: input.prefix, startedAt: start.toISOString() },
  };
  try {
    // What readers may see already is not abandoned: publishing is bounded by its activities' own time.
    const mayEnd = () => run.status.phase !== 'publish' && run.status.phase !== 'done';
    const output = yield* withDeadline(df, phases(df, run), input.deadline, mayEnd);
    yield* callBack(df, input, undefined);
    return output;
  } catch (thrown) {
    const error = shortened(toErrorValue(thrown));
    const output = yield* undo(df, run);
    if (output) {
      yield* callBack(df, input, undefined);
      return output;
    }
    report(df, run, { phase: 'failed', error });
    yield* callBack(df, input, error);
    throw new Error(`${error.code}: ${error.message}`);
  }
}

function* phases(df: Orchestration, run: RunState): Generator<Task, RunOutput, unknown> {
  const { runId, pipeline } = run.input;
  report(df, run, { phase: 'plan' });
  const plan = yield* activity(df, 'planRun', { ...run.input, attempt: run.attempt });
  run.plan = plan;
  if (run.input.dryRun) {
    yield* activity(df, 'previewRun', { runId });
    report(df, run, { phase: 'done', batches: plan.batches, rows: plan.rows, files: plan.files });
    return { runId, pipeline, rows: plan.rows };
  }
  if (plan.published) return yield* complete(df, run, plan, plan.published);
  report(df, run, { phase: 'split', batches: plan.batches, rows: plan.rows, files: plan.files });
  const split = {
    label: 'split',
    activity: 'splitBatch',
    input: { runId },
    key: 'batch',
    from: 0,
    to: plan.batches,
  } as const;
  yield* fanOut(df, split);

  yield* settleOrphans(
    df,
    plan.sequences.map((sequence) => sequence.name),
    runId,
  );
  const leases = plan.keyed.map(({ index }) => index);
  yield* acquireLeases(df, leases, runId, run.attempt, run.leases, () => report(df, run, { phase: 'wait' }));
  report(df, run, { phase: 'resolve' });
  const rows = yield* countRows(df, runId, plan);

  report(df, run, { phase: 'reserve' });
  const sequences = yield* reserveAll(df, run, plan, rows);
  yield* activity(df, 'bindIds', { runId, sequences, rows });

  report(df, run, { phase: 'seal' });
  yield* activities(
    df,
    plan.keyed.map(({ entity }) => ({ name: 'sealKeyed' as const, input: { runId, entity } })),
  );
  yield* fanOut(df, { ...split, label: 'seal', activity: 'sealBatch' });

  report(df, run, { phase: 'publish' });
  yield* publish(df, runId, plan);
  const finished = yield* activity(df, 'finishRun', {
    runId,
    prefix: run.input.prefix,
    startedAt: run.startedAt,
    finishedAt: df.currentUtcDateTime.toISOString(),
  });
  return yield* complete(df, run, plan, finished);
}

/** What follows a publication. Every step may be repeated, by this run or by whoever finds it dead. */
function* complete(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  { manifest, rows }: { manifest: string; rows: number },
): Generator<Task, RunOutput, unknown> {
  const { runId, pipeline } = run.input;
  for (const { name } of plan.sequences) {
    const shown = yield* askEntity(df, showOperation(name, { owner: runId }));
    if (!shown.ok) throw fromErrorValue(shown.error);
    // Committed already, or so long ago that it is forgotten.
    if (shown.reservation?.outcome !== 'open') continue;
    const attempt = Math.max(run.attempt, shown.reservation.attempt);
    const answer = yield* askEntity(df, commitOperation(name, { owner: runId, attempt }));
    if (!answer.ok) throw fromErrorValue(answer.error);
  }
  // An earlier life may have left its leases held.
  run.leases = [...new Set(plan.keyed.map(({ index }) => index))].sort();
  yield* releaseLeases(df, run.leases, runId, run.attempt);
  report(df, run, { phase: 'done', batches: plan.batches, rows, files: plan.files });
  return { runId, pipeline, rows, manifest };
}

/** Exact row counts of every entity: from the batches for rows entities, from the key lists for keyed ones. */
function* countRows(
  df: Orchestration,
  runId: string,
  plan: PlanOutput,
): Generator<Task, Record<string, number>, unknown> {
  const [tally, ...resolved] = yield* activities(df, [
    { name: 'tallyRows', input: { runId } },
    ...plan.keyed.map(({ entity }) => ({ name: 'resolveKeys' as const, input: { runId, entity } })),
  ]);
  const rows = { ...(tally as TallyOutput).rows };
  for (const { entity, newRows } of resolved as ResolveOutput[]) rows[entity] = newRows;
  return rows;
}

/** One reservation per sequence, of exactly as many IDs as there are rows. */
function* reserveAll(
  df: Orchestration,
  run: RunState,
  plan: PlanOutput,
  rows: Record<string, number>,
): Generator<Task, Ids['sequences'], unknown> {
  const sequences: Ids['sequences'] = {};
  for (const { name, start, step, draws } of plan.sequences) {
    const count = draws.reduce((sum, entity) => sum + (rows[entity] ?? 0), 0);
    run.reserved.push(name);
    const request = { owner: run.input.runId, attempt: run.attempt, count, start, step };
    const answer = yield* askEntity(df, reserveOperation(name, request));
    if (!answer.ok) throw fromErrorValue(answer.error);
    sequences[name] = {
      step,
      count,
      ranges: answer.ranges.map((range) => ({ first: range.first, count: range.count })),
    };
  }
  return sequences;
}

function* publish(df: Orchestration, runId: string, plan: PlanOutput): Generator<Task, void, unknown> {
  yield* activities(
    df,
    plan.keyed.map(({ entity }) => ({ name: 'publishFile' as const, input: { runId, entity, part: 0 } })),
  );
  for (const entity of plan.rowsEntities) {
    const input = { runId, entity };
    yield* fanOut(df, {
      label: `publish-${entity}`,
      activity: 'publishFile',
      input,
      key: 'part',
      from: 0,
      to: plan.parts,
    });
  }
}

/**
 * Gives back what a failed run holds. What cannot be given back now is taken over by the next run. A run that failed
 * when its manifest was there already has not failed: it is completed, and its output returned.
 */
function* undo(df: Orchestration, run: RunState): Generator<Task, RunOutput | undefined, unknown> {
  const { input, plan, attempt } = run;
  const { runId } = input;
  try {
    // First the files, then the IDs: nobody may find an ID in a file that another run may get.
    const discarded = yield* activity(df, 'discardRun', { runId, attempt });
    if (discarded.published) {
      if (plan === undefined || run.leases.length + run.reserved.length === 0) return undefined;
      const rows = plan.rows;
      return yield* complete(df, run, plan, { manifest: discarded.manifest, rows });
    }
    for (const sequence of run.reserved) {
      yield* askEntity(df, releaseOperation(sequence, { owner: runId, attempt }));
    }
    yield* releaseLeases(df, run.leases, runId, attempt);
  } catch {
    // The run is reported as failed by its first error. Whoever waits for what it holds finds it dead, and settles it.
  }
  return undefined;
}

function report(df: Orchestration, run: RunState, change: Partial<RunStatus> & { phase: Phase }): void {
  run.status = { ...run.status, ...change };
  const text = JSON.stringify(run.status);
  invariant(text.length * 2 <= limits.customStatusBytesMax, `a custom status of ${text.length} characters`);
  df.setCustomStatus(run.status);
}

/** A shard of a fan-out: gives its error as a value, as activities do. */
export function* shardOrchestrator(context: { df: Orchestration }): Generator<Task, ActivityResult<object>, unknown> {
  try {
    const range = taskRangeSchema.parse(context.df.getInput<unknown>());
    yield* fanOut(context.df, range);
    return { ok: true, value: { tasks: range.to - range.from } };
  } catch (thrown) {
    return { ok: false, error: shardError(thrown) };
  }
}

function shardError(thrown: unknown): ErrorValue {
  return shortened(thrown instanceof OrdinalError ? thrown.toValue() : toErrorValue(thrown));
}

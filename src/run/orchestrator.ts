/**
 * A run: plan → split → resolve → reserve → seal → publish, as one durable orchestration whose instance ID is the run
 * ID. It passes references and counts only. Nothing is reserved before exact counts are known; nothing counts before
 * the manifest is there; whatever fails before that is undone by name.
 */
import type { Task } from 'durable-functions';
import { type ErrorValue, fromErrorValue, invariant, OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { askEntity, commitOperation, releaseOperation, reserveOperation } from '../sequence/calls.ts';
import type { PlanOutput } from './activities/plan.ts';
import type { ResolveOutput } from './activities/resolve.ts';
import type { TallyOutput } from './activities/tally.ts';
import { type ActivityResult, shortened } from './activity.ts';
import { type Ids, type RunInput, runInputSchema } from './documents.ts';
import { activities, activity, fanOut, taskRangeSchema } from './fan-out.ts';
import { acquireLeases, releaseLeases } from './leases.ts';
import type { Orchestration } from './orchestration.ts';
import type { Phase, RunStatus } from './status.ts';

export const RUN_ORCHESTRATION = 'run';

export interface RunOutput {
  runId: string;
  pipeline: string;
  rows: number;
  /** Blob in the pipeline's output container. */
  manifest: string;
}

interface RunState {
  readonly input: RunInput;
  /** Distinguishes lives of one run ID: time of the first episode. */
  readonly attempt: number;
  readonly startedAt: string;
  leases: string[];
  reserved: string[];
  published: boolean;
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
    published: false,
    status: { phase: 'plan', pipeline: input.pipeline, prefix: input.prefix, startedAt: start.toISOString() },
  };
  try {
    return yield* phases(df, run);
  } catch (thrown) {
    const error = shortened(toErrorValue(thrown));
    yield* undo(df, run);
    report(df, run, { phase: 'failed', error });
    throw new Error(`${error.code}: ${error.message}`);
  }
}

function* phases(df: Orchestration, run: RunState): Generator<Task, RunOutput, unknown> {
  const { runId, pipeline } = run.input;
  report(df, run, { phase: 'plan' });
  const plan = yield* activity(df, 'planRun', run.input);
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
  run.published = true;
  for (const sequence of run.reserved) {
    const answer = yield* askEntity(df, commitOperation(sequence, { owner: runId, attempt: run.attempt }));
    if (!answer.ok) throw fromErrorValue(answer.error);
  }
  yield* releaseLeases(df, run.leases, runId, run.attempt);
  report(df, run, { phase: 'done' });
  return { runId, pipeline, rows: finished.rows, manifest: finished.manifest };
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

/** Gives back what a failed run holds. What cannot be given back now is taken over by the next run. */
function* undo(df: Orchestration, run: RunState): Generator<Task, void, unknown> {
  const { runId } = run.input;
  if (run.published) {
    yield* releaseLeases(df, run.leases, runId, run.attempt);
    return;
  }
  // First the files, then the IDs: nobody may find an ID in a file that another run may get.
  const discarded = (yield df.callActivity('discardRun', { runId })) as ActivityResult<object>;
  if (!discarded.ok) return;
  for (const sequence of run.reserved) {
    yield* askEntity(df, releaseOperation(sequence, { owner: runId, attempt: run.attempt }));
  }
  yield* releaseLeases(df, run.leases, runId, run.attempt);
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

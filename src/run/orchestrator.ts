/**
 * The orchestration of one life of a run: plan → split → resolve → reserve → seal → publish. `src/lives/start.ts`
 * starts it; its instance ID is the name of the life. It passes only references and counts. It must not reserve IDs
 * before the exact counts are known. Nothing counts before the manifest exists, and whatever fails before that is
 * undone by name.
 */
export type { RunOutput } from './run-state.ts';

import type { Task } from 'durable-functions';
import { z } from 'zod';
import { lifeInputSchema, planRefSchema } from '../documents/documents.ts';
import { filesRefSchema } from '../documents/source-files.ts';
import type { Phase, RunStatus } from '../documents/status.ts';
import { type ActivityResult, shortened, shortText } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { type Guard, withDeadline } from '../durable/deadline.ts';
import { call, fanOut, fanOutAll, patienceUntil, request, type TaskRange } from '../durable/fan-out.ts';
import { type ErrorValue, invariant, OrdinalError, toErrorValue } from '../errors.ts';
import { limits } from '../limits.ts';
import { type PlanOutput, planRun } from '../plan/activity.ts';
import { previewRun } from '../plan/preview-activity.ts';
import { readFooters } from '../plan/read-source.ts';
import { publishFile } from '../publish/activity.ts';
import { finishRun } from '../publish/manifest-activity.ts';
import { sealBatches, sealKeyed } from '../seal/activity.ts';
import { bindIds } from '../seal/assign-ids-activity.ts';
import { splitBatch } from '../split/activity.ts';
import { shareBadFiles, splitAgain } from '../split/split-again.ts';
import { lifeId } from '../storage/names.ts';
import { complete, undo } from './complete-or-undo.ts';
import { acquireLeases } from './leases.ts';
import { countRows, countsOf, reserveAll } from './reserve-ids.ts';
import { type RunOutput, type RunState, refOf, report, tasksOf } from './run-state.ts';
import { settleEarlier } from './settle.ts';
import { settleDead, settleOrphans } from './settle-orphans.ts';
import { callBack } from './settle-terminated.ts';
import { publishShort, resolveShort, splitShort } from './short-way.ts';

/** How the waits of a phase are held to the deadline, for the phases that do not use a race. */
const guards: Partial<Record<Phase, Guard>> = { wait: 'clock', publish: 'none', done: 'none' };

/**
 * The orchestrator of one life of a run.
 *
 * @param context the orchestration; its input is a `LifeInput`.
 * @returns the run's ID, pipeline, source rows and manifest.
 * @throws Error `CODE: message` when the run fails; the whole error is in the custom status.
 */
export function* runOrchestrator(context: { df: Orchestration }): Generator<Task, RunOutput, unknown> {
  const { df } = context;
  const input = lifeInputSchema.parse(df.getInput<unknown>());
  const start = df.currentUtcDateTime;
  const run: RunState = {
    input,
    owner: lifeId(input),
    startedAt: start.toISOString(),
    leases: [],
    terms: {},
    tries: 0,
    phases: [],
    status: {
      phase: 'plan',
      pipeline: input.pipeline,
      prefix: shortText(input.prefix),
      startedAt: start.toISOString(),
    },
  };
  if (input.deadline !== undefined) {
    run.patience = patienceUntil(df, input.deadline, (waiting) =>
      report(df, run, { phase: run.status.phase, ...(waiting !== undefined && { waiting: shortText(waiting) }) }),
    );
  }
  try {
    // Readers may already see what is being published, so the deadline does not stop a publish. Its activities' own
    // time
    // limits it.
    const guard = (): Guard => guards[run.status.phase] ?? 'race';
    const output = yield* withDeadline(df, phases(df, run), input.deadline, guard);
    yield* callBack(df, input, undefined);
    return output;
  } catch (thrown) {
    const error = shortened(toErrorValue(thrown));
    // Another run published under this ID. That must not be undone, and it is not a success of this run.
    const output = error.code === 'RunIdConflict' ? undefined : yield* undo(df, run);
    if (output) {
      yield* callBack(df, input, undefined);
      return output;
    }
    const finishedAt = df.currentUtcDateTime.toISOString();
    report(df, run, { phase: 'failed', error, failedPhase: run.status.phase, finishedAt });
    yield* callBack(df, input, error);
    throw new Error(`${error.code}: ${error.message}`);
  }
}

function* phases(df: Orchestration, run: RunState): Generator<Task, RunOutput, unknown> {
  const { runId, pipeline, life } = run.input;
  report(df, run, { phase: 'plan' });
  yield* settleEarlier(df, run.input, (waiting) => report(df, run, { phase: 'plan', waiting }), run.patience);
  const plan = yield* planOf(df, run);
  if (run.input.dryRun) {
    yield* call(df, previewRun, refOf(run, plan), run.patience);
    const finishedAt = df.currentUtcDateTime.toISOString();
    report(df, run, {
      phase: 'done',
      ...{ batches: plan.batches, rows: plan.rows, files: plan.files },
      finishedAt,
      ...leftOutOf(plan),
    });
    return { runId, pipeline, rows: plan.rows };
  }
  if (plan.published) return yield* complete(df, run, plan, plan.published);
  const size = { batches: plan.batches, rows: plan.rows, files: plan.files };
  if (plan.files === 0) {
    // Nothing is new: there is nothing to publish, and no reader learns of this run.
    const finishedAt = df.currentUtcDateTime.toISOString();
    report(df, run, { phase: 'done', ...size, finishedAt, ...leftOutOf(plan) });
    return { runId, pipeline, rows: 0 };
  }
  const way = plan.short ? 'short' : 'long';
  const tasks = tasksOf(plan);
  report(df, run, { phase: 'split', ...size, ...leftOutOf(plan), way, tasks: tasks.split });
  const until = run.input.deadline === undefined ? {} : { until: run.input.deadline };
  const split = {
    label: 'split',
    owner: run.owner,
    start: startOf(run),
    activity: splitBatch.name,
    input: refOf(run, plan),
    key: 'batch',
    from: 0,
    to: plan.batches,
    ...until,
  } as const;
  const short = yield* splitByTheShortWay(df, run, plan);
  if (!short) {
    yield* fanOut(df, split, run.patience);
    if (plan.sharesBadFiles) {
      const { again } = yield* call(df, shareBadFiles, refOf(run, plan), run.patience);
      if (again > 0) {
        yield* fanOut(df, { ...split, label: 'again', activity: splitAgain.name, to: again }, run.patience);
      }
    }
  }

  yield* settleOrphans(
    df,
    plan.sequences.map((sequence) => sequence.name),
    run.owner,
  );
  const leases = plan.keyed.map(({ index }) => index);
  yield* acquireLeases(df, leases, run, {
    onWait: (waiting) => report(df, run, { phase: 'wait', waiting }),
    // With a deadline, the deadline ends the wait.
    ...(run.input.deadline === undefined && { minutesMax: limits.waitMinutesMax }),
  });
  report(df, run, { phase: 'resolve', tasks: tasks.resolve });
  if (short) return yield* finishByTheShortWay(df, run, plan);
  const { rows, partitions } = yield* countRows(df, run, plan);

  report(df, run, { phase: 'reserve' });
  const sequences = yield* reserveAll(df, run, plan, rows);
  yield* call(df, bindIds, { ...refOf(run, plan), sequences, rows, partitions }, run.patience);

  report(df, run, { phase: 'seal', tasks: tasks.seal });
  const keyed = plan.keyed.flatMap(({ entity, partitions: count }) =>
    Array.from({ length: count }, (_, partition) => request(sealKeyed, { ...refOf(run, plan), entity, partition })),
  );
  const groups = { ...split, label: 'seal', activity: sealBatches.name, key: 'group', to: plan.sealGroups };
  yield* fanOutAll(df, keyed, [groups], run.patience);

  report(df, run, { phase: 'publish', tasks: tasks.publish });
  yield* publish(df, run, plan);
  const finish = {
    ...refOf(run, plan),
    prefix: run.input.prefix,
    startedAt: run.startedAt,
    finishedAt: df.currentUtcDateTime.toISOString(),
    phases: run.phases,
    ...(run.input.claimedAt !== undefined && { claimedAt: run.input.claimedAt }),
  };
  const finished = yield* call(df, finishRun, finish, run.patience);
  return yield* complete(df, run, plan, { ...finished, life });
}

/** The split of a short run. False: the run takes the long way. */
function* splitByTheShortWay(df: Orchestration, run: RunState, plan: PlanOutput): Generator<Task, boolean, unknown> {
  if (!plan.short) return false;
  const { taken } = yield* call(df, splitShort, { ...refOf(run, plan), plan: plan.etag }, run.patience);
  if (!taken) report(df, run, { phase: 'split', way: 'long' });
  return taken;
}

/** From the resolve on: between the two activities the IDs are reserved. */
function* finishByTheShortWay(df: Orchestration, run: RunState, plan: PlanOutput): Generator<Task, RunOutput, unknown> {
  const ref = { ...refOf(run, plan), plan: plan.etag };
  const terms = { ...run.terms };
  const { tally, resolved, digest } = yield* call(df, resolveShort, { ...ref, terms }, run.patience);
  const { rows, partitions } = countsOf(tally, resolved);

  report(df, run, { phase: 'reserve' });
  const sequences = yield* reserveAll(df, run, plan, rows);

  report(df, run, { phase: 'seal' });
  const { prefix, deadline, claimedAt } = run.input;
  const input = {
    ...ref,
    ...{ terms, digest, sequences, rows, partitions, prefix },
    startedAt: run.startedAt,
    phases: [...run.phases],
    ...(deadline !== undefined && { deadline }),
    ...(claimedAt !== undefined && { claimedAt }),
  };
  // The activity seals and publishes, and readers may see files before it ends. It holds itself to the deadline.
  const tasks = tasksOf(plan);
  report(df, run, { phase: 'publish', tasks: tasks.seal + tasks.publish });
  const published = yield* call(df, publishShort, input, run.patience);
  return yield* complete(df, run, plan, { ...published, life: run.input.life });
}

/** What the run's status says of blobs that it leaves out. */
function leftOutOf({ leftOut }: PlanOutput): Pick<RunStatus, 'leftOut'> {
  return leftOut && leftOut.read + leftOut.pending > 0 ? { leftOut } : {};
}

/**
 * Makes the plan. Dead lives that have claimed versions of the source are settled first; what a living one has claimed
 * is left to it. For a source of many files, several activities read the footers between two calls of `planRun`.
 */
function* planOf(df: Orchestration, run: RunState): Generator<Task, PlanOutput, unknown> {
  let listed = yield* call(df, planRun, run.input, run.patience);
  if ('claimers' in listed) {
    yield* settleDead(df, listed.claimers, run.owner);
    listed = yield* call(df, planRun, { ...run.input, asked: true as const }, run.patience);
    invariant(!('claimers' in listed), 'a plan that has asked');
  }
  if (!('listing' in listed)) return listed;
  const { listing, footers: to, leftOut, claim } = listed;
  const { runId, life, pipeline } = run.input;
  const input = { runId, life, pipeline, listing };
  const range = {
    owner: run.owner,
    start: startOf(run),
    activity: readFooters.name,
    key: 'part',
    from: 0,
    to,
  } as const;
  report(df, run, { phase: 'plan', tasks: to });
  yield* fanOut(df, { label: 'footers', ...range, input }, run.patience);
  const plan = yield* call(
    df,
    planRun,
    { ...run.input, listing, leftOut, ...(claim !== undefined && { claim }) },
    run.patience,
  );
  invariant('batches' in plan, 'a plan for a listed source');
  return plan;
}

/** When this orchestration started, in base 36, because an instance ID has room for few characters. */
function startOf(run: RunState): string {
  return Date.parse(run.startedAt).toString(36);
}

function* publish(df: Orchestration, run: RunState, plan: PlanOutput): Generator<Task, void, unknown> {
  const keyed = plan.keyed.flatMap(({ entity, partitions }) =>
    Array.from({ length: partitions }, (_, part) => request(publishFile, { ...refOf(run, plan), entity, part })),
  );
  const rows = plan.rowsEntities.map((entity, number) => ({
    // An entity's name may be too long for an instance ID, so its number is used.
    label: `publish${number}`,
    owner: run.owner,
    start: startOf(run),
    activity: publishFile.name,
    input: { ...refOf(run, plan), entity },
    key: 'part' as const,
    from: 0,
    to: plan.parts,
    ...(run.input.deadline !== undefined && { until: run.input.deadline }),
  }));
  yield* fanOutAll(df, keyed, rows, run.patience);
}

/** The input of a shard. */
const taskRangeSchema: z.ZodType<TaskRange> = z.object({
  label: z.string().max(10),
  owner: z.string().max(limits.lifeIdLengthMax),
  start: z.string().max(9),
  until: z.iso.datetime().exactOptional(),
  activity: z.enum([readFooters.name, splitBatch.name, splitAgain.name, sealBatches.name, publishFile.name]),
  input: planRefSchema.extend({
    entity: z.string().exactOptional(),
    pipeline: z.string().exactOptional(),
    listing: filesRefSchema.exactOptional(),
  }),
  key: z.enum(['batch', 'group', 'part']),
  from: z.int().nonnegative(),
  to: z.int().nonnegative(),
});

/**
 * One shard of a fan-out.
 *
 * @param context the orchestration; its input is a `TaskRange`.
 * @returns the number of tasks, or the error as a value, as activities do. Never throws.
 */
export function* shardOrchestrator(context: { df: Orchestration }): Generator<Task, ActivityResult<object>, unknown> {
  try {
    const range = taskRangeSchema.parse(context.df.getInput<unknown>());
    const { until } = range;
    const say = (waiting: string | undefined) => context.df.setCustomStatus({ waiting });
    yield* fanOut(context.df, range, until === undefined ? undefined : patienceUntil(context.df, until, say));
    return { ok: true, value: { tasks: range.to - range.from } };
  } catch (thrown) {
    return { ok: false, error: shardError(thrown) };
  }
}

function shardError(thrown: unknown): ErrorValue {
  return shortened(thrown instanceof OrdinalError ? thrown.toValue() : toErrorValue(thrown));
}

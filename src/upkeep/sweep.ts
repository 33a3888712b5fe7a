/**
 * Housekeeping, by a timer: ends runs that hang beyond their deadline, forgets ended instances, and removes what ended
 * runs left in the work container. It works in pages and stops when its time is up; the next one goes on. Only names
 * under `runs/`, `selections/` and `arrivals/` are ever removed: what a manifest names lies elsewhere.
 */

import { runInputSchema } from '../documents/documents.ts';
import { type DurableRuns, endedStatuses, endReason, type Instance } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { type Log, logEvent } from '../environment/telemetry.ts';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import { RUN_ORCHESTRATION } from '../run/orchestrator.ts';
import { TIDY_ORCHESTRATION, type TidyInput, tidyInstanceId } from '../run/settle-terminated.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';

export interface Sweep {
  environment: Environment;
  runs: DurableRuns;
  log: Log;
  now: () => Date;
}

export interface Swept {
  /** Runs that hung beyond their deadline, and were ended. */
  ended: number;
  /** Dead runs whose reservations and leftovers are being given back. */
  settling: number;
  /** Instances that were forgotten. */
  purged: number;
  /** Blobs that were removed. */
  removed: number;
  /** False when time or pages ran out: the next sweep goes on. */
  complete: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** After the deadline a run has this long to end by itself. */
const DEADLINE_GRACE_MS = 5 * 60_000;
/** Milliseconds that a sweep takes at most: well within a function's time. */
const SWEEP_MS_MAX = 4 * 60_000;
const PAGE = 100;

export async function sweep(context: Sweep): Promise<Swept> {
  const swept: Swept = { ended: 0, settling: 0, purged: 0, removed: 0, complete: true };
  const until = context.now().getTime() + SWEEP_MS_MAX;
  const timeIsUp = () => context.now().getTime() > until;
  await endOverdue(context, swept, timeIsUp);
  await forgetEnded(context, swept, timeIsUp);
  await removeLeftovers(context, swept, timeIsUp);
  await removeOld(context, swept, timeIsUp);
  logEvent(context.log, 'swept', swept);
  return swept;
}

/** A run's own timer ends it at its deadline; one that no longer moves is ended from here. */
async function endOverdue(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { runs, now, log } = context;
  const status = ['Pending', 'Running', 'ContinuedAsNew', 'Suspended'] as const;
  await forEachInstance(context, { status }, swept, timeIsUp, async (instance) => {
    const input = runInputSchema.safeParse(instance.input);
    if (instance.name !== RUN_ORCHESTRATION || !input.success || input.data.deadline === undefined) return;
    if (now().getTime() < Date.parse(input.data.deadline) + DEADLINE_GRACE_MS) return;
    const { runId, callBackUri } = input.data;
    const reason = endReason('DeadlineExceeded', `the run had not ended by ${input.data.deadline}`);
    const before = now().getTime();
    const tidy: TidyInput = { runId, reason, before, ...(callBackUri !== undefined && { callBackUri }) };
    await runs.start(TIDY_ORCHESTRATION, tidyInstanceId(runId), tidy);
    await runs.terminate(runId, reason);
    logEvent(log, 'runOverdue', { runId, deadline: input.data.deadline }, 'warn');
    swept.ended++;
  });
}

/** Instances that ended long ago. A dead run that still holds something is settled first, and forgotten next time. */
async function forgetEnded(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { runs, now, environment } = context;
  const createdTo = new Date(now().getTime() - environment.config.keepDays * DAY_MS);
  await forEachInstance(context, { status: endedStatuses, createdTo }, swept, timeIsUp, async (instance) => {
    if (instance.updatedAt > createdTo) return;
    if (instance.name === RUN_ORCHESTRATION && !(await leavesNothing(context, swept, instance))) return;
    if (await runs.purge(instance.instanceId)) swept.purged++;
  });
}

async function leavesNothing(context: Sweep, swept: Swept, { instanceId, status }: Instance): Promise<boolean> {
  const { store, config } = context.environment;
  // A run that failed or was ended drops its plan when it has given back everything.
  if (status !== 'Completed' && (await store.head(config.workContainer, work.plan(instanceId)))) {
    await settle(context, swept, instanceId);
    return false;
  }
  await remove(context, swept, await names(context, work.runPrefix(instanceId)));
  await remove(context, swept, [work.selection(instanceId)]);
  return true;
}

async function settle({ runs, now }: Sweep, swept: Swept, runId: string): Promise<void> {
  const tidy: TidyInput = { runId, reason: 'found dead', before: now().getTime() };
  const started = await runs.start(TIDY_ORCHESTRATION, tidyInstanceId(runId), tidy);
  if (started) swept.settling++;
}

/** Work in progress of runs that have ended, and of runs that nobody knows any more. */
async function removeLeftovers(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { environment, runs, now } = context;
  const { store, config } = environment;
  const before = now().getTime() - config.keepWorkHours * HOUR_MS;
  let open: { runId: string; blobs: BlobItem[] } | undefined;
  const finish = async (): Promise<void> => {
    if (!open || open.blobs.some((blob) => Date.parse(blob.lastModified) > before)) return;
    const { runId, blobs } = open;
    const instance = await runs.get(runId);
    const dead =
      !instance || (instance.status !== 'Completed' && (endedStatuses as readonly string[]).includes(instance.status));
    if (instance?.status === 'Completed')
      await remove(
        context,
        swept,
        blobs.map(({ name }) => name),
      );
    else if (dead && blobs.some(({ name }) => name === work.plan(runId))) await settle(context, swept, runId);
    else if (dead)
      await remove(
        context,
        swept,
        blobs.map(({ name }) => name),
      );
  };
  // In name order, so the blobs of one run come together.
  for await (const blob of store.list(config.workContainer, 'runs/')) {
    const runId = blob.name.split('/')[1] ?? '';
    if (open?.runId !== runId) {
      await finish();
      open = { runId, blobs: [] };
      if (timeIsUp()) {
        swept.complete = false;
        return;
      }
    }
    open.blobs.push(blob);
  }
  await finish();
}

/** Receipts and refusals of arrivals, and lists of blobs: far older than any event that could still come. */
async function removeOld(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { environment, now } = context;
  const before = now().getTime() - environment.config.keepDays * DAY_MS;
  for (const prefix of [work.arrivalPrefix, work.selectionPrefix]) {
    let batch: string[] = [];
    for await (const blob of environment.store.list(environment.config.workContainer, prefix)) {
      if (Date.parse(blob.lastModified) > before) continue;
      batch.push(blob.name);
      if (batch.length < PAGE) continue;
      await remove(context, swept, batch);
      batch = [];
      if (timeIsUp()) {
        swept.complete = false;
        return;
      }
    }
    await remove(context, swept, batch);
  }
}

async function names({ environment }: Sweep, prefix: string): Promise<string[]> {
  const found: string[] = [];
  for await (const blob of environment.store.list(environment.config.workContainer, prefix)) found.push(blob.name);
  return found;
}

async function remove({ environment }: Sweep, swept: Swept, list: readonly string[]): Promise<void> {
  const { store, config, pipelines } = environment;
  const published = [...pipelines.values()].filter(({ output }) => output.container === config.workContainer);
  await mapBounded(list, config.requestsInFlight, async (name) => {
    invariant(/^(runs|selections|arrivals)\//.test(name), `"${name}" is work in progress`);
    // Outputs may lie in the work container, in a folder of any name.
    if (published.some(({ output }) => name.startsWith(output.prefix))) return;
    if (await store.remove(config.workContainer, name)) swept.removed++;
  });
}

async function forEachInstance(
  { runs }: Sweep,
  filter: { status: readonly Instance['status'][]; createdTo?: Date },
  swept: Swept,
  timeIsUp: () => boolean,
  visit: (instance: Instance) => Promise<void>,
): Promise<void> {
  let continuation: string | undefined;
  for (let seen = 0; ; seen += PAGE) {
    const page = await runs.list({ ...filter, top: PAGE, ...(continuation !== undefined && { continuation }) });
    for (const instance of page.instances) await visit(instance);
    continuation = page.continuation;
    if (continuation === undefined) return;
    if (seen + PAGE >= limits.sweepInstancesMax || timeIsUp()) {
      swept.complete = false;
      return;
    }
  }
}

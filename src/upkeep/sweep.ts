/**
 * The hourly sweep. It ends runs that are past their deadline, removes ended instances from the durable history, and
 * removes what ended runs and backfills left in the work container. `src/registration/housekeeping.ts` calls it. It works
 * in pages and stops when its time is up; the next sweep continues. At its end it makes up views and tables that are late.
 * It must remove only names under `runs/`, `selections/`, `arrivals/`, `backfills/`, `lives/`, `starts/` and `timelines/`:
 * files that a manifest names are in another place. Only those of withdrawn runs go, after a while.
 */
import { backfillBlobs, backfillInstanceId } from '../backfill/backfill-documents.ts';
import { lifeInputSchema } from '../documents/documents.ts';
import { endedStatuses, endReason, hasEnded, type Instance } from '../durable/client.ts';
import { logEvent } from '../environment/telemetry.ts';
import { settleClaims } from '../ledger/ledger.ts';
import { limits } from '../limits.ts';
import { isOver } from '../lives/activities.ts';
import { changeClaim, readClaim } from '../lives/claims.ts';
import { askForEnd, settleLater } from '../lives/end.ts';
import { RUN_ORCHESTRATION } from '../lives/names.ts';
import { fateOf, ledgerOf } from '../plan/run-ledger.ts';
import { type Life, lifeId, lifeOfId, startOfName, work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { madeUp, remove, type Sweep, type Swept } from './sweep-context.ts';
import { sweepLives } from './sweep-lives.ts';
import { sweepWithdrawals } from './sweep-withdrawals.ts';

export type { Sweep, Swept };

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Milliseconds after its deadline in which a run may still end by itself. */
const DEADLINE_GRACE_MS = 5 * 60_000;
/** The most milliseconds of one sweep, well below a function's time limit. */
const SWEEP_MS_MAX = 4 * 60_000;
const PAGE = 100;

/**
 * Runs one sweep. It may run any number of times, also at the same time as another one.
 *
 * @returns what was done; `complete` is false when the time was up.
 * @throws OrdinalError `StorageFailed` and similar; the next sweep repeats the work.
 */
export async function sweep(context: Sweep): Promise<Swept> {
  const swept: Swept = { ended: 0, settling: 0, started: 0, purged: 0, removed: 0, complete: true };
  const until = context.now().getTime() + SWEEP_MS_MAX;
  const timeIsUp = () => {
    const isUp = context.now().getTime() > until;
    if (isUp) swept.complete = false;
    return isUp;
  };
  await endOverdue(context, swept, timeIsUp);
  await sweepLives(context, swept, timeIsUp);
  await forgetEnded(context, swept, timeIsUp);
  await removeLeftovers(context, swept, timeIsUp);
  await removeOld(context, swept, timeIsUp);
  await removeStarts(context, swept, timeIsUp);
  await sweepWithdrawals(context, swept, timeIsUp);
  await makeUp(context, timeIsUp);
  logEvent(context.log, 'swept', swept);
  return swept;
}

/**
 * Ends runs that are past their deadline. A run's own timer should have ended it; this one no longer makes progress.
 */
async function endOverdue(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { now, log } = context;
  const status = ['Pending', 'Running', 'ContinuedAsNew', 'Suspended'] as const;
  await forEachInstance(context, { status }, swept, timeIsUp, async (instance) => {
    const input = lifeInputSchema.safeParse(instance.input);
    if (instance.name !== RUN_ORCHESTRATION || !input.success || input.data.deadline === undefined) return;
    if (now().getTime() < Date.parse(input.data.deadline) + DEADLINE_GRACE_MS) return;
    const { runId, life, callBackUri } = input.data;
    const reason = endReason('DeadlineExceeded', `the run had not ended by ${input.data.deadline}`);
    await askForEnd(
      { ...context, now: now() },
      { runId, life, reason, ...(callBackUri !== undefined && { callBackUri }) },
    );
    logEvent(log, 'runOverdue', { runId, deadline: input.data.deadline }, 'warn');
    swept.ended++;
  });
}

/**
 * Removes instances that ended long ago. A dead run that still holds something is settled first and removed next time.
 */
async function forgetEnded(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { runs, now, environment } = context;
  const createdTo = new Date(now().getTime() - environment.config.keepDays * DAY_MS);
  await forEachInstance(context, { status: endedStatuses, createdTo }, swept, timeIsUp, async (instance) => {
    if (instance.updatedAt > createdTo) return;
    if (instance.name === RUN_ORCHESTRATION && !(await leavesNothing(context, swept, instance))) return;
    if (await runs.purge(instance.instanceId)) swept.purged++;
  });
}

/**
 * Whether a life no longer needs its instance. Its remains are removed; a life that still holds something is settled.
 */
async function leavesNothing(context: Sweep, swept: Swept, { instanceId, status }: Instance): Promise<boolean> {
  const of = lifeOfId(instanceId);
  if (!of) return true;
  if (status !== 'Completed') {
    const claim = await readClaim(context.environment, of);
    if (!claim || isOver(claim)) return true;
    await settle(context, swept, of);
    return false;
  }
  await remove(context, swept, await names(context, work.runPrefix(of)));
  await settleLateClaim(context, of);
  // Once the instance is removed, the claim would look as if its life had never been started.
  const overAt = context.now().toISOString();
  await changeClaim(context.environment, of, (claim) => ({ ...claim, state: 'swept', overAt }));
  return true;
}

/** An execution of a plan that was held up may have claimed versions when its life had published already. */
async function settleLateClaim({ environment }: Sweep, of: Life): Promise<void> {
  const claim = await readClaim(environment, of);
  const pipeline = claim && environment.pipelines.get(claim.input.pipeline);
  if (pipeline) await settleClaims(ledgerOf(environment, pipeline), of, fateOf(environment));
}

async function settle({ runs }: Sweep, swept: Swept, of: Life): Promise<void> {
  if (await settleLater(runs, { ...of, reason: 'found dead' })) swept.settling++;
}

/** Removes the work in progress of lives that have ended, and of lives that have neither claim nor instance. */
async function removeLeftovers(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { environment, runs, now } = context;
  const { store, config } = environment;
  const before = now().getTime() - config.keepWorkHours * HOUR_MS;
  let open: { of: Life; folder: string; blobs: BlobItem[] } | undefined;
  const finish = async (): Promise<void> => {
    if (!open || open.blobs.some((blob) => Date.parse(blob.lastModified) > before)) return;
    const { of, blobs } = open;
    const instance = await runs.get(lifeId(of));
    if (instance && !(endedStatuses as readonly string[]).includes(instance.status)) return;
    const claim = instance?.status === 'Completed' ? undefined : await readClaim(environment, of);
    if (claim && !isOver(claim)) await settle(context, swept, of);
    else {
      const left = blobs.map(({ name }) => name);
      await remove(context, swept, left);
    }
  };
  // Blobs are listed in name order, so the blobs of one life come one after the other.
  for await (const blob of store.list(config.workContainer, 'runs/')) {
    const [, runId = '', life = ''] = blob.name.split('/');
    const folder = `${runId}/${life}`;
    if (open?.folder !== folder) {
      await finish();
      open = { of: { runId, life: Number(life) }, folder, blobs: [] };
      if (timeIsUp()) return;
    }
    open.blobs.push(blob);
  }
  await finish();
}

/**
 * Removes receipts and refusals of arrivals, and lists of blobs, that are older than any event that could still come.
 */
async function removeOld(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { environment, now } = context;
  const before = now().getTime() - environment.config.keepDays * DAY_MS;
  const alive = await backfillsUnderWay(context);
  for (const prefix of [work.arrivalPrefix, work.selectionPrefix, backfillBlobs.prefix]) {
    let batch: string[] = [];
    for await (const blob of environment.store.list(environment.config.workContainer, prefix)) {
      if (Date.parse(blob.lastModified) > before || alive.some((folder) => blob.name.startsWith(folder))) continue;
      batch.push(blob.name);
      if (batch.length < PAGE) continue;
      await remove(context, swept, batch);
      batch = [];
      if (timeIsUp()) return;
    }
    await remove(context, swept, batch);
  }
}

/** Removes the starts of lives whose instance was removed, and what is left of their times. */
async function removeStarts(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { environment, runs, now } = context;
  const { store, config } = environment;
  const before = now().getTime() - config.keepDays * DAY_MS;
  for await (const { name, lastModified } of store.list(config.workContainer, work.startPrefix)) {
    const of = startOfName(name);
    if (!of || of.at > before || Date.parse(lastModified) > before || (await runs.get(lifeId(of)))) continue;
    await remove(context, swept, [work.timeline(of), name]);
    if (timeIsUp()) return;
  }
}

/** Folders of the backfills that go on: what they wrote at their beginning is read to their end. */
async function backfillsUnderWay({ environment, runs }: Sweep): Promise<string[]> {
  const { store, config } = environment;
  const folders: string[] = [];
  for await (const { name } of store.list(config.workContainer, backfillBlobs.prefix)) {
    const [, id] = /^backfills\/([^/]+)\/request\.json$/.exec(name) ?? [];
    const instance = id === undefined ? undefined : await runs.get(backfillInstanceId(id));
    if (instance && !hasEnded(instance)) folders.push(`${backfillBlobs.prefix}${id}/`);
  }
  return folders;
}

/** Views and tables that a publication did not come to write. What fails is logged: the next sweep tries again. */
async function makeUp(context: Sweep, timeIsUp: () => boolean): Promise<void> {
  for (const pipeline of context.environment.pipelines.values()) {
    if (timeIsUp()) return;
    await madeUp(context, pipeline, 'tablesLate', { pipeline: pipeline.name });
  }
}

async function names({ environment: { store, config } }: Sweep, prefix: string): Promise<string[]> {
  return await Array.fromAsync(store.list(config.workContainer, prefix), ({ name }) => name);
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
    if (timeIsUp()) return;
    if (seen + PAGE >= limits.sweepInstancesMax) {
      swept.complete = false;
      return;
    }
  }
}

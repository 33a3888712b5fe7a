/**
 * The part of the sweep that looks after claims. It starts a life that was claimed and never started. It settles a life
 * that died while it held something. It repeats the discard of a settled life until no late request of it can create a
 * blob any more. `sweep.ts` calls it. The highest claim of a run must never be removed, so that no number is given
 * twice.
 */
import { hasEnded } from '../durable/client.ts';
import { limits } from '../limits.ts';
import { isOver } from '../lives/activities.ts';
import { changeClaim, claimMetadataSchema, readClaim } from '../lives/claims.ts';
import { askForEnd, settleLater } from '../lives/end.ts';
import { BEGIN_GRACE_MS } from '../lives/newest.ts';
import { beginLife, mayBegin } from '../lives/start.ts';
import { discardActivity } from '../run/discard-activity.ts';
import { type Life, lifeId, work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { remove, type Sweep, type Swept } from './sweep-context.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Hours between two discards of one life. */
const AGAIN_HOURS = 6;

/**
 * Looks after all claims.
 *
 * @param swept the counts, which are added to.
 * @param timeIsUp asked between lives; when it is true, the rest is left to the next sweep.
 */
export async function sweepLives(context: Sweep, swept: Swept, timeIsUp: () => boolean): Promise<void> {
  const { store, config } = context.environment;
  let lives: { of: Life; blob: BlobItem }[] = [];
  const finish = async (): Promise<void> => {
    const highest = Math.max(...lives.map(({ of }) => of.life));
    for (const { of, blob } of lives) await sweepLife(context, swept, of, blob, of.life === highest);
    lives = [];
  };
  // Claims are listed in name order, so the lives of one run come one after the other.
  for await (const blob of store.list(config.workContainer, work.claimPrefix)) {
    const [, runId, life] = /^lives\/([^/]+)\/(\d+)\.json$/.exec(blob.name) ?? [];
    if (runId === undefined) continue;
    if (lives[0] && lives[0].of.runId !== runId) {
      await finish();
      if (timeIsUp()) return;
    }
    lives.push({ of: { runId, life: Number(life) }, blob });
  }
  await finish();
}

async function sweepLife(context: Sweep, swept: Swept, of: Life, blob: BlobItem, newest: boolean): Promise<void> {
  const { environment, now } = context;
  const said = claimMetadataSchema.safeParse(blob.metadata).data;
  if (said?.state === 'swept') {
    if (!newest) await remove(context, swept, [blob.name]);
  } else if (said?.state === 'over') {
    if (said.sweptat === undefined || now().getTime() - Date.parse(said.sweptat) >= AGAIN_HOURS * HOUR_MS)
      await discardAgain(context, swept, of);
  } else if (said?.state !== 'open' || now().getTime() - Date.parse(said.claimedat) < openMsMax(environment.config)) {
    await lookAfter(context, swept, of, newest);
  }
}

/** Older claims belong to lives that succeeded long ago, or that are settled when their instance is removed. */
function openMsMax({ runHoursMax }: { runHoursMax: number }): number {
  return runHoursMax * HOUR_MS + 2 * DAY_MS;
}

/**
 * Removes what late requests of a settled life have created, and ends its instance if that still runs: it cannot
 * succeed.
 */
async function discardAgain({ environment, runs, now }: Sweep, swept: Swept, of: Life): Promise<void> {
  const claim = await readClaim(environment, of);
  const instance = await runs.get(lifeId(of));
  const settledMs = now().getTime() - Date.parse(claim?.overAt ?? now().toISOString());
  if (instance && !hasEnded(instance) && settledMs > HOUR_MS)
    await runs.terminate(lifeId(of), claim?.reason ?? 'settled');
  const { published, removed } = await discardActivity(environment, of);
  swept.removed += removed;
  const sweptAt = now().toISOString();
  await changeClaim(environment, of, (claim) => {
    const ageMs = now().getTime() - Date.parse(claim.overAt ?? sweptAt);
    const late = !published && ageMs < limits.lateRequestDaysMax * DAY_MS;
    return { ...claim, sweptAt, state: late ? 'over' : 'swept' };
  });
}

/**
 * Looks after a life that is not settled: starts it if nobody did, ends it again if its end was asked for, settles it
 * if dead.
 */
async function lookAfter(context: Sweep, swept: Swept, of: Life, newest: boolean): Promise<void> {
  const { environment, runs, now } = context;
  const claim = await readClaim(environment, of);
  if (!claim || isOver(claim)) return;
  const instance = await runs.get(lifeId(of));
  const { reason = 'found dead' } = claim;
  const end = { ...of, reason };
  if (instance && !hasEnded(instance)) {
    if (claim.state === 'ending') await askForEnd({ ...context, now: now() }, end);
  } else if (instance?.status === 'Completed') {
    return;
  } else if (!instance && newest && mayBegin(claim, now())) {
    if (now().getTime() - Date.parse(claim.claimedAt) < BEGIN_GRACE_MS) return;
    await beginLife(context, claim);
    swept.started++;
  } else if (await settleLater(runs, end)) swept.settling++;
}

/**
 * Finds the instance of a run's newest life, which is what a user sees under the run's ID. HTTP handlers, the sweep and
 * callbacks call it. When a claim has no instance yet, it returns what that instance will be. It must not start an
 * instance that no claim names.
 */
import { type DurableRuns, endReason, type Instance } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { lifeId } from '../storage/names.ts';
import { isOver } from './activities.ts';
import { type Claim, newestClaim } from './claims.ts';
import { RUN_ORCHESTRATION } from './names.ts';
import { beginLife, lifeInputOf, mayBegin } from './start.ts';

/** For so many milliseconds after a claim, its instance is left to whoever made the claim. */
export const BEGIN_GRACE_MS = 60_000;

interface Asker {
  environment: Environment;
  runs: DurableRuns;
  now: Date;
}

/** The instance of a run's newest life, or what it will be. Undefined for a run that does not exist or was removed. */
export async function newestInstance(asker: Asker, runId: string): Promise<Instance | undefined> {
  const claim = await newestClaim(asker.environment, runId);
  return claim && (await instanceOf(asker, claim));
}

/** The instance of a claimed life. When there is none, it is started after a while, and what it will be is returned. */
export async function instanceOf({ environment, runs, now }: Asker, claim: Claim): Promise<Instance | undefined> {
  const there = await runs.get(lifeId(claim));
  const { endingAt } = claim;
  if (there) return endingAt === undefined ? there : { ...there, endAskedAt: new Date(endingAt) };
  if (isOver(claim)) return undefined;
  const claimedAt = new Date(claim.claimedAt);
  const begins = mayBegin(claim, now);
  if (begins && now.getTime() - claimedAt.getTime() > BEGIN_GRACE_MS) await beginLife({ environment, runs }, claim);
  const overdue = endReason('DeadlineExceeded', `the run was not started by ${claim.input.deadline}`);
  return {
    instanceId: lifeId(claim),
    name: RUN_ORCHESTRATION,
    status: begins ? 'Pending' : 'Terminated',
    createdAt: claimedAt,
    updatedAt: claimedAt,
    input: lifeInputOf(claim),
    customStatus: null,
    output: claim.reason ?? overdue,
    ...(endingAt !== undefined && { endAskedAt: new Date(endingAt) }),
  };
}

/**
 * Starts runs. HTTP, arriving blobs and the sweep all start runs through this file. A claim decides who starts what;
 * then the instance of the claimed life is started from the claim. Whoever finds a claim without an instance starts
 * that instance, so a start that was interrupted is completed later. It must never start an instance without a claim.
 */
import { doesWhat, type LifeInput, type RunInput } from '../documents/documents.ts';
import { runStatusSchema } from '../documents/status.ts';
import { type DurableRuns, hasEnded, type Instance } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { lifeId } from '../storage/names.ts';
import { isOver } from './activities.ts';
import { type Claim, newestClaim, putClaim } from './claims.ts';
import { RUN_ORCHESTRATION } from './names.ts';
import { putStart } from './starts.ts';

export interface Starter {
  environment: Environment;
  runs: DurableRuns;
  now: Date;
}

export interface StartOptions {
  /** Whether a run that ended without success is started again. @default false */
  restarts?: boolean;
}

export interface Started {
  /** The claim that the run goes on with: the one of this start, or an earlier one with the same input. */
  claim: Claim;
  /** Whether this call has made the claim. */
  claimed: boolean;
  /** The instance of the claimed life as it was found; undefined when this call started it. */
  instance: Instance | undefined;
}

/** How often a start is tried while other callers claim lives. */
const TRIES = 10;

/**
 * Starts a run, joins it when it is running, or begins its next life.
 *
 * @param input what the run is to do; its `runId` names the run.
 * @returns the claim, whether this call made it, and the instance that was found.
 * @throws OrdinalError `RunIdConflict` when the run ID belongs to a run of another pipeline or source.
 * @throws OrdinalError `LimitExceeded` when the run has had `limits.livesPerRunMax` lives.
 * @throws OrdinalError `StorageConflict` (retryable) when other callers were faster each time.
 */
export async function startRun(starter: Starter, input: RunInput, options: StartOptions = {}): Promise<Started> {
  const { environment, runs, now } = starter;
  for (let tries = 0; tries < TRIES; tries++) {
    const newest = await newestClaim(environment, input.runId);
    if (newest) refuseOther(newest.input, input);
    const instance = newest && (await runs.get(lifeId(newest)));
    if (newest && !isPast(newest, instance, now, options.restarts === true)) {
      if (!instance && mayBegin(newest, now)) await beginLife(starter, newest);
      return { claim: newest, claimed: false, instance };
    }
    const life = (newest?.life ?? 0) + 1;
    if (life > limits.livesPerRunMax) {
      throw new OrdinalError('LimitExceeded', `run "${input.runId}" was started ${newest!.life} times`, {
        where: { field: 'runId' },
        remedy: 'Start it under another run ID.',
      });
    }
    const claimedAt = now.toISOString();
    const claim: Claim = { version: 1, runId: input.runId, life, input, claimedAt, state: 'open' };
    if (!(await putClaim(environment, claim))) continue;
    await beginLife(starter, claim);
    return { claim, claimed: true, instance: undefined };
  }
  throw new OrdinalError('StorageConflict', `run "${input.runId}" is being started by many others`, {
    retryable: true,
    remedy: 'Send the same request again.',
  });
}

/** Starts the instance of a claimed life. Started twice, it is still the same life. */
export async function beginLife(
  { environment, runs }: Pick<Starter, 'environment' | 'runs'>,
  claim: Claim,
): Promise<void> {
  // First, so that every run that exists is in lists.
  await putStart(environment, claim);
  await runs.start(RUN_ORCHESTRATION, lifeId(claim), lifeInputOf(claim));
}

/** The input of a claimed life's orchestration. */
export function lifeInputOf({ input, life, claimedAt }: Claim): LifeInput {
  return { ...input, life, claimedAt };
}

/** Whether the instance of a claim may still be started. */
export function mayBegin({ state, input }: Claim, now: Date): boolean {
  return state === 'open' && (input.deadline === undefined || now.getTime() < Date.parse(input.deadline));
}

/** Whether a start begins the next life, because this one cannot succeed any more. */
function isPast(claim: Claim, instance: Instance | undefined, now: Date, restarts: boolean): boolean {
  if (!instance) return isOver(claim) || (restarts && !mayBegin(claim, now));
  if (instance.status === 'Completed' || !restarts) return false;
  // An instance that was ended from outside, or that failed, may be shown as running for a while.
  return hasEnded(instance) || claim.state !== 'open' || saysFailed(instance);
}

function saysFailed({ customStatus }: Instance): boolean {
  return runStatusSchema.safeParse(customStatus).data?.phase === 'failed';
}

/** @throws OrdinalError `RunIdConflict` when the two inputs do not ask for the same work. */
function refuseOther(was: RunInput, input: RunInput): void {
  if (doesWhat(was) === doesWhat(input)) return;
  throw new OrdinalError('RunIdConflict', `run "${input.runId}" exists and is of another pipeline or source`, {
    where: { field: 'runId' },
    remedy: 'Give another runId, or leave it out.',
  });
}

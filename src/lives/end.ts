/**
 * Ends a life of a run from outside, because an operator asked for it or because its deadline has passed.
 * `src/http/runs.ts` and the sweep call it. It must record the end in the claim before it ends the instance: from then
 * on a new start begins the next life, however long the instance takes to stop.
 */
import type { DurableRuns } from '../durable/client.ts';
import type { Environment } from '../environment/environment.ts';
import { type Life, lifeId } from '../storage/names.ts';
import { changeClaim } from './claims.ts';
import { TIDY_ORCHESTRATION, tidyInstanceId } from './names.ts';

export interface End extends Life {
  reason: string;
  callBackUri?: string;
}

/** Asks for the end of a life. It may be called again. */
export async function askForEnd(
  { environment, runs, now }: { environment: Environment; runs: DurableRuns; now: Date },
  { runId, life, reason, callBackUri }: End,
): Promise<void> {
  const of = { runId, life };
  await changeClaim(environment, of, (claim) =>
    claim.state === 'open' ? { ...claim, state: 'ending', reason, endingAt: now.toISOString() } : undefined,
  );
  // First start what waits for the end, then end the instance. In this order the settling cannot be forgotten.
  await settleLater(runs, { ...of, reason, ...(callBackUri !== undefined && { callBackUri }) });
  await runs.terminate(lifeId(of), reason);
}

/** Starts the orchestration that settles a life after its instance has ended. False when it runs already. */
export async function settleLater(runs: DurableRuns, end: End): Promise<boolean> {
  return await runs.start(TIDY_ORCHESTRATION, tidyInstanceId(end), end);
}

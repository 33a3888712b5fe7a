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

/** Asks for a life's end. Asked again, it does the same again. */
export async function askForEnd(
  { environment, runs }: { environment: Environment; runs: DurableRuns },
  { runId, life, reason, callBackUri }: End,
): Promise<void> {
  const of = { runId, life };
  await changeClaim(environment, of, (claim) =>
    claim.state === 'open' ? { ...claim, state: 'ending', reason } : undefined,
  );
  // First who waits for the end, then the end: it is not forgotten in between.
  await settleLater(runs, { ...of, reason, ...(callBackUri !== undefined && { callBackUri }) });
  await runs.terminate(lifeId(of), reason);
}

/** Starts the orchestration that settles a life once it is dead. False when it is under way already. */
export async function settleLater(runs: DurableRuns, end: End): Promise<boolean> {
  return await runs.start(TIDY_ORCHESTRATION, tidyInstanceId(end), end);
}

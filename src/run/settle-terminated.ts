/**
 * What follows the end of a run: its caller is told; and where the run was ended from outside, what it held is given
 * back by another orchestration, since its own can no longer do it.
 */

import type { Task } from 'durable-functions';
import { z } from 'zod';
import { type RunInput, runIdSchema } from '../documents/documents.ts';
import { endedError } from '../durable/client.ts';
import type { Orchestration } from '../durable/context.ts';
import { activity } from '../durable/fan-out.ts';
import { type ErrorValue, toErrorValue } from '../errors.ts';
import { isAlive, settle } from './leases.ts';

export const TIDY_ORCHESTRATION = 'tidyRun';

export function tidyInstanceId(runId: string): string {
  return `${runId}-tidy`;
}

export const tidyInputSchema = z.object({
  runId: runIdSchema,
  reason: z.string(),
  /** When the end was asked for, in ms of the epoch: a life of the run that begins later is left alone. */
  before: z.int().nonnegative(),
  callBackUri: z.string().exactOptional(),
});

export type TidyInput = z.infer<typeof tidyInputSchema>;

/** Polls of an ended run's status: ending takes effect within seconds. */
const POLLS_MAX = 200;

/** Waits until the run is dead, settles it, and tells its caller. */
export function* tidyOrchestrator(context: { df: Orchestration }): Generator<Task, { settled: boolean }, unknown> {
  const { df } = context;
  const { runId, reason, before, callBackUri } = tidyInputSchema.parse(df.getInput<unknown>());
  for (let poll = 0; yield* isAlive(df, runId); poll++) {
    if (poll >= POLLS_MAX) return { settled: false };
    yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + 1000 * Math.min(30, 1 + poll)));
  }
  yield* settle(df, runId, before);
  if (callBackUri !== undefined) {
    yield* callBack(df, { runId, callBackUri }, endedError(reason));
  }
  return { settled: true };
}

/** Tells the run's caller how it ended. A caller that cannot be reached changes nothing about the run. */
export function* callBack(
  df: Orchestration,
  { runId, pipeline, callBackUri }: Pick<RunInput, 'runId' | 'callBackUri'> & { pipeline?: string },
  error: ErrorValue | undefined,
): Generator<Task, void, unknown> {
  if (callBackUri === undefined) return;
  try {
    const call = { runId, callBackUri, ...(pipeline !== undefined && { pipeline }), ...(error && { error }) };
    yield* activity(df, 'callBackRun', call);
  } catch (thrown) {
    // The activity has logged it; the run's own result stands.
    toErrorValue(thrown);
  }
}

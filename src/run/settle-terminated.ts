/**
 * What happens after a run has ended: its caller is told. When the run was ended from outside, its own orchestration
 * can no longer give back what it holds, so another orchestration (`tidyRun`) does it. `src/lives/end.ts` starts that
 * one. A caller that cannot be reached must not change the result of the run.
 */

import type { Task } from 'durable-functions';
import { z } from 'zod';
import { callBackRun } from '../callback/activity.ts';
import { lifeSchema, type RunInput } from '../documents/documents.ts';
import { endedError } from '../durable/client.ts';
import type { Orchestration } from '../durable/context.ts';
import { call } from '../durable/fan-out.ts';
import { type ErrorValue, toErrorValue } from '../errors.ts';
import { lifeId } from '../storage/names.ts';
import { isAlive } from './leases.ts';
import { settle } from './settle.ts';

export const tidyInputSchema = z.object({
  ...lifeSchema.shape,
  reason: z.string(),
  callBackUri: z.string().exactOptional(),
});

/** The most polls of the status of a run that is being ended; the end takes effect within seconds. */
const POLLS_MAX = 200;

/**
 * Waits until the life is dead, settles it, and tells its caller.
 *
 * @param context the orchestration; its input is as `tidyInputSchema`.
 * @returns `settled: false` when the life is still alive after `POLLS_MAX` polls.
 */
export function* tidyOrchestrator(context: { df: Orchestration }): Generator<Task, { settled: boolean }, unknown> {
  const { df } = context;
  const { runId, life, reason, callBackUri } = tidyInputSchema.parse(df.getInput<unknown>());
  for (let poll = 0; yield* isAlive(df, lifeId({ runId, life })); poll++) {
    if (poll >= POLLS_MAX) return { settled: false };
    yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + 1000 * Math.min(30, 1 + poll)));
  }
  const { published } = yield* settle(df, { runId, life });
  // The life may have published before it was ended.
  yield* callBack(
    df,
    { runId, ...(callBackUri !== undefined && { callBackUri }) },
    published ? undefined : endedError(reason),
  );
  return { settled: true };
}

/** Tells the run's caller how the run ended. A caller that cannot be reached changes nothing about the run. */
export function* callBack(
  df: Orchestration,
  { runId, pipeline, callBackUri }: Pick<RunInput, 'runId' | 'callBackUri'> & { pipeline?: string },
  error: ErrorValue | undefined,
): Generator<Task, void, unknown> {
  if (callBackUri === undefined) return;
  try {
    const told = { runId, callBackUri, ...(pipeline !== undefined && { pipeline }), ...(error && { error }) };
    yield* call(df, callBackRun, told);
  } catch (thrown) {
    // The activity has logged the failure. The run keeps its own result.
    toErrorValue(thrown);
  }
}

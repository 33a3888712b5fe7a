/**
 * An orchestration that waits until no blob has arrived for a while (the quiet period) and then starts one run for all
 * blobs of the burst. Time is divided into intervals as long as the quiet period, and each interval in which a blob
 * arrived has one gatherer. The last gatherer of a burst finds no later receipt and starts the run. When a burst goes
 * on for too long, the gatherer that notices it starts the run. `receive.ts` starts gatherers; this file does no I/O
 * itself.
 */
import { createHash } from 'node:crypto';
import type { Task } from 'durable-functions';
import { z } from 'zod';
import type { Activity } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { callOnce } from '../durable/fan-out.ts';
import { fromErrorValue } from '../errors.ts';
import { askEntity } from '../sequence/calls.ts';
import { lookAtArrivals, startArrivalRun } from './activities.ts';
import { closeInterval, showIntervals } from './arrival-intervals.ts';

export const GATHER_ORCHESTRATION = 'gatherArrivals';

export const gatherInputSchema = z.object({
  pipeline: z.string(),
  /** End of the gatherer's interval: ms of the epoch, by the storage's clock. */
  to: z.int().nonnegative(),
  quietMs: z.int().positive(),
  waitMsMax: z.int().positive(),
});
export type GatherInput = z.infer<typeof gatherInputSchema>;

export function gatherInstanceId(pipeline: string, to: number): string {
  // A run ID holds no `~`, so no run can have this instance ID.
  return `${pipeline}~gather~${to}`;
}

export function burstRunId(pipeline: string, after: number, to: number): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([pipeline, after, to]))
    .digest('hex');
  return `arrivals-${digest.slice(0, 40)}`;
}

/** How often the gatherer waits for the storage's clock before it gives up. */
const LOOKS_MAX = 20;

/**
 * The gatherer of one interval. It waits for a quiet period after the interval, and starts a run when no blob came
 * later.
 *
 * @param context the orchestration; its input is a `GatherInput`.
 * @returns the ID of the run that was started, or null when a later gatherer will start it.
 * @throws OrdinalError the last error of an activity, after its tries are used up.
 */
export function* gatherOrchestrator(context: {
  df: Orchestration;
}): Generator<Task, { started: string | null }, unknown> {
  const { df } = context;
  const { pipeline, to, quietMs, waitMsMax } = gatherInputSchema.parse(df.getInput<unknown>());
  let due = to + quietMs;
  for (let look = 0; look < LOOKS_MAX; look++) {
    const waitMs = due - df.currentUtcDateTime.getTime();
    if (waitMs > 0) yield df.createTimer(new Date(due));
    const { upTo } = yield* askEntity(df, showIntervals(pipeline));
    const seen = yield* asked(df, lookAtArrivals, { pipeline, after: upTo, to });
    if (seen.waiting === 0) return { started: null };
    if (seen.now < to + quietMs) {
      // This machine's clock is ahead of the storage's clock, which gives receipts their time.
      due = df.currentUtcDateTime.getTime() + (to + quietMs - seen.now);
      continue;
    }
    if (seen.later && to - seen.oldest < waitMsMax) return { started: null };
    const { cut } = yield* askEntity(df, closeInterval(pipeline, { owner: df.instanceId, to }));
    if (!cut) return { started: null };
    const runId = burstRunId(pipeline, cut.after, cut.to);
    yield* asked(df, startArrivalRun, { pipeline, runId, ...cut });
    return { started: runId };
  }
  throw new Error(`the storage's clock did not reach ${new Date(to + quietMs).toISOString()}`);
}

/** Tries of an activity before the gatherer gives up. They take about an hour: nobody else would start this burst. */
const TRIES_MAX = 14;

function* asked<Input extends object, Output extends object>(
  df: Orchestration,
  activity: Activity<never, Input, Output>,
  input: Input,
): Generator<Task, Output, unknown> {
  for (let attempt = 1; ; attempt++) {
    const result = yield* callOnce(df, activity, input);
    if (result.ok) return result.value;
    if (attempt >= TRIES_MAX) throw fromErrorValue(result.error);
    const seconds = Math.min(300, 2 ** attempt);
    yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + seconds * 1000));
  }
}

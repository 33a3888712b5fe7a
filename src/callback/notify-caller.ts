/**
 * Notifies every additional caller when a run ends: a caller who started a run that had been started before, under the
 * same run ID, and gave a callback address of its own. `src/http/start.ts` starts this orchestration. The run itself
 * notifies only the caller who started it. A caller that cannot be reached must not change the run.
 */

import { createHash } from 'node:crypto';
import type { Task } from 'durable-functions';
import { z } from 'zod';
import { runIdSchema } from '../documents/documents.ts';
import { defineActivity } from '../durable/activity.ts';
import { hasEnded } from '../durable/client.ts';
import type { Orchestration } from '../durable/context.ts';
import { callOnce } from '../durable/fan-out.ts';
import { OrdinalError } from '../errors.ts';
import { newestInstance } from '../lives/newest.ts';
import type { Starter } from '../lives/start.ts';
import { summarizeRun } from '../view/run-view.ts';
import { callBackActivity } from './activity.ts';

export const TELL_ORCHESTRATION = 'tellCaller';

const tellInputSchema = z.object({ runId: runIdSchema, callBackUri: z.url() });
export type TellInput = z.infer<typeof tellInputSchema>;

export interface Told {
  /** False while the run goes on: nobody was called. */
  ended: boolean;
}

/** The same instance ID for the same caller, so that a repeated request does not notify twice. */
export function tellInstanceId({ runId, callBackUri }: TellInput): string {
  return `${runId}~tell-${createHash('sha256').update(callBackUri).digest('hex').slice(0, 16)}`;
}

/** Seconds between two looks at a running run: about a tenth of its age, and at most ten minutes. */
const LOOK_SECONDS_MAX = 600;
const LOOK_GROWTH = 1.1;
/** A run's deadline is at most five days away. Each look adds six events to a history that every later look replays. */
const LOOKS_MAX = 800;
const TRIES_MAX = 4;

/**
 * Waits for the end of a run and then notifies one additional caller.
 *
 * @param context the orchestration; its input is a `TellInput`.
 * @returns `ended: false` when the caller could not be told. That changes nothing about the run.
 */
export function* tellOrchestrator(context: { df: Orchestration }): Generator<Task, Told, unknown> {
  const { df } = context;
  const input = tellInputSchema.parse(df.getInput<unknown>());
  let tries = 0;
  for (let look = 0; look < LOOKS_MAX; look++) {
    const result = yield* callOnce(df, tellOutcome, input);
    if (result.ok && result.value.ended) return result.value;
    if (!result.ok && (!result.error.retryable || ++tries >= TRIES_MAX)) return { ended: false };
    const seconds = result.ok ? Math.min(LOOK_SECONDS_MAX, Math.ceil(2 * LOOK_GROWTH ** look)) : 4 ** tries;
    yield df.createTimer(new Date(df.currentUtcDateTime.getTime() + seconds * 1000));
  }
  return { ended: false };
}

/** Notifies the caller if the run has ended. Fails with `UnknownRun` when there is no such run. */
export const tellOutcome = defineActivity({
  name: 'tellOutcome',
  input: tellInputSchema,
  work: async ({ environment, runs, now }: Starter, { runId, callBackUri }): Promise<Told> => {
    const instance = await newestInstance({ environment, runs, now }, runId);
    const summary = instance && summarizeRun(instance);
    if (!summary) throw new OrdinalError('UnknownRun', `there is no run "${runId}"`);
    if (!hasEnded(instance)) return { ended: false };
    const { pipeline, error } = summary;
    await callBackActivity(environment, { runId, callBackUri, pipeline, ...(error && { error }) });
    return { ended: true };
  },
});

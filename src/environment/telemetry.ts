/**
 * Writes what the app logs: one JSON object in each line, so that queries can parse it. `event` says what the line is
 * about, and the other names are those of the API. `src/registration/activities.ts` logs every activity through it. A caller's
 * secrets, such as callback addresses and keys, must never be logged.
 */
import { z } from 'zod';
import type { ActivityResult } from '../durable/activity.ts';

/** The part of the invocation context that is needed. */
export interface Log {
  info(text: string): void;
  warn(text: string): void;
}

const labelsSchema = z
  .object({
    runId: z.string(),
    batch: z.number(),
    group: z.number(),
    entity: z.string(),
    part: z.number(),
    pipeline: z.string(),
  })
  .partial();
/** Figures of an activity's output that operators query. */
const figuresSchema = z
  .object({ rows: z.number(), bytes: z.number(), newRows: z.number(), batches: z.number(), files: z.number() })
  .partial();

/**
 * Runs an activity and logs how long it took and how it ended.
 *
 * @param name the activity's name.
 * @param input the activity's input; only known labels of it are logged.
 * @returns what the activity returned.
 */
export async function logged(
  name: string,
  input: unknown,
  log: Log,
  work: () => Promise<ActivityResult<object>>,
): Promise<ActivityResult<object>> {
  const start = performance.now();
  const result = await work();
  const ms = Math.round(performance.now() - start);
  const line = {
    event: 'activity',
    activity: name,
    ...labelsSchema.safeParse(input).data,
    ms,
    ok: result.ok,
    ...(result.ok ? figuresSchema.safeParse(result.value).data : { error: result.error }),
  };
  if (result.ok) {
    log.info(JSON.stringify(line));
    return result;
  }
  log.warn(JSON.stringify(line));
  // So that the line can be found from the run's view. The orchestration adds how often it was tried.
  const activity = { name, attempts: 1, ms, at: new Date().toISOString() };
  return { ok: false, error: { ...result.error, activity } };
}

/** Logs a line about something that is not an activity. */
export function logEvent(log: Log, event: string, facts: object, level: 'info' | 'warn' = 'info'): void {
  log[level](JSON.stringify({ event, ...facts }));
}

/**
 * Pipelines that a timer starts: which timers the app has, and what one does when it fires. `src/registration/schedule.ts`
 * calls both. A timer starts a run of what is new, so one that fires late or twice publishes nothing twice.
 */
import { createHash } from 'node:crypto';
import type { RunInput } from '../documents/documents.ts';
import { type Environment, refuseUnknown } from '../environment/environment.ts';
import { type Starter, startRun } from '../lives/start.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { lastTick, scheduleOf } from '../pipeline/schedule.ts';

export interface Timer {
  /** Name of the function. */
  functionName: string;
  schedule: string;
  pipeline: CompiledPipeline;
}

/**
 * The timers of the app.
 *
 * @returns one entry for each pipeline that has a schedule here.
 * @throws OrdinalError `InvalidSettings` when `ORDINAL_SCHEDULE` names a pipeline that does not exist.
 */
export function timersOf({ config, pipelines }: Pick<Environment, 'config' | 'pipelines'>): Timer[] {
  refuseUnknown('ORDINAL_SCHEDULE', config.schedules, pipelines);
  return [...pipelines.values()].flatMap((pipeline) => {
    const schedule = scheduleOf(pipeline, config.schedules);
    return schedule === undefined ? [] : [{ functionName: `schedule-${pipeline.name}`, schedule, pipeline }];
  });
}

/**
 * Starts the run of the last time that the schedule names.
 *
 * @returns the run's ID, and whether this call started it.
 */
export async function startScheduled(
  starter: Starter,
  { pipeline, schedule }: Timer,
): Promise<{ runId: string; started: boolean }> {
  const { environment, now } = starter;
  const tick = lastTick(schedule, now).toISOString().slice(0, 19).replace(/[-:]/g, '');
  const digest = createHash('sha256').update(pipeline.name).digest('hex').slice(0, 8);
  const input: RunInput = {
    runId: `schedule-${tick}Z-${digest}`,
    pipeline: pipeline.name,
    prefix: pipeline.source.prefix,
    startedBy: { by: 'schedule', who: schedule.slice(0, 200) },
    deadline: new Date(now.getTime() + environment.config.runHoursMax * 3_600_000).toISOString(),
  };
  const { claimed } = await startRun(starter, input);
  return { runId: input.runId, started: claimed };
}

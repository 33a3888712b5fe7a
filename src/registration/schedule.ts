/**
 * Registers a timer for each pipeline that has a schedule. `registerOrdinal` calls it. The rules are in
 * `src/arrival/schedules.ts`. As with arrivals, the environment is opened at load only when a pipeline has a schedule.
 */
import * as df from 'durable-functions';
import { startScheduled, timersOf } from '../arrival/schedules.ts';
import { logEvent } from '../environment/telemetry.ts';
import type { AppContext } from './app-context.ts';
import { durableRuns } from './durable-runs.ts';

/** Registers what timers start. */
export function registerSchedules({ pipelines, settings, environment }: AppContext): void {
  const wanted = settings.ORDINAL_SCHEDULE || [...pipelines.values()].some(({ schedule }) => schedule !== undefined);
  for (const timer of wanted ? timersOf(environment()) : []) {
    df.app.client.timer(timer.functionName, {
      schedule: timer.schedule,
      handler: async (_timer, _client, context) => {
        const starter = { environment: environment(), runs: durableRuns(context), now: new Date() };
        const { runId, started } = await startScheduled(starter, timer);
        logEvent(context, 'scheduled', { pipeline: timer.pipeline.name, runId, started });
      },
    });
  }
}

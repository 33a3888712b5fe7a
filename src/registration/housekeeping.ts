/**
 * Registers the timer that runs the hourly sweep (`src/upkeep/sweep.ts`). `registerOrdinal` calls it. The setting
 * `ORDINAL_SWEEP_SCHEDULE` changes the schedule. It must read no other setting.
 */
import * as df from 'durable-functions';
import { sweep } from '../upkeep/sweep.ts';
import type { AppContext } from './app-context.ts';
import { durableRuns } from './durable-runs.ts';

/** Registers the timer. */
export function registerHousekeeping({ settings, environment }: AppContext): void {
  df.app.client.timer('housekeeping', {
    // Once an hour, at minute 17: many other timers start at the full hour.
    schedule: settings.ORDINAL_SWEEP_SCHEDULE || '0 17 * * * *',
    handler: async (_timer, _client, context) => {
      await sweep({ environment: environment(), runs: durableRuns(context), log: context, now: () => new Date() });
    },
  });
}

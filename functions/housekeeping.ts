/**
 * Registers the timer that runs the hourly sweep (`src/upkeep/sweep.ts`). The host loads this file; nothing imports it.
 * The setting `ORDINAL_SWEEP_SCHEDULE` changes the schedule.
 */
import * as df from 'durable-functions';
import { sweep } from '../src/upkeep/sweep.ts';
import { durableRuns } from './durable-runs.ts';
import { environment } from './environment.ts';

df.app.client.timer('housekeeping', {
  // Once an hour, at minute 17: many other timers start at the full hour.
  schedule: process.env.ORDINAL_SWEEP_SCHEDULE || '0 17 * * * *',
  handler: async (_timer, _client, context) => {
    await sweep({ environment: environment(), runs: durableRuns(context), log: context, now: () => new Date() });
  },
});

/**
 * Registers every activity of `activity-list.ts` with the Functions host, each under its own name. `registerOrdinal` calls
 * it. It holds no rule: it only hands the process's environment to the activity and logs the result.
 */
import * as df from 'durable-functions';
import { logged } from '../environment/telemetry.ts';
import { activities, clientActivities } from './activity-list.ts';
import type { AppContext } from './app-context.ts';
import { durableRuns } from './durable-runs.ts';

/** Registers all activities of the app. */
export function registerActivities({ environment }: AppContext): void {
  for (const { name, run } of activities) {
    df.app.activity(name, {
      handler: (input: unknown, context) => logged(name, input, context, () => run(environment(), input)),
    });
  }

  for (const { name, run } of clientActivities) {
    df.app.activity(name, {
      extraInputs: [df.input.durableClient()],
      handler: (input: unknown, context) => {
        const world = { environment: environment(), runs: durableRuns(context), now: new Date() };
        return logged(name, input, context, () => run(world, input));
      },
    });
  }
}

/** The run's activities, each registered under its own name. */
import * as df from 'durable-functions';
import { TELL_ACTIVITY, tellOutcome } from '../src/callback/notify-caller.ts';
import { runActivities } from '../src/durable/activity.ts';
import { hasEnded } from '../src/durable/client.ts';
import { logged } from '../src/environment/telemetry.ts';
import { LIVENESS_ACTIVITY, type Liveness } from '../src/run/leases.ts';
import { durableRuns } from './durable-runs.ts';
import { environment } from './environment.ts';

for (const [name, activity] of Object.entries(runActivities)) {
  df.app.activity(name, {
    handler: (input: unknown, context) => logged(name, input, context, () => activity(environment(), input)),
  });
}

df.app.activity(LIVENESS_ACTIVITY, {
  extraInputs: [df.input.durableClient()],
  handler: async ({ instance: id }: { instance: string }, context): Promise<{ ok: true; value: Liveness }> => {
    const instance = await durableRuns(context).get(id);
    return { ok: true, value: { alive: instance !== undefined && !hasEnded(instance) } };
  },
});

df.app.activity(TELL_ACTIVITY, {
  extraInputs: [df.input.durableClient()],
  handler: (input: unknown, context) =>
    logged(TELL_ACTIVITY, input, context, () => tellOutcome(environment(), durableRuns(context), input)),
});

/** The run's activities, each registered under its own name. */
import * as df from 'durable-functions';
import { runActivities } from '../src/run/activity.ts';
import { hasEnded } from '../src/run/client.ts';
import { LIVENESS_ACTIVITY, type Liveness } from '../src/run/leases.ts';
import { durableRuns } from './durable-runs.ts';
import { environment } from './environment.ts';

for (const [name, activity] of Object.entries(runActivities)) {
  df.app.activity(name, { handler: (input: unknown) => activity(environment(), input) });
}

const clientInput = df.input.durableClient();

df.app.activity(LIVENESS_ACTIVITY, {
  extraInputs: [clientInput],
  handler: async ({ runId }: { runId: string }, context): Promise<{ ok: true; value: Liveness }> => {
    const instance = await durableRuns(df.getClient(context)).get(runId);
    return { ok: true, value: { alive: instance !== undefined && !hasEnded(instance) } };
  },
});

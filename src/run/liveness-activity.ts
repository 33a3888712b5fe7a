/**
 * Activity `livenessOfInstance`: asks the durable client whether an orchestration can still go on. `leases.ts` calls
 * it, for whoever waits for a lease or finds an open reservation. It changes nothing.
 */
import { z } from 'zod';
import { defineActivity } from '../durable/activity.ts';
import { type DurableRuns, hasEnded } from '../durable/client.ts';

/**
 * Input: an instance ID. Output: whether that instance exists and has not ended. Fails with the durable client's
 * errors.
 */
export const livenessOfInstance = defineActivity({
  name: 'livenessOfInstance',
  input: z.object({ instance: z.string() }),
  work: async ({ runs }: { runs: DurableRuns }, { instance: id }) => {
    const instance = await runs.get(id);
    return { alive: instance !== undefined && !hasEnded(instance) };
  },
});

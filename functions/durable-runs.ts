/** The adapter from the SDK's durable client to `DurableRuns`. */
import type { DurableClient } from 'durable-functions';
import type { DurableRuns, Instance, InstanceStatus } from '../src/run/client.ts';

export function durableRuns(client: DurableClient): DurableRuns {
  const get = async (instanceId: string): Promise<Instance | undefined> => {
    try {
      const status = await client.getStatus(instanceId, { showInput: true });
      return {
        instanceId,
        name: status.name,
        status: status.runtimeStatus as string as InstanceStatus,
        createdAt: new Date(status.createdTime),
        updatedAt: new Date(status.lastUpdatedTime),
        input: status.input,
        customStatus: status.customStatus,
        output: status.output,
      };
    } catch (thrown) {
      // The SDK has no other way of saying "not found".
      if (thrown instanceof Error && thrown.message.includes('404')) return undefined;
      throw thrown;
    }
  };
  return {
    get,
    async start(name, instanceId, input) {
      try {
        await client.startNew(name, { instanceId, input });
        return true;
      } catch (thrown) {
        // "Already exists" has another code in every version of the extension; the status decides.
        const existing = await get(instanceId);
        if (existing && (existing.status === 'Pending' || existing.status === 'Running')) return false;
        throw thrown;
      }
    },
  };
}

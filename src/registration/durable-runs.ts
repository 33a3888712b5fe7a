/**
 * The adapter from the SDK's durable client to the interface `DurableRuns`. The other files of this folder make one for
 * each invocation. It is the only place that depends on the client's API and on the texts of its errors.
 */
import type { InvocationContext } from '@azure/functions';
import * as df from 'durable-functions';
import { z } from 'zod';
import { type DurableRuns, type Instance, type InstanceStatus, instanceStatuses } from '../durable/client.ts';

/**
 * The part of the durable client's binding that is needed to list instances page by page. The SDK's own list reads all
 * pages at once.
 */
const bindingSchema = z.object({
  rpcBaseUrl: z.string().nullish(),
  baseUrl: z.string(),
  requiredQueryStringParameters: z.string().nullish(),
});

const instanceSchema = z.object({
  name: z.string().nullish(),
  instanceId: z.string(),
  runtimeStatus: z.enum(instanceStatuses),
  createdTime: z.coerce.date(),
  lastUpdatedTime: z.coerce.date(),
  input: z.unknown(),
  customStatus: z.unknown(),
  output: z.unknown(),
});

const CONTINUATION = 'x-ms-continuation-token';

/**
 * Makes the durable client of one invocation.
 *
 * @param context the invocation; it must have a durable client binding among its extra inputs.
 * @returns the client. Its methods throw the SDK's own errors, and `list` throws an `Error` with the HTTP status.
 */
export function durableRuns(context: InvocationContext): DurableRuns {
  const client = df.getClient(context);
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
      if (isNotFound(thrown)) return undefined;
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
        // Each version of the extension reports "already exists" with another code: the text or the status decides. It may
        // have ended since it was in the way.
        const existing = await get(instanceId);
        const inTheWay = thrown instanceof Error && thrown.message.includes('already exists');
        if (existing && (inTheWay || existing.status === 'Pending' || existing.status === 'Running')) return false;
        throw thrown;
      }
    },
    async list({ top, status, createdFrom, createdTo, continuation }) {
      const url = instancesUrl(context);
      url.searchParams.set('top', String(top));
      if (status) url.searchParams.set('runtimeStatus', status.join(','));
      if (createdFrom) url.searchParams.set('createdTimeFrom', createdFrom.toISOString());
      if (createdTo) url.searchParams.set('createdTimeTo', createdTo.toISOString());
      const response = await fetch(url, { headers: continuation ? { [CONTINUATION]: continuation } : {} });
      if (!response.ok) throw new Error(`the durable API answered ${response.status} to a list of instances`);
      const found = z.array(instanceSchema).parse(await response.json());
      const next = response.headers.get(CONTINUATION);
      return {
        instances: found.map((each) => ({
          instanceId: each.instanceId,
          name: each.name ?? '',
          status: each.runtimeStatus,
          createdAt: each.createdTime,
          updatedAt: each.lastUpdatedTime,
          input: each.input,
          customStatus: each.customStatus,
          output: each.output,
        })),
        ...(next && { continuation: next }),
      };
    },
    async terminate(instanceId, reason) {
      try {
        // The SDK puts the reason into a URL without encoding it.
        await client.terminate(instanceId, encodeURIComponent(reason));
      } catch (thrown) {
        if (!isNotFound(thrown)) throw thrown;
      }
    },
    async purge(instanceId) {
      const { instancesDeleted } = await client.purgeInstanceHistory(instanceId);
      return instancesDeleted > 0;
    },
    async entity(name, key) {
      const { entityExists, entityState } = await client.readEntityState<unknown>(new df.EntityId(name, key));
      return entityExists ? entityState : undefined;
    },
  };
}

/** The SDK reports "not found" only in the text of its error: a status, or for `terminate` a sentence. */
function isNotFound(thrown: unknown): boolean {
  return thrown instanceof Error && /404|^No instance with ID /.test(thrown.message);
}

function instancesUrl(context: InvocationContext): URL {
  const input = context.options.extraInputs.find(({ type }) => type === 'durableClient');
  const binding = bindingSchema.parse(input && context.extraInputs.get(input));
  // The extension's loopback endpoint needs no key. Without it, the public endpoint is used, which needs one.
  if (binding.rpcBaseUrl) return new URL('instances/?showInput=true', binding.rpcBaseUrl);
  return new URL(`${binding.baseUrl}/instances/?showInput=true&${binding.requiredQueryStringParameters ?? ''}`);
}

/**
 * Calls a function for a timer or a blob trigger, with the retries that the function asks for. Both triggers use it. It
 * throws the last error and never hides it.
 */
import { randomUUID } from 'node:crypto';
import type { AppFunction } from '../functions.ts';
import type { WorkerPool } from '../worker/pool.ts';
import { WorkerLost } from '../worker/process.ts';
import type { InvocationResult, TypedData } from '../worker/protocol.ts';

/** What the timer and blob triggers share: how they call a function. */
export interface TriggerContext {
  pool: WorkerPool;
  /** Value of durable client bindings. */
  clientValue: string;
  timeoutMs: number | undefined;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
  log: (level: 'information' | 'warning' | 'error', message: string) => void;
}

interface RetryOptions {
  maxRetryCount?: number;
  retryStrategy?: 'fixedDelay' | 'exponentialBackoff';
  delayInterval?: { seconds?: number };
  minimumInterval?: { seconds?: number };
  maximumInterval?: { seconds?: number };
}

/** Invokes a function, again as often as its `retry` option says. @throws its last error. */
export async function invokeTriggered(
  context: TriggerContext,
  found: AppFunction,
  value: TypedData,
  triggerMetadata: Record<string, TypedData>,
): Promise<InvocationResult> {
  const retry = (found.metadata.retryOptions ?? {}) as RetryOptions;
  const maxRetryCount = retry.maxRetryCount ?? 0;
  for (let retryCount = 0; ; retryCount++) {
    const invocation = {
      id: randomUUID(),
      functionName: found.name,
      inputs: [
        { name: found.trigger.name, data: value },
        ...found.clients.map((name) => ({ name, data: { string: context.clientValue } })),
      ],
      triggerMetadata,
      ...(maxRetryCount !== 0 && { retryContext: { retryCount, maxRetryCount } }),
    };
    try {
      return await context.pool.invoke('light', invocation, context.timeoutMs);
    } catch (error) {
      const forEver = maxRetryCount === -1;
      if (error instanceof WorkerLost || (!forEver && retryCount >= maxRetryCount)) throw error;
      const text = error instanceof Error ? error.message : String(error);
      context.log('warning', `${found.name}: ${text}; retry ${retryCount + 1}`);
      await context.sleep(retryDelayMs(retry, retryCount));
    }
  }
}

export function retryDelayMs(retry: RetryOptions, retryCount: number): number {
  if (retry.retryStrategy !== 'exponentialBackoff') return (retry.delayInterval?.seconds ?? 0) * 1000;
  const minimum = (retry.minimumInterval?.seconds ?? 1) * 1000;
  const maximum = (retry.maximumInterval?.seconds ?? 60) * 1000;
  return Math.min(maximum, minimum * 2 ** retryCount);
}

/**
 * Starts the app's timer and blob triggers. `host.ts` calls it, and the server uses the result for admin requests. A
 * wrong schedule, path or connection must stop the start with a message.
 */
import { wallTimers } from '../engine/agenda.ts';
import type { FunctionTable } from '../functions.ts';
import type { Logger } from '../logging.ts';
import { type BlobTriggerOptions, BlobTriggers } from './blob.ts';
import { startTimers, type TimerMemory } from './timer.ts';

export interface RunningTriggers {
  /** Events of Event Grid for a blob function. */
  receiveBlobEvents(functionId: string, events: readonly Record<string, unknown>[]): Promise<object | undefined>;
  /** Runs a timer function now (`POST /admin/functions/NAME`). @returns false when there is no such function. */
  runTimer(name: string): boolean;
  stop(): Promise<void>;
}

/** Starts the timer and blob triggers. @throws when a schedule, a path or a connection is wrong. */
export async function startTriggers(
  options: Omit<BlobTriggerOptions, 'now' | 'sleep' | 'log'>,
  functions: FunctionTable,
  logger: Logger,
  memory: TimerMemory,
): Promise<RunningTriggers> {
  const full: BlobTriggerOptions = {
    ...options,
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    log: (level, message) => logger.log(level, 'trigger', message),
  };
  const timers = startTimers({ ...full, timers: wallTimers, memory }, functions.ofKind('timer'));
  const blobFunctions = functions.ofKind('blob');
  const blobs = blobFunctions.length === 0 ? undefined : await BlobTriggers.create(full, blobFunctions);
  void blobs?.start();
  return {
    async receiveBlobEvents(functionId, events) {
      if (blobs === undefined) throw new Error('the app has no blob function');
      return await blobs.receiveEvents(functionId, events);
    },
    runTimer: (name) => timers.runNow(name),
    async stop() {
      timers.stop();
      await blobs?.stop();
    },
  };
}

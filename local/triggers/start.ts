import type { FunctionTable } from '../functions.ts';
import type { Logger } from '../logging.ts';
import { type BlobTriggerOptions, BlobTriggers } from './blob.ts';
import { parseSchedule } from './cron.ts';
import { invokeTriggered } from './invocation.ts';
import { startTimers, timerInfo } from './timer.ts';

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
): Promise<RunningTriggers> {
  const full: BlobTriggerOptions = {
    ...options,
    now: () => Date.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    log: (level, message) => logger.log(level, 'trigger', message),
  };
  const stopTimers = startTimers(full, functions.ofKind('timer'));
  const blobFunctions = functions.ofKind('blob');
  const blobs = blobFunctions.length === 0 ? undefined : await BlobTriggers.create(full, blobFunctions);
  void blobs?.start();
  return {
    async receiveBlobEvents(functionId, events) {
      if (blobs === undefined) throw new Error('the app has no blob function');
      return await blobs.receiveEvents(functionId, events);
    },
    runTimer(name) {
      const found = functions.find('timer', name);
      if (found === undefined) return false;
      const schedule = parseSchedule(String(found.trigger.schedule ?? ''));
      const now = full.now();
      invokeTriggered(full, found, { json: timerInfo(schedule, now, now, now) }, {}).catch((error: unknown) =>
        full.log('error', `${found.name}: ${error instanceof Error ? error.message : error}`),
      );
      return true;
    },
    async stop() {
      stopTimers();
      await blobs?.stop();
    },
  };
}

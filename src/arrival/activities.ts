/**
 * Two activities of the gatherer (`gather.ts`): one counts the receipts that wait, the other starts the run of a burst.
 * `src/registration/activity-list.ts` registers them. Both may run any number of times with the same input.
 */

import { z } from 'zod';
import { type RunInput, runIdSchema } from '../documents/documents.ts';
import { defineActivity } from '../durable/activity.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { type Starter, startRun } from '../lives/start.ts';
import { work } from '../storage/names.ts';

export interface Look {
  /** The storage's time now. */
  now: number;
  /** Receipts in (after, to], and the time of the first. */
  waiting: number;
  oldest: number;
  /** Whether there are receipts after `to`. */
  later: boolean;
}

const lookSchema = z.object({ pipeline: z.string(), after: z.int(), to: z.int() });

/**
 * Counts the receipts that wait, and reads the storage's clock by writing a blob and reading its time.
 *
 * Input: the pipeline's name and an interval (after, to] in milliseconds since 1970, by the storage's clock.
 * Fails with `StorageFailed` (retryable) when the blob that was just written is not there.
 */
export const lookAtArrivals = defineActivity({
  name: 'lookAtArrivals',
  input: lookSchema,
  work: async (environment: Environment, { pipeline, after, to }): Promise<Look> => {
    const { store, config } = environment;
    await store.ensureContainer(config.workContainer);
    await store.write(config.workContainer, work.arrivalClock(pipeline), new Uint8Array(0));
    const clock = await store.head(config.workContainer, work.arrivalClock(pipeline));
    if (!clock)
      throw new OrdinalError('StorageFailed', 'a blob that was just written is not there', { retryable: true });
    const look: Look = { now: Date.parse(clock.lastModified), waiting: 0, oldest: to, later: false };
    for await (const receipt of store.list(config.workContainer, work.receipts(pipeline))) {
      const at = Date.parse(receipt.lastModified);
      if (at > to) look.later = true;
      else if (at > after) {
        look.waiting++;
        look.oldest = Math.min(look.oldest, at);
      }
    }
    return look;
  },
});

const startSchema = z.object({ pipeline: z.string(), runId: runIdSchema, after: z.int(), to: z.int() });

/** Starts the run of a burst, unless that run exists already. Called again, it changes nothing. */
export const startArrivalRun = defineActivity({
  name: 'startArrivalRun',
  input: startSchema,
  work: async ({ environment, runs, now }: Starter, { pipeline: name, runId, after, to }) => {
    const pipeline = pipelineOf(environment, name);
    const run: RunInput = {
      runId,
      pipeline: name,
      prefix: pipeline.source.prefix,
      select: { by: 'arrivals', after, to },
      startedBy: { by: 'arrival', who: 'quiet' },
      deadline: new Date(now.getTime() + environment.config.runHoursMax * 3_600_000).toISOString(),
    };
    const { claimed } = await startRun({ environment, runs, now }, run);
    return { started: claimed };
  },
});

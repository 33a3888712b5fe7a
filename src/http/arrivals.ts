/**
 * `GET /api/pipelines/{pipeline}/arrivals`: blobs that have arrived and wait for the end of a burst, and blobs that were
 * refused. `routes.ts` lists it. It reads receipts and refusals, and changes nothing.
 */
import { z } from 'zod';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { arrivalOf } from '../pipeline/arrival.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { fromMetadata } from '../storage/metadata.ts';
import { work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { json } from './problem.ts';
import type { Handler } from './request-context.ts';

/** Name of the entity that divides receipts among runs, and of what is needed of its state. */
const INTERVALS_ENTITY = 'arrivals';
const intervalsSchema = z.looseObject({ upTo: z.number() });

const refusalSchema = z.object({
  blob: z.string(),
  size: z.number(),
  code: z.string(),
  message: z.string(),
  remedy: z.string().optional(),
});

/** As it is stored. */
export const refusalDocumentSchema = refusalSchema.extend({ version: z.literal(1) });

const count = z.int().nonnegative();

export const arrivalsSchema = z.object({
  mode: z.string().optional().describe('What an arriving blob starts; absent when it starts nothing.'),
  waiting: count.describe('Blobs of a burst that has not ended.'),
  oldest: z.string().optional().describe('ISO time at which the first of them arrived.'),
  blobs: z.array(z.string()).describe('The first of their names.'),
  refused: count.describe('Blobs that arrived and are not what the pipeline reads.'),
  refusals: z.array(refusalSchema.extend({ at: z.string() })).describe('The newest of them.'),
});

/** Names and refusals that are shown, and receipts that are looked at. */
const SHOWN = 20;
const RECEIPTS_MAX = 20_000;

export const getArrivals: Handler = async ({ environment, runs }, request) => {
  const pipeline = pipelineOf(environment, request.params.pipeline ?? '');
  const mode = arrivalOf(pipeline, environment.config.arrivals);
  const state = mode?.on === 'quiet' ? await runs.entity(INTERVALS_ENTITY, pipeline.name) : undefined;
  const { upTo = 0 } = intervalsSchema.safeParse(state).data ?? {};
  const waiting = mode?.on === 'quiet' ? await waitingSince(environment, pipeline.name, upTo) : [];
  const refused = (await listed(environment, `${work.arrivalPrefix}${pipeline.name}/refused/`)).reverse();
  return json(200, {
    ...(mode && { mode: mode.on }),
    waiting: waiting.length,
    ...(waiting[0] && { oldest: waiting[0].lastModified }),
    blobs: waiting
      .slice(0, SHOWN)
      .flatMap(({ metadata: { blob } }) => (blob === undefined ? [] : [fromMetadata(blob)])),
    refused: refused.length,
    refusals: await refusalsOf(environment, refused.slice(0, SHOWN)),
  });
};

/** Receipts that no run has taken, the oldest first. */
async function waitingSince(environment: Environment, pipeline: string, upTo: number): Promise<BlobItem[]> {
  const receipts = await listed(environment, work.receipts(pipeline));
  return receipts.filter(({ lastModified }) => Date.parse(lastModified) > upTo);
}

/** The oldest first. */
async function listed({ store, config }: Environment, prefix: string): Promise<BlobItem[]> {
  const found: BlobItem[] = [];
  for await (const blob of store.list(config.workContainer, prefix)) {
    found.push(blob);
    if (found.length >= RECEIPTS_MAX) break;
  }
  return found.sort((a, b) => Date.parse(a.lastModified) - Date.parse(b.lastModified));
}

async function refusalsOf({ store, config }: Environment, blobs: readonly BlobItem[]) {
  const read = await mapBounded(blobs, config.requestsInFlight, async ({ name, lastModified }) => {
    const stored = await readJson(store, config.workContainer, name, refusalDocumentSchema);
    return stored && { ...refusalSchema.parse(stored), at: lastModified };
  });
  return read.filter((one) => one !== undefined);
}

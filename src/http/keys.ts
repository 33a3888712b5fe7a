/**
 * `GET /api/keys` and `GET /api/keys/{index}`: the key indexes as they stand, and who holds their leases. `routes.ts`
 * lists them. It reads the heads of the indexes and the lease entities, and changes nothing.
 */
import { z } from 'zod';
import { keyIndexes } from '../documents/published-keys.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { type IndexDocument, type IndexHead, indexBlobs, indexSchema } from '../keys/index-documents.ts';
import { readHead } from '../keys/key-index.ts';
import { didYouMean } from '../nearest.ts';
import { leaseEntityName } from '../sequence/calls.ts';
import { leaseStateSchema } from '../sequence/lease.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { type Holder, holderOf, holderSchema } from './holder.ts';
import { json } from './problem.ts';
import type { Door, Handler } from './request-context.ts';

const count = z.int().nonnegative();

const keyIndexSchema = z.object({
  index: z.string(),
  entities: z.array(z.string()).describe('`<pipeline>.<entity>` of those that share it.'),
  used: z.boolean().describe('False: no run has used it yet, and there are no partitions.'),
  epoch: count.describe('Counts its rebuilds.'),
  keyTypes: z.array(z.string()),
  partitions: count,
  keys: count,
  bytes: count.describe('Of all its segments.'),
  segments: count,
  lease: z.object({
    grants: count.describe('Grants so far.'),
    holder: holderSchema.optional().describe('Absent when nobody holds it.'),
    waiting: z.array(holderSchema).describe('Those who wait, in their order.'),
  }),
});

export const keyListSchema = z.object({ indexes: z.array(keyIndexSchema) });

const segmentSchema = z.object({
  blob: z.string(),
  keys: count,
  bytes: count,
  level: count.describe('0 for the new keys of one run; higher for what was merged.'),
});

export const keyDetailSchema = keyIndexSchema.extend({
  heads: z.array(
    z.object({
      partition: count,
      keys: count,
      bytes: count,
      version: count,
      segments: z.array(segmentSchema).describe('The oldest first.'),
      attributes: z.record(z.string(), z.array(segmentSchema)).describe('Digests of published attributes, by entity.'),
      pending: z
        .object({ runId: z.string(), entity: z.string(), keys: count })
        .optional()
        .describe('New keys of a run that is about to publish.'),
    }),
  ),
});

export const listKeys: Handler = async (door) => {
  const known = [...keyIndexes(door.environment.pipelines)];
  const width = door.environment.config.requestsInFlight;
  const indexes = await mapBounded(known, width, async ([index, entities]) => {
    const { heads: _, ...view } = await viewIndex(door, index, entities);
    return view;
  });
  return json(200, { indexes });
};

export const getKeys: Handler = async (door, request) => {
  const index = request.params.index ?? '';
  const known = keyIndexes(door.environment.pipelines);
  const entities = known.get(index);
  if (entities) return json(200, await viewIndex(door, index, entities));
  throw new OrdinalError('UnknownIndex', `there is no key index "${index.slice(0, 200)}"`, {
    where: { field: 'index' },
    remedy: didYouMean(index, known.keys()),
  });
};

async function viewIndex(door: Door, index: string, entities: string[]): Promise<z.infer<typeof keyDetailSchema>> {
  const { store, config } = door.environment;
  const [document, lease] = await Promise.all([
    readJson(store, config.workContainer, indexBlobs.index(index), indexSchema),
    viewLease(door, index),
  ]);
  const heads = document ? await headsOf(door.environment, document) : [];
  const total = (figure: (head: (typeof heads)[number]) => number) =>
    heads.reduce((sum, head) => sum + figure(head), 0);
  return {
    index,
    entities,
    used: document !== undefined,
    epoch: document?.epoch ?? 0,
    keyTypes: document?.keyTypes ?? [],
    partitions: document?.partitions ?? 0,
    keys: total(({ keys }) => keys),
    bytes: total(({ bytes }) => bytes),
    segments: total(({ segments }) => segments.length),
    lease,
    heads,
  };
}

async function headsOf({ store, config }: Environment, document: IndexDocument) {
  const numbers = Array.from({ length: document.partitions }, (_, partition) => partition);
  return await mapBounded(numbers, config.requestsInFlight, async (partition) => {
    const read = await readHead({ store, container: config.workContainer, document, partition });
    return viewHead(partition, read?.value);
  });
}

function viewHead(partition: number, head: IndexHead | undefined) {
  const shown = (entries: IndexHead['entries']) =>
    entries.map(({ blob, keys, bytes, level }) => ({ blob, keys, bytes, level }));
  const segments = shown(head?.entries ?? []);
  const { pending } = head ?? {};
  return {
    partition,
    keys: head?.keys ?? 0,
    bytes: segments.reduce((sum, { bytes }) => sum + bytes, 0),
    version: head?.number ?? 0,
    segments,
    attributes: Object.fromEntries(Object.entries(head?.attributes ?? {}).map(([owner, list]) => [owner, shown(list)])),
    ...(pending && { pending: { runId: pending.runId, entity: pending.entity, keys: pending.delta?.keys ?? 0 } }),
  };
}

/** Of those who wait, so many are looked up. */
const WAITERS_SHOWN = 20;

async function viewLease(door: Door, index: string) {
  const state = leaseStateSchema.safeParse(await door.runs.entity(leaseEntityName, index)).data;
  const [first, ...others] = state?.line ?? [];
  const holder: Holder | undefined = first && (await holderOf(door, first.owner, 'resolve'));
  const waiting = await mapBounded(
    others.slice(0, WAITERS_SHOWN),
    door.environment.config.requestsInFlight,
    ({ owner }) => holderOf(door, owner, 'wait'),
  );
  return { grants: state?.term ?? 0, ...(holder && { holder }), waiting };
}

/** The documents of a key index: what is fixed at its first use, and by partition its head. */
import { z } from 'zod';
import { idListSchema } from '../sequence/id-range.ts';

const count = z.int().nonnegative();

/** Fixed at first use, and changed only by a rebuild, which counts up the epoch. */
export const indexSchema = z.object({
  version: z.literal(1),
  index: z.string(),
  epoch: count,
  partitions: z.int().positive(),
  /** Types of the key's components, as `typeText` words them. */
  keyTypes: z.array(z.string()),
});
export type IndexDocument = z.infer<typeof indexSchema>;

const placeSchema = z.object({ blob: z.string(), keys: count, bytes: count, directory: count });

const entrySchema = placeSchema.extend({
  ids: idListSchema.nullable(),
  /** 0 for the delta of one run; n for what was merged n times over. */
  level: count,
  /** Versions of the head that brought its keys: [from, to]. */
  from: count,
  to: count,
});
export type IndexEntry = z.infer<typeof entrySchema>;

/** What a run that is about to publish adds: its new keys, and attributes that it publishes of keys. They count once its manifest is there. */
const pendingSchema = z.object({
  runId: z.string(),
  /** The life of the run: only what this very life published counts. */
  life: count,
  entity: z.string(),
  manifest: z.object({ container: z.string(), name: z.string() }),
  /** Null when the run has no new keys, and other things to say. */
  delta: placeSchema.nullable(),
  /** Digests of the attributes that the run publishes, for the `<pipeline>.<entity>` that reports changes of them. */
  attributes: z.object({ owner: z.string(), delta: placeSchema }).exactOptional(),
});
export type PendingDelta = z.infer<typeof pendingSchema>;

export const headSchema = z.object({
  version: z.literal(1),
  /** Counts the deltas and merges that made this head. */
  number: count,
  /** Grant of the lease under which it was last written for a run: what an earlier holder still writes is refused. */
  term: count,
  keys: count,
  /** Oldest first. */
  entries: z.array(entrySchema),
  /** By `<pipeline>.<entity>` that reports changes: digests of the attributes that it has published, oldest first. */
  attributes: z.record(z.string(), z.array(entrySchema)).exactOptional(),
  pending: pendingSchema.nullable(),
});
export type IndexHead = z.infer<typeof headSchema>;

export const emptyHead: IndexHead = { version: 1, number: 0, term: 0, keys: 0, entries: [], pending: null };

/** Names of an index's blobs in the work container. */
export const indexBlobs = {
  index: (index: string) => `keys/${index}/index.json`,
  head: (index: string, epoch: number, partition: number) => `${folder(index, epoch, partition)}head.json`,
  /** The new keys of one life of a run. */
  delta: (index: string, epoch: number, partition: number, lifeId: string) =>
    `${folder(index, epoch, partition)}delta-${lifeId}.keys`,
  merged: (index: string, epoch: number, partition: number, from: number, to: number) =>
    `${folder(index, epoch, partition)}merged-${from}-${to}.keys`,
  /** Digests of the attributes that one life of a run publishes. */
  attributes: (index: string, epoch: number, partition: number, owner: string, lifeId: string) =>
    `${folder(index, epoch, partition)}attributes/${owner}/delta-${lifeId}.keys`,
  mergedAttributes: (index: string, epoch: number, partition: number, owner: string, from: number, to: number) =>
    `${folder(index, epoch, partition)}attributes/${owner}/merged-${from}-${to}.keys`,
  folder,
};

function folder(index: string, epoch: number, partition: number): string {
  return `keys/${index}/${epoch}/${String(partition).padStart(3, '0')}/`;
}

/**
 * The documents of a key index: what is fixed at its first use, and by partition its head. `key-index.ts` reads and
 * writes them. Their names must never depend on anything but the index and the run.
 */
import { z } from 'zod';
import { decimalSchema, idListSchema, idRangeSchema, memberIdsSchema } from '../sequence/id-range.ts';

const count = z.int().nonnegative();

/** Fixed at first use, and changed only by a rebuild, which counts up the epoch. */
export const indexSchema = z.object({
  version: z.literal(1),
  index: z.string(),
  epoch: count,
  partitions: z.int().positive(),
  /** Types of the key's components, as `typeText` words them. */
  keyTypes: z.array(z.string()),
  /** The run whose keys are being taken out: until the index is rebuilt, nobody may read it. */
  withdrawing: z.string().exactOptional(),
});
/** What is fixed at an index's first use. */
export type IndexDocument = z.infer<typeof indexSchema>;

/** Where a segment is, as a document says it. */
export const placeSchema = z.object({ blob: z.string(), keys: count, bytes: count, directory: count });

/** A segment as a head lists it. */
export const entrySchema = placeSchema.extend({
  ids: idListSchema.nullable(),
  /** 0 for the delta of one run; n for what was merged n times over. */
  level: count,
  /** Versions of the head that brought its keys: [from, to]. */
  from: count,
  to: count,
});
/** A segment in a head, with its level, its run and the IDs that its values lead to. */
export type IndexEntry = z.infer<typeof entrySchema>;

/** The keys that an entity has described, by their IDs: some as ranges, the others in segments of IDs. No ID is in both. */
const describedSchema = z.object({
  keys: count,
  ids: idListSchema,
  /** Where `ids` is given, values are ordinals into it; otherwise they are IDs. */
  segments: z.array(placeSchema.extend({ ids: idListSchema.nullable() })),
});
/** The keys that an entity has described. */
export type Described = z.infer<typeof describedSchema>;

/** A set of numbers, ascending: as ranges where they are few, as a segment otherwise. */
const numberSetSchema = z.object({ keys: count, ranges: z.array(idRangeSchema), segment: placeSchema.nullable() });
/** A set of IDs, or of ordinals. */
export type NumberSet = z.infer<typeof numberSetSchema>;

/** What a run that is about to publish adds: its new keys, and attributes that it publishes of keys. They count once its manifest is there. */
const pendingSchema = z.object({
  runId: z.string(),
  /** The life of the run: only what this very life published counts. */
  life: count,
  entity: z.string(),
  /** The delta is of an import: its values are IDs. */
  imported: z.literal(true).exactOptional(),
  manifest: z.object({ container: z.string(), name: z.string() }),
  /** Null when the run has no new keys, and other things to say. */
  delta: placeSchema.nullable(),
  /** Digests of the attributes that the run publishes, for the `<pipeline>.<entity>` that reports changes of them. */
  attributes: z.object({ owner: z.string(), delta: placeSchema }).exactOptional(),
  /** The keys that the `<pipeline>.<entity>` describes with this run: new ones by ordinal, known ones by ID. */
  described: z
    .object({ owner: z.string(), step: decimalSchema, fresh: numberSetSchema, known: numberSetSchema })
    .exactOptional(),
  /** Unknown members that the run publishes, by ID: in the first partition alone. */
  unknown: memberIdsSchema.exactOptional(),
});
/** New keys of a run that may have published by now, or never will. */
export type PendingDelta = z.infer<typeof pendingSchema>;

/** The head of one partition. */
export const headSchema = z.object({
  version: z.literal(1),
  /** Counts the deltas and merges that made this head. */
  number: count,
  /** Grant of the lease under which it was last written for a run: what an earlier holder still writes is refused. */
  term: count,
  /** Grant whose pending delta was taken in last: an execution of that run that was held up must not name it again. */
  taken: count.exactOptional(),
  keys: count,
  /** What it is closed for: no run that would write it later can publish. A rebuild makes new heads. */
  closed: z.string().exactOptional(),
  /** Oldest first. */
  entries: z.array(entrySchema),
  /** By `<pipeline>.<entity>` that reports changes: digests of the attributes that it has published, oldest first. */
  attributes: z.record(z.string(), z.array(entrySchema)).exactOptional(),
  /** By `<pipeline>.<entity>` that has attributes: which keys it has described. A bit for each key. */
  described: z.record(z.string(), describedSchema).exactOptional(),
  /** In the first partition: the unknown members that were published, by ID. */
  unknown: memberIdsSchema.exactOptional(),
  pending: pendingSchema.nullable(),
});
/** What one partition consists of now. */
export type IndexHead = z.infer<typeof headSchema>;

/** A partition that was never written. */
export const emptyHead: IndexHead = { version: 1, number: 0, term: 0, keys: 0, entries: [], pending: null };

/** Names of an index's blobs in the work container. */
export const indexBlobs = {
  /** What is fixed at first use. */
  index: (index: string) => `keys/${index}/index.json`,
  /** What a partition consists of now. */
  head: (index: string, epoch: number, partition: number) => `${folder(index, epoch, partition)}head.json`,
  /** The new keys of one life of a run. */
  delta: (index: string, epoch: number, partition: number, lifeId: string) =>
    `${folder(index, epoch, partition)}delta-${lifeId}.keys`,
  /** What an import is about to add. */
  importDraft: (index: string, importId: string) => `keys/${index}/imports/${importId}.json`,
  /** Segments `from` to `to` as one. */
  merged: (index: string, epoch: number, partition: number, from: number, to: number) =>
    `${folder(index, epoch, partition)}merged-${from}-${to}.keys`,
  /** Digests of the attributes that one life of a run publishes. */
  attributes: (index: string, epoch: number, partition: number, owner: string, lifeId: string) =>
    `${folder(index, epoch, partition)}attributes/${owner}/delta-${lifeId}.keys`,
  /** The same for segments of digests. */
  mergedAttributes: (index: string, epoch: number, partition: number, owner: string, from: number, to: number) =>
    `${folder(index, epoch, partition)}attributes/${owner}/merged-${from}-${to}.keys`,
  /** IDs, or ordinals, of the keys that one life of a run describes. */
  described: (index: string, epoch: number, partition: number, owner: string, of: 'new' | 'known', lifeId: string) =>
    `${folder(index, epoch, partition)}described/${owner}/${of}/delta-${lifeId}.keys`,
  /** IDs of all keys that an entity has described, up to a version of the head. */
  mergedDescribed: (index: string, epoch: number, partition: number, owner: string, to: number) =>
    `${folder(index, epoch, partition)}described/${owner}/merged-${to}.keys`,
  /** Where all blobs of a partition are. */
  folder,
};

function folder(index: string, epoch: number, partition: number): string {
  return `keys/${index}/${epoch}/${String(partition).padStart(3, '0')}/`;
}

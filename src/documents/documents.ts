/**
 * The documents that a run leaves in blobs, as zod schemas: what one phase writes, the next phase parses. All phases
 * use them. Numbers are safe integers, and IDs are decimal strings, because a JSON number cannot hold every ID.
 */
import { z } from 'zod';
import { limits } from '../limits.ts';
import type { CompiledPipeline, Entity } from '../pipeline/compiled.ts';
import type { PipelineIdentity } from '../pipeline/identity.ts';
import { decimalSchema, idRangeSchema, memberIdsSchema } from '../sequence/id-range.ts';
import { badFileSchema } from './bad-files.ts';
import { columnTypeSchema } from './column-type.ts';
import { selectionSchema } from './selection.ts';
import { filesRefSchema } from './source-files.ts';
import { chunkMetaSchema, codecSchema, fragmentSchema } from './split-record.ts';

const count = z.int().nonnegative();

export const runIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9_-]*$/, 'may hold letters, digits, "-" and "_", and begins with a letter or digit')
  .max(limits.runIdLengthMax);

/** A life of a run: see `Life`. */
export const lifeSchema = z.object({
  runId: runIdSchema,
  life: z.int().positive().max(limits.livesPerRunMax).default(1),
});

const queuedAtSchema = z.int().nonnegative().exactOptional();

/** What an activity is told about the life that it works for. */
export const planRefSchema = lifeSchema.extend({
  /** ETag of the plan that the orchestration uses; without it, the present plan. */
  plan: z.string().exactOptional(),
  /** When the orchestration asked for the activity: milliseconds since 1970. */
  queuedAt: queuedAtSchema,
});
export type PlanRef = z.infer<typeof planRefSchema>;

/**
 * Who asked for a start: a request, an arriving blob, a timer or a backfill; and the caller's name or program, as far as it
 * was told, or the backfill's ID.
 */
export const startedBySchema = z.object({
  by: z.enum(['request', 'arrival', 'schedule', 'backfill']),
  who: z.string().max(200).exactOptional(),
});
export type StartedBy = z.infer<typeof startedBySchema>;

/** Blobs of a source that a run leaves out: published runs have read them, or runs under way have claimed them. */
export const leftOutSchema = z.object({ read: count, pending: count });

/** The input of a run's orchestration: references only. */
export const runInputSchema = z.object({
  runId: runIdSchema,
  pipeline: z.string(),
  /** Blob name prefix within the pipeline's source container. */
  prefix: z.string(),
  /** Which blobs to read; without it, all under the prefix. */
  select: selectionSchema.exactOptional(),
  /** ISO time after which the run is ended as failed. */
  deadline: z.iso.datetime().exactOptional(),
  /** Address that is called once the run has ended. It holds a secret of the caller, so it must be shown nowhere. */
  callBackUri: z.string().exactOptional(),
  /** Plan and preview only. */
  dryRun: z.literal(true).exactOptional(),
  /** Who asked for this life of the run: shown to people, and never a reason for a decision. */
  startedBy: startedBySchema.exactOptional(),
  /**
   * Which versions of the blobs: those that no published run has read, or all, where none was read. Without it, `new`;
   * of blobs that are given by name, `all`.
   */
  versions: z.enum(['new', 'all']).exactOptional(),
  /** All versions, also those that were read before: their rows are published again. */
  again: z.literal(true).exactOptional(),
  /** Whether the run fails when there is nothing to read. */
  failOnEmpty: z.literal(true).exactOptional(),
});
export type RunInput = z.infer<typeof runInputSchema>;

/** The work that a run's input asks for, as a text: pipeline, blobs and options, without deadline and callback. */
export function doesWhat(input: RunInput): string {
  // Parsed first, so that members are always in the same order.
  const { pipeline, prefix, select, dryRun, versions, again, failOnEmpty } = runInputSchema.parse(input);
  const more = { ...(versions && { versions }), ...(again && { again }), ...(failOnEmpty && { failOnEmpty }) };
  return JSON.stringify([
    ...[pipeline, prefix, select ?? null, dryRun ?? false],
    ...(Object.keys(more).length > 0 ? [more] : []),
  ]);
}

/**
 * The input of a life's orchestration, and of its plan activity: the run's input, which life it is, and the time of its
 * claim.
 */
export const lifeInputSchema = runInputSchema.extend({
  ...lifeSchema.shape,
  claimedAt: z.iso.datetime().exactOptional(),
});
export type LifeInput = z.infer<typeof lifeInputSchema>;

/**
 * What the plan activity is given: a second time when the lives were asked about that hold versions of its source; and,
 * of a source of many files, when all footers are read.
 */
export const planInputSchema = lifeInputSchema.extend({
  asked: z.literal(true).exactOptional(),
  listing: filesRefSchema.exactOptional(),
  leftOut: leftOutSchema.exactOptional(),
  claim: z.string().exactOptional(),
  queuedAt: queuedAtSchema,
});
export type PlanInput = z.infer<typeof planInputSchema>;

/** A column of an output file. */
export const outLeafSchema = z.object({
  name: z.string(),
  type: columnTypeSchema,
  optional: z.boolean(),
  /** The run has no value in it, and nothing says which type values have: the type here is none that counts. */
  untyped: z.literal(true).exactOptional(),
});
export type OutLeaf = z.infer<typeof outLeafSchema>;

/** Whether files have a column: a table keeps the types of its columns, so its files lack those without a type. */
export function isWritten({ output }: Pick<CompiledPipeline, 'output'>, { untyped }: OutLeaf): boolean {
  return !(untyped && output.table);
}

/**
 * A batch: consecutive row groups, of one file or of several that follow each other. It begins with row group `from` of
 * file `file` and ends before row group `to` of its last file.
 */
const batchSchema = z.object({
  /** Number of the first file. */
  file: count,
  /** Files that the batch has row groups of. */
  files: z.int().positive(),
  from: count,
  to: count,
  rows: count,
  /** Row number, in the first file, of the batch's first row. */
  firstRow: count,
  /** Row groups that the batch gives to a rows entity at most. */
  units: count,
});
export type Batch = z.infer<typeof batchSchema>;

/** `PipelineIdentity` as a document. */
export const pipelineIdentitySchema: z.ZodType<PipelineIdentity> = z.object({
  entities: z.record(
    z.string(),
    z.object({
      kind: z.enum(['rows', 'keyed']),
      sequence: z.string(),
      index: z.string().exactOptional(),
      partitions: count.exactOptional(),
      key: z.array(z.string()).exactOptional(),
    }),
  ),
  steps: z.record(z.string(), z.string()),
});

/** The identity of the pipeline's last published run. The next run is checked against it. */
export const lastIdentitySchema = z.object({
  version: z.literal(1),
  pipeline: z.string(),
  runId: z.string(),
  identity: pipelineIdentitySchema,
});

/** What is to be done, decided once and never changed: the first plan that is written wins. */
export const planSchema = z.object({
  version: z.literal(1),
  runId: z.string(),
  /** The life of the run that this plan belongs to. */
  life: count,
  pipeline: z.string(),
  pipelineHash: z.string(),
  /** SHA-256 of what the run was asked to do. */
  asked: z.string().exactOptional(),
  /** Blobs of the source that the run leaves out. Absent in plans that were made before there were ledgers. */
  leftOut: leftOutSchema.exactOptional(),
  /** The segment of versions that the life has claimed. */
  claim: z.string().exactOptional(),
  rows: count,
  /** Where the source files are listed, in the order of their rows. */
  files: filesRefSchema,
  /** Files that the plan sets aside. */
  badFiles: z.array(badFileSchema).max(limits.badFilesMax).exactOptional(),
  batches: z.array(batchSchema),
  /** By entity: the schema of its files. */
  outputs: z.record(z.string(), z.array(outLeafSchema)),
  /** By keyed entity: types of its key's components. */
  keyTypes: z.record(z.string(), z.array(columnTypeSchema)),
  /** Keyed entities to which no row brings a key: the types of their keys are not known, and fit any index. */
  keyless: z.array(z.string()).exactOptional(),
  /** By contract column: its type over all files, before the contract. */
  sources: z.record(z.string(), columnTypeSchema),
  /** Forces one way to split; without it, the cheapest exact way is chosen for each chunk. */
  ways: z.enum(['any', 'dictionary', 'encode']).exactOptional(),
  /** Bytes from which on a chunk that passes whole is copied by the service, unread; absent: none is. */
  copiedBytesMin: z.int().positive().exactOptional(),
  /** Rows up to which the split joins small row groups. */
  unitRows: z.int().positive(),
  /** Decoded bytes that the split works on at a time, if not the default. */
  unitBytes: z.int().positive().exactOptional(),
  /** Batches [from, to) of each output file of a rows entity. */
  parts: z.array(z.object({ from: count, to: count })),
  /** Batches [from, to) that are sealed together; each group is within one part. */
  sealGroups: z.array(z.object({ from: count, to: count })),
  /** Codec of chunks that have no source chunk of their own. */
  codec: codecSchema,
  /** Whether the run keeps its work in progress in one process, and why. A plan without it takes the long way. */
  way: z.object({ taken: z.enum(['short', 'long']), why: z.string() }).exactOptional(),
});
export type Plan = z.infer<typeof planSchema>;

/** Output files of an entity's dataset at most: one for each part of the plan, or for each key partition. */
export function partsOf(entity: Entity, plan: Pick<Plan, 'parts'>): number {
  return entity.kind === 'keyed' ? (entity.partitions ?? 1) : plan.parts.length;
}

/** What the resolve of one key partition of a keyed entity leaves: its new rows. */
export const resolvedSchema = z.object({ entity: z.string(), rows: count, fragments: z.array(fragmentSchema) });

/** The counts of the resolve of one key partition. */
export const resolutionSchema = z.object({
  partition: count,
  /** New keys. */
  rows: count,
  /** Distinct keys of the run in this partition. */
  seen: count,
  /** Keys that the index knew, and the version of its head. */
  known: count,
  version: count,
  /** Blob in the work container with the new keys; null when there are none. */
  delta: z.string().nullable(),
  /** For an entity that reports changes: the blob with digests of the attributes that the run publishes. */
  attributes: z.string().nullable().default(null),
  /** For an entity with attributes: rows of its changes dataset. */
  changes: count.exactOptional(),
  /** For an entity with attributes: keys of the index, new ones included, that it has not described so far. */
  undescribed: count.exactOptional(),
  /** Unknown members that the run publishes, by ID: in the first partition, where no run has published them before. */
  unknown: memberIdsSchema.exactOptional(),
  /** The run's grant of the index's lease: runs of one index published in the order of their grants. */
  term: count.exactOptional(),
});
export type Resolution = z.infer<typeof resolutionSchema>;

/** The same as a document of its own; its `version` is not that of the index's head. */
export const resolutionDocumentSchema = z.object({ version: z.literal(1), resolution: resolutionSchema });

/** A short list of contiguous ranges of IDs; `count` is their sum. */
export const rangesSchema = z.object({ step: decimalSchema, count, ranges: z.array(idRangeSchema) });

/** What a sequence gave, and its next ID before and after. Other runs may have taken IDs in between. */
const drawnSchema = rangesSchema.extend({
  before: z.string().exactOptional(),
  after: z.string().exactOptional(),
});

/** What a sequence gave to the run, and which part of it each ID column takes. */
export const idsSchema = z.object({
  version: z.literal(1),
  sequences: z.record(z.string(), drawnSchema),
  /** entity → column → ordinal, within the sequence's ranges, of the column's first ID. */
  bases: z.record(z.string(), z.record(z.string(), count)),
  /** By keyed entity: rows before each of its key partitions (one more element: the last is the total). */
  partitions: z.record(z.string(), z.array(count)),
});
export type Ids = z.infer<typeof idsSchema>;

/** Complete row groups: all chunks are known, and all blocks are staged. */
export const sealedSchema = z.object({
  version: z.literal(1),
  rowGroups: z.record(
    z.string(),
    z.array(
      z.object({
        rows: count,
        chunks: z.array(chunkMetaSchema),
        /** `crc` is null where the service has copied the bytes. */
        blocks: z.array(z.object({ id: z.string(), length: count, crc: count.nullable() })),
      }),
    ),
  ),
});
export type Sealed = z.infer<typeof sealedSchema>;

/** The first rows of every entity, as a dry run shows them. */
export const previewSchema = z.object({
  sourceRows: count,
  entities: z.record(z.string(), z.array(z.record(z.string(), z.unknown()))),
  note: z.string(),
});
export type Preview = z.infer<typeof previewSchema>;

/** What a dry run leaves for who asks for the run. */
export const previewDocumentSchema = z.object({ version: z.literal(1), preview: previewSchema });

/** The output file that a batch's rows go to. */
export function partOf(plan: Plan, batch: number): number {
  return plan.parts.findIndex((part) => batch >= part.from && batch < part.to);
}

/**
 * The shape of a run as its users see it, as zod schemas. The HTTP API answers with these shapes, its OpenAPI document
 * is made of them, and callbacks send them. A change here is a change of the API.
 */

import { z } from 'zod';
import { setAsideSchema } from '../documents/bad-files.ts';
import { columnTypeSchema } from '../documents/column-type.ts';
import { leftOutSchema, previewSchema, startedBySchema } from '../documents/documents.ts';
import { publishedFileSchema, withdrawnSchema } from '../documents/manifest.ts';
import { skippedSchema } from '../documents/source-files.ts';
import { phaseSchema } from '../documents/status.ts';

const count = z.int().nonnegative();
const id = z.string().nullable();
const time = z.string().describe('ISO 8601 in UTC, to the millisecond.');

export const errorLocationSchema = z.object({
  pipeline: z.string().exactOptional(),
  entity: z.string().exactOptional(),
  blob: z.string().exactOptional(),
  rowGroup: count.exactOptional(),
  column: z.string().exactOptional(),
  row: count.exactOptional(),
  field: z.string().exactOptional(),
});

export const errorSchema = z.object({
  code: z.string(),
  message: z.string(),
  retryable: z.boolean(),
  where: errorLocationSchema.exactOptional(),
  remedy: z.string().exactOptional(),
  activity: z
    .object({
      name: z.string(),
      attempts: count,
      batch: count.exactOptional(),
      group: count.exactOptional(),
      part: count.exactOptional(),
      partition: count.exactOptional(),
      entity: z.string().exactOptional(),
      ms: count.exactOptional(),
      at: z.string().exactOptional(),
    })
    .exactOptional()
    .describe('The activity that failed, how often it was tried, and what its log line says of the last try.'),
});

export const runSummarySchema = z.object({
  runId: z.string(),
  life: z.int().positive().describe('Counts the starts of the run: another one after each failure.'),
  pipeline: z.string(),
  status: z.enum(['Pending', 'Running', 'Completed', 'Failed', 'Terminated']),
  phase: phaseSchema,
  way: z
    .enum(['short', 'long'])
    .optional()
    .describe('Short: the work in progress is kept in the memory of one process. Both ways publish the same bytes.'),
  failedPhase: phaseSchema.optional().describe('The phase in which the run failed or was ended.'),
  startedAt: time.describe('When this life of the run began.'),
  finishedAt: time.optional().describe('When it ended: for a run that published, when all its files were there.'),
  durationMs: count.optional().describe('From startedAt to finishedAt.'),
  updatedAt: time,
  startedBy: startedBySchema.optional().describe('Who asked for it, as far as the caller said.'),
  rowsTotal: count.optional().describe('Source rows, once the plan is made.'),
  idsGiven: count.optional().describe('IDs that the run gave, over all sequences, once it has published.'),
  waiting: z.string().optional().describe('What the run waits for before it goes on.'),
  withdrawn: withdrawnSchema
    .partial({ filesUntil: true })
    .optional()
    .describe('Of a run that was taken back: since when, by whom, why, until when its files stay. Lists have less.'),
  dryRun: z.literal(true).optional(),
  error: errorSchema.extend({ line: z.string().describe('What, where and what to do, in one text.') }).optional(),
});
export type RunSummary = z.infer<typeof runSummarySchema>;

const furtherFiles = z.object({
  rows: count,
  bytes: count,
  files: z.array(publishedFileSchema).describe('The first files; all are in the manifest.'),
  fileCount: count,
});

export const entityViewSchema = z.object({
  entity: z.string(),
  rows: count,
  bytes: count,
  firstId: id,
  lastId: id,
  sequence: z.string(),
  ranges: z
    .array(z.object({ first: z.string(), count: z.string() }))
    .describe('The own IDs of the rows, in row order.'),
  container: z.string(),
  folder: z.string().describe("The entity's folder, of all runs."),
  wildcard: z.string().describe("This run's files in the folder."),
  files: z.array(publishedFileSchema).describe('The first files; all are in the manifest.'),
  fileCount: count,
  known: furtherFiles.optional().describe('Rows of known keys that the run saw, of an entity that publishes those.'),
  changes: furtherFiles
    .optional()
    .describe('Rows of the changes dataset, of an entity with attributes: late descriptions, and changes if reported.'),
  unknown: furtherFiles
    .optional()
    .describe('Rows of unknown members, where the run has published them: with their ID, and without a key.'),
  undescribed: count.optional().describe('Keys of the index that the entity has not described so far.'),
});

export const planViewSchema = z.object({
  files: z.array(z.object({ blob: z.string(), size: count, rows: count })),
  fileCount: count,
  batches: count,
  way: z
    .object({ taken: z.enum(['short', 'long']), why: z.string() })
    .optional()
    .describe('The way that a run would take, and why.'),
  outputs: z.record(z.string(), z.array(z.object({ name: z.string(), type: columnTypeSchema, optional: z.boolean() }))),
  outputFiles: count.describe('Files of each rows entity.'),
});

export const runViewSchema = runSummarySchema.extend({
  batches: z.object({ done: count, total: count }),
  tasks: z
    .object({ done: count, total: count })
    .optional()
    .describe(
      'Of the phase that the run is in: tasks that have ended, as far as they are known. Of a run that goes on.',
    ),
  rows: z.object({ done: count, total: count }).describe('Source rows.'),
  leftOut: leftOutSchema
    .optional()
    .describe('Blobs that the run left out: published runs have read them, or runs under way are reading them.'),
  entities: z.array(entityViewSchema).optional(),
  outputContainer: z.string().optional().describe('Of the entity files and the manifest.'),
  manifest: z.string().optional(),
  retired: z
    .array(
      z.object({
        sequence: z.string(),
        count,
        ranges: z.array(z.object({ first: z.string(), count: z.string() })),
      }),
    )
    .optional()
    .describe('Of a run that was taken back: the IDs that it had given. They are given to nobody else.'),
  phases: z
    .array(z.object({ phase: z.string(), at: time }))
    .optional()
    .describe('When each phase of this life began.'),
  source: z
    .object({
      container: z.string(),
      prefix: z.string(),
      files: count,
      blobs: z
        .array(z.object({ blob: z.string(), size: count, rows: count }))
        .describe('The first source blobs; all are in the manifest.'),
      skipped: skippedSchema.optional().describe('Blobs under the prefix that the run did not read.'),
    })
    .optional()
    .describe('What the run has read, once it has published.'),
  rejected: z
    .object({
      rows: count,
      lines: count,
      blob: z.string(),
      sourceRows: z.string().optional(),
      leftOut: z.array(z.object({ column: z.string(), why: z.string() })).optional(),
    })
    .optional()
    .describe(
      'Source rows that the contract refused, the blob that says why, and the one that has the rows themselves, but for the columns of leftOut.',
    ),
  setAside: z
    .object({ count, files: z.array(setAsideSchema) })
    .optional()
    .describe('Source files that could not be used, where the pipeline sets them aside; the manifest names all.'),
  routing: z
    .object({ routed: count, keysOnly: count, unrouted: count, repeated: count })
    .optional()
    .describe(
      'Source rows that went to a rows entity (`routed`); that went to no rows entity and gave a key to a keyed one ' +
        '(`keysOnly`); that went nowhere (`unrouted`). `repeated` counts each further rows entity that took a row. ' +
        'Source rows = routed + keysOnly + unrouted + rejected; rows of the rows entities = routed + repeated.',
    ),
  plan: planViewSchema.optional().describe('Of a dry run.'),
  preview: previewSchema.optional().describe('Of a dry run.'),
});
export type RunView = z.infer<typeof runViewSchema>;

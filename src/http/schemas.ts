/**
 * The shapes of requests and answers, as zod schemas. Requests are parsed by them, and the OpenAPI document is made of
 * them. The handlers in this folder use them.
 */
import { z } from 'zod';
import { backfillIdSchema } from '../backfill/backfill-documents.ts';
import { findingSchema } from '../doctor/finding.ts';
import { pipelineIdentitySchema, runIdSchema, startedBySchema } from '../documents/documents.ts';
import { withdrawnSchema } from '../documents/manifest.ts';
import { instanceStatuses } from '../durable/client.ts';
import { limits } from '../limits.ts';
import { errorLocationSchema, errorSchema, runSummarySchema, runViewSchema } from '../view/run-view-schema.ts';
import { holderSchema } from './holder.ts';
import { fieldErrorSchema } from './problem.ts';

const blobNameSchema = z.string().min(1).max(1024);

/** ISO 8601 duration of days, hours, minutes and seconds. */
const DURATION = /^P(?=\d|T\d)(\d{1,3}D)?(T(?=\d)(\d{1,4}H)?(\d{1,6}M)?(\d{1,8}S)?)?$/;

export const startBodySchema = z
  .strictObject({
    runId: runIdSchema.optional().describe('Makes the start idempotent: the same ID is the same run.'),
    prefix: z
      .string()
      .min(1)
      .max(1024)
      .optional()
      .describe("Source blobs by the beginning of their names, within the pipeline's source."),
    blobs: z.array(blobNameSchema).min(1).max(limits.sourceBlobsMax).optional().describe('Source blobs by name.'),
    glob: blobNameSchema
      .optional()
      .describe('Source blobs by pattern: `*` within a folder, `**` across, `?`, `{a,b}`.'),
    deadline: z
      .union([z.iso.datetime({ offset: true }), z.string().regex(DURATION)], {
        error: 'is neither a date-time, as in 2030-01-31T12:00:00Z, nor a duration, as in PT2H',
      })
      .optional()
      .describe('When the run is to be ended as failed: ISO 8601 date-time, or a duration from now as in `PT2H`.'),
    callBackUri: z
      .url()
      .max(4096)
      .optional()
      .describe('Called by POST once the run has ended, as the Webhook activity wants it.'),
    versions: z
      .enum(['new', 'all'])
      .optional()
      .describe(
        '`new`: versions of blobs (name and ETag) that no published run of the pipeline has read. `all`: all, and the ' +
          'run fails when some were read. Without it `new`; of `blobs` it is `all`.',
      ),
    again: z
      .boolean()
      .optional()
      .describe('Read all versions, also those read before: their rows are published again.'),
    failOnEmpty: z
      .boolean()
      .optional()
      .describe('Fail when there is nothing to read; without it, such a run succeeds with no rows.'),
    dryRun: z.boolean().optional().describe('Plan and preview only: nothing is written that readers see.'),
  })
  .refine((body) => [body.prefix, body.blobs, body.glob].filter((each) => each !== undefined).length <= 1, {
    message: 'give one of prefix, blobs and glob',
    path: ['blobs'],
  })
  .refine((body) => !(body.again && body.versions === 'new'), {
    message: 'again reads what was read before, and versions: "new" does not: give one of them',
    path: ['again'],
  });
export type StartBody = z.infer<typeof startBodySchema>;

/** Bytes and files of a backfill's run, where the request does not say. */
const BACKFILL_BYTES = 16 * 1024 ** 3;
const BACKFILL_FILES = 10_000;

export const backfillBodySchema = z
  .strictObject({
    backfillId: backfillIdSchema
      .optional()
      .describe('The same ID is the same backfill: sent again after it stopped, it goes on where it was.'),
    prefix: z.string().min(1).max(1024).optional().describe('Source blobs by the beginning of their names.'),
    glob: blobNameSchema.optional().describe('Source blobs by pattern, as for a run.'),
    by: z
      .enum(['folder', 'size'])
      .default('folder')
      .describe('A run for each folder, or for so many bytes and files whatever their folders are.'),
    depth: z.int().min(1).max(20).optional().describe("Folders below the pipeline's prefix that tell runs apart: all."),
    bytes: z.int().positive().default(BACKFILL_BYTES).describe('The most bytes of one run.'),
    files: z.int().positive().max(limits.sourceBlobsMax).default(BACKFILL_FILES).describe('The most files of one run.'),
    atOnce: z
      .int()
      .min(1)
      .max(limits.backfillAtOnceMax)
      .default(4)
      .describe('Runs at a time. With 1, IDs follow the order of the source over all runs.'),
  })
  .refine(({ prefix, glob }) => prefix === undefined || glob === undefined, {
    message: 'give one of prefix and glob',
    path: ['glob'],
  });

export const backfillStartedSchema = z.object({
  backfillId: z.string(),
  pipeline: z.string(),
  statusUrl: z.url(),
  cancelUrl: z.url(),
});

const figures = z.object({ done: z.int(), total: z.int() });
export const backfillSchema = z.object({
  backfillId: z.string(),
  pipeline: z.string(),
  status: z.enum(instanceStatuses),
  phase: z.enum(['plan', 'run', 'done', 'failed']),
  prefix: z.string(),
  glob: z.string().optional(),
  atOnce: z.int(),
  cut: z
    .object({ by: z.enum(['folder', 'size']), depth: z.int().optional(), bytes: z.int(), files: z.int() })
    .describe('How the source is cut into runs: the start with the same fields goes on with it.'),
  startedBy: startedBySchema.optional().describe('Who asked for it first, as far as the caller said.'),
  runs: figures.extend({ going: z.array(z.string()).describe('IDs of the runs under way.') }),
  files: figures,
  bytes: figures,
  rows: z.int().describe('Source rows of the runs that have succeeded.'),
  startedAt: z.string(),
  updatedAt: z.string(),
  error: z.object({ code: z.string(), message: z.string(), runId: z.string().optional() }).optional(),
});

export const backfillListQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
});

export const backfillListSchema = z.object({
  backfills: z.array(backfillSchema).describe('The newest first.'),
  total: z.int().describe('All that are there; `limit` says how many are shown.'),
});

/** Why somebody cancels or withdraws a run. */
export const reasonBodySchema = z.strictObject({ reason: z.string().min(1).max(500).optional() });

export const withdrawalStartedSchema = z.object({ runId: z.string(), pipeline: z.string(), statusUrl: z.url() });

export const withdrawalSchema = z.object({
  runId: z.string(),
  pipeline: z.string(),
  status: z
    .enum(['Running', 'Failed', 'Stopped', 'Withdrawn'])
    .describe('`Withdrawn` once it is done; `Stopped` when it was ended half-way, and the sweep will go on.'),
  withdrawn: withdrawnSchema.optional().describe('Since when, by whom, why, and until when the files stay.'),
  error: errorSchema.optional().describe('Why it failed.'),
  tables: errorSchema
    .optional()
    .describe('What keeps a view or a Delta table behind. The sweep tries again; until then the files stay.'),
});

export const ledgerSchema = z.object({
  pipeline: z.string(),
  versions: z.int().describe('Versions of source blobs that published runs have read; one read twice may count twice.'),
  segments: z.int(),
  claims: z
    .array(z.object({ runId: z.string(), life: z.int(), versions: z.int() }))
    .describe('What runs under way are reading.'),
});

export const startedSchema = z.object({
  runId: z.string(),
  pipeline: z.string(),
  prefix: z.string(),
  created: z.boolean().describe('Whether this request started the run, or a life of it. False: it was there already.'),
  life: z.int().positive().describe('The life that is the run now.'),
  statusUrl: z.url().describe('The run as it is now: always 200.'),
  outcomeUrl: z.url().describe('202 while the run goes on, 200 once it has succeeded, 500 once it has failed.'),
  cancelUrl: z.url(),
});

/** A run that has succeeded before, as the answer to another start. */
export const startedBeforeSchema = runViewSchema.extend(startedSchema.shape);

export const listQuerySchema = z.strictObject({
  pipeline: z.string().optional(),
  text: z.string().min(1).max(100).optional().describe('Part of the run ID, in any case.'),
  status: z
    .string()
    .optional()
    .transform((text) => text?.split(',').map((each) => each.trim()))
    .pipe(z.array(z.enum([...instanceStatuses, 'Withdrawn'])).optional())
    .describe('Comma-separated. A run that was withdrawn is `Withdrawn` here, and not `Completed`.'),
  createdFrom: z.iso.datetime({ offset: true }).optional(),
  createdTo: z.iso.datetime({ offset: true }).optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
  continuation: z.string().max(8192).optional().describe('From the page before.'),
});

/** A run that goes on; one that the backend does not show yet is only known by its ID. */
export const pendingSchema = runSummarySchema.partial().extend({ runId: z.string(), status: z.string() });

export const runListSchema = z.object({
  runs: z
    .array(runSummarySchema)
    .describe('The newest start first. A page may have fewer than `limit`, even none, and still not be the last.'),
  continuation: z.string().optional(),
  next: z.url().optional().describe('The next page; absent on the last one.'),
});

export const pipelineSchema = z.object({
  name: z.string(),
  source: z.object({ container: z.string(), prefix: z.string(), suffix: z.string() }),
  output: z.object({ container: z.string(), prefix: z.string() }),
  arrival: z
    .looseObject({ on: z.enum(['blob', 'marker', 'quiet']) })
    .optional()
    .describe('What an arriving blob starts.'),
  schedule: z.string().optional().describe('When a timer starts a run of what is new.'),
  onInvalid: z.enum(['fail', 'quarantine']),
  entities: z.array(
    z.object({
      name: z.string(),
      kind: z.enum(['rows', 'keyed']),
      columns: z.array(z.object({ name: z.string(), kind: z.string() })),
      key: z.array(z.string()).optional(),
    }),
  ),
  sequences: z.array(z.string()),
});

export const pipelineListSchema = z.object({ pipelines: z.array(pipelineSchema) });

export const pipelineDetailSchema = pipelineSchema.extend({
  hash: z.string(),
  contract: z
    .looseObject({ type: z.literal('object') })
    .describe('The row contract as JSON Schema, with `x-` members for what JSON lacks.'),
  identity: pipelineIdentitySchema.describe('What ties the pipeline to the IDs that it gave.'),
  references: z.array(z.object({ from: z.string(), column: z.string(), to: z.string() })),
});

const decimalSchema = z.string().regex(/^\d+$/);

export const sequenceSchema = z.object({
  name: z.string(),
  pipelines: z.array(z.string()),
  start: decimalSchema,
  step: decimalSchema,
  next: decimalSchema.describe('The first ID that was never handed out.'),
  free: z.array(z.object({ first: decimalSchema, count: decimalSchema })).describe('Released: handed out again first.'),
  open: z.array(holderSchema.extend({ count: decimalSchema })).describe('Reservations of runs that go on.'),
});

export const sequenceListSchema = z.object({ sequences: z.array(sequenceSchema) });

export const aboutSchema = z.object({
  name: z.string(),
  version: z.string(),
  monitor: z.object({
    actions: z.boolean().describe('Whether the page offers to start, cancel and restart runs.'),
  }),
});

export const canceledSchema = z.object({ runId: z.string(), status: z.string(), statusUrl: z.url() });

export const doctorSchema = z.object({
  version: z.string().describe('Of Ordinal.'),
  findings: z.array(findingSchema),
  pipelines: z.array(z.object({ name: z.string(), hash: z.string() })).describe('By the hash of their declared shape.'),
});

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string(),
  where: errorLocationSchema.optional(),
  remedy: z.string().optional(),
  errors: z.array(fieldErrorSchema).optional().describe('Every field at fault.'),
});

/** A failed run as an answer: a problem, and the run. */
export const failedRunSchema = problemSchema.extend({ run: runViewSchema });

export { runViewSchema };

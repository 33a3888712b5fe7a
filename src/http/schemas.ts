/**
 * The shapes of requests and answers, as zod schemas. Requests are parsed by them, and the OpenAPI document is made of
 * them. The handlers in this folder use them.
 */
import { z } from 'zod';
import { findingSchema } from '../doctor/finding.ts';
import { pipelineIdentitySchema, runIdSchema } from '../documents/documents.ts';
import { instanceStatuses } from '../durable/client.ts';
import { limits } from '../limits.ts';
import { errorLocationSchema, runSummarySchema, runViewSchema } from '../view/run-view-schema.ts';
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
    dryRun: z.boolean().optional().describe('Plan and preview only: nothing is written that readers see.'),
  })
  .refine((body) => [body.prefix, body.blobs, body.glob].filter((each) => each !== undefined).length <= 1, {
    message: 'give one of prefix, blobs and glob',
    path: ['blobs'],
  });
export type StartBody = z.infer<typeof startBodySchema>;

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
    .pipe(z.array(z.enum(instanceStatuses)).optional())
    .describe('Comma-separated.'),
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

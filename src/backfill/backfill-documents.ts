/**
 * What a backfill leaves in the work container: what was asked for, and how the source was cut into runs. The activities
 * and the HTTP handlers of backfills read it. Both documents are written once: the first one stands.
 */
import { z } from 'zod';
import { leftOutSchema, runIdSchema, startedBySchema } from '../documents/documents.ts';
import { limits } from '../limits.ts';

const count = z.int().nonnegative();

export const backfillIdSchema = runIdSchema.max(limits.backfillIdLengthMax);

/** What a backfill was asked to do. */
export const backfillRequestSchema = z.object({
  version: z.literal(1),
  backfillId: backfillIdSchema,
  pipeline: z.string(),
  /** Beginning of blob names, and a pattern of them. */
  prefix: z.string(),
  glob: z.string().exactOptional(),
  /** A run for each folder, or for so many bytes and files whatever their folders are. */
  by: z.enum(['folder', 'size']),
  /** Folders below the pipeline's prefix that tell runs apart; without it, each blob's own folder. */
  depth: z.int().positive().exactOptional(),
  /** The most bytes and files of one run. */
  bytes: z.int().positive(),
  files: z.int().positive().max(limits.sourceBlobsMax),
  /** Runs at a time. */
  atOnce: z.int().positive().max(limits.backfillAtOnceMax),
  /** Who asked first. */
  startedBy: startedBySchema.exactOptional(),
});
export type BackfillRequest = z.infer<typeof backfillRequestSchema>;

/** One run of a backfill: the blobs whose names are in [first, last], in the order of their bytes. */
export const partSchema = z.object({ first: z.string(), last: z.string(), files: count, bytes: count });
export type Part = z.infer<typeof partSchema>;

/** How the source was cut. Parts are in documents of `each`. */
export const backfillPlanSchema = z.object({
  version: z.literal(1),
  parts: count,
  each: z.int().positive(),
  files: count,
  bytes: count,
  leftOut: leftOutSchema,
  /** Of all parts: names their documents. */
  digest: z.string(),
});
export type BackfillPlan = z.infer<typeof backfillPlanSchema>;

/** A page of the parts. */
export const partsSchema = z.object({ version: z.literal(1), parts: z.array(partSchema) });

/** Names of a backfill's blobs in the work container. */
export const backfillBlobs = {
  prefix: 'backfills/',
  request: (id: string) => `backfills/${id}/request.json`,
  /** The backfill whose request has this name; undefined for other names. */
  idOf: (name: string) => /^backfills\/([^/]+)\/request\.json$/.exec(name)?.[1],
  plan: (id: string) => `backfills/${id}/plan.json`,
  parts: (id: string, digest: string, page: number) =>
    `backfills/${id}/parts/${digest}-${String(page).padStart(5, '0')}.json`,
};

/** Name of the orchestration, and its instance ID. No run can have this name. */
export const BACKFILL_ORCHESTRATION = 'backfill';
export function backfillInstanceId(backfillId: string): string {
  return `${backfillId}~backfill`;
}

/** The ID of one of its runs: in name order they are in source order. */
export function partRunId(backfillId: string, part: number): string {
  return `${backfillId}-${String(part + 1).padStart(5, '0')}`;
}

/** What a backfill says of itself in its custom status. */
export const backfillStatusSchema = z.object({
  phase: z.enum(['plan', 'run', 'done', 'failed']),
  /** Runs in all, and how many of the first have succeeded. */
  runs: count.default(0),
  done: count.default(0),
  /** Runs under way. */
  going: z.array(z.string()).default([]),
  /** Source rows of the runs that have succeeded; files and bytes of their parts, and in all. */
  rows: count.default(0),
  filesDone: count.default(0),
  files: count.default(0),
  bytesDone: count.default(0),
  bytes: count.default(0),
  error: z.object({ code: z.string(), message: z.string(), runId: z.string().exactOptional() }).exactOptional(),
});
export type BackfillStatus = z.infer<typeof backfillStatusSchema>;

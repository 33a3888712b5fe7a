/**
 * What a run says about itself in its custom status: its phase, counts and names. The orchestrator writes it, and the
 * run view reads it. It must stay small, because the custom status has a limit.
 */
import { z } from 'zod';
import type { ErrorValue } from '../errors.ts';
import { leftOutSchema } from './documents.ts';

export const phaseSchema = z.enum(['plan', 'split', 'wait', 'resolve', 'reserve', 'seal', 'publish', 'done', 'failed']);
export type Phase = z.infer<typeof phaseSchema>;

/** Our own error, written and read by us: its shape is checked, and its code is trusted. */
const errorSchema = z.custom<ErrorValue>(
  (value) => z.looseObject({ code: z.string(), message: z.string(), retryable: z.boolean() }).safeParse(value).success,
);

export const runStatusSchema = z.object({
  phase: phaseSchema,
  pipeline: z.string(),
  prefix: z.string(),
  startedAt: z.string(),
  batches: z.int().exactOptional(),
  rows: z.int().exactOptional(),
  /** Tasks of the present phase, once their number is known. */
  tasks: z.int().nonnegative().exactOptional(),
  files: z.int().exactOptional(),
  /** Blobs of the source that the run leaves out. */
  leftOut: leftOutSchema.exactOptional(),
  /** Whether the run keeps its work in progress in one process. */
  way: z.enum(['short', 'long']).exactOptional(),
  /** What the run waits for before it goes on. */
  waiting: z.string().exactOptional(),
  error: errorSchema.exactOptional(),
  /** When each phase began: milliseconds after `startedAt`, in order. */
  phases: z.array(z.tuple([phaseSchema, z.int().nonnegative()])).exactOptional(),
  /** The phase in which the run failed. */
  failedPhase: phaseSchema.exactOptional(),
  /** ISO time of the end, by the orchestration's clock. */
  finishedAt: z.string().exactOptional(),
  /** IDs that the run has given. */
  ids: z.int().nonnegative().exactOptional(),
});
export type RunStatus = z.infer<typeof runStatusSchema>;

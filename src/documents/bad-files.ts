/**
 * Source files that a run sets aside because they cannot be read or do not fit the contract's columns, where its pipeline
 * says so (`onBadFile: 'set-aside'`). The plan and the split find them, the tally holds their share to the limit, the
 * manifest names them. It must never set aside a file for a reason that may pass: storage that fails, a replaced blob.
 */
import { z } from 'zod';
import { type ErrorCode, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';

const count = z.int().nonnegative();

/** Why a file was set aside: the error that it gave. */
const reasonSchema = z.object({ code: z.string(), reason: z.string().max(limits.badFileReasonMax) });
export type BadFileReason = z.infer<typeof reasonSchema>;

/** A file that was set aside, by its number among the run's files. */
export const badFileSchema = reasonSchema.extend({ file: count });
export type BadFile = z.infer<typeof badFileSchema>;

/** The same as a manifest names it. */
export const setAsideSchema = reasonSchema.extend({ blob: z.string(), etag: z.string(), size: count });
export type SetAside = z.infer<typeof setAsideSchema>;

/**
 * Batches that are split again because another batch has found a file bad that they share with it: a file is set aside
 * whole. `badFiles` are all files of the batch that are out.
 */
export const splitAgainSchema = z.object({
  version: z.literal(1),
  batches: z.array(z.object({ batch: count, badFiles: z.array(badFileSchema).min(1) })),
});
export type SplitAgain = z.infer<typeof splitAgainSchema>;

/** Errors that are a file's own and come again each time that it is read. */
const codes: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'NotParquet',
  'TruncatedFile',
  'CorruptFile',
  'UnsupportedFile',
  'MissingColumn',
  'NestedColumn',
  'InvalidFolder',
  'ColumnTypeMismatch',
]);

/**
 * The reason for which a file is set aside; undefined where the error must fail the run.
 * @param pipeline the pipeline, which says whether files are set aside
 * @param thrown what reading the file threw
 */
export function setAsideFor(pipeline: CompiledPipeline, thrown: unknown): BadFileReason | undefined {
  if (!pipeline.badFiles || !(thrown instanceof OrdinalError) || !codes.has(thrown.code)) return undefined;
  return { code: thrown.code, reason: thrown.message.slice(0, limits.badFileReasonMax) };
}

/**
 * Throws `TooManyBadFiles` where more files were set aside than the pipeline allows.
 * @param bad files that were set aside, with their names
 * @param files files of the run
 */
export function checkBadFiles(
  pipeline: CompiledPipeline,
  bad: readonly (BadFileReason & { blob: string })[],
  files: number,
): void {
  const share = pipeline.badFiles?.share ?? 0;
  if (bad.length <= share * files && bad.length <= limits.badFilesMax) return;
  const [first] = bad;
  const allowed = Math.min(Math.floor(share * files), limits.badFilesMax);
  throw new OrdinalError(
    'TooManyBadFiles',
    `${bad.length} of ${files} files cannot be used, and ${allowed} may be set aside; the first: ${first?.code}: ${first?.reason}`,
    {
      where: { pipeline: pipeline.name, ...(first && { blob: first.blob }) },
      remedy: 'Correct the source or the row contract, or raise maxBadFiles.',
    },
  );
}

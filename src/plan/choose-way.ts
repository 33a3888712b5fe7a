/**
 * Which way a run takes, by estimate: the short way keeps its work in progress in the memory of one process, the long
 * way fans out and keeps it in blobs. Both publish the same bytes. The plan activity asks, first by the listing alone and
 * then by the footers, and the plan says which way was chosen and why. Pure.
 */
import type { Plan } from '../documents/documents.ts';
import type { SourceFile } from '../documents/source-files.ts';
import type { Config } from '../environment/config.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';

export type Way = NonNullable<Plan['way']>;

const MEBIBYTE = 1024 * 1024;

/** By what a listing tells. @param config `shortBytesMax` of it. */
export function chooseByListing(
  files: readonly { size: number }[],
  { shortBytesMax }: Pick<Config, 'shortBytesMax'>,
): Way {
  const long = (why: string): Way => ({ taken: 'long', why });
  if (shortBytesMax === 0) return long('ORDINAL_SHORT_BYTES is 0.');
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  if (bytes > shortBytesMax) return long(`The source has ${inMebibytes(bytes)}, above ORDINAL_SHORT_BYTES.`);
  if (files.length > limits.shortFilesMax)
    return long(`The source has ${files.length} files, more than ${limits.shortFilesMax}.`);
  return { taken: 'short', why: `The source has ${inMebibytes(bytes)} in ${files.length} files: it fits one process.` };
}

/** By all that is known before the split. @param listed what `chooseByListing` said. */
export function chooseWay(pipeline: CompiledPipeline, files: readonly SourceFile[], listed: Way): Way {
  if (listed.taken === 'long') return listed;
  const decoded = files.reduce((sum, { groups }) => sum + groups.reduce((all, [, bytes]) => all + bytes, 0), 0);
  if (decoded > limits.batchBytesMax) {
    return {
      taken: 'long',
      why: `The source has ${inMebibytes(decoded)} when decoded: more than one process should take.`,
    };
  }
  const partitions = pipeline.entities.reduce(
    (sum, one) => sum + (one.kind === 'keyed' ? (one.partitions ?? 1) : 0),
    0,
  );
  if (partitions > limits.shortResolvesMax) {
    return {
      taken: 'long',
      why: `The pipeline has ${partitions} key partitions, more than ${limits.shortResolvesMax}.`,
    };
  }
  return listed;
}

function inMebibytes(bytes: number): string {
  return `${(bytes / MEBIBYTE).toFixed(1)} MiB`;
}

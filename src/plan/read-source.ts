/**
 * What the plan knows of the source: its blobs, listed and pinned, and each footer reduced to what is needed of it. Few
 * files are read at once. Of many, the listing is written down, in documents of some hundred files each, and activities
 * `readFooters` read them side by side. Called by the plan activity.
 */
import { z } from 'zod';
import { setAsideFor } from '../documents/bad-files.ts';
import { type LifeInput, lifeSchema } from '../documents/documents.ts';
import {
  digestOf,
  documentsOf,
  type FilesRef,
  filesRefSchema,
  readFiles,
  readListing,
  type SourceFile,
  writeFiles,
  writeListing,
} from '../documents/source-files.ts';
import { beginTask } from '../documents/task-times.ts';
import { defineActivity } from '../durable/activity.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { type PinnedBlob, readFooter } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import type { Life } from '../storage/names.ts';
import { sourceBlobs } from './source-blobs.ts';
import { badFile, Shapes, summarizeFile } from './summarize-file.ts';

/** In place of a plan: the source has many files, whose footers are to be read first. */
export interface ListedSource {
  /** To be given to the plan activity once the footers are read. */
  listing: FilesRef;
  /** Activities that read footers: one for each document of the listing. */
  footers: number;
}

/** The source's files in order, and where they are written down. */
export interface ReadSource {
  ref: FilesRef;
  files: SourceFile[];
}

/** Lists the source, and reads it where its files are few. Counts are checked before any footer is read. */
export async function readSource(
  environment: Environment,
  pipeline: CompiledPipeline,
  input: LifeInput,
): Promise<ListedSource | ReadSource> {
  const { blobs, skipped } = await sourceBlobs(environment, pipeline.source, input);
  const ref: FilesRef = {
    count: blobs.length,
    digest: digestOf(blobs),
    each: limits.filesPerDocumentMax,
    ...(skipped && { skipped }),
  };
  if (documentsOf(ref) === 1) return { ref, files: await footersOf(environment, pipeline, input, ref, blobs, 0) };
  await mapBounded(partsOf(ref), environment.config.requestsInFlight, (part) =>
    writeListing(environment, input, ref, blobs, part),
  );
  return { listing: ref, footers: documentsOf(ref) };
}

/** The source as an earlier call has listed it, and `readFooters` has read it. */
export async function listedSource(environment: Environment, of: Life, ref: FilesRef): Promise<ReadSource> {
  const parts = await mapBounded(partsOf(ref), environment.config.requestsInFlight, (part) =>
    readFiles(environment, of, ref, part),
  );
  return { ref, files: parts.flat() };
}

function partsOf(ref: FilesRef): number[] {
  return Array.from({ length: documentsOf(ref) }, (_, part) => part);
}

const footersInputSchema = lifeSchema.extend({
  pipeline: z.string(),
  listing: filesRefSchema,
  /** Document of the listing. */
  part: z.int().nonnegative(),
  queuedAt: z.int().nonnegative().exactOptional(),
});
type FootersInput = z.infer<typeof footersInputSchema>;

export const readFooters = defineActivity({ name: 'readFooters', input: footersInputSchema, work: footersActivity });

/** The footers of one document's files: writes down what the plan needs of them. Throws as `summarizeFile`. */
async function footersActivity(environment: Environment, input: FootersInput): Promise<{ files: number }> {
  const { listing, part } = input;
  const times = beginTask(environment, input);
  const pipeline = pipelineOf(environment, input.pipeline);
  const blobs = await readListing(environment, input, listing, part);
  const files = await footersOf(environment, pipeline, input, listing, blobs, part, times);
  return { files: files.length };
}

async function footersOf(
  environment: Environment,
  pipeline: CompiledPipeline,
  of: Life,
  ref: FilesRef,
  blobs: readonly PinnedBlob[],
  part: number,
  times: () => Record<string, string> = () => ({}),
): Promise<SourceFile[]> {
  const { store, config } = environment;
  const shapes = new Shapes();
  const files = await mapBounded(blobs, config.requestsInFlight, async (blob) => {
    try {
      return summarizeFile(pipeline, blob, await readFooter(store, pipeline.source.container, blob), shapes);
    } catch (thrown) {
      const bad = setAsideFor(pipeline, thrown);
      if (!bad) throw thrown;
      return badFile(pipeline, blob, bad, shapes);
    }
  });
  await writeFiles(environment, of, ref, files, part, times());
  return files;
}

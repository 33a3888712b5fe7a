/**
 * What the plan knows of the source: its blobs, listed, pinned and claimed, and each footer reduced to what is needed of it. Few
 * files are read at once. Of many, the listing is written down, in documents of some hundred files each, and activities
 * `readFooters` read them side by side. Called by the plan activity.
 */
import { z } from 'zod';
import { setAsideFor } from '../documents/bad-files.ts';
import { lifeSchema, type PlanInput } from '../documents/documents.ts';
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
import type { LeftOut } from '../ledger/ledger-documents.ts';
import type { Claimers } from '../ledger/take-versions.ts';
import { limits } from '../limits.ts';
import { parseFooter } from '../parquet/footer-read.ts';
import type { FileMeta } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { keepSources } from '../source/kept-sources.ts';
import { type PinnedBlob, readFooter, readPinned } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { type Life, lifeId } from '../storage/names.ts';
import { chooseByListing, type Way } from './choose-way.ts';
import { takeNew } from './run-ledger.ts';
import { sourceBlobs } from './source-blobs.ts';
import { badFile, Shapes, summarizeFile } from './summarize-file.ts';

/** In place of a plan: the source has many files, whose footers are to be read first. */
export interface ListedSource {
  /** To be given back, too. */
  leftOut: LeftOut;
  claim?: string;
  /** To be given to the plan activity once the footers are read. */
  listing: FilesRef;
  /** Activities that read footers: one for each document of the listing. */
  footers: number;
}

/** The source's files in order, where they are written down, and the way that their listing allows. */
export interface ReadSource {
  ref: FilesRef;
  files: SourceFile[];
  leftOut?: LeftOut;
  /** What the life has claimed, if anything. */
  claim?: string;
  way: Way;
}

/**
 * Lists the source, claims what the run takes of it, and reads that where its files are few. Counts are checked before
 * any footer is read.
 */
export async function readSource(
  environment: Environment,
  pipeline: CompiledPipeline,
  input: PlanInput,
): Promise<ListedSource | ReadSource | Claimers> {
  const { blobs: listed, skipped } = await sourceBlobs(environment, pipeline.source, input);
  const taken = await takeNew(environment, pipeline, input, listed);
  if (!('versions' in taken)) return taken;
  const { versions: blobs, leftOut, claim } = taken;
  const ref: FilesRef = {
    count: blobs.length,
    digest: digestOf(blobs),
    each: limits.filesPerDocumentMax,
    ...(skipped && { skipped }),
  };
  const way = chooseByListing(blobs, environment.config);
  const own = { ref, leftOut, way, ...(claim !== undefined && { claim }) };
  if (way.taken === 'short') return { ...own, files: await readShort(environment, pipeline, input, ref, blobs) };
  if (documentsOf(ref) <= 1) return { ...own, files: await footersOf(environment, pipeline, input, ref, blobs, 0) };
  await mapBounded(partsOf(ref), environment.config.requestsInFlight, (part) =>
    writeListing(environment, input, ref, blobs, part),
  );
  return { listing: ref, footers: documentsOf(ref), leftOut, ...(claim !== undefined && { claim }) };
}

/** The source as an earlier call has listed it, and `readFooters` has read it. */
export async function listedSource(
  environment: Environment,
  { leftOut, claim, ...of }: PlanInput,
  ref: FilesRef,
): Promise<ReadSource> {
  const parts = await mapBounded(partsOf(ref), environment.config.requestsInFlight, (part) =>
    readFiles(environment, of, ref, part),
  );
  const files = parts.flat();
  const way = chooseByListing(files, environment.config);
  return { ref, files, way, ...(leftOut && { leftOut }), ...(claim !== undefined && { claim }) };
}

/**
 * The files of a short run, document by document. Small ones are read whole, and kept for the split while there is room:
 * then each is read once in the run.
 */
async function readShort(
  environment: Environment,
  pipeline: CompiledPipeline,
  of: PlanInput,
  ref: FilesRef,
  blobs: readonly PinnedBlob[],
): Promise<SourceFile[]> {
  // A dry run has no split.
  const keep = of.dryRun ? undefined : keepSources(environment, lifeId(of));
  const files: SourceFile[] = [];
  for (const part of partsOf(ref)) {
    const own = blobs.slice(part * ref.each, (part + 1) * ref.each);
    files.push(...(await footersOf(environment, pipeline, of, ref, own, part, keep)));
  }
  return files;
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
  const files = await footersOf(environment, pipeline, input, listing, blobs, part, undefined, times);
  return { files: files.length };
}

async function footersOf(
  environment: Environment,
  pipeline: CompiledPipeline,
  of: Life,
  ref: FilesRef,
  blobs: readonly PinnedBlob[],
  part: number,
  keep?: ReturnType<typeof keepSources>,
  times: () => Record<string, string> = () => ({}),
): Promise<SourceFile[]> {
  const { store, config } = environment;
  const { container } = pipeline.source;
  const shapes = new Shapes();
  const read = async (blob: PinnedBlob): Promise<FileMeta> => {
    if (!keep || blob.size > limits.wholeFileBytesMax) return await readFooter(store, container, blob);
    const bytes = await readPinned(store, container, blob, 0, blob.size);
    keep(container, blob, bytes);
    return parseFooter(bytes, blob.size, blob.blob);
  };
  const files = await mapBounded(blobs, config.requestsInFlight, async (blob) => {
    try {
      return summarizeFile(pipeline, blob, await read(blob), shapes);
    } catch (thrown) {
      const bad = setAsideFor(pipeline, thrown);
      if (!bad) throw thrown;
      return badFile(pipeline, blob, bad, shapes);
    }
  });
  await writeFiles(environment, of, ref, files, part, times());
  return files;
}

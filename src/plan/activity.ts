/**
 * Activities `plan` and `footers`: list and pin the source, read footers, write the plan. The first plan written is the
 * plan; a later life of the run takes it over. A run that has published already gets no plan, but what it published.
 */

import { z } from 'zod';
import {
  type Manifest,
  manifestSchema,
  type Plan,
  type PlanInput,
  planRefSchema,
  planSchema,
} from '../documents/documents.ts';
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
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { type PinnedBlob, readFooter } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readVersioned, type Versioned, writeJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';
import { checkIdentity } from './pipeline-identity.ts';
import { makePlan } from './plan.ts';
import { sourceBlobs } from './source-blobs.ts';
import { Shapes, summarizeFile } from './summarize-file.ts';

type PlanVersion = Pick<Versioned<Plan>, 'value' | 'etag'>;

/** What the orchestration needs to know of the plan and its pipeline: names and counts. */
export interface PlanOutput {
  /** Of the plan: activities are told by it which version they work by. Empty where there is no plan. */
  etag: string;
  batches: number;
  rows: number;
  files: number;
  /** Output files of each rows entity. */
  parts: number;
  /** Groups of batches that are sealed together. */
  sealGroups: number;
  rowsEntities: string[];
  /** Keyed entities and the key indexes that they hold while they resolve and publish. */
  keyed: { entity: string; index: string; partitions: number }[];
  /** Sequences, and the entities whose rows draw on each (twice where two columns do). */
  sequences: { name: string; start: string; step: string; draws: string[] }[];
  /** Set when an earlier life of the run published: nothing is left to do but what follows a publication. */
  published: { manifest: string; rows: number } | null;
}

/** In place of a plan: the source has many files, whose footers are to be read first. */
export interface ListedSource {
  /** To be given to the plan activity once the footers are read. */
  listing: FilesRef;
  /** Activities that read footers: one for each document of the listing. */
  footers: number;
}

export async function planActivity(environment: Environment, input: PlanInput): Promise<PlanOutput | ListedSource> {
  const { store, config } = environment;
  const pipeline = pipelineOf(environment, input.pipeline);
  const name = work.plan(input.runId);
  const [earlier, written] = await Promise.all([
    readVersioned(store, pipeline.output.container, output.manifest(pipeline, input.runId), manifestSchema),
    readVersioned(store, config.workContainer, name, planSchema),
    store.ensureContainer(config.workContainer),
    store.ensureContainer(pipeline.output.container),
  ]);
  if (earlier?.value.outcome === 'published') return published(earlier.value, input, pipeline);
  await checkIdentity(environment, pipeline);
  if (written) return summary(await takeOver(environment, name, written, input.attempt), pipeline);
  const source = input.listing
    ? { ref: input.listing, files: await listedFiles(environment, input.runId, input.listing) }
    : await listSource(environment, pipeline, input);
  if (!('files' in source)) return source;
  const { ref, files } = source;
  const owner = { runId: input.runId, attempt: input.attempt, replaces: earlier?.etag ?? null };
  const plan = makePlan(pipeline, owner, ref, files, config);
  try {
    const { etag } = await writeJson(store, config.workContainer, name, plan, { ifAbsent: true });
    return summary({ value: plan, etag }, pipeline);
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError && thrown.code === 'StorageConflict')) throw thrown;
    const first = await readVersioned(store, config.workContainer, name, planSchema);
    if (!first) throw thrown;
    return summary(first, pipeline);
  }
}

/**
 * Lists the source. Few files are read at once: their footers are known then. Of many, the listing is written down, for
 * several activities to read footers by (`footersActivity`) before the plan is asked for again.
 */
async function listSource(
  environment: Environment,
  pipeline: CompiledPipeline,
  input: PlanInput,
): Promise<ListedSource | { ref: FilesRef; files: SourceFile[] }> {
  const { runId } = input;
  const blobs = await sourceBlobs(environment, pipeline.source, input);
  const ref = { count: blobs.length, digest: digestOf(blobs), each: limits.filesPerDocumentMax };
  if (documentsOf(ref) === 1) return { ref, files: await readFooters(environment, pipeline, runId, ref, blobs, 0) };
  await mapBounded([...Array(documentsOf(ref)).keys()], environment.config.requestsInFlight, (part) =>
    writeListing(environment, runId, ref, blobs, part),
  );
  return { listing: ref, footers: documentsOf(ref) };
}

async function listedFiles(environment: Environment, runId: string, ref: FilesRef): Promise<SourceFile[]> {
  const parts = await mapBounded([...Array(documentsOf(ref)).keys()], environment.config.requestsInFlight, (part) =>
    readFiles(environment, runId, ref, part),
  );
  return parts.flat();
}

export const footersInputSchema = planRefSchema.extend({
  pipeline: z.string(),
  listing: filesRefSchema,
  /** Document of the listing. */
  part: z.int().nonnegative(),
});
export type FootersInput = z.infer<typeof footersInputSchema>;

/** Activity `footers`: reads the footers of one document's files, and writes down what the plan needs of them. */
export async function footersActivity(environment: Environment, input: FootersInput): Promise<{ files: number }> {
  const { runId, listing, part } = input;
  const pipeline = pipelineOf(environment, input.pipeline);
  const blobs = await readListing(environment, runId, listing, part);
  const files = await readFooters(environment, pipeline, runId, listing, blobs, part);
  return { files: files.length };
}

async function readFooters(
  environment: Environment,
  pipeline: CompiledPipeline,
  runId: string,
  ref: FilesRef,
  blobs: readonly PinnedBlob[],
  part: number,
): Promise<SourceFile[]> {
  const { store, config } = environment;
  const shapes = new Shapes();
  const files = await mapBounded(blobs, config.requestsInFlight, async (blob) =>
    summarizeFile(pipeline, blob, await readFooter(store, pipeline.source.container, blob), shapes),
  );
  await writeFiles(environment, runId, ref, files, part);
  return files;
}

/** The plan that an earlier life left, in the name of this one: whoever cleans up after that life leaves it alone. */
async function takeOver(
  { store, config }: Environment,
  name: string,
  written: PlanVersion,
  attempt: number,
): Promise<PlanVersion> {
  if (written.value.attempt >= attempt) return written;
  const plan = { ...written.value, attempt };
  const { etag } = await writeJson(store, config.workContainer, name, plan, { ifMatch: written.etag });
  return { value: plan, etag };
}

/** Throws `RunIdConflict` when what was published under this run ID is of other blobs. */
function published(manifest: Manifest, input: PlanInput, pipeline: CompiledPipeline): PlanOutput {
  const name = output.manifest(pipeline, input.runId);
  if (manifest.source.prefix !== input.prefix) {
    throw new OrdinalError('RunIdConflict', `run "${input.runId}" has published already: "${name}" is there`, {
      where: { pipeline: pipeline.name, field: 'runId' },
      remedy: 'A run ID is used once: start under another one.',
    });
  }
  const { rows } = manifest.source;
  const done = { batches: [], rows, files: { count: manifest.inputs.length }, parts: [], sealGroups: [] };
  return { ...summary({ value: done, etag: '' }, pipeline), published: { manifest: name, rows } };
}

function summary(
  {
    value: plan,
    etag,
  }: {
    value: Pick<Plan, 'batches' | 'rows' | 'parts' | 'sealGroups'> & { files: Pick<FilesRef, 'count'> };
    etag: string;
  },
  pipeline: CompiledPipeline,
): PlanOutput {
  const { entities } = pipeline;
  return {
    etag,
    batches: plan.batches.length,
    rows: plan.rows,
    files: plan.files.count,
    parts: plan.parts.length,
    sealGroups: plan.sealGroups.length,
    published: null,
    rowsEntities: entities.filter((entity) => entity.kind === 'rows').map((entity) => entity.name),
    keyed: entities.flatMap((entity) =>
      entity.kind === 'keyed' ? [{ entity: entity.name, index: entity.index, partitions: entity.partitions ?? 1 }] : [],
    ),
    sequences: pipeline.sequences.map(({ name, start, step }) => ({
      name,
      start,
      step,
      draws: entities.flatMap((entity) =>
        entity.columns.flatMap((column) => (column.kind === 'id' && column.sequence === name ? [entity.name] : [])),
      ),
    })),
  };
}

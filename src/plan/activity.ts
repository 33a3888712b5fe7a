/**
 * Activity `plan`: lists and pins the source, reads footers, writes the plan. The first plan written is the plan; a
 * later life of the run takes it over. A run that has published already gets no plan, but what it published.
 */

import { type Manifest, manifestSchema, type Plan, type PlanInput, planSchema } from '../documents/documents.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { readFooter } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readVersioned, type Versioned, writeJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';
import { checkIdentity } from './pipeline-identity.ts';
import { makePlan, type SourceFile } from './plan.ts';
import { sourceBlobs } from './source-blobs.ts';

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

export async function planActivity(environment: Environment, input: PlanInput): Promise<PlanOutput> {
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
  const blobs = await sourceBlobs(environment, pipeline.source, input);
  const files = await mapBounded(blobs, config.requestsInFlight, async (blob): Promise<SourceFile> => {
    const file = { blob: blob.name, etag: blob.etag, size: blob.size };
    return { ...file, meta: await readFooter(store, pipeline.source.container, file) };
  });
  const owner = { runId: input.runId, attempt: input.attempt, replaces: earlier?.etag ?? null };
  const plan = makePlan(pipeline, owner, files, config);
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
      remedy: 'Start under another run ID: each is used once.',
    });
  }
  const { rows } = manifest.source;
  const done = { batches: [], rows, files: manifest.inputs, parts: [], sealGroups: [] };
  return { ...summary({ value: done, etag: '' }, pipeline), published: { manifest: name, rows } };
}

function summary(
  {
    value: plan,
    etag,
  }: { value: Pick<Plan, 'batches' | 'rows' | 'parts' | 'sealGroups'> & { files: unknown[] }; etag: string },
  pipeline: CompiledPipeline,
): PlanOutput {
  const { entities } = pipeline;
  return {
    etag,
    batches: plan.batches.length,
    rows: plan.rows,
    files: plan.files.length,
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

/** Activity `plan`: lists and pins the source, reads footers, writes the plan. The first plan written is the plan. */
import { OrdinalError } from '../../errors.ts';
import { limits } from '../../limits.ts';
import type { CompiledPipeline } from '../../pipeline/compiled.ts';
import { readJson, writeJson } from '../../storage/json.ts';
import { output, work } from '../../storage/names.ts';
import type { BlobItem } from '../../storage/store.ts';
import { type Plan, planSchema, type RunInput } from '../documents.ts';
import { type Environment, pipelineOf } from '../environment.ts';
import { makePlan, type SourceFile } from '../plan.ts';
import { mapBounded } from '../pool.ts';
import { readFooter } from '../source.ts';

/** What the orchestration needs to know of the plan and its pipeline: names and counts. */
export interface PlanOutput {
  batches: number;
  rows: number;
  files: number;
  /** Output files of each rows entity. */
  parts: number;
  rowsEntities: string[];
  /** Keyed entities and the key indexes that they hold while they resolve and publish. */
  keyed: { entity: string; index: string }[];
  /** Sequences, and the entities whose rows draw on each (twice where two columns do). */
  sequences: { name: string; start: string; step: string; draws: string[] }[];
}

export async function planActivity(environment: Environment, input: RunInput): Promise<PlanOutput> {
  const { store, config } = environment;
  const pipeline = pipelineOf(environment, input.pipeline);
  const name = work.plan(input.runId);
  await store.ensureContainer(config.workContainer);
  await store.ensureContainer(pipeline.output.container);
  const manifest = output.manifest(pipeline, input.runId);
  if (await store.head(pipeline.output.container, manifest)) {
    throw new OrdinalError('RunIdConflict', `run "${input.runId}" has published already: "${manifest}" is there`, {
      where: { pipeline: pipeline.name, field: 'runId' },
      remedy: 'A run ID is used once: start under another one.',
    });
  }
  const written = await readJson(store, config.workContainer, name, planSchema);
  if (written) return summary(written, pipeline);
  const blobs = await listSource(environment, pipeline.source, input.prefix);
  const files = await mapBounded(blobs, config.requestsInFlight, async (blob): Promise<SourceFile> => {
    const file = { blob: blob.name, etag: blob.etag, size: blob.size };
    return { ...file, meta: await readFooter(store, pipeline.source.container, file) };
  });
  const plan = makePlan(pipeline, input.runId, files, config);
  try {
    await writeJson(store, config.workContainer, name, plan, { ifAbsent: true });
    return summary(plan, pipeline);
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError && thrown.code === 'StorageConflict')) throw thrown;
    const first = await readJson(store, config.workContainer, name, planSchema);
    if (!first) throw thrown;
    return summary(first, pipeline);
  }
}

function summary(plan: Plan, pipeline: CompiledPipeline): PlanOutput {
  const { entities } = pipeline;
  return {
    batches: plan.batches.length,
    rows: plan.rows,
    files: plan.files.length,
    parts: plan.parts.length,
    rowsEntities: entities.filter((entity) => entity.kind === 'rows').map((entity) => entity.name),
    keyed: entities.flatMap((entity) =>
      entity.kind === 'keyed' ? [{ entity: entity.name, index: entity.index }] : [],
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

async function listSource(
  environment: Environment,
  source: { container: string; suffix: string },
  prefix: string,
): Promise<BlobItem[]> {
  const blobs: BlobItem[] = [];
  for await (const blob of environment.store.list(source.container, prefix)) {
    if (!blob.name.endsWith(source.suffix)) continue;
    blobs.push(blob);
    if (blobs.length > limits.sourceBlobsMax) {
      throw new OrdinalError('LimitExceeded', `more than ${limits.sourceBlobsMax} blobs under "${prefix}"`, {
        where: { field: 'prefix' },
        remedy: 'Run it by smaller prefixes.',
      });
    }
  }
  if (blobs.length === 0) {
    throw new OrdinalError('SourceEmpty', `no blob "${source.container}/${prefix}*${source.suffix}"`, {
      where: { field: 'prefix' },
      remedy: 'Check container, prefix and suffix; upload the source before the run starts.',
    });
  }
  return blobs;
}

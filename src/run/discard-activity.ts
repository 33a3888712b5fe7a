/**
 * Activity `discard`: undoes a failed or dead run, so that nothing of it counts and the same run ID may be started
 * anew. What it finds published it leaves alone, and says so: then the run is to be completed, not undone.
 *
 * An activity of a dead run may still be at work, about to write the manifest. So a run that came to know its IDs is
 * closed first: an abandoned manifest takes the name, and the late writer's condition fails. Staged blocks were never
 * visible; the service collects them.
 */
import { z } from 'zod';
import {
  type Manifest,
  manifestSchema,
  type Plan,
  partsOf,
  planSchema,
  resolutionSchema,
  runIdSchema,
} from '../documents/documents.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline, KeyedEntity } from '../pipeline/compiled.ts';
import { identityOf } from '../pipeline/identity.ts';
import { keyedDatasets } from '../resolve/keyed-datasets.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson, readVersioned, writeJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';

export const discardInputSchema = z.object({
  runId: runIdSchema,
  /** The life to undo; a later one is left alone. */
  attempt: z.int().nonnegative().default(Number.MAX_SAFE_INTEGER),
});
export type DiscardInput = z.infer<typeof discardInputSchema>;

export interface DiscardOutput {
  /** True when the run has published: nothing was discarded. */
  published: boolean;
  /** Name of the run's manifest, whether there is one or not; empty when the run has no plan. */
  manifest: string;
  removed: number;
}

export async function discardActivity(
  environment: Environment,
  { runId, attempt }: DiscardInput,
): Promise<DiscardOutput> {
  const { store, config, pipelines } = environment;
  const plan = await readJson(store, config.workContainer, work.plan(runId), planSchema);
  const pipeline = plan && pipelines.get(plan.pipeline);
  const manifest = pipeline ? output.manifest(pipeline, runId) : '';
  if (plan && plan.attempt > attempt) return { published: false, manifest, removed: 0 };
  if (plan && pipeline && (await close(environment, plan, pipeline)) === 'published')
    return { published: true, manifest, removed: 0 };
  let removed = 0;
  if (plan && pipeline) {
    for (const entity of pipeline.entities) {
      // Files that were committed before the run failed; no manifest names them.
      await mapBounded(Array(partsOf(entity, plan)).keys(), config.requestsInFlight, async (part) => {
        const names =
          entity.kind === 'keyed'
            ? keyedDatasets(entity, []).map(({ kind }) => output.keyed(pipeline, entity.name, runId, part, kind))
            : [output.part(pipeline, entity.name, runId, part)];
        for (const name of names) if (await store.remove(pipeline.output.container, name)) removed++;
      });
      if (entity.kind === 'keyed') removed += await removeDeltas(environment, plan, entity);
    }
    if (await store.remove(pipeline.output.container, output.quarantine(pipeline, runId))) removed++;
  }
  const names: string[] = [];
  for await (const blob of store.list(config.workContainer, work.runPrefix(runId))) names.push(blob.name);
  // The plan goes last: a discard that is cut short is found, and done again.
  names.sort((a, b) => Number(a === work.plan(runId)) - Number(b === work.plan(runId)));
  await mapBounded(names.slice(0, -1), config.requestsInFlight, async (name) => {
    if (await store.remove(config.workContainer, name)) removed++;
  });
  const last = names.at(-1);
  if (last && (await store.remove(config.workContainer, last))) removed++;
  return { published: false, manifest, removed };
}

/** New keys and attributes that no manifest will ever name. The head of the index may still name them as pending: they stay so. */
async function removeDeltas({ store, config }: Environment, plan: Plan, entity: KeyedEntity): Promise<number> {
  let removed = 0;
  for (let partition = 0; partition < (entity.partitions ?? 1); partition++) {
    const name = work.resolution(plan.runId, entity.name, partition);
    const resolution = await readJson(store, config.workContainer, name, resolutionSchema);
    for (const delta of [resolution?.delta, resolution?.attributes])
      if (delta && (await store.remove(config.workContainer, delta))) removed++;
  }
  return removed;
}

/** Decides for good what became of the run's present life. */
async function close(environment: Environment, plan: Plan, pipeline: CompiledPipeline): Promise<Manifest['outcome']> {
  const { store, config } = environment;
  const { container } = pipeline.output;
  const name = output.manifest(pipeline, plan.runId);
  const there = await readVersioned(store, container, name, manifestSchema);
  if (there?.value.outcome === 'published') return 'published';
  // Without IDs nobody is on the way to publish.
  if (!(await store.head(config.workContainer, work.ids(plan.runId)))) return 'abandoned';
  // Closed by an earlier, interrupted execution: its ETag is not the one that the plan knew.
  if (there && there.etag !== plan.replaces) return 'abandoned';
  try {
    await writeJson(
      store,
      container,
      name,
      abandoned(plan, pipeline),
      there ? { ifMatch: there.etag } : { ifAbsent: true },
    );
    return 'abandoned';
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError && thrown.code === 'StorageConflict')) throw thrown;
    // Somebody was faster: the run itself, or another that cleans up. What is there now is final.
    const final = await readJson(store, container, name, manifestSchema);
    if (!final) throw thrown;
    return final.outcome;
  }
}

function abandoned(plan: Plan, pipeline: CompiledPipeline): Manifest {
  return {
    version: 1,
    outcome: 'abandoned',
    runId: plan.runId,
    attempt: plan.attempt,
    pipeline: plan.pipeline,
    pipelineHash: plan.pipelineHash,
    identity: identityOf(pipeline),
    startedAt: new Date(plan.attempt).toISOString(),
    finishedAt: new Date(plan.attempt).toISOString(),
    phases: [],
    source: { container: pipeline.source.container, prefix: '', rows: plan.rows },
    inputs: [],
    output: pipeline.output,
    entities: [],
    sequences: {},
  };
}

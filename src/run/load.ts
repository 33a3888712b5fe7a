/** Documents of a run as its activities read them; each version of a plan is parsed once per process. */
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { type SplitRecord, splitRecordSchema } from '../split/fragment.ts';
import { unpackFrame } from '../storage/frame.ts';
import { requireBytes, requireJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';
import { type Plan, planSchema, type Sealed, sealedSchema } from './documents.ts';
import { type Environment, pipelineOf } from './environment.ts';

const PLANS_KEPT = 8;
/** Kept by environment: two stores may know runs of the same ID. */
const plansOf = new WeakMap<Environment, Map<string, Promise<Plan>>>();

/** The present plan: a run that was undone and begun again has another one, which a process must not mistake. */
async function presentPlan(environment: Environment, runId: string): Promise<Plan> {
  const { store, config } = environment;
  const plans = plansOf.get(environment) ?? new Map<string, Promise<Plan>>();
  plansOf.set(environment, plans);
  const version = (await store.head(config.workContainer, work.plan(runId)))?.etag;
  const key = `${runId} ${version}`;
  const known = plans.get(key);
  if (known) return await known;
  const loading = requireJson(store, config.workContainer, work.plan(runId), planSchema);
  plans.set(key, loading);
  loading.catch(() => plans.delete(key));
  for (const oldest of plans.keys()) {
    if (plans.size <= PLANS_KEPT) break;
    plans.delete(oldest);
  }
  return await loading;
}

/** The run's plan and its pipeline. Throws `PipelineChanged` when the deployed pipeline is not the planned one. */
export async function loadPlan(
  environment: Environment,
  runId: string,
): Promise<{ plan: Plan; pipeline: CompiledPipeline }> {
  const plan = await presentPlan(environment, runId);
  const pipeline = pipelineOf(environment, plan.pipeline);
  if (pipeline.hash !== plan.pipelineHash) {
    throw new OrdinalError(
      'PipelineChanged',
      `pipeline "${plan.pipeline}" was changed while run "${runId}" was under way`,
      {
        where: { pipeline: plan.pipeline },
        remedy: 'Deploy between runs. Start a new run under another ID.',
      },
    );
  }
  return { plan, pipeline };
}

export interface LoadedRecord {
  record: SplitRecord;
  sections: Int32Array[];
}

export async function loadSplitRecord(environment: Environment, runId: string, batch: number): Promise<LoadedRecord> {
  const name = work.split(runId, batch);
  const bytes = await requireBytes(environment.store, environment.config.workContainer, name);
  const { header, sections } = unpackFrame(bytes, name);
  return { record: splitRecordSchema.parse(header), sections };
}

export function loadSealed(environment: Environment, runId: string, unit: string): Promise<Sealed> {
  return requireJson(environment.store, environment.config.workContainer, work.sealed(runId, unit), sealedSchema);
}

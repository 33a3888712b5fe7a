/** Documents of a run as its activities read them; what does not change is read and parsed once per process. */
import type { z } from 'zod';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { type SplitRecord, splitRecordSchema } from '../split/fragment.ts';
import { unpackFrame } from '../storage/frame.ts';
import { parseJson, readVersioned, requireBytes, requireJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';
import {
  type Ids,
  idsSchema,
  type Plan,
  type PlanRef,
  planSchema,
  type Sealed,
  sealedSchema,
  type Tally,
  tallySchema,
} from './documents.ts';
import { type Environment, pipelineOf } from './environment.ts';
import { keep } from './kept.ts';

/** A plan that a process has read: its version, and when that was last known to be the present one. */
interface KnownPlan {
  plan: Plan;
  etag: string;
  /** Milliseconds of the process's monotonic clock. */
  seenAt: number;
}

const planKey = (runId: string, etag: string) => JSON.stringify([runId, etag, 'plan']);

/**
 * The present plan: a run that was undone and begun again has another one, which a process must not mistake. Who names
 * the version it works by needs no request while this process has lately seen it.
 */
async function presentPlan(environment: Environment, { runId, plan: wanted }: PlanRef): Promise<KnownPlan> {
  const { store, config } = environment;
  const name = work.plan(runId);
  let present = wanted;
  if (present === undefined) present = (await store.head(config.workContainer, name))?.etag ?? '';
  const known = await keep(environment, planKey(runId, present), async () => {
    const read = await readVersioned(store, config.workContainer, name, planSchema);
    // Where no version was asked for, it was replaced between the two requests: another try finds the new one.
    if (read?.etag !== present) throw givenUp(runId, wanted === undefined && read !== undefined);
    return { value: { plan: read!.value, etag: read!.etag, seenAt: performance.now() }, bytes: read!.bytes };
  });
  if (performance.now() - known.seenAt > limits.planTrustSecondsMax * 1000) {
    if ((await store.head(config.workContainer, name))?.etag !== known.etag) throw givenUp(runId);
    known.seenAt = performance.now();
  }
  return known;
}

function givenUp(runId: string, retryable = false): OrdinalError {
  return new OrdinalError('StorageConflict', `the plan of run "${runId}" is gone, or another life's`, {
    where: { blob: work.plan(runId) },
    retryable,
    remedy: 'The run was given up while it still worked: start it again.',
  });
}

/** The run's plan and its pipeline. Throws `PipelineChanged` when the deployed pipeline is not the planned one. */
export async function loadPlan(
  environment: Environment,
  ref: PlanRef,
): Promise<{ plan: Plan; pipeline: CompiledPipeline; etag: string }> {
  const { runId } = ref;
  const { plan, etag } = await presentPlan(environment, ref);
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
  return { plan, pipeline, etag };
}

/** Where a run's rows and keys begin, by batch. `etag` is its plan's. */
export function loadTally(environment: Environment, runId: string, etag: string): Promise<Tally> {
  return keptJson(environment, [runId, etag, 'tally'], work.tally(runId), tallySchema);
}

/** What the sequences gave to a run. `etag` is its plan's. */
export function loadIds(environment: Environment, runId: string, etag: string): Promise<Ids> {
  return keptJson(environment, [runId, etag, 'ids'], work.ids(runId), idsSchema);
}

/** A document that one version of a plan determines. */
function keptJson<T>(environment: Environment, key: string[], name: string, schema: z.ZodType<T>): Promise<T> {
  const { store, config } = environment;
  return keep(environment, JSON.stringify(key), async () => {
    const bytes = await requireBytes(store, config.workContainer, name);
    return { value: parseJson(bytes, config.workContainer, name, schema), bytes: bytes.byteLength };
  });
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

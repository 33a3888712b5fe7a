/**
 * Reads the documents of a run for its activities. What does not change is read and parsed once in each process. It
 * must never return a document of another life or of another version of the plan.
 */

import type { z } from 'zod';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { FileMeta } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { type PinnedBlob, readFooter } from '../source/source-file.ts';
import { unpackFrame } from '../storage/frame.ts';
import { parseJson, readJson, readVersioned, requireBytes, requireJson, type StoredDocument } from '../storage/json.ts';
import { type Life, lifeId, work } from '../storage/names.ts';
import { type SplitAgain, splitAgainSchema } from './bad-files.ts';
import { listBatches, readRecord, type Tally } from './batch-blob.ts';
import { keep } from './document-cache.ts';
import {
  type Ids,
  idsSchema,
  type Plan,
  type PlanRef,
  planSchema,
  type Resolution,
  resolutionDocumentSchema,
  type Sealed,
  sealedSchema,
} from './documents.ts';
import { loadFiles, type PlannedFile } from './source-files.ts';
import { type SplitRecord, splitRecordSchema } from './split-record.ts';

/** A plan that this process has read: its version, and when that was last known to be the present version. */
interface KnownPlan {
  plan: Plan;
  etag: string;
  /** Milliseconds of the process's monotonic clock. */
  seenAt: number;
}

/** The key of a document in the cache: it names the life and the version of its plan. */
const keyOf = (of: Life, etag: string, ...what: unknown[]) => JSON.stringify([lifeId(of), etag, ...what]);

/**
 * The present plan: a run that was undone and begun again has another one, which a process must not mistake. Who names
 * the version it works by needs no request while this process has lately seen it.
 */
async function presentPlan(environment: Environment, ref: PlanRef): Promise<KnownPlan> {
  const { store, config } = environment;
  const { plan: wanted } = ref;
  const name = work.plan(ref);
  let present = wanted;
  if (present === undefined) present = (await store.head(config.workContainer, name))?.etag ?? '';
  const known = await keep(environment, keyOf(ref, present, 'plan'), async () => {
    const read = await readVersioned(store, config.workContainer, name, planSchema);
    // When no version was asked for, the plan was replaced between the two requests. Another try finds the new one.
    if (read?.etag !== present) throw givenUp(ref, wanted === undefined && read !== undefined);
    return { value: { plan: read!.value, etag: read!.etag, seenAt: performance.now() }, bytes: read!.bytes };
  });
  if (performance.now() - known.seenAt > limits.planTrustSecondsMax * 1000) {
    if ((await store.head(config.workContainer, name))?.etag !== known.etag) throw givenUp(ref);
    known.seenAt = performance.now();
  }
  return known;
}

function givenUp(of: Life, retryable = false): OrdinalError {
  return new OrdinalError(
    'StorageConflict',
    `the plan of run "${lifeId(of)}" is gone: this life of the run was given up`,
    {
      where: { blob: work.plan(of) },
      retryable,
      remedy: 'Start the run again: it was given up while it still worked.',
    },
  );
}

/** A run's plan, the plan's version (its ETag), and the pipeline. */
export interface Planned {
  plan: Plan;
  etag: string;
  pipeline: CompiledPipeline;
}

/**
 * The run's plan and its pipeline.
 *
 * @throws OrdinalError `PipelineChanged` when the deployed pipeline is not the planned one.
 */
export async function loadPlan(environment: Environment, ref: PlanRef): Promise<Planned> {
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

/** Whether a file that the split finds bad may have rows in several batches. */
export function mayShareBadFiles(of: { plan: Pick<Plan, 'batches'>; pipeline: CompiledPipeline }): boolean {
  const { plan, pipeline } = of;
  return pipeline.badFiles !== undefined && plan.batches.some(({ firstRow }) => firstRow > 0);
}

/** Which batches are split again, and without which files. Known when all batches are split. */
export async function loadSplitAgain(environment: Environment, planned: Planned): Promise<SplitAgain['batches']> {
  if (!mayShareBadFiles(planned)) return [];
  const { store, config } = environment;
  const document = await readJson(store, config.workContainer, work.setAside(planned.plan), splitAgainSchema);
  return document?.batches ?? [];
}

/** Where each batch's rows and keys begin. It may be called only after all batches are split. */
export function loadTally(environment: Environment, planned: Planned): Promise<Tally> {
  const { plan, etag, pipeline } = planned;
  const { batches } = plan;
  return keep(environment, keyOf(plan, etag, 'tally'), async () => {
    const again = new Set((await loadSplitAgain(environment, planned)).map(({ batch }) => batch));
    const value = await listBatches(environment, pipeline, plan, batches.length, again);
    // Eight bytes for each number: a count and a length for each entity of each batch.
    return { value, bytes: 16 * batches.length * (pipeline.entities.length + 2) };
  });
}

/** A document that an earlier phase must have written, by its name in the work container. */
function keepJson<T extends StoredDocument>(
  environment: Environment,
  key: string,
  name: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const { store, config } = environment;
  return keep(environment, key, async () => {
    const bytes = await requireBytes(store, config.workContainer, name);
    return { value: parseJson(bytes, config.workContainer, name, schema), bytes: bytes.byteLength };
  });
}

/** The IDs that the sequences gave to a run. */
export function loadIds(environment: Environment, { plan, etag }: Planned): Promise<Ids> {
  return keepJson(environment, keyOf(plan, etag, 'ids'), work.ids(plan), idsSchema);
}

/** What the resolve of one key partition came to. */
export async function loadResolution(
  environment: Environment,
  { plan, etag }: Planned,
  entity: string,
  partition: number,
): Promise<Resolution> {
  const key = keyOf(plan, etag, 'resolution', entity, partition);
  const name = work.resolution(plan, entity, partition);
  return (await keepJson(environment, key, name, resolutionDocumentSchema)).resolution;
}

/** The source files that a batch has row groups of. */
export function filesOfBatch(environment: Environment, plan: Plan, batch: number): Promise<PlannedFile[]> {
  const { file, files } = plan.batches[batch]!;
  return loadFiles(environment, plan, plan.files, file, file + files);
}

/** The footer of one of the run's files. Throws what `readFooter` throws. */
export function loadFooter(
  environment: Environment,
  { plan, etag, pipeline }: Planned,
  file: PinnedBlob,
): Promise<FileMeta> {
  return keep(environment, keyOf(plan, etag, 'footer', file.blob), async () => {
    const value = await readFooter(environment.store, pipeline.source.container, file);
    // An estimate of its bytes in memory.
    return { value, bytes: 1024 * value.leaves.length * (1 + value.rowGroups.length) };
  });
}

export interface LoadedRecord {
  record: SplitRecord;
  sections: Int32Array[];
  /** The blocks that were held back, and the blob that holds them. */
  held: Uint8Array;
  name: string;
}

export async function loadSplitRecord(environment: Environment, tally: Tally, batch: number): Promise<LoadedRecord> {
  const { name, record, held } = await readRecord(environment, tally, batch);
  const { header, sections } = unpackFrame(record, name);
  return { record: splitRecordSchema.parse(header), sections, held, name };
}

export function loadSealed(environment: Environment, of: Life, tag: string): Promise<Sealed> {
  return requireJson(environment.store, environment.config.workContainer, work.sealed(of, tag), sealedSchema);
}

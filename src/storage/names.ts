/**
 * Where everything lives. Every name is a pure function of the run, so a repeated activity finds and writes the same
 * blobs. Two places:
 * - the output container holds what readers see: entity files and, under `_manifests/`, one manifest per run. Names
 *   that begin with `_` are skipped by Spark, DuckDB globs and ADF's wildcard folders;
 * - the work container holds what a run leaves for its next phase, and the key index.
 */
import type { CompiledPipeline } from '../pipeline/compiled.ts';

const pad = (n: number, width: number) => String(n).padStart(width, '0');

/** A keyed entity's rows of a run: of new keys, of keys that were known, of keys whose attributes changed. */
export type KeyedDatasetKind = 'new' | 'known' | 'changes';

const tail = (dataset: KeyedDatasetKind) => (dataset === 'new' ? '' : `-${dataset}`);

/** Blobs of one run in the work container. */
export const work = {
  runPrefix: (runId: string) => `runs/${runId}/`,
  plan: (runId: string) => `runs/${runId}/plan.json`,
  /** Some of the run's source files; `digest` is of all of them. */
  files: (runId: string, digest: string, part: number) => `runs/${runId}/files/${digest}-${pad(part, 5)}.json`,
  /** The same before their footers were read, of many files. */
  listing: (runId: string, digest: string, part: number) => `runs/${runId}/listing/${digest}-${pad(part, 5)}.json`,
  /**
   * What one split batch leaves: counts, chunk metadata of staged blocks, foreign-key dictionaries; refused rows; the
   * distinct keys of each keyed entity in first-seen order.
   */
  split: (runId: string, batch: number) => `runs/${runId}/split/${pad(batch, 6)}.bin`,
  splitPrefix: (runId: string) => `runs/${runId}/split/`,
  /** For one key partition of a keyed entity: batch-local key → ID, new ordinal, or none of its keys. */
  slots: (runId: string, entity: string, partition: number) =>
    `runs/${runId}/resolved/${entity}-${pad(partition, 3)}.slots`,
  /** For one key partition of a keyed entity: the staged blocks of a dataset's rows. */
  resolved: (runId: string, entity: string, partition: number, dataset: KeyedDatasetKind) =>
    `runs/${runId}/resolved/${entity}-${pad(partition, 3)}${tail(dataset)}.bin`,
  /** For one key partition of a keyed entity: what resolving it came to. */
  resolution: (runId: string, entity: string, partition: number) =>
    `runs/${runId}/resolved/${entity}-${pad(partition, 3)}.json`,
  /** The ranges that the run's sequences gave it. */
  ids: (runId: string) => `runs/${runId}/ids.json`,
  sealed: (runId: string, unit: string) => `runs/${runId}/sealed/${unit}.json`,
  sealedPrefix: (runId: string) => `runs/${runId}/sealed/`,
  published: (runId: string, entity: string, part: number, dataset: KeyedDatasetKind = 'new') =>
    `runs/${runId}/published/${entity}-${pad(part, 5)}${tail(dataset)}.json`,
  /** The identity of a pipeline's last published run. */
  identity: (pipeline: string) => `pipelines/${pipeline}.json`,
  /** What a dry run would write. */
  preview: (runId: string) => `runs/${runId}/preview.json`,
  /** A list of blobs that a run was started with. */
  selection: (runId: string) => `selections/${runId}.json`,
  selectionPrefix: 'selections/',
  /** That a version of a blob arrived; its name is a digest of the blob's name and ETag. */
  receipt: (pipeline: string, digest: string) => `arrivals/${pipeline}/received/${digest}`,
  receipts: (pipeline: string) => `arrivals/${pipeline}/received/`,
  /** Written to have the storage say what time it is. */
  arrivalClock: (pipeline: string) => `arrivals/${pipeline}/clock`,
  /** That an arrived blob is not what the pipeline reads. */
  refusal: (pipeline: string, digest: string) => `arrivals/${pipeline}/refused/${digest}.json`,
  arrivalPrefix: 'arrivals/',
};

/** Blobs of the output container. */
export const output = {
  folder: (pipeline: CompiledPipeline, entity: string) => `${pipeline.output.prefix}${entity}`,
  /** The files of one run in an entity's folder. */
  wildcard: (runId: string) => `${runId}-*.parquet`,
  part: (pipeline: CompiledPipeline, entity: string, runId: string, part: number) =>
    `${pipeline.output.prefix}${entity}/${runId}-${pad(part, 5)}.parquet`,
  /** A file of one of a keyed entity's datasets. Rows of known keys lie beside those of new ones. */
  keyed: (pipeline: CompiledPipeline, entity: string, runId: string, partition: number, dataset: KeyedDatasetKind) =>
    dataset === 'changes'
      ? `${pipeline.output.prefix}_changes/${entity}/${runId}-${pad(partition, 5)}.parquet`
      : `${pipeline.output.prefix}${entity}/${runId}-${pad(partition, 5)}${tail(dataset)}.parquet`,
  /** The refused rows of a run. */
  quarantine: (pipeline: CompiledPipeline, runId: string) =>
    `${pipeline.output.prefix}_quarantine/${runId}-${pad(0, 5)}.parquet`,
  manifest: (pipeline: CompiledPipeline, runId: string) => `${pipeline.output.prefix}_manifests/${runId}.json`,
  /** `folder` is an entity's, or empty. */
  marker: (pipeline: CompiledPipeline, folder: string) => `${pipeline.output.prefix}${folder}_SUCCESS`,
  manifestPrefix: (pipeline: CompiledPipeline) => `${pipeline.output.prefix}_manifests/`,
};

/** Unit tags: who staged a row group. */
export const unit = {
  group: (group: number) => `g${pad(group, 6)}`,
  keyed: (entity: string, partition: number, dataset: KeyedDatasetKind) =>
    `k-${entity}-${pad(partition, 3)}${tail(dataset)}`,
};

/**
 * A block's id: `owner` (a batch number, or 0 for a keyed entity's own rows), its row group within that owner, and the
 * segment within the row group. All ids of a blob have one length, as the service demands.
 */
export function blockId(owner: number, rowGroup: number, segment: number | 'head' | 'foot'): string {
  const tail = segment === 'head' ? 'head' : segment === 'foot' ? 'foot' : pad(segment, 4);
  return Buffer.from(`${pad(owner, 7)}.${pad(rowGroup, 6)}.${tail}`).toString('base64');
}

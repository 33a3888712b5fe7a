/**
 * What a pipeline has published, as one document: by run the names of its files. It is a summary of the manifests, made
 * so that a run need not read the manifests of all earlier runs; who doubts it removes it, and it is made again. Views
 * and tables are made from it. It is kept when the views are written, so the put that keeps it tells whether they are the
 * newest. It must never say more than the manifests do.
 */
import { z } from 'zod';
import { type OutLeaf, outLeafSchema } from '../documents/documents.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import { publicationOf, rowFilesOf } from '../documents/manifests.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson, readVersioned, writeJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { inPlaceOf, unlessConflict } from '../storage/write-once.ts';

const count = z.int().nonnegative();

/** Files of one dataset of a run: names within the output prefix, and the number of their columns in `schemas`. */
const datasetSchema = z.object({ files: z.array(z.string()), schema: count.nullable() });
export type PublishedDataset = z.infer<typeof datasetSchema>;

const runSchema = z.object({
  /** Of the manifest that was read. */
  etag: z.string(),
  outcome: z.string(),
  life: count,
  finishedAt: z.string(),
  grants: z.array(z.object({ index: z.string(), term: count })),
  /** By entity, also of withdrawn runs. The files of known keys are not here: they repeat rows. */
  entities: z.record(z.string(), z.object({ rows: datasetSchema, changes: datasetSchema.exactOptional() })),
});
export type PublishedRun = z.infer<typeof runSchema>;

export const publishedRunsSchema = z.object({
  version: z.literal(1),
  pipeline: z.string(),
  /** Counts the changes of this document. */
  number: count,
  /** Columns of files, each list of them once. */
  schemas: z.array(z.array(outLeafSchema)),
  /** By run ID: all that have a manifest. */
  runs: z.record(z.string(), runSchema),
});
export type PublishedRuns = z.infer<typeof publishedRunsSchema>;

/** What manifests say now, and what an earlier reader has kept of it. */
export interface Summary {
  published: PublishedRuns;
  /**
   * Keeps what was found, for the next who asks. What was made from the summary must have been written before: false says
   * that somebody else has kept more meanwhile, and that what was written may be old.
   */
  keep(): Promise<boolean>;
}

/**
 * The runs of a pipeline, by what its manifests say now. Manifests that the document knows are not read.
 *
 * @throws OrdinalError `LimitExceeded` when the pipeline has published more files than one document may name.
 */
export async function readSummary(environment: Environment, pipeline: CompiledPipeline): Promise<Summary> {
  const { store } = environment;
  const { container } = pipeline.output;
  const name = output.publishedRuns(pipeline);
  const before = await readVersioned(store, container, name, publishedRunsSchema);
  const published = await broughtUpToDate(environment, pipeline, before?.value);
  return {
    published,
    async keep() {
      // Of a pipeline that has never run there may be no container either.
      if (!before && Object.keys(published.runs).length === 0) return true;
      if (published === before?.value) return (await store.head(container, name))?.etag === before.etag;
      const options = { compact: true, ...inPlaceOf(before) } as const;
      return (await unlessConflict(writeJson(store, container, name, published, options))) !== undefined;
    },
  };
}

/** The same document where no manifest has come, gone or changed. */
async function broughtUpToDate(
  environment: Environment,
  pipeline: CompiledPipeline,
  before: PublishedRuns | undefined,
): Promise<PublishedRuns> {
  const { store, config } = environment;
  const { container } = pipeline.output;
  const prefix = output.manifestPrefix(pipeline);
  const listed = new Map<string, string>();
  for await (const { name, etag } of store.list(container, prefix)) {
    const [, runId] = /^([^/]+)\.json$/.exec(name.slice(prefix.length)) ?? [];
    if (runId !== undefined) listed.set(runId, etag);
  }
  const known = before?.runs ?? {};
  const unread = [...listed].filter(([runId, etag]) => known[runId]?.etag !== etag);
  const gone = Object.keys(known).some((runId) => !listed.has(runId));
  if (before && unread.length === 0 && !gone) return before;
  const schemas = new Schemas(before?.schemas ?? []);
  const runs: PublishedRuns['runs'] = {};
  for (const [runId, run] of Object.entries(known)) if (listed.has(runId)) runs[runId] = run;
  // A manifest that changes while it is read has another ETag in the next listing, and is then read again.
  await mapBounded(unread, config.requestsInFlight, async ([runId, etag]) => {
    const manifest = await readJson(store, container, output.manifest(pipeline, runId), manifestSchema);
    if (manifest) runs[runId] = { ...runOf(manifest, pipeline, schemas), etag };
  });
  const files = Object.values(runs).reduce((sum, run) => sum + filesOf(run), 0);
  if (files > limits.summaryFilesMax) {
    throw new OrdinalError('LimitExceeded', `"${pipeline.name}" has published ${files} files`, {
      where: { pipeline: pipeline.name },
      remedy: `Give it another output prefix: views and tables are made of ${limits.summaryFilesMax} files at most.`,
    });
  }
  return { version: 1, pipeline: pipeline.name, number: (before?.number ?? 0) + 1, schemas: schemas.list, runs };
}

function runOf(manifest: Manifest, pipeline: CompiledPipeline, schemas: Schemas): Omit<PublishedRun, 'etag'> {
  const { outcome, life } = manifest;
  const dataset = (of: { files: readonly { blob: string }[]; columns?: OutLeaf[] }): PublishedDataset => ({
    files: of.files.map(({ blob }) => blob.slice(pipeline.output.prefix.length)),
    schema: of.columns && of.files.length > 0 ? schemas.numberOf(of.columns) : null,
  });
  const entities = manifest.entities.map((one) => [
    one.entity,
    {
      rows: dataset({ ...one, files: rowFilesOf(one) }),
      ...(one.changes && { changes: dataset(one.changes) }),
    },
  ]);
  return {
    outcome,
    life,
    ...publicationOf(manifest),
    entities: outcome === 'abandoned' ? {} : Object.fromEntries(entities),
  };
}

function filesOf({ entities }: PublishedRun): number {
  return Object.values(entities).reduce((sum, { rows, changes }) => {
    return sum + rows.files.length + (changes?.files.length ?? 0);
  }, 0);
}

/** Lists of columns, each once. */
class Schemas {
  readonly list: OutLeaf[][];
  readonly #numbers: Map<string, number>;

  constructor(list: readonly OutLeaf[][]) {
    this.list = [...list];
    this.#numbers = new Map(list.map((leaves, number) => [JSON.stringify(leaves), number]));
  }

  numberOf(leaves: readonly OutLeaf[]): number {
    const text = JSON.stringify(leaves);
    const there = this.#numbers.get(text);
    if (there !== undefined) return there;
    this.#numbers.set(text, this.list.length);
    return this.list.push([...leaves]) - 1;
  }
}

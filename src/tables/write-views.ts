/**
 * Writes what tells readers what is current: by entity a statement for each engine (`_current/`), and a pointer to the
 * newest manifest (`_latest.json`). The activity `updateTables` calls it after each publication. A statement that is there
 * as it should be is not written again. Nothing depends on these blobs: when one is lost or late, the next publication or
 * the sweep writes it again.
 */
import { createHash } from 'node:crypto';
import { importsBeside } from '../documents/imports.ts';
import { type Latest, latestSchema } from '../documents/latest.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline, Entity } from '../pipeline/compiled.ts';
import { endpointOf } from '../storage/connection.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { currentRows, type PublishedPipeline, runsInOrder } from './current-rows.ts';
import { type PublishedRuns, readSummary, type Summary } from './published-runs.ts';
import { currentRowsSql } from './sql.ts';
import { addressesAt, type Engine, engines } from './sql-dialects.ts';

/** Rounds of writing, each after another run had published meanwhile. */
const ROUNDS = 5;

/** The pipelines whose entities share a key index with one of a pipeline; the pipeline itself comes first. */
export function sharersOf({ pipelines }: Pick<Environment, 'pipelines'>, pipeline: CompiledPipeline) {
  const indexesOf = ({ entities }: CompiledPipeline) =>
    entities.flatMap((entity) => (entity.kind === 'keyed' ? [entity.index] : []));
  const own = new Set(indexesOf(pipeline));
  const others = [...pipelines.values()].filter(
    (other) => other.name !== pipeline.name && indexesOf(other).some((index) => own.has(index)),
  );
  return [pipeline, ...others];
}

/** A pipeline, what it has published, and how that is kept. */
export type Sharer = PublishedPipeline & Pick<Summary, 'keep'>;

/** A pipeline and those that share a key index with it, each with what it has published. */
export async function readSharers(environment: Environment, pipeline: CompiledPipeline): Promise<Sharer[]> {
  return await mapBounded(sharersOf(environment, pipeline), environment.config.requestsInFlight, (one) =>
    readSharer(environment, one),
  );
}

async function readSharer(environment: Environment, pipeline: CompiledPipeline): Promise<Sharer> {
  const [summary, imports] = await Promise.all([
    readSummary(environment, pipeline),
    importsBeside(environment, pipeline),
  ]);
  return { pipeline, imports, ...summary };
}

/**
 * Writes the views of a pipeline, and those of other pipelines that show its rows.
 *
 * @returns the number of blobs written, and what the pipeline has published.
 */
export async function writeViews(
  environment: Environment,
  pipeline: CompiledPipeline,
): Promise<{ blobs: number; published: PublishedRuns }> {
  let blobs = 0;
  for (let round = 1; ; round++) {
    const sharing = await readSharers(environment, pipeline);
    const [own, ...others] = sharing;
    blobs += await writeOwnViews(environment, own!, sharing);
    // A pipeline that has published nothing has no views, and maybe no container.
    for (const other of others.filter(({ published }) => Object.keys(published.runs).length > 0))
      blobs += await writeViewsOfSharer(environment, pipeline, other, sharing);
    const kept = await mapBounded(sharing, environment.config.requestsInFlight, (one) => one.keep());
    // Whoever published meanwhile may have written before this one did: then what this one wrote is old.
    if (round >= ROUNDS || !kept.includes(false)) return { blobs, published: own!.published };
  }
}

async function writeOwnViews(environment: Environment, own: Sharer, sharing: readonly Sharer[]): Promise<number> {
  const { store } = environment;
  const { pipeline, published } = own;
  const { container } = pipeline.output;
  const latest = latestOf(pipeline, published);
  const pointer = output.latest(pipeline);
  const [views] = await Promise.all([
    writeLateViews(environment, pipeline, sharing, () => true),
    latest ? writeJson(store, container, pointer, latest) : store.remove(container, pointer),
  ]);
  return views + 1;
}

/** Writes the views of another pipeline that show rows of this one. */
async function writeViewsOfSharer(
  environment: Environment,
  pipeline: CompiledPipeline,
  other: Sharer,
  sharing: readonly Sharer[],
): Promise<number> {
  // It may share further indexes with pipelines that this one knows nothing of.
  const all = await Promise.all(
    sharersOf(environment, other.pipeline).map(async (one): Promise<PublishedPipeline> => {
      const known = sharing.find((each) => each.pipeline.name === one.name);
      return known ?? (await readSharer(environment, one));
    }),
  );
  const mine = new Set(pipeline.entities.flatMap((one) => (one.kind === 'keyed' ? [one.index] : [])));
  return await writeLateViews(environment, other.pipeline, all, (entity) => {
    return entity.kind === 'keyed' && mine.has(entity.index);
  });
}

/** A view as a blob. */
interface View {
  name: string;
  sql: Uint8Array;
  /** Of the statement: as metadata it tells whether the blob says the same. */
  sha256: string;
}

/** The views of a pipeline, by what it and those that share its indexes have published. */
function viewsOf(
  { config }: Environment,
  pipeline: CompiledPipeline,
  sharing: readonly PublishedPipeline[],
  wanted: (entity: Entity) => boolean,
): View[] {
  const endpoint = endpointOf(config.storage);
  return pipeline.entities.filter(wanted).flatMap(({ name }) => {
    return engines.map((engine): View => {
      const sql = new TextEncoder().encode(sqlOrWhyNot(engine, sharing, name, endpoint));
      const sha256 = createHash('sha256').update(sql).digest('hex');
      return { name: output.current(pipeline, name, engine), sql, sha256 };
    });
  });
}

/** In place of a view of too many files a comment that says so: an older view must not pass for the newest one. */
function sqlOrWhyNot(engine: Engine, sharing: readonly PublishedPipeline[], name: string, endpoint?: string): string {
  try {
    return currentRowsSql(engine, currentRows(sharing, name), addressesAt(engine, endpoint));
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError && thrown.code === 'LimitExceeded')) throw thrown;
    return `-- ${thrown.message}. ${thrown.remedy}\n`;
  }
}

/** The views that are not there, or say something else. */
async function lateViews(
  environment: Environment,
  pipeline: CompiledPipeline,
  sharing: readonly PublishedPipeline[],
  wanted: (entity: Entity) => boolean,
): Promise<View[]> {
  const there = new Map<string, string | undefined>();
  const folder = output.publishedRuns(pipeline).replace(/[^/]*$/, '');
  for await (const { name, metadata } of environment.store.list(pipeline.output.container, folder))
    there.set(name, metadata.sha256);
  return viewsOf(environment, pipeline, sharing, wanted).filter(({ name, sha256 }) => there.get(name) !== sha256);
}

async function writeLateViews(
  environment: Environment,
  pipeline: CompiledPipeline,
  sharing: readonly PublishedPipeline[],
  wanted: (entity: Entity) => boolean,
): Promise<number> {
  const late = await lateViews(environment, pipeline, sharing, wanted);
  await mapBounded(late, environment.config.requestsInFlight, async ({ name, sql, sha256 }) => {
    const options = { contentType: 'application/sql', metadata: { sha256 } };
    await environment.store.write(pipeline.output.container, name, sql, options);
  });
  return late.length;
}

/** The newest run of a pipeline; undefined when none has published. */
function latestOf(pipeline: CompiledPipeline, published: PublishedRuns): Latest | undefined {
  const newest = runsInOrder([{ pipeline, published, imports: [] }]).at(-1);
  if (!newest) return undefined;
  const { runId, life, finishedAt } = newest;
  return { version: 1, pipeline: pipeline.name, runId, life, finishedAt, manifest: output.manifest(pipeline, runId) };
}

/**
 * Whether views are not what manifests say now: a publication did not come to write them, or was late to.
 *
 * @param sharing the pipeline and those that share an index with it.
 */
export async function viewsAreLate(environment: Environment, sharing: readonly PublishedPipeline[]): Promise<boolean> {
  const { store } = environment;
  const { pipeline, published } = sharing[0]!;
  const latest = latestOf(pipeline, published);
  const there = await readJson(store, pipeline.output.container, output.latest(pipeline), latestSchema);
  if (there?.runId !== latest?.runId || there?.life !== latest?.life) return true;
  // Nothing was ever published. Runs that were withdrawn may have left views.
  if (Object.keys(published.runs).length === 0) return false;
  return (await lateViews(environment, pipeline, sharing, () => true)).length > 0;
}

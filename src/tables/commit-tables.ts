/**
 * Brings the tables of a pipeline up to what its manifests say: each run that has published is one change of each table,
 * whoever commits it, and counts once. So a run also commits what a dead run before it left undone. `updateTables`, the
 * sweep and the repair call it. A table is never ahead of the manifests.
 */
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import { inOrder, rowFilesOf } from '../documents/manifests.ts';
import { tablePlace } from '../documents/table-place.ts';
import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { FileMeta } from '../parquet/types.ts';
import { type CompiledPipeline, type Entity, hasAttributes } from '../pipeline/compiled.ts';
import { readFooter } from '../source/source-file.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { requireJson } from '../storage/json.ts';
import { isFileOf, output } from '../storage/names.ts';
import type { BlobStore } from '../storage/store.ts';
import { delta } from '../table-format/delta.ts';
import type {
  TableChange,
  TableColumn,
  TableFile,
  TablePlace,
  TableTransaction,
} from '../table-format/table-format.ts';
import type { PublishedRun, PublishedRuns } from './published-runs.ts';

/** A table of a pipeline. */
export interface PipelineTable {
  entity: string;
  dataset: 'rows' | 'changes';
  place: TablePlace;
}

/** The tables of a pipeline: one for the rows of each entity, and one for the changes of each with attributes. */
export function tablesOf(environment: Environment, pipeline: CompiledPipeline): PipelineTable[] {
  if (!pipeline.output.table) return [];
  const table = ({ name }: Entity, dataset: 'rows' | 'changes') => ({
    ...{ entity: name, dataset },
    place: tablePlace(environment, pipeline, name, dataset),
  });
  return pipeline.entities.flatMap((entity) => [
    table(entity, 'rows'),
    ...(hasAttributes(entity) ? [table(entity, 'changes')] : []),
  ]);
}

/** Names of a run's changes of a table: that its files came, and that they were withdrawn. */
const appOf = (runId: string) => `ordinal/${runId}`;
const withdrawalOf = (runId: string) => `ordinal/${runId}/withdrawn`;

/**
 * Commits what the tables of a pipeline lack.
 *
 * @param published what the pipeline's manifests say.
 * @returns the number of commits.
 * @throws OrdinalError the first failure, when all tables have been tried.
 */
export async function commitTables(
  environment: Environment,
  pipeline: CompiledPipeline,
  published: PublishedRuns,
): Promise<number> {
  const tables = tablesOf(environment, pipeline);
  const manifests = new Manifests(environment, pipeline);
  const failures: unknown[] = [];
  const commits = await mapBounded(tables, environment.config.requestsInFlight, async (table) => {
    try {
      return await commitTable({ environment, table, manifests }, published);
    } catch (thrown) {
      failures.push(thrown);
      return 0;
    }
  });
  if (failures.length > 0) throw failures[0];
  return commits.reduce((sum, made) => sum + made, 0);
}

/** Manifests, each read once for all tables. */
class Manifests {
  readonly #environment: Environment;
  readonly #pipeline: CompiledPipeline;
  readonly #read = new Map<string, Promise<Manifest>>();

  constructor(environment: Environment, pipeline: CompiledPipeline) {
    this.#environment = environment;
    this.#pipeline = pipeline;
  }

  of(runId: string): Promise<Manifest> {
    const { container } = this.#pipeline.output;
    const name = output.manifest(this.#pipeline, runId);
    const read = this.#read.get(runId) ?? requireJson(this.#environment.store, container, name, manifestSchema);
    this.#read.set(runId, read);
    for (const oldest of this.#read.keys()) {
      if (this.#read.size <= limits.runsPerTableCommitMax) break;
      this.#read.delete(oldest);
    }
    return read;
  }
}

interface Run extends PublishedRun {
  runId: string;
}

/** Files of a run in the folder of a table: names within the pipeline's output prefix. */
export function filesIn({ entities }: PublishedRun, { entity, dataset }: PipelineTable): readonly string[] {
  return entities[entity]?.[dataset]?.files ?? [];
}

/** What is committed: to which table, and from which manifests. */
interface Committing {
  environment: Environment;
  table: PipelineTable;
  manifests: Manifests;
}

async function commitTable(at: Committing, { runs }: PublishedRuns): Promise<number> {
  const { table } = at;
  const transaction = await delta.begin(table.place);
  const all = Object.entries(runs).map(([runId, run]): Run => ({ runId, ...run }));
  const counted = inOrder(all.filter(({ outcome }) => outcome !== 'abandoned'));
  const missing = counted.filter((run) => {
    // A run without files changes nothing; but of the newest one a table that is not there gets its columns.
    const makesTable = !transaction.columns && run === counted.at(-1);
    if (filesIn(run, table).length === 0 && !makesTable) return false;
    const app = run.outcome === 'withdrawn' ? withdrawalOf(run.runId) : appOf(run.runId);
    return !transaction.has(app, run.life);
  });
  let commits = 0;
  let open = transaction;
  for (let from = 0; from < missing.length; from += limits.runsPerTableCommitMax) {
    const some = missing.slice(from, from + limits.runsPerTableCommitMax);
    if (from > 0) open = await delta.begin(table.place);
    const rewritten = await addRuns(at, open, some);
    if ((await open.commit()) !== undefined) commits++;
    if (rewritten.length > 0) throw stillThere(rewritten, table);
  }
  return commits;
}

/** Said once, for the withdrawal itself is committed. */
function stillThere(runs: readonly string[], { place: { folder } }: PipelineTable): OrdinalError {
  const message = `rows of withdrawn runs (${runs.join(', ')}) are in files that others wrote into table "${folder}"`;
  return new OrdinalError('UnsupportedFile', message, {
    where: { blob: folder },
    remedy: "Delete them there by their IDs: the runs' manifests have the ranges.",
  });
}

/** Adds what some runs bring, or take back. Gives the withdrawn runs whose rows others have rewritten. */
async function addRuns(
  { environment, table, manifests }: Committing,
  transaction: TableTransaction,
  runs: readonly Run[],
): Promise<string[]> {
  const rewritten = runs.filter((run) => run.outcome === 'withdrawn' && isRewritten(run, table, transaction));
  const changes = await mapBounded(runs, environment.config.requestsInFlight, async (run) => {
    const { runId, life } = run;
    if (run.outcome === 'withdrawn') return { change: withdrawal(runId, life), columns: [] };
    const manifest = await manifests.of(runId);
    const unless = { app: withdrawalOf(runId), version: life };
    const change: TableChange = { app: appOf(runId), version: life, unless };
    const add = await filesOf(environment, manifest, table);
    return { change: { ...change, add }, columns: statedColumns(manifest, table) ?? add.flatMap(columnsOf) };
  });
  const columns = new Map(changes.flatMap((one) => one.columns).map((column) => [column.name, column]));
  transaction.setColumns([...columns.values()]);
  for (const { change } of changes) transaction.add(change);
  return rewritten.map(({ runId }) => runId);
}

/** Whether another engine has put rows of a run into files of its own. */
function isRewritten(run: Run, table: PipelineTable, transaction: TableTransaction): boolean {
  const names = filesIn(run, table).map((file) => file.slice(file.lastIndexOf('/') + 1));
  return transaction.has(appOf(run.runId), run.life) && names.some((name) => !transaction.files.has(name));
}

function publishedFiles({ entities }: Manifest, { entity, dataset }: PipelineTable) {
  const published = entities.find((one) => one.entity === entity);
  if (dataset === 'rows') return published ? rowFilesOf(published) : [];
  return published?.changes?.files ?? [];
}

/** The columns of a dataset as the manifest states them. Undefined where it does not. */
function statedColumns({ entities }: Manifest, { entity, dataset }: PipelineTable): TableColumn[] | undefined {
  const published = entities.find((one) => one.entity === entity);
  if (!published) return [];
  return dataset === 'rows' ? published.columns : published.changes ? published.changes.columns : [];
}

function columnsOf({ footer }: TableFile): TableColumn[] {
  return footer.leaves.map(({ name, type }) => ({ name, type }));
}

function withdrawal(runId: string, life: number): TableChange {
  return { app: withdrawalOf(runId), version: life, remove: (name) => isFileOf({ runId, life }, name) };
}

/** The files of a run's dataset, with their footers. */
async function filesOf({ store, config }: Environment, manifest: Manifest, table: PipelineTable): Promise<TableFile[]> {
  const { container } = manifest.output;
  const { place } = table;
  const files = publishedFiles(manifest, table);
  return await mapBounded(files, config.requestsInFlight, async ({ blob, bytes, rows }): Promise<TableFile> => {
    const footer = await footerOf(store, container, blob, bytes);
    if (footer.rows !== rows) {
      throw new OrdinalError('CorruptFile', `"${blob}" has ${footer.rows} rows, and its manifest says ${rows}`, {
        where: { blob },
      });
    }
    return { name: blob.slice(place.folder.length + 1), bytes, publishedAt: Date.parse(manifest.finishedAt), footer };
  });
}

/** The footer of a published file: it was written once, and is not changed. */
async function footerOf(store: BlobStore, container: string, blob: string, size: number): Promise<FileMeta> {
  try {
    return await readFooter(store, container, { blob, size });
  } catch (thrown) {
    if (!(thrown instanceof OrdinalError && thrown.code === 'SourceChanged')) throw thrown;
    throw new OrdinalError('StorageFailed', `"${container}/${blob}" is gone, or not what was published`, {
      where: { blob },
      remedy: 'Restore the file, and repair the table: npm run ordinal -- delta repair PIPELINE.',
    });
  }
}

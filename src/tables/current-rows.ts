/**
 * What the current rows of an entity are made of: the files of all pipelines that share its key index, the changes that
 * are laid over them, and which column of which file is which. `sql.ts` writes it down for an engine. It reads nothing.
 */
import type { OutLeaf } from '../documents/documents.ts';
import { inOrder } from '../documents/manifests.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ColumnType } from '../parquet/types.ts';
import { type CompiledPipeline, changeColumns, type Entity } from '../pipeline/compiled.ts';
import { widest } from '../source/widen.ts';
import type { PublishedDataset, PublishedRun, PublishedRuns } from './published-runs.ts';

/** A pipeline with what it has published. */
export interface PublishedPipeline {
  pipeline: CompiledPipeline;
  published: PublishedRuns;
}

/** Files that are read as one table. */
export interface Source {
  container: string;
  /** Names in the container. */
  files: string[];
  /** By column of the view that the files have: its name in them. */
  columns: Map<string, string>;
  /** By name in the files: the widest that they have. */
  types: Map<string, ColumnType>;
}

export interface CurrentRows {
  entity: string;
  /** In the order of the view; the first is the row's own ID. */
  columns: { name: string; type: ColumnType }[];
  /** The ID and the components of the key: they never change. */
  fixed: string[];
  /** The rows: no key is in two of them. */
  rows: Source[];
  /** Newer rows of keys, each with the version of the index in `changeColumns.version`. */
  changes: Source[];
}

/** The runs that have published, in the order in which they did. */
export function runsInOrder(pipelines: readonly PublishedPipeline[]) {
  const runs = pipelines.flatMap(({ pipeline, published }) =>
    Object.entries(published.runs).map(([runId, run]) => ({ runId, pipeline: pipeline.name, ...run })),
  );
  return inOrder(runs.filter(({ outcome }) => outcome === 'published'));
}

/**
 * The current rows of an entity.
 *
 * @param sharing the pipelines whose entities may share the entity's key index; the entity's own comes first.
 * @param asOf a run: what had been published when it had. Without it, all.
 * @throws OrdinalError `UnknownRun` when that run has not published; `LimitExceeded` when there are more files than a
 * view names.
 */
export function currentRows(sharing: readonly PublishedPipeline[], name: string, asOf?: string): CurrentRows {
  const own = sharing[0]!;
  const entity = own.pipeline.entities.find((one) => one.name === name)!;
  const counted = asOf === undefined ? undefined : runsUpTo(sharing, asOf);
  const columns = new Map<string, ColumnType | undefined>(entity.columns.map((column) => [column.name, undefined]));
  const [rows, changes]: [Source[], Source[]] = [[], []];
  for (const { pipeline, published } of sharing) {
    for (const member of pipeline.entities) {
      if (member !== entity && !sharesIndex(member, entity)) continue;
      const names = namesIn(member, entity);
      const runs = Object.entries(published.runs)
        .filter(([runId, { outcome }]) => outcome === 'published' && (counted?.has(runKey(pipeline, runId)) ?? true))
        .map(([, run]) => run);
      const source = (dataset: 'rows' | 'changes') =>
        sourceOf(pipeline, published, runs, (run) => run.entities[member.name]?.[dataset], names);
      const made = { rows: source('rows'), changes: source('changes') };
      if (made.rows.files.length > 0) rows.push(made.rows);
      if (made.changes.files.length > 0) changes.push(made.changes);
      for (const one of [made.rows, made.changes]) {
        for (const [column, inFiles] of one.columns) {
          if (column === changeColumns.version) continue;
          columns.set(column, columns.get(column) ?? one.types.get(inFiles));
        }
      }
    }
  }
  const files = [...rows, ...changes].reduce((sum, source) => sum + source.files.length, 0);
  if (files > limits.currentFilesMax) {
    throw new OrdinalError('LimitExceeded', `"${name}" has ${files} published files`, {
      where: { entity: name },
      remedy: `Read it as a Delta table: a view names ${limits.currentFilesMax} files at most.`,
    });
  }
  return {
    entity: name,
    // What no file has yet is null everywhere, and as good as a text.
    columns: [...columns].map(([column, type]) => ({ name: column, type: type ?? typeOfNothing(entity, column) })),
    fixed: [
      entity.columns[0]!.name,
      ...entity.columns.filter(({ kind }) => kind === 'key').map((column) => column.name),
    ],
    rows,
    changes,
  };
}

const runKey = ({ name }: CompiledPipeline, runId: string) => `${name}/${runId}`;

function runsUpTo(sharing: readonly PublishedPipeline[], asOf: string): Set<string> {
  const runs = runsInOrder(sharing);
  const end = runs.findIndex(({ runId }) => runId === asOf);
  if (end < 0) {
    throw new OrdinalError('UnknownRun', `run "${asOf}" has published nothing of this entity`, {
      remedy: 'Give the ID of a run that has published: npm run ordinal -- runs list.',
    });
  }
  return new Set(runs.slice(0, end + 1).map(({ runId, pipeline }) => `${pipeline}/${runId}`));
}

function sharesIndex(one: Entity, other: Entity): boolean {
  return one.kind === 'keyed' && other.kind === 'keyed' && one.index === other.index;
}

/** By column of a member's files: its name in the view. IDs and key components go by their place, others by name. */
function namesIn(member: Entity, entity: Entity): Map<string, string> {
  const keysOf = ({ columns }: Entity) => columns.filter(({ kind }) => kind === 'key').map((column) => column.name);
  const names = new Map<string, string>();
  const taken = [entity.columns[0]!.name, ...keysOf(entity)];
  [member.columns[0]!.name, ...keysOf(member)].forEach((column, i) => void names.set(column, taken[i] ?? column));
  for (const { name } of member.columns) if (!names.has(name) && !taken.includes(name)) names.set(name, name);
  return names;
}

function sourceOf(
  pipeline: CompiledPipeline,
  { schemas }: PublishedRuns,
  runs: readonly PublishedRun[],
  datasetOf: (run: PublishedRun) => PublishedDataset | undefined,
  names: ReadonlyMap<string, string>,
): Source {
  const source: Source = { container: pipeline.output.container, files: [], columns: new Map(), types: new Map() };
  for (const run of runs) {
    const { files = [], schema = null } = datasetOf(run) ?? {};
    source.files.push(...files.map((file) => pipeline.output.prefix + file));
    if (files.length === 0) continue;
    for (const { name, type } of (schema === null ? undefined : schemas[schema]) ?? unstated(names)) {
      const inView = name === changeColumns.version ? name : names.get(name);
      if (inView === undefined) continue;
      source.columns.set(inView, name);
      if (type) source.types.set(name, widestOf(source.types.get(name), type));
    }
  }
  source.files.sort();
  return source;
}

/** The type that files of both types are read as. */
function widestOf(before: ColumnType | undefined, type: ColumnType): ColumnType {
  return (before && widest(before, type)) ?? type;
}

/** Columns of files whose manifest does not say which they have. */
function unstated(names: ReadonlyMap<string, string>): (Pick<OutLeaf, 'name'> & { type?: ColumnType })[] {
  return [...names.keys()].map((name) => ({ name }));
}

function typeOfNothing(entity: Entity, name: string): ColumnType {
  const column = entity.columns.find((one) => one.name === name);
  const integer = column?.kind === 'id' || column?.kind === 'ref' || column?.kind === 'rowRef';
  return integer ? { physical: 'INT64' } : { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
}

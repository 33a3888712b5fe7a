/**
 * What the current rows of an entity are made of: the files of all pipelines that share its key index, the changes that
 * are laid over them, and which column of which file is which. `sql.ts` writes it down for an engine. It reads nothing.
 */
import type { OutLeaf } from '../documents/documents.ts';
import type { ImportManifest } from '../documents/imports.ts';
import { inOrder } from '../documents/manifests.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { ColumnType } from '../parquet/types.ts';
import { type CompiledPipeline, changeColumns, type Entity, type OutColumn } from '../pipeline/compiled.ts';
import { widest } from '../source/widen.ts';
import type { PublishedDataset, PublishedRun, PublishedRuns } from './published-runs.ts';

/** A pipeline with what it has published, and the imports of keys beside its datasets. */
export interface PublishedPipeline {
  pipeline: CompiledPipeline;
  published: PublishedRuns;
  imports: readonly ImportManifest[];
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
  const fixed = fixedOf(entity);
  const counted = asOf === undefined ? undefined : runsUpTo(sharing, asOf);
  const columns = new Map<string, ColumnType | undefined>(entity.columns.map((column) => [column.name, undefined]));
  // Names that differ in case only are one column: engines take them for one.
  const names = new Map([...columns.keys()].map((column) => [column.toLowerCase(), column]));
  const shownAs = (column: string) => {
    const shown = names.get(column.toLowerCase()) ?? column;
    names.set(column.toLowerCase(), shown);
    return shown;
  };
  const [rows, changes]: [Source[], Source[]] = [[], []];
  for (const { pipeline, published, imports } of sharing) {
    for (const member of pipeline.entities) {
      if (member !== entity && !sharesIndex(member, entity)) continue;
      const imported = importedOf(imports, member, fixed, counted && lastGrant(sharing, counted, member));
      if (imported.files.length > 0) rows.push(imported);
      const runs = Object.entries(published.runs)
        .filter(([runId, { outcome }]) => outcome === 'published' && (counted?.has(runKey(pipeline, runId)) ?? true))
        .map(([, run]) => run);
      const sources = (dataset: 'rows' | 'changes') =>
        sourcesOf(pipeline, published, runs, (run) => run.entities[member.name]?.[dataset], {
          ...{ keys: fixedOf(member).slice(1), fixed, shownAs },
          columns: member.columns.flatMap((one) => (dataset === 'rows' || says(one) ? [one.name] : [])),
        });
      const made = { rows: sources('rows'), changes: sources('changes') };
      rows.push(...made.rows);
      changes.push(...made.changes);
      for (const one of [...made.rows, ...made.changes]) {
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
    fixed,
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

/** What a pipeline does not know of a shared entity is null in its files: as a change it would hide what others say. */
function says(column: OutColumn): boolean {
  return column.kind !== 'constant' || (column.value !== null && column.value !== undefined);
}

/** The ID of an entity, and the components of its key. */
function fixedOf({ columns }: Entity): string[] {
  return [columns[0]!.name, ...columns.filter(({ kind }) => kind === 'key').map(({ name }) => name)];
}

/** What the columns of an entity's files are in the view. */
interface Placed {
  /** Columns of the entity that count, its ID first. */
  columns: readonly string[];
  /** The components of its key. */
  keys: readonly string[];
  /** The view's names of the ID and of these components. */
  fixed: readonly string[];
  /** The view's name of another column. */
  shownAs(column: string): string;
}

/** The files of a dataset: one source, or several where the ID was renamed, or columns have no type in some files. */
function sourcesOf(
  pipeline: CompiledPipeline,
  { schemas }: PublishedRuns,
  runs: readonly PublishedRun[],
  datasetOf: (run: PublishedRun) => PublishedDataset | undefined,
  placed: Placed,
): Source[] {
  const { container, prefix } = pipeline.output;
  const sources = new Map<string, Source>();
  for (const run of runs) {
    const { files = [], schema = null } = datasetOf(run) ?? {};
    if (files.length === 0) continue;
    const leaves = (schema === null ? undefined : schemas[schema]) ?? unstated(placed.columns);
    const typed = leaves.filter(({ untyped }) => !untyped);
    // What has no type in some files would spoil that of the others.
    const untyped = leaves.filter((leaf) => leaf.untyped).map(({ name }) => name);
    const like = JSON.stringify([leaves[0]!.name, ...untyped]);
    const source: Source = sources.get(like) ?? { container, files: [], columns: new Map(), types: new Map() };
    sources.set(like, source);
    source.files.push(...files.map((file) => prefix + file));
    addColumns(source, typed, placed);
  }
  for (const { files } of sources.values()) files.sort();
  return [...sources.values()];
}

/** Columns of files whose manifest does not say which they have. */
function unstated(columns: readonly string[]): (Pick<OutLeaf, 'name' | 'untyped'> & { type?: ColumnType })[] {
  return columns.map((name) => ({ name }));
}

/** Notes which column of the view each column of some files is. The first is the ID, whatever its name was. */
function addColumns(
  { columns, types }: Source,
  leaves: readonly (Pick<OutLeaf, 'name'> & { type?: ColumnType })[],
  { columns: counted, keys, fixed, shownAs }: Placed,
): void {
  const known = new Set([...counted, changeColumns.version].map((name) => name.toLowerCase()));
  for (const [place, { name, type }] of leaves.entries()) {
    const isFixed = place === 0 || keys.includes(name);
    const inView = isFixed ? fixed[keys.indexOf(name) + 1]! : shownAs(name);
    if (!isFixed && (!known.has(name.toLowerCase()) || fixed.includes(inView))) continue;
    columns.set(inView, name);
    if (type) types.set(name, widestOf(types.get(name), type));
  }
}

/** The files of imported keys: an ID and a key each, until a row describes them. */
function importedOf(
  imports: readonly ImportManifest[],
  member: Entity,
  fixed: readonly string[],
  until: number | undefined,
): Source {
  const source: Source = { container: '', files: [], columns: new Map(), types: new Map() };
  const idName = member.columns[0]!.name;
  for (const { index, term, container, file, columns } of imports) {
    if (member.kind !== 'keyed' || index !== member.index || file.rows === 0) continue;
    if (until !== undefined && term > until) continue;
    source.container = container;
    source.files.push(file.blob);
    for (const [place, name] of [idName, ...Object.keys(columns.key)].entries())
      source.columns.set(fixed[place]!, name);
  }
  source.types.set(idName, { physical: 'INT64' });
  source.files.sort();
  return source;
}

/** The newest grant of an index's lease among the runs that are counted. */
function lastGrant(sharing: readonly PublishedPipeline[], counted: ReadonlySet<string>, entity: Entity): number {
  const terms = sharing.flatMap(({ pipeline, published }) =>
    Object.entries(published.runs)
      .filter(([runId]) => counted.has(runKey(pipeline, runId)))
      .flatMap(([, { grants }]) => grants.filter(({ index }) => entity.kind === 'keyed' && index === entity.index)),
  );
  return Math.max(0, ...terms.map(({ term }) => term));
}

/** The type that files of both types are read as. */
function widestOf(before: ColumnType | undefined, type: ColumnType): ColumnType {
  return (before && widest(before, type)) ?? type;
}

function typeOfNothing(entity: Entity, name: string): ColumnType {
  const column = entity.columns.find((one) => one.name === name);
  const integer = column?.kind === 'id' || column?.kind === 'ref' || column?.kind === 'rowRef';
  return integer ? { physical: 'INT64' } : { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
}

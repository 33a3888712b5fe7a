/**
 * Types that are wanted of a run's columns: what a shared entity declares, and what the datasets had before. A column without
 * a value in the whole run has no type of its own, so it is written as it was before, and who reads all files finds one
 * type. The plan asks.
 */
import type { OutLeaf } from '../documents/documents.ts';
import { latestSchema } from '../documents/latest.ts';
import { manifestSchema } from '../documents/manifest.ts';
import type { SourceFile } from '../documents/source-files.ts';
import type { Environment } from '../environment/environment.ts';
import { compatible, typeText } from '../parquet/logical.ts';
import { writtenType } from '../parquet/readers.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, ContractColumn, Entity } from '../pipeline/compiled.ts';
import { widest } from '../source/widen.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { type Tables, usesOf } from './table-columns.ts';

/** By entity: its columns in the datasets that are there. */
export type ColumnsBefore = ReadonlyMap<string, readonly { name: string; type: ColumnType }[]>;

/**
 * Reads what the datasets had: of the tables, or of the newest manifest. Only where a column of the run has no value.
 *
 * @param files of the run.
 * @param tables the pipeline's tables, if it has any.
 * @throws OrdinalError `StorageFailed`, `CorruptFile`
 */
export async function readColumnsBefore(
  { store }: Environment,
  pipeline: CompiledPipeline,
  files: readonly SourceFile[],
  tables: Tables | undefined,
): Promise<ColumnsBefore> {
  const hasNulls = pipeline.contract.some((_, c) => files.every(({ shape }) => shape.columns[c]!.empty));
  if (files.length === 0 || !hasNulls) return new Map();
  if (tables) return new Map([...tables].map(([entity, { columns = [] }]) => [entity, columns]));
  const { container } = pipeline.output;
  const latest = await readJson(store, container, output.latest(pipeline), latestSchema);
  const manifest = latest && (await readJson(store, container, latest.manifest, manifestSchema));
  const typed = (columns: readonly OutLeaf[]) => columns.filter(({ untyped }) => !untyped);
  return new Map(manifest?.entities.map(({ entity, columns = [] }) => [entity, typed(columns)]));
}

/**
 * The type that is wanted of a source column: that of the shared entity which it goes to; or, where the column has no value,
 * that which it had before.
 *
 * @param type of the column over all files of the run; undefined where it has no value.
 * @returns undefined where none is known, or where it cannot hold the column's values.
 */
export function wantedType(
  pipeline: CompiledPipeline,
  { name, input }: ContractColumn,
  type: ColumnType | undefined,
  before: ColumnsBefore,
): ColumnType | undefined {
  const types = usesOf(pipeline, name).map(({ entity, column }) => {
    const declared = pipeline.entities.find((one) => one.name === entity);
    const shared = declared?.kind === 'keyed' ? declared.shared?.types[column] : undefined;
    return shared ?? (type ? undefined : before.get(entity)?.find((one) => one.name === column)?.type);
  });
  return types.find((wanted) => {
    if (!wanted || compatible(wanted, input) !== true) return false;
    if (type && typeText(widest(type, wanted) ?? type) !== typeText(wanted)) return false;
    const written = writtenType(wanted, input, pipeline.readers);
    return written !== undefined && typeText(written) === typeText(wanted);
  });
}

/**
 * Marks the columns of an entity of which nothing says the type: the run has no value in them, and there was none before. A
 * type that a writer chose for nulls must not become that of a table, or of a view.
 */
export function markUntyped(
  before: ColumnsBefore,
  { name: entity, columns }: Entity,
  leaves: readonly OutLeaf[],
  isUntyped: (source: string) => boolean,
  isKeyless: boolean,
): OutLeaf[] {
  const there = new Set(before.get(entity)?.map(({ name }) => name));
  return leaves.map((leaf, c) => {
    const column = columns[c]!;
    const isOpen = column.kind === 'copy' ? isUntyped(column.source) : column.kind === 'key' && isKeyless;
    const untyped = isOpen && !there.has(leaf.name);
    return untyped ? { ...leaf, untyped } : leaf;
  });
}

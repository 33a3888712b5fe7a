/**
 * The datasets that a run publishes of a keyed entity, in each key partition: the rows of new keys; the rows of known
 * keys, where the entity publishes all seen keys; the changes dataset, where the entity has attributes; and, once, its
 * unknown members. Resolve, seal, publish and the manifest ask here, so that all name the same datasets.
 */

import type { OutLeaf, Resolution } from '../documents/documents.ts';
import { loadResolution, type Planned } from '../documents/load.ts';
import type { Environment } from '../environment/environment.ts';
import type { ColumnType } from '../parquet/types.ts';
import { changeColumns, hasAttributes, type KeyedEntity, type OutColumn } from '../pipeline/compiled.ts';
import type { KeyedDatasetKind } from '../storage/names.ts';

export interface KeyedDataset {
  kind: KeyedDatasetKind;
  /** The entity, with the columns that the dataset's files have. */
  entity: KeyedEntity;
  /** The same columns as they are written. */
  leaves: OutLeaf[];
}

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };

/** The datasets of an entity; `leaves` are the columns of its files. */
export function keyedDatasets(entity: KeyedEntity, leaves: OutLeaf[]): KeyedDataset[] {
  return [
    { kind: 'new', entity, leaves },
    ...(entity.publish === 'seen' ? [{ kind: 'known' as const, entity, leaves }] : []),
    ...(hasAttributes(entity) ? [changesOf(entity, leaves)] : []),
    ...(entity.unknown ? [{ kind: 'unknown' as const, entity, leaves }] : []),
  ];
}

/** Rows of a dataset in one key partition, by what the resolve came to. */
export function rowsOfDataset(resolution: Resolution, kind: KeyedDatasetKind): number {
  const { rows, seen, changes = 0, unknown = [] } = resolution;
  return { new: rows, known: seen - rows, changes, unknown: unknown.length }[kind];
}

/** The datasets that have rows in one key partition of a run. The others leave nothing behind at all. */
export async function stagedDatasets(
  environment: Environment,
  planned: Planned,
  entity: KeyedEntity,
  partition: number,
): Promise<KeyedDataset[]> {
  const resolution = await loadResolution(environment, planned, entity.name, partition);
  const all = keyedDatasets(entity, planned.plan.outputs[entity.name]!);
  return all.filter(({ kind }) => rowsOfDataset(resolution, kind) > 0);
}

/** The entity's columns but further IDs, and those of `changeColumns`. The ID may be unknown until the seal. */
function changesOf(entity: KeyedEntity, leaves: OutLeaf[]): KeyedDataset {
  const kept = entity.columns.map((column, c) => column.kind !== 'id' || c === 0);
  const own: OutColumn[] = entity.columns
    .filter((_, c) => kept[c])
    .map((column) =>
      column.kind === 'id' ? { kind: 'ref', name: column.name, entity: entity.name, columns: [] } : column,
    );
  const { blob, row, run, version } = changeColumns;
  const places: OutColumn[] = [blob, row, run, version].map((name) => ({ kind: 'copy', name, source: name }));
  return {
    kind: 'changes',
    entity: { ...entity, columns: [...own, ...places] },
    leaves: [
      ...leaves.filter((_, c) => kept[c]),
      { name: blob, type: text, optional: false },
      { name: row, type: { physical: 'INT64' }, optional: false },
      { name: run, type: text, optional: false },
      { name: version, type: { physical: 'INT64' }, optional: false },
    ],
  };
}

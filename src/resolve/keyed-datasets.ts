/**
 * What a run publishes of a keyed entity in each key partition: the rows of new keys; those of the known keys that it
 * saw, where the entity publishes all seen keys; those of keys whose attributes have changed, where it reports changes.
 */

import type { OutLeaf } from '../documents/documents.ts';
import type { ColumnType } from '../parquet/types.ts';
import { changeColumns, type KeyedEntity, type OutColumn } from '../pipeline/compiled.ts';
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
    ...(entity.onChange === 'report' ? [changesOf(entity, leaves)] : []),
  ];
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

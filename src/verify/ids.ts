/**
 * Compares the ID columns of published files with what the sequences gave, row by row. `verify.ts` calls it. It changes
 * nothing.
 */

import type { Manifest } from '../documents/manifest.ts';
import type { Table } from '../parquet/table.ts';
import type { CompiledPipeline, Entity } from '../pipeline/compiled.ts';
import { divide } from '../pipeline/sequences.ts';
import { IdMap } from '../sequence/id-map.ts';
import { endOf } from '../sequence/id-range.ts';

/** The IDs of a column, in row order: the ordinals from `base` on, within the ranges that a sequence gave. */
export interface ColumnIds {
  column: string;
  ids: IdMap;
  base: number;
}

/** The ID columns of an entity: its own IDs, from its ranges, and further ones, from their part of the run's ranges. */
export function idColumns(
  pipeline: CompiledPipeline,
  entity: Entity,
  manifest: Manifest,
  published: Manifest['entities'][number],
): ColumnIds[] {
  const [own, ...columns] = entity.columns;
  const found: ColumnIds[] = [{ column: own!.name, ids: new IdMap(published.ids), base: 0 }];
  // Another version of the pipeline may divide a sequence in another way.
  if (pipeline.hash !== manifest.pipelineHash) return found;
  const { bases } = divide(
    pipeline,
    Object.fromEntries(manifest.entities.map(({ entity: name, rows }) => [name, rows])),
  );
  for (const column of columns) {
    const drawn = column.kind === 'id' ? manifest.sequences[column.sequence] : undefined;
    if (drawn) found.push({ column: column.name, ids: new IdMap(drawn), base: bases[entity.name]![column.name]! });
  }
  return found;
}

/** Checks an ID column of a file whose first row is the entity's row `firstRow`. Returns the first wrong ID, if any. */
export function checkIds(table: Table, { column: name, ids, base }: ColumnIds, firstRow: number): string[] {
  const column = int64Column(table, name);
  if (!column) return [`column ${name} is missing`];
  let row = 0;
  for (const range of ids.slice(base + firstRow, table.rows)) {
    for (let expected = range.first; expected < endOf(range, ids.step); expected += ids.step, row++) {
      if (column[row] !== expected) return [`row ${row} has ${name} ${column[row]}, not ${expected}`];
    }
  }
  return [];
}

function int64Column(table: Table, name: string): BigInt64Array | undefined {
  const values = table.columns.find((column) => column.name === name)?.values;
  return values?.kind === 'int64' ? values.data : undefined;
}

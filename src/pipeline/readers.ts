/**
 * The `readers` option: for whom the datasets are written, and what that asks of a pipeline. `compile` calls it. It must
 * never change a type without a word where that changes values: such columns are refused.
 */
import { type Readers, writtenType } from '../parquet/readers.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { DerivedColumn, Entity } from './compiled.ts';
import { oneOf } from './names.ts';
import { refuse } from './refuse.ts';

/**
 * The option as compiled.
 * @param given what the pipeline says
 * @param idEncoding how it encodes IDs
 * @returns for whom the datasets are written
 * @throws `InvalidPipeline` for another word, or an ID encoding that the readers do not know
 */
export function compileReaders(given: unknown, idEncoding: 'plain' | 'delta'): Readers {
  const readers = oneOf(given, ['source', 'v1', 'parquetjs-lite'], 'source', 'readers');
  if (readers === 'source') return undefined;
  if (idEncoding === 'delta') {
    refuse(
      'idEncoding',
      `is 'delta', which readers: '${readers}' does not allow`,
      `Leave it out, or readers: '${readers}'.`,
    );
  }
  return readers;
}

/**
 * The entities with their declared types as these readers know them.
 * @param entities compiled entities
 * @param readers for whom the datasets are written
 * @returns the entities; the same ones unless a type of theirs is written otherwise
 * @throws `InvalidPipeline` at a column whose declared type the readers cannot read
 */
export function declaredFor(entities: Entity[], readers: Readers): Entity[] {
  if (readers !== 'parquetjs-lite') return entities;
  return entities.map((entity) => ({
    ...entity,
    columns: entity.columns.map((column) =>
      'type' in column
        ? { ...column, type: declaredType(column.type, `entities.${entity.name}.columns.${column.name}`) }
        : column,
    ),
  })) as Entity[];
}

/**
 * Derived columns with their types as these readers know them.
 * @param derived derived columns
 * @param readers for whom the datasets are written
 * @returns the columns; the same ones unless a type of theirs is written otherwise
 * @throws `InvalidPipeline` at a column whose type the readers cannot read
 */
export function derivedFor(derived: DerivedColumn[], readers: Readers): DerivedColumn[] {
  if (readers !== 'parquetjs-lite') return derived;
  return derived.map((column) => ({ ...column, type: declaredType(column.type, column.name) }));
}

function declaredType(type: ColumnType, field: string): ColumnType {
  if (type.annotation?.kind !== 'decimal') return writtenType(type, 'any', 'parquetjs-lite') ?? type;
  return refuse(
    field,
    'is a decimal, which parquetjs-lite does not read',
    'Use type.string for the exact text, type.float64 for the nearest number, or type.int64 for a count of the smallest units.',
  );
}

/**
 * A pipeline's predicates and functions, called for one source row. A dry run's preview and the verifier call it. The
 * split never does: it works by distinct value, and is checked against this plain reading.
 */
import type { OutColumn, Predicate } from './compiled.ts';

/** The value that functions see in a contract column of the row: null for null. */
export type RowReader = (column: string) => unknown;

/**
 * Whether an entity takes the row.
 * @param where the entity's predicate, if it has one
 * @param at reads a contract column of the row
 * @returns true when the predicate says so, or there is none
 */
export function passes(where: Predicate | undefined, at: RowReader): boolean {
  return where === undefined || where.test(...where.columns.map(at));
}

/**
 * What the column's function makes of the row, or its constant. Throws what the function throws.
 * @param column a column that a function or a constant fills
 * @param at reads a contract column of the row
 * @returns the value in JavaScript, before it is written as the column's type
 */
export function functionValue(
  column: Extract<OutColumn, { kind: 'map' | 'compute' | 'constant' }>,
  at: RowReader,
): unknown {
  switch (column.kind) {
    case 'map': {
      const value = at(column.source);
      return value === null && !column.nulls ? null : column.fn(value);
    }
    case 'compute':
      return column.fn(...column.sources.map(at));
    case 'constant':
      return column.value;
  }
}

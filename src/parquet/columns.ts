/**
 * Decoded columns as wholes: rows picked, pieces joined, dictionaries spread. The split and the resolve call it. It must
 * never change a column that it was given.
 */
import { limits } from '../limits.ts';
import type { Column, ColumnType, Values } from './types.ts';
import { byteLength, checkBytes, concat, gather, slice } from './values.ts';

/** A column with a value for each row. */
export type PlainColumn = Extract<Column, { form: 'plain' }>;
/** A column with an index for each row. */
export type DictionaryColumn = Extract<Column, { form: 'dictionary' }>;

/**
 * A column's dictionary, or its values by row.
 * @param column a decoded column
 * @returns the dictionary, whose entries may be unused, or one value for each row
 */
export function valuesOf(column: Column): Values {
  return column.form === 'dictionary' ? column.dictionary : column.values;
}

/**
 * The rows `at` of a column, in that order.
 * @param column a decoded column
 * @param at 0-based rows of the column, in any order
 * @returns a column of `at.length` rows
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function gatherColumn(column: Column, at: Int32Array): Column {
  if (column.form === 'dictionary') {
    const indices = new Int32Array(at.length);
    let nulls = 0;
    for (let i = 0; i < at.length; i++) {
      const entry = column.indices[at[i]!]!;
      indices[i] = entry;
      if (entry < 0) nulls++;
    }
    return { form: 'dictionary', rows: at.length, nulls, dictionary: column.dictionary, indices };
  }
  let valid: Uint8Array | undefined;
  let nulls = 0;
  if (column.valid) {
    valid = new Uint8Array(at.length);
    for (let i = 0; i < at.length; i++) {
      const bit = column.valid[at[i]!]!;
      valid[i] = bit;
      if (bit === 0) nulls++;
    }
  }
  return { form: 'plain', rows: at.length, nulls, values: gather(column.values, at), valid };
}

/**
 * The same column with a value for each row.
 * @param column a decoded column
 * @returns the column in plain form; the same one if it is
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function toPlain(column: Column): PlainColumn {
  if (column.form === 'plain') return column;
  const { rows, nulls, dictionary, indices } = column;
  const values = gather(dictionary, indices, indices.length, limits.columnBytesMax);
  if (nulls === 0) return { form: 'plain', rows, nulls, values, valid: undefined };
  const valid = new Uint8Array(rows);
  for (let row = 0; row < rows; row++) valid[row] = indices[row]! < 0 ? 0 : 1;
  return { form: 'plain', rows, nulls, values, valid };
}

/**
 * Rows [from, to) of a column, as a copy: it keeps nothing else of the column in memory but a dictionary.
 * @param column a decoded column
 * @param type type of the column
 * @param from first row
 * @param to row behind the last
 * @returns rows [from, to)
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function cutRows(column: Column, type: ColumnType, from: number, to: number): Column {
  if (from === 0 && to === column.rows) return column;
  const rows = to - from;
  let nulls = 0;
  if (column.form === 'dictionary') {
    const indices = column.indices.slice(from, to);
    for (let row = 0; row < rows; row++) if (indices[row]! < 0) nulls++;
    return { form: 'dictionary', rows, nulls, dictionary: column.dictionary, indices };
  }
  const valid = column.valid?.slice(from, to);
  if (valid) for (let row = 0; row < rows; row++) if (valid[row] === 0) nulls++;
  const values = concat(type, [slice(column.values, from, to)]);
  return { form: 'plain', rows, nulls, values, valid: nulls > 0 ? valid : undefined };
}

/**
 * Columns of one type, one after the other.
 * @param type type of the column
 * @param columns decoded columns, at least one
 * @returns one column with all their rows
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function joinColumns(type: ColumnType, columns: readonly Column[]): Column {
  const [only] = columns;
  if (columns.length === 1 && only) return only;
  let bytes = 0;
  const pieces = columns.map((column) => {
    const piece = toPlain(column);
    bytes += byteLength(piece.values);
    checkBytes(bytes, limits.columnBytesMax);
    return piece;
  });
  const rows = pieces.reduce((sum, piece) => sum + piece.rows, 0);
  const nulls = pieces.reduce((sum, piece) => sum + piece.nulls, 0);
  const values = concat(
    type,
    pieces.map((piece) => piece.values),
  );
  if (nulls === 0) return { form: 'plain', rows, nulls, values, valid: undefined };
  const valid = new Uint8Array(rows).fill(1);
  let row = 0;
  for (const piece of pieces) {
    if (piece.valid) valid.set(piece.valid, row);
    row += piece.rows;
  }
  return { form: 'plain', rows, nulls, values, valid };
}

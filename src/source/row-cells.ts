/**
 * The cells of a decoded column, row by row, as the contract finds them: a value, or a null and where in the column's path
 * it is. The preview and `verify` read rows by it; the split does not.
 */
import type { ErrorLocation } from '../errors.ts';
import { decodeNullLevels } from '../parquet/decode-levels.ts';
import { reader } from '../parquet/logical.ts';
import type { FetchedChunk } from '../parquet/pages.ts';
import type { Column, ColumnType, Leaf } from '../parquet/types.ts';
import type { Cell } from '../pipeline/by-row.ts';
import type { ContractColumn } from '../pipeline/compiled.ts';

/**
 * Makes a reader of cells.
 * @param column the chunk, decoded, as `type`
 * @param type the type that the contract finds
 * @param contract the contract column
 * @param chunk the chunk itself: its levels say which group is null
 * @param where place for errors: blob, row group, column
 * @returns gives the cell of a row
 */
export function cellsOf(
  column: Column,
  type: ColumnType,
  contract: ContractColumn,
  chunk: FetchedChunk,
  where: ErrorLocation,
): (row: number) => Cell {
  const read = reader(type, contract.input);
  const { leaf } = chunk;
  const levels = leaf.path && column.nulls > 0 ? decodeNullLevels(chunk, where) : undefined;
  const nullable = nullElements(leaf);
  // A flat column does not say what is null of a path.
  const flat = Math.max(0, contract.nullableAt?.indexOf(true) ?? 0);
  const values = column.form === 'dictionary' ? column.dictionary : column.values;
  return (row) => {
    const i = column.form === 'dictionary' ? column.indices[row]! : column.valid?.[row] === 0 ? -1 : row;
    if (i < 0) return { nullAt: levels ? nullable[levels[row]!]! : flat };
    try {
      return { value: read(values, i) };
    } catch (thrown) {
      return { unreadable: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  };
}

/**
 * Which element of a leaf's path is null at each definition level below the highest.
 * @param leaf a column in groups, or one of the root
 * @returns by level: place in the path
 */
export function nullElements({ path }: Pick<Leaf, 'path'>): number[] {
  return (path ?? []).flatMap(({ optional }, place) => (optional ? [place] : []));
}

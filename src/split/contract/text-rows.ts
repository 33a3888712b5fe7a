/**
 * Rows of a text column whose bytes are not UTF-8. Called by a contract column once it knows that there are some; never for
 * columns that are text throughout.
 */
import { valuesOf } from '../../parquet/columns.ts';
import { isTextAt } from '../../parquet/text.ts';
import type { Column, Values } from '../../parquet/types.ts';
import { bytesAt } from '../../parquet/values.ts';

/** Such rows in ascending order, with what they hold. Dictionary entries that no row uses are in none. */
export function rowsWithoutText(column: Column): { row: number; bytes: Uint8Array }[] {
  const values = valuesOf(column) as Values & { kind: 'bytes' };
  const bad = new Uint8Array(values.length);
  for (let slot = 0; slot < bad.length; slot++) bad[slot] = isTextAt(values, slot) ? 0 : 1;
  const out: { row: number; bytes: Uint8Array }[] = [];
  for (let row = 0; row < column.rows; row++) {
    const slot = column.form === 'dictionary' ? column.indices[row]! : row;
    if (slot >= 0 && bad[slot] === 1) out.push({ row, bytes: bytesAt(values, slot) });
  }
  return out;
}

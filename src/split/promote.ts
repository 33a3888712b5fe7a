/**
 * Plain strings → dictionary form, where values repeat: one hash a row, or one comparison where a row repeats its
 * predecessor, and everything after (the contract, keys, encoding) works on distinct values.
 */
import { keysToValues } from '../keys/encode.ts';
import { KeyTable } from '../keys/table.ts';
import type { Column, ColumnType } from '../parquet/types.ts';

/** Rows after which the share of distinct values is looked at. */
const SAMPLE_ROWS = 8192;
/** Above this share of distinct values a dictionary saves no work. */
const DISTINCT_SHARE_MAX = 0.7;

/** The column in dictionary form, or as it was when its values hardly repeat. Only byte arrays are promoted. */
export function promote(column: Column, type: ColumnType): Column {
  if (column.form === 'dictionary' || column.values.kind !== 'bytes') return column;
  const { rows, nulls, valid } = column;
  const { data, offsets } = column.values;
  const table = new KeyTable(Math.min(rows, SAMPLE_ROWS));
  const indices = new Int32Array(rows);
  let previous = -1;
  for (let row = 0; row < rows; row++) {
    if (valid !== undefined && valid[row] === 0) {
      indices[row] = -1;
      continue;
    }
    const start = offsets[row]!;
    const end = offsets[row + 1]!;
    if (previous < 0 || !sameBytes(data, start, end, offsets[previous]!, offsets[previous + 1]!)) {
      indices[row] = table.intern(data, start, end);
      if (row === SAMPLE_ROWS && table.size > SAMPLE_ROWS * DISTINCT_SHARE_MAX) return column;
    } else {
      indices[row] = indices[previous]!;
    }
    previous = row;
  }
  if (table.size > rows * DISTINCT_SHARE_MAX) return column;
  const [dictionary] = keysToValues(table, [type]);
  return { form: 'dictionary', rows, nulls, dictionary: dictionary!, indices };
}

function sameBytes(data: Uint8Array, start: number, end: number, from: number, to: number): boolean {
  if (end - start !== to - from) return false;
  for (let i = start, k = from; i < end; i++, k++) if (data[i] !== data[k]) return false;
  return true;
}

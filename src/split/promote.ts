/**
 * Plain strings in dictionary form, where values repeat: one hash a row, or one comparison where a row repeats its
 * predecessor, and everything after (the contract, keys, encoding) works on distinct values.
 */
import type { ErrorLocation } from '../errors.ts';
import { KeyTable } from '../keys/table.ts';
import { decodeDistinct } from '../parquet/decode-distinct.ts';
import type { ChunkShape } from '../parquet/pages.ts';
import type { Column } from '../parquet/types.ts';
import type { SourceChunk } from './source-chunk.ts';

/** Rows after which the share of distinct values is looked at, page by page. */
const SAMPLE_ROWS = 8192;
/** Above this share of distinct values a dictionary saves no work. */
const DISTINCT_SHARE_MAX = 0.7;

/** The chunk in dictionary form; undefined when it is not plain byte arrays, or when its values hardly repeat. */
export function decodePromoted(
  { bytes, meta, leaf, rows }: SourceChunk,
  where: ErrorLocation,
  shape: ChunkShape,
): Column | undefined {
  if (leaf.type.physical !== 'BYTE_ARRAY') return undefined;
  const table = new KeyTable(Math.min(rows, SAMPLE_ROWS));
  const sample = { rows: SAMPLE_ROWS, distinctMax: DISTINCT_SHARE_MAX };
  const decoded = decodeDistinct(bytes, meta, leaf, rows, where, shape, table, sample);
  if (!decoded || table.size > rows * DISTINCT_SHARE_MAX) return undefined;
  return { form: 'dictionary', rows, nulls: decoded.nulls, dictionary: table.values(), indices: decoded.indices };
}

/** A decoded column in dictionary form, or as it was when its values hardly repeat. Only byte arrays are promoted. */
export function promote(column: Column): Column {
  if (column.form === 'dictionary' || column.values.kind !== 'bytes') return column;
  const { rows, nulls, valid } = column;
  const { data, offsets } = column.values;
  const table = new KeyTable(Math.min(rows, SAMPLE_ROWS));
  const indices = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    indices[row] = valid !== undefined && valid[row] === 0 ? -1 : table.intern(data, offsets[row]!, offsets[row + 1]!);
    if (row === SAMPLE_ROWS && table.size > SAMPLE_ROWS * DISTINCT_SHARE_MAX) return column;
  }
  if (table.size > rows * DISTINCT_SHARE_MAX) return column;
  return { form: 'dictionary', rows, nulls, dictionary: table.values(), indices };
}

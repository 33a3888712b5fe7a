/**
 * Turns plain strings that repeat into dictionary form: one hash for each row, or one comparison where a row repeats
 * the row before it. What comes after (the contract, keys, encoding) then works on distinct values. Columns of the
 * contract call it.
 */
import type { ErrorLocation } from '../../errors.ts';
import { decodeDistinct } from '../../parquet/decode-distinct.ts';
import type { ChunkShape } from '../../parquet/pages.ts';
import type { Column } from '../../parquet/types.ts';
import { checkPageBytes, type SourceChunk } from '../../source/source-chunk.ts';
import { PooledColumn, type StringPool } from './string-pool.ts';

/** Rows after which the share of distinct values is looked at, page by page. */
export const SAMPLE_ROWS = 8192;
/** Above this share of distinct values a dictionary saves no work. */
export const DISTINCT_SHARE_MAX = 0.7;

/** A chunk in dictionary form. `repeats` is false where its values hardly repeat: as a dictionary it saves no work. */
export interface Promoted {
  column: PooledColumn;
  repeats: boolean;
}

/** Undefined for a chunk that is not plain byte arrays, or whose first pages have hardly a value twice. */
export function decodePromoted(
  chunk: SourceChunk,
  where: ErrorLocation,
  shape: ChunkShape,
  pool: StringPool,
  allocate: (length: number) => Int32Array,
): Promoted | undefined {
  const { leaf, rows } = chunk;
  if (leaf.type.physical !== 'BYTE_ARRAY') return undefined;
  checkPageBytes(shape.pages, where);
  pool.begin();
  const sample = { rows: SAMPLE_ROWS, distinctMax: DISTINCT_SHARE_MAX };
  const decoded = decodeDistinct(chunk, where, shape, pool, sample, allocate);
  if (!decoded) return undefined;
  const column = new PooledColumn({ rows, ...decoded }, pool, pool.entries());
  return { column, repeats: pool.size <= rows * DISTINCT_SHARE_MAX };
}

/** A column without nulls with a value for each row, which costs less than to read its pages again. */
export function plainOf({ rows, nulls, numbers, indices, pool }: PooledColumn): Column | undefined {
  if (nulls > 0) return undefined;
  return { form: 'plain', rows, nulls, values: pool.values(indices.map((entry) => numbers[entry]!)), valid: undefined };
}

/** A decoded column in dictionary form, or as it was when its values hardly repeat. Only byte arrays are promoted. */
export function promote(column: Column, pool: StringPool, allocate: (length: number) => Int32Array): Column {
  if (column.form === 'dictionary' || column.values.kind !== 'bytes') return column;
  const { rows, nulls, valid } = column;
  const { data, offsets } = column.values;
  pool.begin();
  const indices = allocate(rows);
  for (let row = 0; row < rows; row++) {
    indices[row] = valid !== undefined && valid[row] === 0 ? -1 : pool.intern(data, offsets[row]!, offsets[row + 1]!);
    if (row === SAMPLE_ROWS && pool.size > SAMPLE_ROWS * DISTINCT_SHARE_MAX) return column;
  }
  if (pool.size > rows * DISTINCT_SHARE_MAX) return column;
  return new PooledColumn({ rows, nulls, indices }, pool, pool.entries());
}

/** A dictionary column whose entries are numbers of the pool; undefined where they are no strings. */
export function pooled(column: Extract<Column, { form: 'dictionary' }>, pool: StringPool): PooledColumn | undefined {
  if (column instanceof PooledColumn) return column;
  const { dictionary } = column;
  if (dictionary.kind !== 'bytes') return undefined;
  const { data, offsets } = dictionary;
  pool.begin();
  const places = new Int32Array(dictionary.length);
  for (let entry = 0; entry < places.length; entry++) {
    places[entry] = pool.intern(data, offsets[entry]!, offsets[entry + 1]!);
  }
  // A writer may have put one string into its dictionary twice.
  const entries = pool.entries();
  const numbers = places.map((place) => entries[place]!);
  return new PooledColumn(column, pool, numbers, dictionary);
}

/**
 * The chunks of a joined unit as one column in dictionary form. A dictionary is read entry by entry and merged with those
 * before it, and its rows' indices are mapped: no row's value is looked at. Plain strings that are wanted by distinct
 * value are interned as they are read. Called by `contract-column.ts` for units of several row groups; what does not pay
 * is left to it.
 */
import { locating } from '../../errors.ts';
import { KeyTable } from '../../keys/table.ts';
import { limits } from '../../limits.ts';
import { checkNullCount, decodeDictionary, decodeIndices } from '../../parquet/decode.ts';
import { type ByteStrings, decodeDistinct, type Interner } from '../../parquet/decode-distinct.ts';
import type { ChunkShape } from '../../parquet/pages.ts';
import { typeText } from '../../parquet/type-text.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import { allocate, bytesOf, checkBytes } from '../../parquet/values.ts';
import { checkPageBytes, chunkLocation, decodeSource, type SourceChunk } from '../../source/source-chunk.ts';
import { DISTINCT_SHARE_MAX, SAMPLE_ROWS } from './dictionary-encode.ts';
import { PooledColumn, type StringPool } from './string-pool.ts';

export interface JoinContext {
  /** The column's type over all files; chunks of another type are not joined here. */
  type: ColumnType;
  /** Of a column of strings that is wanted by distinct value. */
  pool: StringPool | undefined;
  list(length: number): Int32Array;
}

/** Undefined where a chunk is of another type, or where values repeat too seldom for a dictionary to pay. */
export function joinChunks(
  chunks: readonly SourceChunk[],
  shapes: readonly ChunkShape[],
  { type, pool, list }: JoinContext,
): Column | undefined {
  const text = typeText(type);
  if (chunks.some((chunk) => chunk.window || typeText(chunk.leaf.type) !== text)) return undefined;
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const strings = type.physical === 'BYTE_ARRAY' ? pool : undefined;
  if (strings) {
    strings.begin();
    const joined = join(chunks, shapes, strings, list(rows));
    return joined && new PooledColumn({ rows, ...joined }, strings, strings.entries());
  }
  if (!shapes.every((shape) => shape.whollyDictionary)) return undefined;
  const table = new KeyTable();
  const joined = join(chunks, shapes, table, list(rows));
  return joined && { form: 'dictionary', rows, ...joined, dictionary: valuesOf(table, type) };
}

/** By row: the number that the interner gives its value, -1 for null. */
function join(
  chunks: readonly SourceChunk[],
  shapes: readonly ChunkShape[],
  interner: Interner & { byteLength: number },
  out: Int32Array,
): { indices: Int32Array; nulls: number } | undefined {
  let row = 0;
  let nulls = 0;
  for (const [c, chunk] of chunks.entries()) {
    const own = out.subarray(row, row + chunk.rows);
    const at = chunkLocation(chunk);
    checkPageBytes(shapes[c]!.pages, at);
    const ownNulls = intern(chunk, shapes[c]!, interner, own);
    if (!chunk.leaf.path) checkNullCount(chunk.meta, ownNulls, at);
    locating(at, () => checkBytes(interner.byteLength, limits.columnBytesMax));
    nulls += ownNulls;
    row += chunk.rows;
    if (row >= SAMPLE_ROWS && interner.size > row * DISTINCT_SHARE_MAX) return undefined;
  }
  return { indices: out, nulls };
}

/** Writes the number of each row of a chunk. Returns the chunk's nulls. */
function intern(chunk: SourceChunk, shape: ChunkShape, interner: Interner, out: Int32Array): number {
  const { bytes, meta, leaf, rows } = chunk;
  const at = chunkLocation(chunk);
  const here = () => out;
  if (shape.whollyDictionary) {
    const numbers = internValues(decodeDictionary(bytes, meta, leaf, at, shape), interner);
    const { nulls } = decodeIndices(bytes, meta, leaf, rows, numbers.length, at, shape, here);
    if (nulls === 0) for (let row = 0; row < rows; row++) out[row] = numbers[out[row]!]!;
    else for (let row = 0; row < rows; row++) out[row] = out[row]! < 0 ? -1 : numbers[out[row]!]!;
    return nulls;
  }
  // Whether a string is worth a number is decided over all chunks.
  const all = { rows: Number.POSITIVE_INFINITY, distinctMax: 1 };
  const distinct = decodeDistinct(chunk, at, shape, interner, all, here);
  if (distinct) return distinct.nulls;
  // Delta pages, or a chunk that began with a dictionary and went on without.
  const column = decodeSource(chunk, shape, (length) => new Int32Array(length));
  const numbers = internValues(column.form === 'plain' ? column.values : column.dictionary, interner);
  const valid = column.form === 'plain' ? column.valid : undefined;
  for (let row = 0; row < rows; row++) out[row] = valid?.[row] === 0 ? -1 : numbers[row]!;
  return column.nulls;
}

/** Memory for the values of one chunk: most chunks of a joined unit are small. */
const scratch: ByteStrings & { numbers: Int32Array } = {
  bytes: new Uint8Array(0),
  starts: new Uint32Array(0),
  ends: new Uint32Array(0),
  count: 0,
  numbers: new Int32Array(0),
};

/** The numbers of values, by place; the list is good until the next call. */
function internValues(values: Values, interner: Interner): Int32Array {
  const count = values.length;
  if (scratch.numbers.length < count) {
    scratch.starts = new Uint32Array(2 * count);
    scratch.ends = new Uint32Array(2 * count);
    scratch.numbers = new Int32Array(2 * count);
  }
  const numbers = scratch.numbers.subarray(0, count);
  if (values.kind === 'bytes') {
    const { data: bytes, offsets: starts } = values;
    interner.internMany({ bytes, starts, ends: starts.subarray(1), count }, numbers);
    return numbers;
  }
  const bytes = bytesOf(values.data);
  const width = values.kind === 'fixed' ? values.width : values.data.BYTES_PER_ELEMENT;
  for (let i = 0; i < count; i++) {
    scratch.starts[i] = i * width;
    scratch.ends[i] = (i + 1) * width;
  }
  interner.internMany({ bytes, starts: scratch.starts, ends: scratch.ends, count }, numbers);
  return numbers;
}

/** The values of a table whose keys are their bytes. */
function valuesOf(table: KeyTable, type: ColumnType): Values {
  const { data, offsets, length } = table.values();
  if (type.physical === 'BYTE_ARRAY') return { kind: 'bytes', length, data, offsets };
  const values = allocate(type, length);
  bytesOf(values.data).set(data);
  return values;
}

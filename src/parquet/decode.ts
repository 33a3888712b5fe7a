/**
 * Decoding a column chunk of a flat column. A chunk that is dictionary-encoded throughout stays so: its dictionary and
 * one index per row. Anything else becomes one value per row. The split, the verifier and `table.ts` call it. It must
 * never trust a length or an index in the file.
 *
 * Specification: parquet-format `Encodings.md`.
 */
import type { ErrorLocation } from '../errors.ts';
import { limits } from '../limits.ts';
import { isDictionaryEncoding } from './constants.ts';
import { decodeDeltaBytes, decodeDeltaInt32, decodeDeltaInt64, decodeDeltaLengthBytes } from './delta.ts';
import { corrupt, guarded, unsupported } from './fail.ts';
import { BEYOND, decodeHybrid } from './hybrid.ts';
import { levelMaxOf, spreadIndices, Validity } from './levels.ts';
import { openDataPage, openDictionaryPage, type PageBody } from './page-body.ts';
import { type ChunkShape, chunkShape, type Page } from './pages.ts';
import { decodeByteStreamSplit, decodePlain } from './plain.ts';
import { PlainColumnBuilder } from './plain-column.ts';
import type { ChunkMeta, Column, ColumnType, Leaf, Values } from './types.ts';
import { bytesAt, gather } from './values.ts';

/**
 * Decodes a chunk of a flat column.
 * @param bytes the whole chunk
 * @param meta the chunk, as the footer describes it
 * @param leaf the column, as the file's schema has it
 * @param rows rows of the row group
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @param allocate gives memory for so many elements; what is in it does not matter
 * @returns the column, aligned to rows; its indices are in memory of `allocate`
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeChunk(
  bytes: Uint8Array,
  meta: ChunkMeta,
  leaf: Leaf,
  rows: number,
  where: ErrorLocation,
  shape?: ChunkShape,
  allocate?: (length: number) => Int32Array,
): Column {
  const at = locate(leaf, where);
  const parts = shape ?? chunkShape(bytes, meta, leaf, where);
  if (parts.whollyDictionary) {
    const dictionary = decodeDictionary(bytes, meta, leaf, where, parts);
    const { indices, nulls } = decodeIndices(bytes, meta, leaf, rows, dictionary.length, where, parts, allocate);
    return { form: 'dictionary', rows, nulls, dictionary, indices };
  }
  checkRows(meta, rows, at);
  return guarded(at, () => {
    const dictionary = parts.dictionaryPage && decodeDictionary(bytes, meta, leaf, where, parts);
    const validity = new Validity(rows);
    const builder = new PlainColumnBuilder(leaf.type, rows, validity);
    forEachDataPage(bytes, meta, leaf, parts, validity, at, (page, body) => {
      if (page.encoding === 'PLAIN' && builder.takesPlain) {
        builder.addPlain(body.bytes, body.start, body.end, page.numValues - body.nulls);
      } else builder.add(decodeValues(page, body, leaf.type, dictionary, at));
    });
    return { form: 'plain', rows, nulls: validity.nulls, values: builder.finish(), valid: validity.result() };
  });
}

/**
 * Decodes the dictionary of a chunk. Entries may be unused.
 * @param bytes the whole chunk, or its beginning with the dictionary page
 * @param meta the chunk, as the footer describes it
 * @param leaf the column, as the file's schema has it
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @returns the entries
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `CorruptFile` also when there is no dictionary
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeDictionary(
  bytes: Uint8Array,
  meta: ChunkMeta,
  leaf: Leaf,
  where: ErrorLocation,
  shape: ChunkShape = chunkShape(bytes, meta, leaf, where),
): Values {
  const at = locate(leaf, where);
  const page = shape.dictionaryPage;
  if (!page) corrupt('a dictionary is needed and there is none', at);
  if (page.encoding !== 'PLAIN' && page.encoding !== 'PLAIN_DICTIONARY') {
    unsupported(`The column's dictionary is encoded as ${page.encoding}.`, at);
  }
  return guarded(at, () => {
    const body = openDictionaryPage(bytes, page, meta.codec, at);
    return decodePlain(leaf.type, body, 0, body.length, page.numValues);
  });
}

/**
 * Decodes the indices of a wholly dictionary-encoded chunk.
 * @param bytes the whole chunk
 * @param meta the chunk, as the footer describes it
 * @param leaf the column, as the file's schema has it
 * @param rows rows of the row group
 * @param dictionaryLength entries of the dictionary
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @param allocate gives memory for so many elements; what is in it does not matter
 * @returns an index for each row, below `dictionaryLength`, -1 for null
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeIndices(
  bytes: Uint8Array,
  meta: ChunkMeta,
  leaf: Leaf,
  rows: number,
  dictionaryLength: number,
  where: ErrorLocation,
  shape: ChunkShape = chunkShape(bytes, meta, leaf, where),
  allocate: (length: number) => Int32Array = (length) => new Int32Array(length),
): { indices: Int32Array; nulls: number } {
  const at = locate(leaf, where);
  if (!shape.whollyDictionary) corrupt('indices are needed of a chunk that is not dictionary-encoded', at);
  checkRows(meta, rows, at);
  return guarded(at, () => {
    const indices = allocate(rows);
    const validity = new Validity(rows);
    forEachDataPage(bytes, meta, leaf, shape, validity, at, (page, body, row) => {
      const count = page.numValues - body.nulls;
      decodePageIndices(body, count, dictionaryLength, indices, row, at);
      if (body.nulls > 0) spreadIndices(indices, row, page.numValues, count, validity.materialise());
    });
    return { indices, nulls: validity.nulls };
  });
}

/**
 * The place of a flat column's chunk.
 * @param leaf the column, as the file's schema has it
 * @param where place for errors: blob, row group, column
 * @returns the place with the column
 * @throws `UnsupportedFile` for a column in a list or a map
 */
export function locate(leaf: Leaf, where: ErrorLocation): ErrorLocation {
  const at = { ...where, column: leaf.name };
  if (leaf.nested)
    unsupported('The column is in a list or a map, and only flat columns and leaves of groups can be read.', at);
  return at;
}

/**
 * Holds the nulls that were counted in a whole chunk to the footer's count, where it states one: engines answer `IS
 * NULL` by it.
 * @param meta the chunk, as the footer describes it
 * @param nulls nulls counted in the whole chunk
 * @param where place for errors: blob, row group, column
 * @throws `CorruptFile` when the footer states another number
 */
export function checkNullCount(meta: ChunkMeta, nulls: number, where: ErrorLocation): void {
  const stated = meta.statistics?.nullCount;
  if (stated !== undefined && stated !== nulls) corrupt(`a chunk of ${nulls} nulls that declares ${stated}`, where);
}

/**
 * Holds the number of values of a flat chunk to its row group's rows.
 * @param meta the chunk, as the footer describes it
 * @param rows rows of the row group
 * @param where place for errors: blob, row group, column
 * @throws `CorruptFile` when they differ
 */
export function checkRows(meta: ChunkMeta, rows: number, where: ErrorLocation): void {
  if (meta.numValues !== rows) corrupt(`a chunk of ${meta.numValues} values in a group of ${rows} rows`, where);
}

/**
 * Opens the data pages in turn; `row` is the first row of each.
 * @param bytes the whole chunk
 * @param meta the chunk, as the footer describes it
 * @param leaf the column, as the file's schema has it
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @param validity the chunk's rows
 * @param where place for errors: blob, row group, column
 * @param visit what to do with an open page; `row` is its first row
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `RangeError` on levels that end too soon
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function forEachDataPage(
  bytes: Uint8Array,
  meta: ChunkMeta,
  leaf: Leaf,
  shape: ChunkShape,
  validity: Validity,
  where: ErrorLocation,
  visit: (page: Page, body: PageBody, row: number) => void,
): void {
  const levelMax = levelMaxOf(leaf);
  let row = 0;
  for (const page of shape.pages) {
    if (page.kind === 'dictionary') continue;
    if (page.numValues > meta.numValues - row) corrupt('pages of more values than their chunk', where);
    visit(page, openDataPage(bytes, page, meta.codec, levelMax, validity, row, where), row);
    row += page.numValues;
  }
  if (row < meta.numValues) corrupt('pages of fewer values than their chunk', where);
}

/** Decodes the `count` indices of a page into out[at...] and checks them against the dictionary. */
function decodePageIndices(
  body: PageBody,
  count: number,
  dictionaryLength: number,
  out: Int32Array,
  at: number,
  where: ErrorLocation,
): void {
  if (count === 0) return;
  if (body.start >= body.end) corrupt('a page of indices without their bit width', where);
  const bitWidth = body.bytes[body.start]!;
  const last = dictionaryLength - 1;
  if (decodeHybrid(body.bytes, body.start + 1, body.end, bitWidth, count, out, at, last) !== BEYOND) return;
  const bad = out.subarray(at, at + count).find((index) => index < 0 || index > last) ?? -1;
  corrupt(`index ${bad >>> 0} into a dictionary of ${dictionaryLength} entries`, where);
}

/**
 * Decodes the values of a page; nulls are left out.
 * @param page the data page
 * @param body the page, opened
 * @param type type of the column
 * @param dictionary the chunk's dictionary, if it has one
 * @param where place for errors: blob, row group, column
 * @returns the values, `page.numValues - body.nulls` of them
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeValues(
  page: Page,
  body: PageBody,
  type: ColumnType,
  dictionary: Values | undefined,
  where: ErrorLocation,
): Values {
  const { bytes, start, end } = body;
  const count = page.numValues - body.nulls;
  // Without values a page may lack even what its encoding prescribes.
  if (count === 0) return decodePlain(type, bytes, start, start, 0);
  if (isDictionaryEncoding(page.encoding)) {
    if (!dictionary) corrupt('a dictionary-encoded page without a dictionary', where);
    const indices = new Int32Array(count);
    decodePageIndices(body, count, dictionary.length, indices, 0, where);
    return gather(dictionary, indices, count, limits.columnBytesMax);
  }
  const { physical } = type;
  switch (page.encoding) {
    case 'PLAIN':
      return decodePlain(type, bytes, start, end, count);
    case 'BYTE_STREAM_SPLIT':
      if (physical !== 'BYTE_ARRAY' && physical !== 'BOOLEAN') {
        return decodeByteStreamSplit(type, bytes, start, end, count);
      }
      break;
    case 'RLE':
      if (physical === 'BOOLEAN') return decodeRleBooleans(bytes, start, end, count, where);
      break;
    case 'DELTA_BINARY_PACKED':
      if (physical === 'INT32') return decodeDeltaInt32(bytes, start, end, count);
      if (physical === 'INT64') return decodeDeltaInt64(bytes, start, end, count);
      break;
    case 'DELTA_LENGTH_BYTE_ARRAY':
      if (physical === 'BYTE_ARRAY') return decodeDeltaLengthBytes(bytes, start, end, count);
      break;
    case 'DELTA_BYTE_ARRAY': {
      const isFixed = physical === 'FIXED_LEN_BYTE_ARRAY';
      if (!isFixed && physical !== 'BYTE_ARRAY') break;
      const values = decodeDeltaBytes(bytes, start, end, count, limits.columnBytesMax);
      return isFixed ? toFixed(values, type.typeLength ?? 0, where) : values;
    }
    default:
  }
  return corrupt(`${page.encoding} pages in a column of ${physical}`, where);
}

function decodeRleBooleans(bytes: Uint8Array, start: number, end: number, count: number, where: ErrorLocation): Values {
  if (end - start < 4) corrupt('a page of booleans without their length', where);
  const length = new DataView(bytes.buffer, bytes.byteOffset + start, 4).getUint32(0, true);
  if (length > end - start - 4) corrupt(`booleans of ${length} bytes in a page of ${end - start}`, where);
  const data = new Uint8Array(count);
  decodeHybrid(bytes, start + 4, start + 4 + length, 1, count, data, 0);
  if (data.some((bit) => bit > 1)) corrupt('a boolean that is neither 0 nor 1', where);
  return { kind: 'boolean', length: count, data };
}

function toFixed(values: Values & { kind: 'bytes' }, width: number, where: ErrorLocation): Values {
  for (let i = 0; i < values.length; i++) {
    if (bytesAt(values, i).length !== width) corrupt(`a value of another length than ${width} bytes`, where);
  }
  return { kind: 'fixed', length: values.length, data: values.data, width };
}

/**
 * Proves that a column chunk can be read, without keeping what is read: for a chunk whose bytes are copied into an
 * output. `src/split` calls it before it copies. It never changes bytes and does no I/O.
 *
 * What is walked: every page's CRC where it has one, its decompressed size, its definition levels, and that its values
 * are all there (lengths of byte arrays, indices within the dictionary, sizes of fixed widths). Text is held to UTF-8
 * on the dictionary and on pages that have values of their own. Counted nulls are held to the footer's null count.
 * Bounds in statistics are not compared: that would take a full decode.
 *
 * Specification: parquet-format README.md "Data Pages", `Encodings.md`, `parquet.thrift`.
 */
import { isUtf8 } from 'node:buffer';
import type { ErrorLocation } from '../errors.ts';
import { isDictionaryEncoding } from './constants.ts';
import { checkNullCount, decodeDictionary, decodeValues, forEachDataPage, locate } from './decode.ts';
import { corrupt, guarded } from './fail.ts';
import { hybridHolds } from './hybrid.ts';
import { Validity } from './levels.ts';
import type { PageBody } from './page-body.ts';
import type { ChunkShape, FetchedChunk, Page } from './pages.ts';
import { needExactly, needPlain } from './plain.ts';
import { isText, textHolds } from './text.ts';
import type { ColumnType, Values } from './types.ts';

/**
 * Walks all pages of a flat chunk.
 * @param chunk the chunk, as it was fetched
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say
 * @returns false when the chunk is whole but some text in it is not UTF-8 (perhaps only a dictionary entry that no row
 *   uses): the caller, who knows rows, then says where
 * @throws `CorruptFile`, `TruncatedFile`, `UnsupportedFile` or `LimitExceeded` with blob, row group and column
 */
export function proveChunk(
  { bytes, meta, leaf }: Omit<FetchedChunk, 'rows'>,
  where: ErrorLocation,
  shape: ChunkShape,
): boolean {
  const at = locate(leaf, where);
  const { type } = leaf;
  return guarded(at, () => {
    const dictionary = shape.dictionaryPage && decodeDictionary(bytes, meta, leaf, where, shape);
    let text = !dictionary || !isText(type) || textHolds(dictionary);
    const validity = new Validity(meta.numValues);
    forEachDataPage(bytes, meta, leaf, shape, validity, at, (page, body) => {
      if (!proveValues(page, body, type, dictionary, at)) text = false;
    });
    checkNullCount(meta, validity.nulls, at);
    return text;
  });
}

/** False when some value is text and not UTF-8. Throws `OrdinalError` and, on bytes that end too soon, `RangeError`. */
function proveValues(
  page: Page,
  body: PageBody,
  type: ColumnType,
  dictionary: Values | undefined,
  where: ErrorLocation,
): boolean {
  const { bytes, start, end } = body;
  const count = page.numValues - body.nulls;
  if (count === 0) return true;
  if (isDictionaryEncoding(page.encoding) && dictionary) {
    if (start >= end) corrupt('a page of indices without their bit width', where);
    if (hybridHolds(bytes, start + 1, end, bytes[start]!, count, dictionary.length - 1)) return true;
    corrupt(`an index beyond its dictionary of ${dictionary.length} entries`, where);
  }
  const bytewise = type.physical === 'BYTE_ARRAY';
  if (page.encoding === 'PLAIN' && bytewise) return plainBytesHold(bytes, start, end, count, isText(type));
  if (page.encoding === 'PLAIN') needPlain(type, count, end - start);
  else if (page.encoding === 'BYTE_STREAM_SPLIT' && !bytewise) needExactly(type, count, end - start);
  else {
    const values = decodeValues(page, body, type, dictionary, where);
    return !isText(type) || textHolds(values);
  }
  return true;
}

/** Byte arrays below this length have a length prefix of ASCII bytes: the prefix and three zeros. */
const asciiPrefixMax = 128;

/**
 * Walks `count` PLAIN byte arrays; false when they are to be text and one is not UTF-8. Prefixes of short ones are ASCII,
 * which no character crosses, so a stretch of short values is UTF-8 with its prefixes exactly when each value is: one
 * call proves many. Throws `RangeError` when the bytes end too soon.
 */
function plainBytesHold(bytes: Uint8Array, start: number, end: number, count: number, text: boolean): boolean {
  let holds = true;
  let stretch = start;
  let i = start;
  for (let k = 0; k < count; k++) {
    if (end - i < 4) throw new RangeError('a byte array without a length');
    const length = (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)) >>> 0;
    const first = i + 4;
    if (length > end - first) throw new RangeError(`a byte array of ${length} bytes runs past the end`);
    if (text && length >= asciiPrefixMax) {
      holds &&= isUtf8(bytes.subarray(stretch, i)) && isUtf8(bytes.subarray(first, first + length));
      stretch = first + length;
    }
    i = first + length;
  }
  return holds && (!text || isUtf8(bytes.subarray(stretch, i)));
}

/**
 * Encoding a decoded column, choosing between a dictionary and PLAIN by what is smaller. The split and the resolve call
 * it for columns that cannot be copied. It must never change a value.
 */
import { invariant } from '../errors.ts';
import { buildDictionary } from './dictionary.ts';
import { encodeDictionaryPage, encodeIndexPages, encodePlain, type PageOptions } from './encode-pages.ts';
import { bitWidthOf } from './hybrid.ts';
import { statisticsOf } from './statistics.ts';
import type { Codec, Column, ColumnType, EncodedChunk, Values } from './types.ts';
import { byteLength, gather } from './values.ts';

/** How a column is encoded. */
export interface EncodeColumnOptions extends PageOptions {
  /** Whether its pages must be PLAIN. @default false */
  plain?: boolean;
}

/**
 * Encodes a column. The dictionary form keeps its dictionary, without the entries that no row uses, unless PLAIN is
 * smaller; the plain form gets a dictionary where that clearly pays. Nulls in a REQUIRED column are a defect
 * (Internal).
 * @param column a decoded column
 * @param type type of the column
 * @param optional whether the column is OPTIONAL, so that rows may be null
 * @param codec compression of the chunk's pages
 * @param options rows of a page at most, and whether pages must be PLAIN
 * @returns the chunk
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 */
export function encodeColumn(
  column: Column,
  type: ColumnType,
  optional: boolean,
  codec: Codec,
  options: EncodeColumnOptions = {},
): EncodedChunk {
  if (column.form === 'plain') {
    const built =
      options.plain || type.physical === 'BOOLEAN' ? undefined : buildDictionary(column.values, column.valid);
    if (built) return encodeDictionaryChunk(built.dictionary, built.indices, type, optional, codec, options);
    return encodePlain(type, optional, column.values, column.valid, codec, options);
  }
  const { dictionary, indices } = dropUnused(column.dictionary, column.indices);
  if (!options.plain && type.physical !== 'BOOLEAN' && dictionaryPays(dictionary, column.rows - column.nulls)) {
    return encodeDictionaryChunk(dictionary, indices, type, optional, codec, options);
  }
  const valid = column.nulls > 0 ? Uint8Array.from(indices, (index) => (index < 0 ? 0 : 1)) : undefined;
  return encodePlain(type, optional, gather(dictionary, indices), valid, codec, options);
}

/**
 * A chunk of a dictionary page and pages of indices. Every entry must be used, so that the statistics are exact.
 * @param dictionary distinct values
 * @param indices an entry for each row, -1 for null
 * @param type type of the column
 * @param optional whether the column is OPTIONAL, so that rows may be null
 * @param codec compression of the chunk's pages
 * @param options rows of a page at most, and what else is left open
 * @returns the chunk
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 */
export function encodeDictionaryChunk(
  dictionary: Values,
  indices: Int32Array,
  type: ColumnType,
  optional: boolean,
  codec: Codec,
  options: PageOptions = {},
): EncodedChunk {
  const page = encodeDictionaryPage(dictionary, codec);
  const data = encodeIndexPages(indices, dictionary.length, optional, codec, options);
  return {
    parts: [page.bytes, ...data.parts],
    meta: {
      codec,
      encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
      numValues: data.numValues,
      length: page.bytes.length + data.length,
      uncompressedLength: page.uncompressedLength + data.uncompressedLength,
      dictionaryPageOffset: 0,
      dataPageOffset: page.bytes.length,
      statistics: statisticsOf(dictionary, type, undefined, data.nulls),
      pageEncodings: [
        { page: 'dictionary', encoding: 'PLAIN', count: 1 },
        { page: 'v1', encoding: 'RLE_DICTIONARY', count: data.pages },
      ],
    },
  };
}

/** Whether dictionary and indices take fewer bytes than the values themselves. */
function dictionaryPays(dictionary: Values, count: number): boolean {
  if (dictionary.length === 0 || count === 0) return false;
  const prefix = dictionary.kind === 'bytes' ? 4 : 0;
  const entry = byteLength(dictionary) / dictionary.length + prefix;
  const withDictionary = dictionary.length * entry + (count * bitWidthOf(dictionary.length - 1)) / 8;
  return withDictionary < count * entry;
}

/**
 * The same column with only those entries that some row uses, in the same order.
 * @param dictionary distinct values
 * @param indices an entry for each row, -1 for null
 * @returns the smaller dictionary, and indices into it
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function dropUnused(dictionary: Values, indices: Int32Array): { dictionary: Values; indices: Int32Array } {
  const moved = new Int32Array(dictionary.length);
  for (let r = 0; r < indices.length; r++) if (indices[r]! >= 0) moved[indices[r]!] = 1;
  let used = 0;
  const kept = new Int32Array(dictionary.length);
  for (let i = 0; i < moved.length; i++) {
    if (moved[i] === 0) continue;
    kept[used] = i;
    moved[i] = used++;
  }
  if (used === dictionary.length) return { dictionary, indices };
  invariant(used < dictionary.length, 'no more entries are used than there are');
  const out = new Int32Array(indices.length);
  for (let r = 0; r < indices.length; r++) out[r] = indices[r]! < 0 ? -1 : moved[indices[r]!]!;
  return { dictionary: gather(dictionary, kept, used), indices: out };
}

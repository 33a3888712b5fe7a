/**
 * Encoding column chunks: PLAIN pages, dictionary pages and pages of indices. Data pages are V1, which every reader
 * knows. Offsets of the result are relative to the chunk's first byte. `encode-column.ts`, the split and the seal call
 * it.
 *
 * Specification: parquet-format `Encodings.md`, README.md "Data Pages".
 */
import { invariant } from '../errors.ts';
import { compress } from './codecs.ts';
import { bitWidthOf, encodeHybrid } from './hybrid.ts';
import { encodeLevels } from './levels.ts';
import { pageHeader } from './pages.ts';
import { encodePlainValues } from './plain.ts';
import { compressedRun } from './run-compress.ts';
import { statisticsOf } from './statistics.ts';
import type { Codec, ColumnType, EncodedChunk, Encoding, RawStatistics, Values } from './types.ts';

/** Rows of a page unless its bytes end it first. */
export const pageRowsDefault = 128 * 1024;
/** Bytes of a PLAIN page, before compression, at which the next begins. */
const pageBytesTarget = 1024 * 1024;

/** How a chunk is cut into pages. */
export interface PageOptions {
  /** Rows of a page at most. @default 131072 */
  rowsPerPage?: number;
}

/** The same, and what is known of the values. */
export interface EncodePlainOptions extends PageOptions {
  /** Statistics to state instead of computing them. */
  statistics?: RawStatistics;
}

/** Data pages as bytes to place one after the other. */
export interface EncodedPages {
  parts: Uint8Array[];
  /** Bytes of all parts. */
  length: number;
  /** Bytes before compression, page headers included. */
  uncompressedLength: number;
  numValues: number;
  nulls: number;
  pages: number;
}

/**
 * A chunk of PLAIN pages. Nulls in a REQUIRED column are a defect (Internal).
 * @param type type of the column
 * @param optional whether the column is OPTIONAL, so that rows may be null
 * @param values values of the column, aligned to rows
 * @param valid 0 for each row that is null, aligned to the values; undefined when none is null
 * @param codec compression of the chunk's pages
 * @param options rows of a page at most, and what else is left open
 * @returns the chunk
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 */
export function encodePlain(
  type: ColumnType,
  optional: boolean,
  values: Values,
  valid: Uint8Array | undefined,
  codec: Codec,
  options: EncodePlainOptions = {},
): EncodedChunk {
  const nulls = valid ? countNulls(valid, values.length) : 0;
  invariant(optional || nulls === 0, 'a REQUIRED column has no nulls');
  const present = nulls > 0 ? valid : undefined;
  const pages = new PageWriter(codec, 'PLAIN');
  const rowsMax = options.rowsPerPage ?? pageRowsDefault;
  for (let from = 0; from < values.length; ) {
    const to = pageEnd(values, from, rowsMax);
    const levels = optional ? encodeLevels(present, from, to) : undefined;
    pages.add(to - from, levels, encodePlainValues(values, present, from, to));
    from = to;
  }
  const statistics = options.statistics ?? statisticsOf(values, type, present, nulls);
  return pages.chunk(statistics);
}

/**
 * A chunk of nulls alone, in an OPTIONAL column of any type.
 * @param rows rows of the chunk
 * @param codec compression of the chunk's pages
 * @returns the chunk
 * @throws `UnsupportedFile` for a codec that is not supported
 */
export function encodeNulls(rows: number, codec: Codec): EncodedChunk {
  const pages = new PageWriter(codec, 'PLAIN');
  const none = new Uint8Array(Math.min(rows, pageRowsDefault));
  for (let from = 0; from < rows; from += pageRowsDefault) {
    const count = Math.min(rows - from, pageRowsDefault);
    pages.add(count, encodeLevels(none, 0, count), new Uint8Array(0));
  }
  return pages.chunk({ nullCount: rows });
}

/** The row at which a page that begins at `from` ends. */
function pageEnd(values: Values, from: number, rowsMax: number): number {
  const last = Math.min(values.length, from + rowsMax);
  if (values.kind !== 'bytes') {
    const width = values.kind === 'fixed' ? Math.max(1, values.width) : values.data.BYTES_PER_ELEMENT;
    return Math.min(last, from + Math.max(1, Math.floor(pageBytesTarget / width)));
  }
  const bytesEnd = values.offsets[from]! + pageBytesTarget;
  let to = from + 1;
  while (to < last && values.offsets[to + 1]! + 4 * (to - from) <= bytesEnd) to++;
  return to;
}

function countNulls(valid: Uint8Array, length: number): number {
  let present = 0;
  for (let i = 0; i < length; i++) if (valid[i] !== 0) present++;
  return length - present;
}

/**
 * A dictionary page of these values, header and body. The codec must be the one of the pages behind it.
 * @param values entries of the dictionary
 * @param codec compression of the chunk's pages
 * @returns the page, and the bytes that it takes uncompressed, header included
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 */
export function encodeDictionaryPage(values: Values, codec: Codec): { bytes: Uint8Array; uncompressedLength: number } {
  const body = encodePlainValues(values, undefined, 0, values.length);
  // Keys seen for the first time have IDs that follow each other.
  const stored = compressedRun(values, codec) ?? compress(codec, body);
  const page = { numValues: values.length, encoding: 'PLAIN', uncompressedLength: body.length } as const;
  const header = pageHeader({ kind: 'dictionary', ...page }, stored.length);
  const bytes = new Uint8Array(header.length + stored.length);
  bytes.set(header);
  bytes.set(stored, header.length);
  return { bytes, uncompressedLength: header.length + body.length };
}

/**
 * Data pages of indices into a dictionary of `dictionaryLength` entries; -1 is null, which only an OPTIONAL column
 * may have.
 * @param indices an entry for each row, -1 for null
 * @param dictionaryLength entries of the dictionary
 * @param optional whether the column is OPTIONAL, so that rows may be null
 * @param codec compression of the chunk's pages
 * @param options rows of a page at most, and what else is left open
 * @returns the pages
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 */
export function encodeIndexPages(
  indices: Int32Array,
  dictionaryLength: number,
  optional: boolean,
  codec: Codec,
  options: PageOptions = {},
): EncodedPages {
  // Some readers dislike pages of zero bits, so a dictionary of one entry has one-bit indices too.
  const bitWidth = Math.max(1, bitWidthOf(Math.max(0, dictionaryLength - 1)));
  const pages = new PageWriter(codec, 'RLE_DICTIONARY');
  const rowsMax = options.rowsPerPage ?? pageRowsDefault;
  let nulls = 0;
  for (let from = 0; from < indices.length; from += rowsMax) {
    const to = Math.min(indices.length, from + rowsMax);
    const split = splitNulls(indices, from, to);
    nulls += split.nulls;
    invariant(optional || split.nulls === 0, 'a REQUIRED column has no nulls');
    const levels = optional ? encodeLevels(split.valid, 0, to - from) : undefined;
    const head = (levels?.length ?? 0) + 1;
    const body = encodeHybrid(split.values, split.from, split.to, bitWidth, head);
    if (levels) body.set(levels);
    body[head - 1] = bitWidth;
    pages.add(to - from, undefined, body);
  }
  return { ...pages.result(), nulls };
}

/** Indices [from, to) without the nulls among them; without a copy when there are none. */
function splitNulls(
  indices: Int32Array,
  from: number,
  to: number,
): { values: Int32Array; from: number; to: number; nulls: number; valid: Uint8Array | undefined } {
  let signs = 0;
  for (let i = from; i < to; i++) signs |= indices[i]!;
  if (signs >= 0) return { values: indices, from, to, nulls: 0, valid: undefined };
  const values = new Int32Array(to - from);
  const valid = new Uint8Array(to - from);
  let count = 0;
  for (let i = from; i < to; i++) {
    const index = indices[i]!;
    if (index < 0) continue;
    values[count++] = index;
    valid[i - from] = 1;
  }
  return { values, from: 0, to: count, nulls: to - from - count, valid };
}

/** Collects the data pages of a chunk. */
export class PageWriter {
  readonly #codec: Codec;
  readonly #encoding: Encoding;
  readonly #parts: Uint8Array[] = [];
  #length = 0;
  #uncompressedLength = 0;
  #numValues = 0;
  #pages = 0;

  constructor(codec: Codec, encoding: Encoding) {
    this.#codec = codec;
    this.#encoding = encoding;
  }

  /**
   * Adds a V1 page of `rows` rows: definition levels (for OPTIONAL columns), unless `values` begins with them.
   * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
   */
  add(rows: number, levels: Uint8Array | undefined, values: Uint8Array): void {
    let body = values;
    if (levels) {
      body = new Uint8Array(levels.length + values.length);
      body.set(levels);
      body.set(values, levels.length);
    }
    this.addStored(rows, body.length, compress(this.#codec, body));
  }

  /** Adds a V1 page whose body is compressed already, from `uncompressedLength` bytes. */
  addStored(rows: number, uncompressedLength: number, stored: Uint8Array): void {
    const page = { numValues: rows, encoding: this.#encoding, uncompressedLength };
    const header = pageHeader({ kind: 'v1', ...page }, stored.length);
    this.#parts.push(header, stored);
    this.#length += header.length + stored.length;
    this.#uncompressedLength += header.length + uncompressedLength;
    this.#numValues += rows;
    this.#pages++;
  }

  /** The pages so far, and what the footer says of them. */
  result(): Omit<EncodedPages, 'nulls'> {
    return {
      parts: this.#parts,
      length: this.#length,
      uncompressedLength: this.#uncompressedLength,
      numValues: this.#numValues,
      pages: this.#pages,
    };
  }

  /** The pages as a chunk without a dictionary. */
  chunk(statistics: RawStatistics): EncodedChunk {
    return {
      parts: this.#parts,
      meta: {
        codec: this.#codec,
        encodings: [this.#encoding, 'RLE'],
        numValues: this.#numValues,
        length: this.#length,
        uncompressedLength: this.#uncompressedLength,
        dataPageOffset: 0,
        statistics,
        pageEncodings: [{ page: 'v1', encoding: this.#encoding, count: this.#pages }],
      },
    };
  }
}

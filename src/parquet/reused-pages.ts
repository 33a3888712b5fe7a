/**
 * Pages of one file put into another: which may stand there as they are, and what of their headers stays true behind
 * another dictionary. Bodies are never touched. The split calls it where a source's data pages go into an output.
 *
 * Specification: parquet-format `parquet.thrift` (PageHeader, DataPageHeader, DataPageHeaderV2), `Encodings.md`.
 */
import { isDictionaryEncoding } from './constants.ts';
import { type ChunkShape, pageHeader } from './pages.ts';
import type { ColumnType, Encoding, Leaf } from './types.ts';

/**
 * Whether the readers that people have take the pages of a flat chunk. The exceptions are allowed by the specification
 * and rare: levels in BIT_PACKED, indices into no dictionary (old chunks of nulls), BYTE_STREAM_SPLIT of anything but
 * floating point, DELTA_BYTE_ARRAY of fixed lengths, DELTA_LENGTH_BYTE_ARRAY of decimals. DuckDB or Polars refuse each.
 * @param shape what the chunk's page headers say
 * @param leaf the column, as the file's schema has it
 * @returns true when all of them read the chunk
 */
export function readByAll(shape: ChunkShape, { type, optional }: Leaf): boolean {
  return shape.pages.every(({ kind, encoding, levelEncoding }) => {
    if (optional && levelEncoding === 'BIT_PACKED') return false;
    if (!encodingReadByAll(encoding, type)) return false;
    return kind === 'dictionary' || !isDictionaryEncoding(encoding) || shape.dictionaryPage !== undefined;
  });
}

function encodingReadByAll(encoding: Encoding, { physical, annotation }: ColumnType): boolean {
  if (encoding === 'BYTE_STREAM_SPLIT') return physical === 'FLOAT' || physical === 'DOUBLE';
  if (encoding === 'DELTA_BYTE_ARRAY') return physical === 'BYTE_ARRAY';
  if (encoding === 'DELTA_LENGTH_BYTE_ARRAY') return annotation?.kind !== 'decimal';
  return true;
}

/**
 * The same by the footer alone, of a chunk whose page headers are not read. Writers name BIT_PACKED also for levels that a
 * flat column does not have; where RLE is named beside it, the levels that it has are taken to be those.
 * @param encodings what the footer says of all pages of the chunk
 * @param leaf the column, as the file's schema has it
 * @returns true when all readers take the chunk
 */
export function encodingsReadByAll(encodings: readonly Encoding[], { type, optional }: Leaf): boolean {
  if (optional && encodings.includes('BIT_PACKED') && !encodings.includes('RLE')) return false;
  return encodings.every((encoding) => encodingReadByAll(encoding, type));
}

/**
 * The same for readers of the format's first years: PLAIN values and dictionaries, in pages of version 1. (Version 2
 * pages are read differently by different ones.)
 * @param shape what the chunk's page headers say
 * @param leaf the column, as the file's schema has it
 * @returns true when all of them read the chunk
 */
export function readByV1(shape: ChunkShape, leaf: Leaf): boolean {
  const plain = shape.pages.every(
    ({ kind, encoding }) => kind !== 'v2' && (encoding === 'PLAIN' || isDictionaryEncoding(encoding)),
  );
  return plain && readByAll(shape, leaf);
}

/** Pages to be written behind another dictionary. */
export interface ReusedPages {
  /** To be placed one after the other. */
  parts: Uint8Array[];
  /** Bytes of all parts, as stored and when decompressed; headers included. */
  length: number;
  uncompressedLength: number;
}

/**
 * The data pages of a wholly dictionary-encoded flat chunk for use behind another dictionary. Some writers (Polars,
 * Arrow for C++) state statistics in every page header: those are of the old values and left out. `bytes` is the whole
 * chunk.
 * @param bytes the whole chunk
 * @param shape what the chunk's page headers say
 * @returns the data pages, with headers that stay true
 */
export function pagesForOtherDictionary(bytes: Uint8Array, shape: ChunkShape): ReusedPages {
  const { dataStart, dataEnd, dataUncompressedLength, pages } = shape;
  const length = dataEnd - dataStart;
  if (!pages.some((page) => page.statistics)) {
    return { parts: [bytes.subarray(dataStart, dataEnd)], length, uncompressedLength: dataUncompressedLength };
  }
  const out: ReusedPages = { parts: [], length: 0, uncompressedLength: 0 };
  for (const page of pages) {
    if (page.kind === 'dictionary') continue;
    const body = bytes.subarray(page.body, page.end);
    const header = page.statistics ? pageHeader(page, body.length) : bytes.subarray(page.header, page.body);
    out.parts.push(header, body);
    out.length += header.length + body.length;
    out.uncompressedLength += header.length + page.uncompressedLength;
  }
  return out;
}

/**
 * Page headers of one column chunk: where each page's body is and how it is encoded. Bodies are not touched. The split
 * calls it before it decides how a chunk goes.
 *
 * Specification: parquet-format `parquet.thrift` (PageHeader).
 */
import type { ErrorLocation } from '../errors.ts';
import { encodings, isDictionaryEncoding, pageType } from './constants.ts';
import { corrupt, truncated, unsupported } from './fail.ts';
import { readThrift, ThriftError, type ThriftStruct } from './thrift-read.ts';
import { ThriftWriter } from './thrift-write.ts';
import type { ChunkMeta, Encoding, Leaf } from './types.ts';

/** Where a page's header has the details of its kind. */
const detailsField = { v1: 5, dictionary: 7, v2: 8 };

/** One page of a chunk; offsets are relative to the chunk's first byte. */
export interface Page {
  kind: 'dictionary' | 'v1' | 'v2';
  /** First byte of the header. */
  header: number;
  /** First byte of the body. */
  body: number;
  /** First byte behind the body. */
  end: number;
  /** Bytes of the body when decompressed; with V2 this counts the levels, which are never compressed. */
  uncompressedLength: number;
  /** Values including nulls; entries of a dictionary. */
  numValues: number;
  encoding: Encoding;
  /** V1: encoding of the definition levels. */
  levelEncoding?: Encoding;
  /** CRC-32 of the body as stored, when the writer put one. */
  crc?: number;
  /** The header states bounds or counts of the page's values. */
  statistics?: true;
  /** V2 only. */
  v2?: { nulls: number; repetitionBytes: number; definitionBytes: number; compressed: boolean };
}

/** A column chunk as it was fetched: its bytes, and what the footer says of it. */
export interface FetchedChunk {
  bytes: Uint8Array;
  meta: ChunkMeta;
  leaf: Leaf;
  /** Rows of its row group. */
  rows: number;
}

/**
 * Reads the page headers of a chunk.
 * @param bytes the whole chunk
 * @param meta the chunk, as the footer describes it
 * @param leaf the column, as the file's schema has it
 * @param where place for errors: blob, row group, column
 * @param rowsMax rows after which no further page is read, for whoever wants the first rows only
 * @returns the pages, in file order
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `CorruptFile` when the bytes are not what the format says
 */
export function readPages(
  bytes: Uint8Array,
  meta: ChunkMeta,
  leaf: Leaf,
  where: ErrorLocation,
  rowsMax: number = Number.POSITIVE_INFINITY,
): Page[] {
  const at = { ...where, column: leaf.name };
  if (meta.unsupported) unsupported(`The column cannot be read: ${meta.unsupported}.`, at);
  if (bytes.length < meta.length) truncated(`${bytes.length} bytes of a chunk of ${meta.length}`, at);
  const pages: Page[] = [];
  const wanted = Math.min(rowsMax, meta.numValues);
  let values = 0;
  let offset = 0;
  try {
    // Bytes behind the page with the last value are padding.
    while (offset < meta.length && (values < wanted || pages.length === 0)) {
      const { value, end } = readThrift(bytes, offset, meta.length);
      const page = parsePage(value, offset, end, meta.length, at);
      offset = page ? page.end : skipPage(value, end, meta.length, at);
      if (!page) continue;
      if (page.kind === 'dictionary' && pages.length > 0) corrupt('a dictionary page that is not the first page', at);
      if (page.kind !== 'dictionary') values += page.numValues;
      pages.push(page);
    }
  } catch (error) {
    if (!(error instanceof ThriftError)) throw error;
    corrupt(`a page header at byte ${offset} of the chunk cannot be read (${error.message})`, at, error);
  }
  if (values < wanted || values > meta.numValues)
    corrupt(`pages of ${values} values in a chunk of ${meta.numValues}`, at);
  return pages;
}

function bodySize(header: ThriftStruct, body: number, chunkEnd: number, where: ErrorLocation): number {
  const size = header.int(3) ?? -1;
  if (size < 0 || (header.int(2) ?? -1) < 0) corrupt('a page of negative size', where);
  if (size > chunkEnd - body) corrupt(`a page of ${size} bytes with ${chunkEnd - body} left in its chunk`, where);
  return size;
}

/** Index pages were never used; they are passed over. */
function skipPage(header: ThriftStruct, body: number, chunkEnd: number, where: ErrorLocation): number {
  if (header.int(1) !== pageType.index) corrupt(`a page of type ${header.int(1)}`, where);
  return body + bodySize(header, body, chunkEnd, where);
}

function parsePage(
  header: ThriftStruct,
  start: number,
  body: number,
  chunkEnd: number,
  where: ErrorLocation,
): Page | undefined {
  const type = header.int(1);
  if (type !== pageType.dataV1 && type !== pageType.dataV2 && type !== pageType.dictionary) return undefined;
  const end = body + bodySize(header, body, chunkEnd, where);
  const uncompressedLength = header.int(2)!;
  const kind = type === pageType.dataV1 ? 'v1' : type === pageType.dataV2 ? 'v2' : 'dictionary';
  const detail = header.struct(detailsField[kind]);
  if (!detail) corrupt('a page header without its details', where);
  const numValues = detail.int(1) ?? -1;
  if (numValues < 0) corrupt('a page of a negative number of values', where);
  const encodingNumber = detail.int(kind === 'v2' ? 4 : 2) ?? -1;
  const encoding = encodings[encodingNumber];
  if (!encoding) unsupported(`The column is encoded in an unknown way (${encodingNumber}).`, where);
  const crc = header.int(4);
  const page: Page = { kind, header: start, body, end, uncompressedLength, numValues, encoding };
  if (crc !== undefined) page.crc = crc >>> 0;
  if (kind !== 'dictionary' && detail.struct(kind === 'v2' ? 8 : 5)) page.statistics = true;
  if (kind === 'v1') page.levelEncoding = encodings[detail.int(3) ?? -1] ?? 'RLE';
  if (kind === 'v2') {
    const nulls = detail.int(2) ?? 0;
    const definitionBytes = detail.int(5) ?? 0;
    const repetitionBytes = detail.int(6) ?? 0;
    if (nulls < 0 || nulls > numValues) corrupt(`a page of ${numValues} values with ${nulls} nulls`, where);
    if (definitionBytes < 0 || repetitionBytes < 0) corrupt('levels of negative size', where);
    const levels = definitionBytes + repetitionBytes;
    if (levels > end - body || levels > uncompressedLength) corrupt('levels larger than their page', where);
    page.v2 = { nulls, repetitionBytes, definitionBytes, compressed: detail.bool(7) ?? true };
  }
  return page;
}

/** What a chunk is made of, as far as copying it is concerned. Byte offsets are relative to the chunk. */
export interface ChunkShape {
  pages: Page[];
  dictionaryPage: Page | undefined;
  /** Every data page is dictionary-encoded, so a new dictionary page changes every value. */
  whollyDictionary: boolean;
  /** All data pages, headers included; contiguous. */
  dataStart: number;
  dataEnd: number;
  /** Bytes of those pages, headers included, when decompressed. */
  dataUncompressedLength: number;
  /** The same with the dictionary page. */
  uncompressedLength: number;
  /** Encodings of the data pages, without repeats. */
  dataEncodings: Encoding[];
}

/**
 * The shape of a chunk, from its page headers alone.
 * @param bytes the whole chunk
 * @param meta the chunk, as the footer describes it
 * @param leaf the column, as the file's schema has it
 * @param where place for errors: blob, row group, column
 * @param rowsMax rows after which no further page is read
 * @returns pages, and whether all of them lead to the dictionary
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `CorruptFile` when the bytes are not what the format says
 */
export function chunkShape(
  bytes: Uint8Array,
  meta: ChunkMeta,
  leaf: Leaf,
  where: ErrorLocation,
  rowsMax?: number,
): ChunkShape {
  const pages = readPages(bytes, meta, leaf, where, rowsMax);
  const dictionaryPage = pages[0]?.kind === 'dictionary' ? pages[0] : undefined;
  const data = dictionaryPage ? pages.slice(1) : pages;
  const decoded = (some: readonly Page[]) =>
    some.reduce((sum, page) => sum + (page.body - page.header) + page.uncompressedLength, 0);
  const dataStart = data[0]?.header ?? dictionaryPage?.end ?? 0;
  return {
    pages,
    dictionaryPage,
    whollyDictionary: dictionaryPage !== undefined && data.every((page) => isDictionaryEncoding(page.encoding)),
    dataStart,
    dataEnd: data.at(-1)?.end ?? dataStart,
    dataUncompressedLength: decoded(data),
    uncompressedLength: decoded(pages),
    dataEncodings: [...new Set(data.map((page) => page.encoding))],
  };
}

/**
 * The header of a page, without statistics. Levels whose encoding is not given are RLE.
 * @param page what the header says of it
 * @param length bytes of the body as stored
 * @returns the header's bytes
 */
export function pageHeader(page: Omit<Page, 'header' | 'body' | 'end'>, length: number): Uint8Array {
  const { kind, numValues, crc, v2 } = page;
  const encoding = encodings.indexOf(page.encoding);
  const writer = new ThriftWriter();
  writer.i32(1, { v1: pageType.dataV1, dictionary: pageType.dictionary, v2: pageType.dataV2 }[kind]);
  writer.i32(2, page.uncompressedLength);
  writer.i32(3, length);
  // The CRC is of the body alone. An I32 has a sign.
  if (crc !== undefined) writer.i32(4, crc | 0);
  writer.open(detailsField[kind]);
  writer.i32(1, numValues);
  if (v2) {
    writer.i32(2, v2.nulls);
    // A flat column has a value, or a null, for each row.
    writer.i32(3, numValues);
    writer.i32(4, encoding);
    writer.i32(5, v2.definitionBytes);
    writer.i32(6, v2.repetitionBytes);
    writer.bool(7, v2.compressed);
  } else writer.i32(2, encoding);
  if (kind === 'v1') {
    writer.i32(3, encodings.indexOf(page.levelEncoding ?? 'RLE'));
    writer.i32(4, encodings.indexOf('RLE'));
  }
  writer.end();
  writer.end();
  return writer.finish();
}

/**
 * Opens one data page: checks its CRC, decompresses it, reads its levels, and says where its values are. `decode.ts`
 * and `prove-chunk.ts` call it, once for each page.
 *
 * Specification: parquet-format README.md "Data Pages", `parquet.thrift` (DataPageHeader, DataPageHeaderV2).
 */
import zlib from 'node:zlib';
import type { ErrorLocation } from '../errors.ts';
import { decompressPage } from './codecs.ts';
import { corrupt } from './fail.ts';
import { decodeBitPackedLevels, decodeLevels, levelBits, type Validity } from './levels.ts';
import type { Page } from './pages.ts';
import type { Codec } from './types.ts';

/** An open page. Its bytes hold until the next page is opened. */
export interface PageBody {
  bytes: Uint8Array;
  /** Values lie in bytes [start, end). */
  start: number;
  end: number;
  nulls: number;
}

/**
 * The decompressed body of a dictionary page, until the next page is opened. `bytes` is the whole chunk.
 * @param bytes the whole chunk
 * @param page the dictionary page
 * @param codec compression of the chunk's pages
 * @param where place for errors: blob, row group, column
 * @returns PLAIN values, valid until the next page is opened
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function openDictionaryPage(bytes: Uint8Array, page: Page, codec: Codec, where: ErrorLocation): Uint8Array {
  checkCrc(bytes, page, where);
  return decompressPage(codec, bytes.subarray(page.body, page.end), page.uncompressedLength, where);
}

/**
 * Opens a data page. Its nulls go to `validity`.
 * @param bytes the whole chunk
 * @param page the data page
 * @param codec compression of the chunk's pages
 * @param levelMax definition level of a value: 0 for a column without nulls, 1 for a flat one, more within groups
 * @param validity the chunk's rows
 * @param row first row of the page
 * @param where place for errors: blob, row group, column
 * @returns the page's body and where in it the values are
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `RangeError` on levels that end too soon
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function openDataPage(
  bytes: Uint8Array,
  page: Page,
  codec: Codec,
  levelMax: number,
  validity: Validity,
  row: number,
  where: ErrorLocation,
): PageBody {
  checkCrc(bytes, page, where);
  if (page.v2) return openV2(bytes, page, page.v2, codec, levelMax, validity, row, where);
  const body = decompressPage(codec, bytes.subarray(page.body, page.end), page.uncompressedLength, where);
  if (levelMax === 0) return { bytes: body, start: 0, end: body.length, nulls: 0 };
  if (page.levelEncoding === 'BIT_PACKED') {
    const nulls = decodeBitPackedLevels(body, 0, page.numValues, validity, row, levelMax);
    return { bytes: body, start: Math.ceil((page.numValues * levelBits(levelMax)) / 8), end: body.length, nulls };
  }
  if (page.levelEncoding !== 'RLE') corrupt(`definition levels in encoding ${page.levelEncoding}`, where);
  if (body.length < 4) corrupt('a page without its definition levels', where);
  const length = new DataView(body.buffer, body.byteOffset, 4).getUint32(0, true);
  if (length > body.length - 4) corrupt(`definition levels of ${length} bytes in a page of ${body.length}`, where);
  const nulls = decodeLevels(body, 4, 4 + length, page.numValues, validity, row, levelMax);
  return { bytes: body, start: 4 + length, end: body.length, nulls };
}

function openV2(
  bytes: Uint8Array,
  page: Page,
  v2: NonNullable<Page['v2']>,
  codec: Codec,
  levelMax: number,
  validity: Validity,
  row: number,
  where: ErrorLocation,
): PageBody {
  const levels = page.body + v2.repetitionBytes;
  const values = levels + v2.definitionBytes;
  let nulls = 0;
  if (levelMax > 0 && v2.definitionBytes > 0) {
    nulls = decodeLevels(bytes, levels, values, page.numValues, validity, row, levelMax);
  }
  if (nulls !== v2.nulls) corrupt(`a page of ${nulls} nulls that declares ${v2.nulls}`, where);
  const stored = bytes.subarray(values, page.end);
  const length = page.uncompressedLength - (values - page.body);
  // Where every value is null there is nothing to decompress, and some writers store nothing.
  if (stored.length === 0 && nulls === page.numValues) return { bytes: stored, start: 0, end: 0, nulls };
  const body = decompressPage(v2.compressed ? codec : 'UNCOMPRESSED', stored, length, where);
  return { bytes: body, start: 0, end: body.length, nulls };
}

/**
 * Compares a page's stored bytes with the CRC that its header states, if it states one.
 * @param bytes the whole chunk
 * @param page the page
 * @param where place for errors: blob, row group, column
 * @throws `CorruptFile` when they differ
 */
export function checkCrc(bytes: Uint8Array, page: Page, where: ErrorLocation): void {
  if (page.crc === undefined) return;
  if (zlib.crc32(bytes.subarray(page.body, page.end)) !== page.crc) corrupt('a page does not match its CRC', where);
}

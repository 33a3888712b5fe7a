/**
 * Numbers of `parquet.thrift`: position in each list is the value of the specification's enum. Footers and page headers
 * are read and written by it.
 */
import type { Codec, Encoding, PhysicalType } from './types.ts';

/** `Type`. */
export const physicalTypes: readonly PhysicalType[] = [
  'BOOLEAN',
  'INT32',
  'INT64',
  'INT96',
  'FLOAT',
  'DOUBLE',
  'BYTE_ARRAY',
  'FIXED_LEN_BYTE_ARRAY',
];

/** `CompressionCodec`. */
export const codecs: readonly Codec[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'LZO', 'BROTLI', 'LZ4', 'ZSTD', 'LZ4_RAW'];

/** `Encoding`; 1 (GROUP_VAR_INT) was never used. */
export const encodings: readonly (Encoding | undefined)[] = [
  'PLAIN',
  undefined,
  'PLAIN_DICTIONARY',
  'RLE',
  'BIT_PACKED',
  'DELTA_BINARY_PACKED',
  'DELTA_LENGTH_BYTE_ARRAY',
  'DELTA_BYTE_ARRAY',
  'RLE_DICTIONARY',
  'BYTE_STREAM_SPLIT',
];

/** `PageType`. */
export const pageType = { dataV1: 0, index: 1, dictionary: 2, dataV2: 3 } as const;

/** First and last four bytes of a file: 'PAR1'. A file with an encrypted footer ends with 'PARE' instead. */
export const MAGIC: Uint8Array = new Uint8Array([0x50, 0x41, 0x52, 0x31]);

/** Written as `created_by`, in the form "name version x.y.z (build hash)" that parquet-mr parses. */
export const CREATED_BY = 'ordinal version 0.1.0 (build 0000000)';

/**
 * Bytes of one value of a fixed-width physical type; 0 for BYTE_ARRAY; FIXED_LEN_BYTE_ARRAY says its own.
 * @param physical physical type
 * @param typeLength bytes of a value, for FIXED_LEN_BYTE_ARRAY
 * @returns bytes, or 0 for BYTE_ARRAY
 */
export function widthOf(physical: PhysicalType, typeLength: number | undefined): number {
  switch (physical) {
    case 'BOOLEAN':
      return 1;
    case 'INT32':
    case 'FLOAT':
      return 4;
    case 'INT64':
    case 'DOUBLE':
      return 8;
    case 'INT96':
      return 12;
    case 'BYTE_ARRAY':
      return 0;
    case 'FIXED_LEN_BYTE_ARRAY':
      return typeLength ?? 0;
  }
}

/**
 * True for both names of dictionary encoding on data pages.
 * @param encoding encoding of a data page
 * @returns true for RLE_DICTIONARY and PLAIN_DICTIONARY
 */
export function isDictionaryEncoding(encoding: Encoding): boolean {
  return encoding === 'RLE_DICTIONARY' || encoding === 'PLAIN_DICTIONARY';
}

/** Bytes of an arena: offsets are 32-bit, so it holds less than 4 GiB. */
export const arenaBytesMax = 2 ** 32 - 1;

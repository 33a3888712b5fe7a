/**
 * For whom files are written, and what follows from it: which source pages may be reused, which codecs and encodings new
 * pages have, and which types columns are written in. The plan, the split, the resolve and the seal ask here. It must
 * never let a file through that one of its readers would read wrongly or not at all.
 *
 * What parquetjs-lite reads exactly was found by trying: PLAIN values in pages of version 1. It refuses RLE_DICTIONARY; it
 * misreads indices above 255 under the older name; it shows DECIMAL not at all, TIMESTAMP in milliseconds not beside
 * statistics, unsigned integers with a sign, INT96 cut short, and JSON only where each value, bounds too, parses.
 */
import type { LogicalKind } from './logical.ts';
import type { ChunkShape } from './pages.ts';
import { readByAll, readByV1 } from './reused-pages.ts';
import type { Codec, ColumnType, Leaf } from './types.ts';

/** For whom files are written; undefined: for whoever reads the source. */
export type Readers = 'v1' | 'parquetjs-lite' | undefined;

/** Codecs that we write; a source in any other gets new chunks in ZSTD. */
const writable: ReadonlySet<Codec> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'BROTLI', 'ZSTD', 'LZ4_RAW']);

/** Codecs of the format's first years. */
const firstCodecs: ReadonlySet<Codec> = new Set(['UNCOMPRESSED', 'SNAPPY', 'GZIP']);

/**
 * The codec of new chunks beside ones of `codec`.
 * @param codec codec of the source's chunk
 * @param readers for whom the file is written
 * @returns a codec that we write and they read
 */
export function outputCodec(codec: Codec, readers: Readers): Codec {
  if (readers !== undefined) return firstCodecs.has(codec) ? codec : 'SNAPPY';
  return writable.has(codec) ? codec : 'ZSTD';
}

/**
 * Whether the pages of a source's chunk may stand in the output.
 * @param readers for whom the file is written
 * @param shape what the chunk's page headers say
 * @param leaf the column, as the source's schema has it
 * @returns true when all of the readers read the pages
 */
export function pagesReadBy(readers: Readers, shape: ChunkShape, leaf: Leaf): boolean {
  if (readers === undefined) return readByAll(shape, leaf);
  if (
    plainOnly(readers, leaf.type) &&
    shape.pages.some(({ kind, encoding }) => kind !== 'v1' || encoding !== 'PLAIN')
  ) {
    return false;
  }
  return readByV1(shape, leaf);
}

/**
 * Whether new pages of a column must be PLAIN. parquetjs-lite reads no dictionaries, and @dsnp/parquetjs none of decimals.
 * @param readers for whom the file is written
 * @param type type of the column
 * @returns true when a dictionary must not be written
 */
export function plainOnly(readers: Readers, type: ColumnType): boolean {
  return readers === 'parquetjs-lite' || (readers === 'v1' && type.annotation?.kind === 'decimal');
}

const bytes: ColumnType = { physical: 'BYTE_ARRAY' };
const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const int64: ColumnType = { physical: 'INT64' };

/**
 * The type in which a source column is written. It is the column's own, but for parquetjs-lite: decimals become what the
 * row contract reads them as (`bigint`: INT64 of the unscaled integer; `number`: DOUBLE; else text), unsigned integers of
 * 32 and 64 bits INT64, milliseconds microseconds, JSON text, and BSON bytes.
 * @param type type of the column in the source
 * @param kind how the row contract reads it
 * @param readers for whom the file is written
 * @returns the type; undefined where none holds the values for these readers
 */
export function writtenType(type: ColumnType, kind: LogicalKind, readers: Readers): ColumnType | undefined {
  if (readers !== 'parquetjs-lite') return type;
  if (type.physical === 'INT96') return undefined;
  const { annotation } = type;
  switch (annotation?.kind) {
    case 'decimal':
      if (kind === 'number') return { physical: 'DOUBLE' };
      return kind === 'bigint' ? int64 : text;
    case 'timestamp':
      return annotation.unit === 'MILLIS' ? { ...type, annotation: { ...annotation, unit: 'MICROS' } } : type;
    case 'int':
      return annotation.signed || annotation.bitWidth < 32 ? type : int64;
    case 'json':
      return text;
    case 'bson':
      return bytes;
    default:
      return type;
  }
}

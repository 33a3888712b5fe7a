/**
 * Several chunks of one column as one chunk, by putting their data pages one after the other: pages without a dictionary
 * mean the same wherever they stand. No page is opened. Called by the split, for row groups that are joined.
 *
 * Specification: parquet-format README.md ("Data Pages"), `parquet.thrift` (ColumnMetaData, Statistics).
 */
import { isDictionaryEncoding } from './constants.ts';
import type { ChunkShape } from './pages.ts';
import { decodePlain } from './plain.ts';
import { statisticsOf } from './statistics.ts';
import type {
  ChunkMeta,
  ColumnType,
  EncodedChunk,
  Encoding,
  PageEncodingCount,
  RawStatistics,
  Values,
} from './types.ts';
import { concat } from './values.ts';

/** A column chunk put together from several, with what its footer entry and its pages are. */
export interface JoinedChunk {
  bytes: Uint8Array;
  meta: ChunkMeta;
  shape: ChunkShape;
}

/** Mean bytes of a page, before compression, below which pages are better written anew: each is a cost to its readers. */
const PAGE_BYTES_MIN = 2048;

/**
 * Whether the chunks' pages may stand in one chunk: one codec, no dictionaries, and pages that are not too small.
 *
 * @param chunks chunks of one column, in row order
 * @returns true when `joinPages` may take them
 */
export function pagesJoin(chunks: readonly JoinedChunk[]): boolean {
  const codec = chunks[0]?.meta.codec;
  let pages = 0;
  let bytes = 0;
  for (const { meta, shape } of chunks) {
    if (meta.codec !== codec || shape.dictionaryPage || shape.dataEncodings.some(isDictionaryEncoding)) return false;
    pages += shape.pages.length;
    bytes += shape.dataUncompressedLength;
  }
  return bytes >= pages * PAGE_BYTES_MIN;
}

/**
 * Puts the data pages of several chunks into one chunk.
 *
 * @param chunks chunks of one column, in row order, all of its type and repetition; `pagesJoin` holds for them
 * @param type the column's type: bounds are compared by it
 * @returns the chunk: its parts are views of the given bytes
 * @throws `RangeError` and `LimitExceeded` when the bounds of a chunk's statistics cannot be read
 */
export function joinPages(chunks: readonly JoinedChunk[], type: ColumnType): EncodedChunk {
  const parts = chunks.map(({ bytes, shape }) => bytes.subarray(shape.dataStart, shape.dataEnd));
  const sum = (of: (chunk: JoinedChunk) => number) => chunks.reduce((total, chunk) => total + of(chunk), 0);
  const statistics = joinStatistics(
    chunks.map(({ meta }) => meta),
    type,
  );
  return {
    parts,
    meta: {
      codec: chunks[0]!.meta.codec,
      encodings: [...new Set<Encoding>([...chunks.flatMap(({ shape }) => shape.dataEncodings), 'RLE'])],
      numValues: sum(({ meta }) => meta.numValues),
      length: parts.reduce((total, part) => total + part.byteLength, 0),
      uncompressedLength: sum(({ shape }) => shape.dataUncompressedLength),
      dataPageOffset: 0,
      ...(statistics && { statistics }),
      pageEncodings: countPages(chunks),
    },
  };
}

function countPages(chunks: readonly JoinedChunk[]): PageEncodingCount[] {
  const counts: PageEncodingCount[] = [];
  for (const { shape } of chunks) {
    for (const { kind: page, encoding } of shape.pages) {
      const known = counts.find((entry) => entry.page === page && entry.encoding === encoding);
      if (known) known.count++;
      else counts.push({ page, encoding, count: 1 });
    }
  }
  return counts;
}

/** What stays true of all rows together: the sum of nulls, and bounds where every chunk with a value states them. */
function joinStatistics(metas: readonly ChunkMeta[], type: ColumnType): RawStatistics | undefined {
  const nulls = metas.map(({ statistics }) => statistics?.nullCount);
  const known = nulls.every((count) => count !== undefined);
  const nullCount = known ? nulls.reduce((total, count) => total + count, 0) : undefined;
  const count = nullCount === undefined ? {} : { nullCount };
  const stated = metas.filter(({ numValues, statistics }) => statistics?.nullCount !== numValues);
  const bounds: Values[] = [];
  for (const { statistics } of stated) {
    const { minValue, maxValue } = statistics ?? {};
    if (!minValue || !maxValue) return known ? count : undefined;
    for (const bound of [minValue, maxValue]) bounds.push(boundValue(bound, type));
  }
  if (bounds.length === 0) return known ? count : undefined;
  const { minExact, maxExact, ...joined } = statisticsOf(concat(type, bounds), type, undefined, nullCount);
  // A bound that one chunk does not call exact may be the least or the greatest of all.
  const exact = (of: 'minExact' | 'maxExact') => stated.every(({ statistics }) => statistics?.[of] === true);
  return {
    ...joined,
    ...(minExact !== undefined && exact('minExact') && { minExact }),
    ...(maxExact !== undefined && exact('maxExact') && { maxExact }),
  };
}

/** A bound as a value of its type: PLAIN bytes, and byte arrays without a length. */
function boundValue(bound: Uint8Array, type: ColumnType): Values {
  if (type.physical !== 'BYTE_ARRAY') return decodePlain(type, bound, 0, bound.length, 1);
  return { kind: 'bytes', length: 1, data: bound, offsets: Uint32Array.of(0, bound.length) };
}

/**
 * Whole files with the habits of writers that have no npm package: parquet-mr (Spark, Hive) and Arrow for C++ (pyarrow).
 * What each does is taken from its sources and from files that it wrote.
 */
import type { ColumnType, Values } from '../../../src/parquet/types.ts';
import {
  bloomFilter,
  columnIndexOf,
  type FooterHabits,
  foreignFooter,
  LEGACY_LIST,
  lengthOf,
  offsetIndexOf,
  type Place,
  type PlacedChunk,
} from './foreign-footer.ts';
import { type ForeignChunk, foreignChunk, legacyListChunk, type PageHabits, type PageShape } from './foreign-pages.ts';

interface WriterHabits extends PageHabits, FooterHabits {
  pageIndexes: boolean;
  bloomFilters: boolean;
}

const plain = () => 'PLAIN' as const;
const oldNames = { page: 'PLAIN_DICTIONARY', data: 'PLAIN_DICTIONARY' } as const;
const newNames = { page: 'PLAIN', data: 'RLE_DICTIONARY' } as const;

const parquetMr = {
  pages: 'v1',
  dictionary: oldNames,
  plain,
  repetitionLevels: 'BIT_PACKED',
  definitionLevels: 'RLE',
  crc: true,
  pageStatistics: false,
  storesIncompressible: false,
  allNull: 'plain',
  createdBy: 'parquet-mr version 1.13.1 (build db4183109d5b734ec5930d870cdae161e408ddba)',
  version: 1,
  root: 'spark_schema',
  keyValues: {
    'org.apache.spark.version': '3.5.1',
    'org.apache.spark.sql.parquet.row.metadata': '{"type":"struct","fields":[]}',
    'org.apache.spark.legacyINT96': '',
  },
  statistics: 'both',
  columnOrders: true,
  logicalTypes: true,
  pageIndexes: true,
  bloomFilters: true,
} satisfies WriterHabits;

const arrowCpp = {
  ...parquetMr,
  dictionary: newNames,
  repetitionLevels: 'RLE',
  crc: false,
  pageStatistics: true,
  allNull: 'emptyDictionary',
  createdBy: 'parquet-cpp-arrow version 17.0.0',
  version: 2,
  root: 'schema',
  keyValues: {
    // Not a schema of these columns: a reader that finds it in an output fails.
    'ARROW:schema': '/////wAAAAAQAAAAAAAKAA4ABgAFAAgACgAAAAABBAAQAAAA',
    pandas: '{"index_columns": [], "columns": [], "pandas_version": "2.2.2"}',
  },
  pageIndexes: false,
  bloomFilters: false,
} satisfies WriterHabits;

/** Encodings of version 2 of parquet-mr, for what is in no dictionary. */
function deltaOf({ physical }: ColumnType) {
  switch (physical) {
    case 'BOOLEAN':
      return 'RLE';
    case 'INT32':
    case 'INT64':
      return 'DELTA_BINARY_PACKED';
    case 'BYTE_ARRAY':
    case 'FIXED_LEN_BYTE_ARRAY':
      return 'DELTA_BYTE_ARRAY';
    default:
      return 'PLAIN';
  }
}

/** pyarrow's `use_byte_stream_split` and `column_encoding`. */
function splitOf({ physical }: ColumnType) {
  if (physical === 'BYTE_ARRAY') return 'DELTA_LENGTH_BYTE_ARRAY';
  return physical === 'BOOLEAN' || physical === 'INT96' ? 'PLAIN' : 'BYTE_STREAM_SPLIT';
}

const habits = {
  /** Spark: V1, PLAIN_DICTIONARY, CRCs, page indexes and Bloom filters. */
  spark: parquetMr,
  /** parquet-mr's writer version 2: V2 pages and the DELTA encodings. */
  sparkV2: { ...parquetMr, pages: 'v2', dictionary: newNames, plain: deltaOf },
  /** parquet-mr before its dictionary gives up: nothing but DELTA. */
  sparkDelta: { ...parquetMr, pages: 'v2', dictionary: undefined, plain: deltaOf },
  /** Hive with parquet-mr 1.6: converted types only, deprecated statistics (false ones of text), none of the indexes. */
  hive: {
    ...parquetMr,
    crc: false,
    pageStatistics: true,
    createdBy: 'parquet-mr version 1.6.0',
    root: 'hive_schema',
    keyValues: {},
    statistics: 'deprecated',
    columnOrders: false,
    logicalTypes: false,
    pageIndexes: false,
    bloomFilters: false,
  },
  pyarrow: arrowCpp,
  /** data_page_version='2.0'. */
  pyarrowV2: { ...arrowCpp, pages: 'v2', storesIncompressible: true },
  /** use_dictionary=False with column encodings. */
  pyarrowSplit: { ...arrowCpp, dictionary: undefined, plain: splitOf },
  /** What only the oldest files have, and not every reader knows: BIT_PACKED levels, indices into no dictionary. */
  ancient: { ...parquetMr, definitionLevels: 'BIT_PACKED', allNull: 'noDictionary', pageIndexes: false },
} satisfies Record<string, WriterHabits>;

export type Habit = keyof typeof habits;
export const habitNames = Object.keys(habits) as Habit[];

export interface ForeignColumn {
  name: string;
  type: ColumnType;
  optional: boolean;
  pool: Values;
  /** By row group: rows as indices into the pool, -1 for null. */
  groups: Int32Array[];
}

/** A file as the writer would make it; `legacyList` adds a nested column of the oldest kind. */
export function writeAs(
  habit: Habit,
  columns: readonly ForeignColumn[],
  shape: PageShape,
  legacyList = false,
): Uint8Array {
  const writer: WriterHabits = habits[habit];
  const parts: Uint8Array[] = [Buffer.from('PAR1')];
  let offset = 4;
  const put = (bytes: Uint8Array): Place => {
    parts.push(bytes);
    offset += bytes.length;
    return { offset: offset - bytes.length, length: bytes.length };
  };
  const place = (name: string[], type: ColumnType, chunk: ForeignChunk, rows: number): PlacedChunk => {
    const start = offset;
    if (chunk.dictionaryPage) put(chunk.dictionaryPage);
    for (const page of chunk.pages) put(page.bytes);
    return { name, type, chunk, start, rows };
  };
  const groups = columns[0]!.groups.map((first, g) => {
    const chunks = columns.map(({ name, type, optional, pool, groups: rows }) =>
      place([name], type, foreignChunk(writer, shape, type, optional, pool, rows[g]!), first.length),
    );
    if (legacyList) {
      const list = legacyListChunk(writer, first.length, shape.codec);
      chunks.push(place([LEGACY_LIST.group, LEGACY_LIST.leaf], LEGACY_LIST.type, list, first.length));
    }
    return { rows: first.length, chunks };
  });
  for (const chunk of groups.flatMap((group) => group.chunks)) {
    if (chunk.name.length > 1 || chunk.rows === 0) continue;
    if (writer.bloomFilters) chunk.bloomFilter = put(bloomFilter());
    if (!writer.pageIndexes) continue;
    const columnIndex = columnIndexOf(chunk.chunk.pages);
    if (columnIndex) chunk.columnIndex = put(columnIndex);
    chunk.offsetIndex = put(offsetIndexOf(chunk.chunk.pages, chunk.start + lengthOf({ ...chunk.chunk, pages: [] })));
  }
  const footer = put(foreignFooter(writer, columns, legacyList, groups, shape.codec));
  const trailer = Buffer.from('....PAR1');
  trailer.writeUInt32LE(footer.length);
  put(trailer);
  return Uint8Array.from(Buffer.concat(parts));
}

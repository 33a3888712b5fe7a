/**
 * Column chunks as other writers lay them out: V1 or V2 pages, either name of dictionary encoding, a dictionary given
 * up midway, the DELTA encodings, statistics and CRCs in page headers. The encoders are hyparquet-writer's, not ours.
 */
import zlib from 'node:zlib';
import { ByteWriter } from 'hyparquet-writer/src/bytewriter.js';
import { deltaBinaryPack, deltaByteArray, deltaLengthByteArray } from 'hyparquet-writer/src/delta.js';
import { writeRleBitPackedHybrid } from 'hyparquet-writer/src/encoding.js';
import { writeByteStreamSplit } from 'hyparquet-writer/src/splitstream.js';
import { compress } from '../../../src/parquet/codecs.ts';
import { encodings } from '../../../src/parquet/constants.ts';
import { statisticsOf } from '../../../src/parquet/statistics.ts';
import { ThriftWriter } from '../../../src/parquet/thrift-write.ts';
import type { Codec, ColumnType, Encoding, RawStatistics, Values } from '../../../src/parquet/types.ts';
import { bytesAt, bytesOf, gather } from '../../../src/parquet/values.ts';

/** What a writer does with a column. */
export interface PageHabits {
  pages: 'v1' | 'v2';
  dictionary: { page: Encoding; data: Encoding } | undefined;
  /** Encoding of values outside a dictionary. */
  plain(type: ColumnType): Encoding;
  /** V1: what headers call the repetition levels that flat columns do not have. */
  repetitionLevels: 'RLE' | 'BIT_PACKED';
  definitionLevels: 'RLE' | 'BIT_PACKED';
  crc: boolean;
  pageStatistics: boolean;
  /** V2: pages that compression makes no smaller are stored as they are. */
  storesIncompressible: boolean;
  /** What a chunk of nulls is: indices into an empty dictionary, indices without any dictionary page, or plain. */
  allNull: 'emptyDictionary' | 'noDictionary' | 'plain';
}

export interface PageShape {
  codec: Codec;
  rowsPerPage: number;
  /** Bytes at which a dictionary is given up; 1 MiB for most writers. */
  dictionaryBytes: number;
}

export interface ForeignPage {
  bytes: Uint8Array;
  rows: number;
  statistics: RawStatistics;
}

export interface ForeignChunk {
  dictionaryPage: Uint8Array | undefined;
  pages: ForeignPage[];
  encodings: Encoding[];
  uncompressedLength: number;
  statistics: RawStatistics;
}

interface Body {
  levels: Uint8Array;
  values: Uint8Array;
}

/** One chunk of the rows `indices` into `pool`, -1 for null. */
export function foreignChunk(
  habits: PageHabits,
  { codec, rowsPerPage, dictionaryBytes }: PageShape,
  type: ColumnType,
  optional: boolean,
  pool: Values,
  indices: Int32Array,
): ForeignChunk {
  const used = new Set<Encoding>(['RLE']);
  const entries: number[] = [];
  const entryOf = new Map<number, number>();
  let entryBytes = 0;
  const none = type.physical === 'BOOLEAN' || (habits.allNull === 'plain' && indices.every((index) => index < 0));
  let dictionary = none ? undefined : habits.dictionary;
  let uncompressedLength = 0;
  const pages: ForeignPage[] = [];
  const frame = (numValues: number, body: Body, encoding: Encoding, statistics: RawStatistics) => {
    used.add(encoding);
    const page = dataPage(habits, codec, numValues, body, encoding, statistics, optional);
    uncompressedLength += page.uncompressedLength;
    pages.push({ bytes: page.bytes, rows: numValues, statistics });
  };
  for (let from = 0; from < indices.length; from += rowsPerPage) {
    const rows = indices.subarray(from, from + rowsPerPage);
    const present = rows.filter((index) => index >= 0);
    const levels = optional ? levelsOf(habits, rows) : new Uint8Array(0);
    const values = gather(pool, present);
    const statistics = statisticsOf(values, type, undefined, rows.length - present.length);
    if (dictionary) {
      for (const index of present) {
        if (entryOf.has(index)) continue;
        entryOf.set(index, entryOf.size);
        entries.push(index);
        entryBytes += pool.kind === 'bytes' ? 4 + bytesAt(pool, index).length : bytesOf(pool.data).length / pool.length;
      }
      if (entryBytes <= dictionaryBytes) {
        const codes = Array.from(present, (index) => entryOf.get(index)!);
        frame(rows.length, { levels, values: indexBody(codes, entryOf.size) }, dictionary.data, statistics);
        continue;
      }
      // The page at hand is written plainly; its new entries are in no dictionary.
      entries.length = entriesUsed(indices.subarray(0, from), entryOf);
      dictionary = undefined;
    }
    const encoding = habits.plain(type);
    frame(rows.length, { levels, values: encodeValues(encoding, values, type) }, encoding, statistics);
  }
  const chunk: ForeignChunk = {
    dictionaryPage: undefined,
    pages,
    encodings: [],
    uncompressedLength,
    statistics: chunkStatistics(type, pool, indices),
  };
  const asDictionary = [...used].some((encoding) => encoding.endsWith('_DICTIONARY'));
  if (habits.dictionary && asDictionary && (entries.length > 0 || habits.allNull === 'emptyDictionary')) {
    const page = dictionaryPage(habits.dictionary.page, codec, gather(pool, Int32Array.from(entries)), type);
    chunk.dictionaryPage = page.bytes;
    chunk.uncompressedLength += page.uncompressedLength;
    used.add(habits.dictionary.page);
  }
  chunk.encodings = [...used];
  return chunk;
}

/** How many entries the rows use; entries are numbered as they are first used. */
function entriesUsed(rows: Int32Array, entryOf: ReadonlyMap<number, number>): number {
  let count = 0;
  for (const index of rows) if (index >= 0) count = Math.max(count, entryOf.get(index)! + 1);
  return count;
}

/** A chunk of lists, one text in each: repetition and definition levels in front of the values. */
export function legacyListChunk(habits: PageHabits, rows: number, codec: Codec): ForeignChunk {
  const chunk: ForeignChunk = {
    dictionaryPage: undefined,
    pages: [],
    encodings: ['PLAIN', 'RLE'],
    uncompressedLength: 0,
    statistics: {},
  };
  if (rows === 0) return chunk;
  const levels = [0, 2].map((level) =>
    lengthFirst(written((writer) => writeRleBitPackedHybrid(writer, Array(rows).fill(level), level === 0 ? 1 : 2))),
  );
  const values = Buffer.concat(Array.from({ length: rows }, () => lengthFirst(Buffer.from('x'))));
  const oldest = { ...habits, pages: 'v1', repetitionLevels: 'RLE', definitionLevels: 'RLE' } as const;
  const body = { levels: Buffer.concat(levels), values };
  const page = dataPage(oldest, codec, rows, body, 'PLAIN', { nullCount: 0 }, true);
  return {
    ...chunk,
    pages: [{ bytes: page.bytes, rows, statistics: {} }],
    uncompressedLength: page.uncompressedLength,
  };
}

function chunkStatistics(type: ColumnType, pool: Values, indices: Int32Array): RawStatistics {
  const present = indices.filter((index) => index >= 0);
  return statisticsOf(gather(pool, present), type, undefined, indices.length - present.length);
}

function written(write: (writer: ByteWriter) => void): Uint8Array {
  const writer = new ByteWriter();
  write(writer);
  return Uint8Array.from(writer.getBytes());
}

/** RLE as a hybrid run; BIT_PACKED from the most significant bit on, as only the oldest writers did. */
function levelsOf(habits: PageHabits, rows: Int32Array): Uint8Array {
  const levels = Array.from(rows, (index) => (index < 0 ? 0 : 1));
  if (habits.pages === 'v1' && habits.definitionLevels === 'BIT_PACKED') {
    const out = new Uint8Array(Math.ceil(rows.length / 8));
    levels.forEach((level, i) => {
      out[i >> 3]! |= level << (7 - (i & 7));
    });
    return out;
  }
  const runs = written((writer) => writeRleBitPackedHybrid(writer, levels, 1));
  return habits.pages === 'v2' ? runs : lengthFirst(runs);
}

function lengthFirst(bytes: Uint8Array): Uint8Array {
  const out = new Uint8Array(4 + bytes.length);
  new DataView(out.buffer).setUint32(0, bytes.length, true);
  out.set(bytes, 4);
  return out;
}

function indexBody(codes: number[], entries: number): Uint8Array {
  const bitWidth = entries <= 1 ? 0 : 32 - Math.clz32(entries - 1);
  const runs = codes.length === 0 ? [] : written((writer) => writeRleBitPackedHybrid(writer, codes, bitWidth));
  return Uint8Array.from([bitWidth, ...runs]);
}

function encodeValues(encoding: Encoding, values: Values, { physical, typeLength }: ColumnType): Uint8Array {
  const list = (): never[] =>
    (values.kind === 'bytes' || values.kind === 'fixed'
      ? Array.from({ length: values.length }, (_, i) => bytesAt(values, i))
      : [...values.data.subarray(0, values.length)]) as never[];
  switch (encoding) {
    case 'DELTA_BINARY_PACKED':
      return written((writer) => deltaBinaryPack(writer, list(), physical as 'INT32' | 'INT64'));
    case 'DELTA_LENGTH_BYTE_ARRAY':
      return written((writer) => deltaLengthByteArray(writer, list()));
    case 'DELTA_BYTE_ARRAY':
      return written((writer) => deltaByteArray(writer, list()));
    case 'BYTE_STREAM_SPLIT':
      return written((writer) => writeByteStreamSplit(writer, list(), physical, typeLength));
    case 'RLE':
      return lengthFirst(written((writer) => writeRleBitPackedHybrid(writer, list(), 1)));
    default:
      return plainBody(values);
  }
}

function plainBody(values: Values): Uint8Array {
  if (values.kind === 'boolean') {
    const out = new Uint8Array(Math.ceil(values.length / 8));
    for (let i = 0; i < values.length; i++) out[i >> 3]! |= values.data[i]! << (i & 7);
    return out;
  }
  if (values.kind !== 'bytes') return Uint8Array.from(bytesOf(values.data));
  return Buffer.concat(Array.from({ length: values.length }, (_, i) => lengthFirst(bytesAt(values, i))));
}

interface Framed {
  bytes: Uint8Array;
  uncompressedLength: number;
}

function dataPage(
  habits: PageHabits,
  codec: Codec,
  numValues: number,
  { levels, values }: Body,
  encoding: Encoding,
  statistics: RawStatistics,
  optional: boolean,
): Framed {
  const v2 = habits.pages === 'v2';
  const whole = v2 ? values : Buffer.concat([levels, values]);
  const packed = compress(codec, whole);
  // Not every reader takes the compressed form of nothing.
  const asItIs = v2 && (whole.length === 0 || (habits.storesIncompressible && packed.length >= whole.length));
  const compressed = codec !== 'UNCOMPRESSED' && !asItIs;
  const stored = v2 ? Buffer.concat([levels, compressed ? packed : whole]) : packed;
  const length = levels.length + values.length;
  const header = pageHeader(v2 ? 3 : 0, length, stored, habits.crc, (writer) => {
    writer.open(v2 ? 8 : 5);
    writer.i32(1, numValues);
    if (v2) {
      writer.i32(2, statistics.nullCount!);
      writer.i32(3, numValues);
      writer.i32(4, encodings.indexOf(encoding));
      writer.i32(5, levels.length);
      writer.i32(6, 0);
      writer.bool(7, compressed);
    } else {
      writer.i32(2, encodings.indexOf(encoding));
      writer.i32(3, encodings.indexOf(optional ? habits.definitionLevels : habits.repetitionLevels));
      writer.i32(4, encodings.indexOf(habits.repetitionLevels));
    }
    if (habits.pageStatistics) {
      const { minValue, maxValue, nullCount } = statistics;
      writer.open(v2 ? 8 : 5);
      writer.i64(3, nullCount);
      writer.binary(5, maxValue);
      writer.binary(6, minValue);
      writer.end();
    }
    writer.end();
  });
  return { bytes: Buffer.concat([header, stored]), uncompressedLength: header.length + length };
}

function dictionaryPage(encoding: Encoding, codec: Codec, entries: Values, type: ColumnType): Framed {
  const body = encodeValues('PLAIN', entries, type);
  const stored = compress(codec, body);
  const header = pageHeader(2, body.length, stored, false, (writer) => {
    writer.open(7);
    writer.i32(1, entries.length);
    writer.i32(2, encodings.indexOf(encoding));
    writer.end();
  });
  return { bytes: Buffer.concat([header, stored]), uncompressedLength: header.length + body.length };
}

function pageHeader(
  type: number,
  uncompressedLength: number,
  stored: Uint8Array,
  crc: boolean,
  detail: (writer: ThriftWriter) => void,
): Uint8Array {
  const writer = new ThriftWriter();
  writer.i32(1, type);
  writer.i32(2, uncompressedLength);
  writer.i32(3, stored.length);
  if (crc) writer.i32(4, zlib.crc32(stored) | 0);
  detail(writer);
  writer.end();
  return writer.finish();
}

/** Footers as other writers make them: schemas, deprecated statistics, page indexes, Bloom filters, key-values. */
import { codecs, encodings, physicalTypes } from '../../../src/parquet/constants.ts';
import { listOf, ThriftWriter } from '../../../src/parquet/thrift-write.ts';
import type { Annotation, Codec, ColumnType, RawStatistics } from '../../../src/parquet/types.ts';
import type { ForeignChunk, ForeignPage } from './foreign-pages.ts';

export interface FooterHabits {
  createdBy: string;
  version: number;
  root: string;
  keyValues: Record<string, string>;
  /** Which fields of `Statistics` are written; the deprecated pair goes by signed bytes, which is wrong for text. */
  statistics: 'deprecated' | 'new' | 'both';
  columnOrders: boolean;
  logicalTypes: boolean;
}

export interface PlacedChunk {
  name: string[];
  type: ColumnType;
  chunk: ForeignChunk;
  start: number;
  rows: number;
  columnIndex?: Place;
  offsetIndex?: Place;
  bloomFilter?: Place;
}

export interface Place {
  offset: number;
  length: number;
}

export interface SchemaLeaf {
  name: string;
  type: ColumnType;
  optional: boolean;
}

const BYTES: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
/** A two-level list, as old writers made them: tags (LIST) → repeated array. */
export const LEGACY_LIST = { group: 'tags', leaf: 'array', type: BYTES } as const;

export function foreignFooter(
  habits: FooterHabits,
  leaves: readonly SchemaLeaf[],
  legacyList: boolean,
  groups: readonly { rows: number; chunks: PlacedChunk[] }[],
  codec: Codec,
): Uint8Array {
  const writer = new ThriftWriter();
  writer.i32(1, habits.version);
  writer.list(2, listOf.struct, leaves.length + 1 + (legacyList ? 2 : 0));
  writer.element();
  writer.binary(4, habits.root);
  writer.i32(5, leaves.length + (legacyList ? 1 : 0));
  writer.end();
  for (const leaf of leaves) schemaElement(writer, leaf.name, leaf.type, leaf.optional ? 1 : 0, habits.logicalTypes);
  if (legacyList) {
    writer.element();
    writer.i32(3, 1);
    writer.binary(4, LEGACY_LIST.group);
    writer.i32(5, 1);
    writer.i32(6, 3);
    writer.end();
    schemaElement(writer, LEGACY_LIST.leaf, BYTES, 2, habits.logicalTypes);
  }
  writer.i64(
    3,
    groups.reduce((sum, group) => sum + group.rows, 0),
  );
  writer.list(4, listOf.struct, groups.length);
  for (const [g, { rows, chunks }] of groups.entries()) {
    writer.element();
    writer.list(1, listOf.struct, chunks.length);
    for (const chunk of chunks) columnChunk(writer, habits, chunk, codec);
    writer.i64(
      2,
      chunks.reduce((sum, { chunk }) => sum + chunk.uncompressedLength, 0),
    );
    writer.i64(3, rows);
    writer.i64(5, chunks[0]?.start ?? 4);
    writer.i64(
      6,
      chunks.reduce((sum, { chunk }) => sum + lengthOf(chunk), 0),
    );
    writer.i16(7, g);
    writer.end();
  }
  writer.list(5, listOf.struct, Object.keys(habits.keyValues).length);
  for (const [key, value] of Object.entries(habits.keyValues)) {
    writer.element();
    writer.binary(1, key);
    writer.binary(2, value);
    writer.end();
  }
  writer.binary(6, habits.createdBy);
  if (habits.columnOrders) {
    const count = leaves.length + (legacyList ? 1 : 0);
    writer.list(7, listOf.struct, count);
    for (let i = 0; i < count; i++) {
      writer.element();
      writer.open(1);
      writer.end();
      writer.end();
    }
  }
  writer.end();
  return writer.finish();
}

export function lengthOf({ dictionaryPage, pages }: ForeignChunk): number {
  return pages.reduce((sum, page) => sum + page.bytes.length, dictionaryPage?.length ?? 0);
}

function columnChunk(writer: ThriftWriter, habits: FooterHabits, placed: PlacedChunk, codec: Codec): void {
  const { chunk, type, start } = placed;
  const dataStart = start + (chunk.dictionaryPage?.length ?? 0);
  writer.element();
  writer.i64(2, dataStart);
  writer.open(3);
  writer.i32(1, physicalTypes.indexOf(type.physical));
  writer.list(2, listOf.i32, chunk.encodings.length);
  for (const encoding of chunk.encodings) writer.item(encodings.indexOf(encoding));
  writer.list(3, listOf.binary, placed.name.length);
  for (const part of placed.name) writer.item(part);
  writer.i32(4, codecs.indexOf(codec));
  writer.i64(5, placed.rows);
  writer.i64(6, chunk.uncompressedLength);
  writer.i64(7, lengthOf(chunk));
  writer.i64(9, dataStart);
  writer.i64(11, chunk.dictionaryPage && start);
  statisticsOf(writer, habits, placed.type, chunk.statistics);
  writer.i64(14, placed.bloomFilter?.offset);
  writer.i32(15, placed.bloomFilter?.length);
  writer.end();
  writer.i64(4, placed.offsetIndex?.offset);
  writer.i32(5, placed.offsetIndex?.length);
  writer.i64(6, placed.columnIndex?.offset);
  writer.i32(7, placed.columnIndex?.length);
  writer.end();
}

function statisticsOf(
  writer: ThriftWriter,
  { statistics: fields }: FooterHabits,
  { physical, annotation }: ColumnType,
  known: RawStatistics,
): void {
  const { minValue, maxValue, nullCount } = known;
  writer.open(12);
  if (fields !== 'new') {
    // The oldest writers compared bytes and unsigned numbers as signed ones: their bounds are false by today's order.
    // Those of signed numbers and booleans were always right.
    const unsigned = annotation?.kind === 'int' && !annotation.signed;
    const swap = fields === 'deprecated' && (unsigned || physical.endsWith('BYTE_ARRAY'));
    writer.binary(1, swap ? minValue : maxValue);
    writer.binary(2, swap ? maxValue : minValue);
  }
  writer.i64(3, nullCount);
  if (fields !== 'deprecated') {
    writer.binary(5, maxValue);
    writer.binary(6, minValue);
  }
  writer.end();
}

function schemaElement(
  writer: ThriftWriter,
  name: string,
  { physical, typeLength, annotation }: ColumnType,
  repetition: number,
  logicalTypes: boolean,
): void {
  writer.element();
  writer.i32(1, physicalTypes.indexOf(physical));
  writer.i32(2, typeLength);
  writer.i32(3, repetition);
  writer.binary(4, name);
  writer.i32(6, annotation && convertedOf(annotation));
  if (annotation?.kind === 'decimal') {
    writer.i32(7, annotation.scale);
    writer.i32(8, annotation.precision);
  }
  // What has no converted type has a logical one in any file.
  if (annotation && (logicalTypes || convertedOf(annotation) === undefined)) logicalType(writer, annotation);
  writer.end();
}

function convertedOf(annotation: Annotation): number | undefined {
  const numbers: Partial<Record<Annotation['kind'], number>> = {
    string: 0,
    enum: 4,
    decimal: 5,
    date: 6,
    json: 19,
    bson: 20,
    interval: 21,
  };
  switch (annotation.kind) {
    case 'int':
      return { 8: 11, 16: 12, 32: 13, 64: 14 }[annotation.bitWidth] + (annotation.signed ? 4 : 0);
    case 'time':
    case 'timestamp': {
      // The converted types mean UTC, and know no nanoseconds.
      if (annotation.unit === 'NANOS' || !annotation.utc) return undefined;
      return (annotation.kind === 'time' ? 7 : 9) + (annotation.unit === 'MICROS' ? 1 : 0);
    }
    default:
      return numbers[annotation.kind];
  }
}

function logicalType(writer: ThriftWriter, annotation: Annotation): void {
  const fields = { string: 1, enum: 4, decimal: 5, date: 6, time: 7, timestamp: 8, int: 10 } as const;
  const others = { unknown: 11, json: 12, bson: 13, uuid: 14, float16: 15 } as const;
  const field = { ...fields, ...others, interval: undefined, other: undefined }[annotation.kind];
  if (field === undefined) return;
  writer.open(10);
  writer.open(field);
  if (annotation.kind === 'decimal') {
    writer.i32(1, annotation.scale);
    writer.i32(2, annotation.precision);
  } else if (annotation.kind === 'time' || annotation.kind === 'timestamp') {
    writer.bool(1, annotation.utc);
    writer.open(2);
    writer.open({ MILLIS: 1, MICROS: 2, NANOS: 3 }[annotation.unit]);
    writer.end();
    writer.end();
  } else if (annotation.kind === 'int') {
    writer.byte(1, annotation.bitWidth);
    writer.bool(2, annotation.signed);
  }
  writer.end();
  writer.end();
}

/** `ColumnIndex` of a chunk; undefined where a page has values and no bounds. */
export function columnIndexOf(pages: readonly ForeignPage[]): Uint8Array | undefined {
  const isNull = pages.map(({ rows, statistics }) => statistics.nullCount === rows);
  if (pages.some(({ statistics }, i) => !isNull[i] && (!statistics.minValue || !statistics.maxValue))) return undefined;
  const writer = new ThriftWriter();
  // Booleans of a list are a byte each, 1 or 2; `item` writes zigzag numbers.
  writer.list(1, 2, pages.length);
  for (const none of isNull) writer.item(none ? -1 : 1);
  writer.list(2, listOf.binary, pages.length);
  for (const { statistics } of pages) writer.item(statistics.minValue ?? '');
  writer.list(3, listOf.binary, pages.length);
  for (const { statistics } of pages) writer.item(statistics.maxValue ?? '');
  writer.i32(4, 0);
  writer.end();
  return writer.finish();
}

/** `OffsetIndex` of a chunk whose data pages begin at byte `start`. */
export function offsetIndexOf(pages: readonly ForeignPage[], start: number): Uint8Array {
  const writer = new ThriftWriter();
  writer.list(1, listOf.struct, pages.length);
  let offset = start;
  let row = 0;
  for (const page of pages) {
    writer.element();
    writer.i64(1, offset);
    writer.i32(2, page.bytes.length);
    writer.i64(3, row);
    writer.end();
    offset += page.bytes.length;
    row += page.rows;
  }
  writer.end();
  return writer.finish();
}

/** A Bloom filter that says "maybe" to everything, which is true of any column. */
export function bloomFilter(): Uint8Array {
  const writer = new ThriftWriter();
  writer.i32(1, 32);
  for (const field of [2, 3, 4]) {
    writer.open(field);
    writer.open(1);
    writer.end();
    writer.end();
  }
  writer.end();
  return Buffer.concat([writer.finish(), new Uint8Array(32).fill(0xff)]);
}

/**
 * Writing a footer: `FileMetaData` of a flat file, its length and the magic. Publishing and `table.ts` call it. It must
 * never state what the chunks do not say.
 *
 * Specification: parquet-format `parquet.thrift` (FileMetaData), "File format" of README.md.
 */
import { invariant } from '../errors.ts';
import { codecs, encodings, MAGIC, pageType, physicalTypes } from './constants.ts';
import { countNodes, type SchemaNode, writeSchema, writeTree } from './schema.ts';
import { writeStatistics } from './statistics-raw.ts';
import { listOf, ThriftWriter } from './thrift-write.ts';
import type { ChunkMeta, ColumnType } from './types.ts';

/** A column of a file to be written. */
export interface FooterLeaf {
  name: string;
  type: ColumnType;
  optional: boolean;
  /** Of a column within groups: the names that lead to it. */
  path?: readonly string[];
}

/** A row group of a file to be written. */
export interface FooterRowGroup {
  rows: number;
  /** By leaf; offsets from the start of the file. */
  chunks: ChunkMeta[];
  /** Ordinal of the column by which the rows ascend, if one does. */
  sortedBy?: number;
}

/** What a footer is made of. */
export interface FooterInput {
  leaves: FooterLeaf[];
  /** The schema of a file whose columns lie within groups; its leaves are `leaves`. Without it the file is flat. */
  tree?: readonly SchemaNode[];
  rowGroups: FooterRowGroup[];
  rows: number;
  keyValues: Record<string, string>;
  createdBy: string;
}

/**
 * Writes the bytes that end a file: footer, its length, magic. An input that contradicts itself is a defect (Internal).
 * @param input schema, row groups, key-values
 * @returns the bytes
 */
export function writeFooter(input: FooterInput): Uint8Array {
  const rows = input.rowGroups.reduce((sum, group) => sum + group.rows, 0);
  invariant(rows === input.rows, `a footer of ${input.rows} rows over row groups of ${rows}`);
  const writer = new ThriftWriter();
  // Version 1, as parquet-mr and DuckDB write it whatever the file holds: old readers refuse any other.
  writer.i32(1, 1);
  writer.list(2, listOf.struct, (input.tree ? countNodes(input.tree) : input.leaves.length) + 1);
  if (input.tree) writeTree(writer, input.tree);
  else writeSchema(writer, input.leaves);
  writer.i64(3, input.rows);
  writer.list(4, listOf.struct, input.rowGroups.length);
  input.rowGroups.forEach((group, i) => {
    writeRowGroup(writer, group, input.leaves, i);
  });
  const pairs = Object.entries(input.keyValues);
  if (pairs.length > 0) writer.list(5, listOf.struct, pairs.length);
  for (const [key, value] of pairs) {
    writer.element();
    writer.binary(1, key);
    writer.binary(2, value);
    writer.end();
  }
  writer.binary(6, input.createdBy);
  // TYPE_ORDER for every column.
  writer.list(7, listOf.struct, input.leaves.length);
  for (let i = 0; i < input.leaves.length; i++) {
    writer.element();
    writer.open(1);
    writer.end();
    writer.end();
  }
  writer.end();
  const footer = writer.finish();
  const out = new Uint8Array(footer.length + 8);
  out.set(footer);
  new DataView(out.buffer).setUint32(footer.length, footer.length, true);
  out.set(MAGIC, footer.length + 4);
  return out;
}

function writeRowGroup(writer: ThriftWriter, group: FooterRowGroup, leaves: FooterLeaf[], ordinal: number): void {
  invariant(group.chunks.length === leaves.length, 'a row group has one chunk per column');
  writer.element();
  writer.list(1, listOf.struct, group.chunks.length);
  let compressed = 0;
  let uncompressed = 0;
  let fileOffset = Number.POSITIVE_INFINITY;
  group.chunks.forEach((chunk, i) => {
    // A column within groups may have several values in a row.
    invariant(
      leaves[i]!.path || chunk.numValues === group.rows,
      `column ${leaves[i]!.name} has as many values as its row group rows`,
    );
    writeChunk(writer, chunk, leaves[i]!);
    compressed += chunk.length;
    uncompressed += chunk.uncompressedLength;
    fileOffset = Math.min(fileOffset, chunk.start);
  });
  writer.i64(2, uncompressed);
  writer.i64(3, group.rows);
  if (group.sortedBy !== undefined) {
    writer.list(4, listOf.struct, 1);
    writer.element();
    writer.i32(1, group.sortedBy);
    writer.bool(2, false);
    writer.bool(3, false);
    writer.end();
  }
  // Spark plans its splits by this offset; it must be where the group's first byte is.
  writer.i64(5, Number.isFinite(fileOffset) ? fileOffset : MAGIC.length);
  writer.i64(6, compressed);
  // An I16: beyond its range it is left out rather than wrapped.
  if (ordinal < 1 << 15) writer.i16(7, ordinal);
  writer.end();
}

function writeChunk(writer: ThriftWriter, chunk: ChunkMeta, leaf: FooterLeaf): void {
  writer.element();
  // `file_offset` points at metadata outside the footer; there is none.
  writer.i64(2, 0);
  writer.open(3);
  writer.i32(1, physicalTypes.indexOf(leaf.type.physical));
  writer.list(2, listOf.i32, chunk.encodings.length);
  for (const encoding of chunk.encodings) writer.item(encodings.indexOf(encoding));
  const path = leaf.path ?? [leaf.name];
  writer.list(3, listOf.binary, path.length);
  for (const name of path) writer.item(name);
  writer.i32(4, codecs.indexOf(chunk.codec));
  writer.i64(5, chunk.numValues);
  writer.i64(6, chunk.uncompressedLength);
  writer.i64(7, chunk.length);
  writer.i64(9, chunk.dataPageOffset);
  writer.i64(11, chunk.dictionaryPageOffset);
  if (chunk.statistics) writeStatistics(writer, 12, chunk.statistics);
  if (chunk.pageEncodings) {
    const pages = { v1: pageType.dataV1, v2: pageType.dataV2, dictionary: pageType.dictionary };
    writer.list(13, listOf.struct, chunk.pageEncodings.length);
    for (const { page, encoding, count } of chunk.pageEncodings) {
      writer.element();
      writer.i32(1, pages[page]);
      writer.i32(2, encodings.indexOf(encoding));
      writer.i32(3, count);
      writer.end();
    }
  }
  writer.end();
  writer.end();
}

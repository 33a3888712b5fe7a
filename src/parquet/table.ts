/**
 * A whole small Parquet file in memory, in one go: intermediate data such as key lists, and small datasets. One row
 * group is written; any number is read. The split and the resolve use it for work in
 * progress and refused rows, and so do tests; large datasets go chunk by chunk.
 */
import { type ErrorLocation, invariant, OrdinalError } from '../errors.ts';
import { CREATED_BY, MAGIC } from './constants.ts';
import { decodeChunk } from './decode.ts';
import { encodeColumn, encodePlain } from './encode.ts';
import { parseFooter } from './footer-read.ts';
import { writeFooter } from './footer-write.ts';
import type { ChunkMeta, Codec, Column, ColumnType, EncodedChunk, Leaf, Values } from './types.ts';
import { concat, gather } from './values.ts';

/** A column of a small file. */
export interface TableColumn {
  name: string;
  type: ColumnType;
  values: Values;
  /** 0 where a row is null. Undefined makes the column REQUIRED. */
  valid: Uint8Array | undefined;
}

/** A small file as a whole. */
export interface Table {
  rows: number;
  columns: TableColumn[];
  keyValues: Record<string, string>;
}

/** How a small file is written. */
export interface TableOptions {
  /** @default 'ZSTD' */
  codec?: Codec;
  /** Write PLAIN pages only: for a table that is read once and thrown away. @default false */
  plain?: boolean;
  keyValues?: Record<string, string>;
}

/**
 * The bytes of a file of these columns, all of the same number of rows, which `rows` states when there is none.
 * @param columns columns of one length
 * @param options codec, key-values, and whether to write PLAIN pages only
 * @returns the file
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function writeTable(columns: readonly TableColumn[], options: TableOptions = {}): Uint8Array {
  const rows = columns[0]?.values.length ?? 0;
  const parts: Uint8Array[] = [MAGIC];
  let offset = MAGIC.length;
  const chunks: ChunkMeta[] = [];
  for (const { name, type, values, valid } of columns) {
    invariant(values.length === rows, `column ${name} has as many rows as the first`);
    const nulls = valid ? valid.reduce((sum, bit) => sum + (bit === 0 ? 1 : 0), 0) : 0;
    const column: Column = { form: 'plain', rows, nulls, values, valid };
    const codec = options.codec ?? 'ZSTD';
    const chunk = options.plain
      ? encodePlain(type, valid !== undefined, values, valid, codec, { statistics: { nullCount: nulls } })
      : encodeColumn(column, type, valid !== undefined, codec);
    chunks.push(placeChunk(chunk, offset));
    parts.push(...chunk.parts);
    offset += chunk.meta.length;
  }
  parts.push(
    writeFooter({
      leaves: columns.map(({ name, type, valid }) => ({ name, type, optional: valid !== undefined })),
      rowGroups: rows > 0 ? [{ rows, chunks }] : [],
      rows,
      keyValues: options.keyValues ?? {},
      createdBy: CREATED_BY,
    }),
  );
  return join(parts);
}

/**
 * Metadata of an encoded chunk that is placed at byte `offset` of a file.
 * @param chunk an encoded chunk
 * @param offset its first byte in the file
 * @returns metadata with offsets from the start of the file
 */
export function placeChunk(chunk: Pick<EncodedChunk, 'meta'>, offset: number): ChunkMeta {
  const { meta } = chunk;
  return {
    ...meta,
    start: offset,
    dataPageOffset: offset + meta.dataPageOffset,
    ...(meta.dictionaryPageOffset !== undefined && { dictionaryPageOffset: offset + meta.dictionaryPageOffset }),
  };
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/**
 * Reads all rows of a file.
 * @param bytes the whole file
 * @param blob name of the file, for errors
 * @returns the columns, decoded
 * @throws `NotParquet` when the file does not end as Parquet does
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `NestedColumn` when a column is nested
 */
export function readTable(bytes: Uint8Array, blob = 'table'): Table {
  const file = parseFooter(bytes, bytes.length, blob);
  const columns = file.leaves.map((leaf): TableColumn => {
    if (leaf.nested) {
      throw new OrdinalError('NestedColumn', `Column ${leaf.name} is nested.`, { where: { blob, column: leaf.name } });
    }
    const pieces = file.rowGroups.map((group, i) => {
      const meta = group.chunks[leaf.ordinal]!;
      const where = { blob, rowGroup: i };
      return readPiece(bytes.subarray(meta.start, meta.start + meta.length), meta, leaf, group.rows, where);
    });
    const values =
      pieces.length === 1
        ? pieces[0]!.values
        : concat(
            leaf.type,
            pieces.map((piece) => piece.values),
          );
    return { name: leaf.name, type: leaf.type, values, valid: joinValid(leaf, pieces, file.rows) };
  });
  return { rows: file.rows, columns, keyValues: file.keyValues };
}

interface Piece {
  rows: number;
  values: Values;
  valid: Uint8Array | undefined;
}

function readPiece(bytes: Uint8Array, meta: ChunkMeta, leaf: Leaf, rows: number, where: ErrorLocation): Piece {
  const column = decodeChunk(bytes, meta, leaf, rows, where);
  if (column.form === 'plain') return { rows, values: column.values, valid: column.valid };
  const valid = column.nulls > 0 ? Uint8Array.from(column.indices, (index) => (index < 0 ? 0 : 1)) : undefined;
  return { rows, values: gather(column.dictionary, column.indices), valid };
}

function joinValid(leaf: Leaf, pieces: readonly Piece[], rows: number): Uint8Array | undefined {
  if (!leaf.optional) return undefined;
  const out = new Uint8Array(rows).fill(1);
  let row = 0;
  for (const piece of pieces) {
    if (piece.valid) out.set(piece.valid, row);
    row += piece.rows;
  }
  return out;
}

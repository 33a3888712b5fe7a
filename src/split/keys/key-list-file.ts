/**
 * A batch's key list as a file. It is written by the split and read by the resolve of the same run, once, and compressed
 * in between: integers, and the lengths of byte arrays, are laid out as byte planes (`byte-planes.ts`), other columns as
 * they are in memory. Little endian:
 *
 *     u32 magic · u32 bytes of the header · header (JSON)
 *     for each column: data · length of each value, for byte arrays · u8 validity[rows], where there are nulls ·
 *         u8, u16 or u32 code[rows], where the data are a dictionary: the entry plus one, 0 for null
 *
 * Each of a column's parts begins at a multiple of 8.
 */
import { z } from 'zod';
import { lowAndHigh, readEnds, readPlanes, wordsOf, writePlanes } from '../../bytes/byte-planes.ts';
import { columnTypeSchema } from '../../documents/column-type.ts';
import { OrdinalError } from '../../errors.ts';
import type { Table, TableColumn } from '../../parquet/table.ts';
import type { ColumnType, Values } from '../../parquet/types.ts';
import { bytesOf } from '../../parquet/values.ts';
import { isLayout } from '../../storage/layout.ts';

const MAGIC = 0x324c4b4f;

const columnSchema = z.object({
  name: z.string(),
  type: columnTypeSchema,
  kind: z.enum(['boolean', 'int32', 'int64', 'float', 'double', 'bytes', 'fixed']),
  /** Of the data. */
  bytes: z.int().nonnegative(),
  /** Bytes of each value, where values are `fixed`. */
  width: z.int().nonnegative().exactOptional(),
  /** Absent where every row has a value. */
  valid: z.literal(true).exactOptional(),
  /** Values of the dictionary, where the column has one. */
  entries: z.int().nonnegative().exactOptional(),
});

const headerSchema = z.object({ rows: z.int().nonnegative(), columns: z.array(columnSchema) });
type Header = z.infer<typeof headerSchema>;

/** A column of a key list; with `indices`, its values are a dictionary, and -1 is null. */
export interface KeyListColumn extends TableColumn {
  indices?: Int32Array | undefined;
}

export interface KeyListTable extends Table {
  columns: KeyListColumn[];
}

export function writeKeyList(columns: readonly KeyListColumn[], rows: number): Uint8Array {
  const header: Header = {
    rows,
    columns: columns.map(({ name, type, values, valid, indices }) => ({
      name,
      type,
      kind: values.kind,
      bytes: dataPiece(values).length,
      ...(values.kind === 'fixed' && { width: values.width }),
      ...(valid && { valid: true as const }),
      ...(indices && { entries: values.length }),
    })),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const pieces = columns.flatMap((column) => piecesOf(column, rows));
  const start = align(8 + json.length);
  const bytes = new Uint8Array(pieces.reduce((end, piece) => align(end + piece.length), start));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, json.length, true);
  bytes.set(json, 8);
  let at = start;
  for (const piece of pieces) {
    piece.put(bytes, at);
    at = align(at + piece.length);
  }
  return bytes;
}

/** Byte arrays and the like are views into `bytes`. Throws `CorruptFile` or `NewerVersion`, which name the blob. */
export function readKeyList(bytes: Uint8Array, name: string): KeyListTable {
  // Views of words need their alignment; what comes from a network may have none.
  const whole = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  if (whole.length < 8 || !isLayout(view.getUint32(0, true), MAGIC, name)) throw corrupt(name);
  const length = view.getUint32(4, true);
  if (length > whole.length - 8) throw corrupt(name);
  const header = headerSchema.safeParse(parseJson(whole.subarray(8, 8 + length), name));
  if (!header.success) throw corrupt(name, header.error);
  const { rows, columns } = header.data;
  let at = align(8 + length);
  const take = (byteLength: number): Uint8Array => {
    if (at + byteLength > whole.length) throw corrupt(name);
    const piece = whole.subarray(at, at + byteLength);
    at = align(at + byteLength);
    return piece;
  };
  const read = columns.map((column): KeyListColumn => {
    const { type, entries } = column;
    const length = entries ?? rows;
    const data = take(column.bytes);
    const values = valuesOf(column, length, data, column.kind === 'bytes' ? take(length * 4) : undefined);
    if (!values) throw corrupt(name);
    const valid = column.valid ? take(rows) : undefined;
    if (entries === undefined) return { name: column.name, type, values, valid };
    const indices = indicesOf(take(rows * codeBytes(entries)), rows, entries);
    if (!indices) throw corrupt(name);
    return { name: column.name, type, values, valid, indices };
  });
  return { rows, columns: read, keyValues: {} };
}

/** A part of the file: its bytes, and how they come to their place. */
interface Piece {
  length: number;
  put(out: Uint8Array, at: number): void;
}

function piecesOf({ values, valid, indices }: KeyListColumn, rows: number): Piece[] {
  return [
    dataPiece(values),
    ...(values.kind === 'bytes' ? [lengthsPiece(values)] : []),
    ...(valid ? [asIs(valid.subarray(0, rows))] : []),
    ...(indices ? [asIs(codesOf(indices.subarray(0, rows), values.length))] : []),
  ];
}

function asIs(bytes: Uint8Array): Piece {
  return { length: bytes.byteLength, put: (out, at) => out.set(bytes, at) };
}

/** The values alone, though they may be part of a larger arena. */
function dataPiece(values: Values): Piece {
  const { length } = values;
  switch (values.kind) {
    case 'bytes':
      return asIs(values.data.subarray(values.offsets[0]!, values.offsets[length]!));
    case 'fixed':
      return asIs(values.data.subarray(0, length * values.width));
    case 'int32':
      return {
        length: length * 4,
        put: (out, at) => void writePlanes(wordsOf(values.data.subarray(0, length)), false, out, at),
      };
    case 'int64': {
      const [low, high] = lowAndHigh(values.data.subarray(0, length));
      return {
        length: length * 8,
        put: (out, at) => void writePlanes(high, false, out, writePlanes(low, false, out, at)),
      };
    }
    default:
      return asIs(bytesOf(values.data.subarray(0, length)));
  }
}

function lengthsPiece({ offsets, length }: Extract<Values, { kind: 'bytes' }>): Piece {
  return {
    length: length * 4,
    put(out, at) {
      const lengths = new Int32Array(length);
      for (let i = 0; i < length; i++) lengths[i] = offsets[i + 1]! - offsets[i]!;
      writePlanes(wordsOf(lengths), false, out, at);
    },
  };
}

/** Bytes of a code: it counts the entries, and null. */
function codeBytes(entries: number): number {
  return entries < 0xff ? 1 : entries < 0xffff ? 2 : 4;
}

function codesOf(indices: Int32Array, entries: number): Uint8Array {
  const size = codeBytes(entries);
  const { length } = indices;
  const codes = size === 1 ? new Uint8Array(length) : size === 2 ? new Uint16Array(length) : new Uint32Array(length);
  for (let row = 0; row < length; row++) codes[row] = indices[row]! + 1;
  return bytesOf(codes);
}

/** Undefined where a code is of no entry. */
function indicesOf(bytes: Uint8Array, rows: number, entries: number): Int32Array | undefined {
  const size = codeBytes(entries);
  const { buffer, byteOffset } = bytes;
  const codes =
    size === 1
      ? bytes
      : size === 2
        ? new Uint16Array(buffer, byteOffset, rows)
        : new Uint32Array(buffer, byteOffset, rows);
  const indices = new Int32Array(rows);
  for (let row = 0; row < rows; row++) {
    const code = codes[row]!;
    if (code > entries) return undefined;
    indices[row] = code - 1;
  }
  return indices;
}

function valuesOf(
  { kind, width, type }: Header['columns'][number],
  rows: number,
  data: Uint8Array,
  lengths: Uint8Array | undefined,
): Values | undefined {
  const { buffer, byteOffset, byteLength } = data;
  switch (kind) {
    case 'bytes': {
      const offsets = offsetsOf(lengths!, rows);
      return offsets[rows] === byteLength ? { kind, length: rows, data, offsets } : undefined;
    }
    case 'fixed':
      return width !== undefined && byteLength === rows * width ? { kind, length: rows, data, width } : undefined;
    case 'boolean':
      return byteLength === rows ? { kind, length: rows, data } : undefined;
    case 'int32': {
      if (byteLength !== rows * 4) return undefined;
      const words = new Int32Array(rows);
      readPlanes(wordsOf(words), false, data, 0);
      return { kind, length: rows, data: words };
    }
    case 'float':
      return byteLength === rows * 4
        ? { kind, length: rows, data: new Float32Array(buffer, byteOffset, rows) }
        : undefined;
    case 'int64': {
      if (byteLength !== rows * 8) return undefined;
      const longs = new BigInt64Array(rows);
      const [low, high] = lowAndHigh(longs);
      readPlanes(high, false, data, readPlanes(low, false, data, 0));
      return { kind, length: rows, data: longs };
    }
    case 'double':
      return byteLength === rows * 8
        ? { kind, length: rows, data: new Float64Array(buffer, byteOffset, rows) }
        : undefined;
    default:
      throw new OrdinalError('Internal', `values of kind ${kind} of ${(type as ColumnType).physical}`);
  }
}

/** Where values of these lengths begin, and the last one ends. */
function offsetsOf(lengths: Uint8Array, rows: number): Uint32Array {
  const offsets = new Uint32Array(rows + 1);
  readEnds(offsets.subarray(1), lengths, 0);
  return offsets;
}

function parseJson(bytes: Uint8Array, name: string): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (thrown) {
    throw corrupt(name, thrown);
  }
}

function align(n: number): number {
  return (n + 7) & ~7;
}

function corrupt(name: string, cause?: unknown): OrdinalError {
  return new OrdinalError('CorruptFile', `"${name}" is not a key list`, {
    where: { blob: name },
    remedy: 'Start the run anew under another ID: work in progress was damaged.',
    cause,
  });
}

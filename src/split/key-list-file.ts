/**
 * A batch's key list as a file. It is written by the split and read by the resolve of the same run, once: columns are
 * laid out as they are in memory, and reading makes views, not copies. Little endian:
 *
 *     u32 magic · u32 bytes of the header · header (JSON) · u32 hash[rows] of the keys
 *     for each column: data · u32 end of each value, for byte arrays · u8 validity[rows], where there are nulls ·
 *         u8, u16 or u32 code[rows], where the data are a dictionary: the entry plus one, 0 for null
 *
 * The hashes and each of a column's parts begin at a multiple of 8.
 */
import { z } from 'zod';
import { OrdinalError } from '../errors.ts';
import { keyWriter } from '../keys/encode.ts';
import { hashKey } from '../keys/table.ts';
import type { Table, TableColumn } from '../parquet/table.ts';
import type { ColumnType, Values } from '../parquet/types.ts';
import { bytesOf } from '../parquet/values.ts';
import { columnTypeSchema } from './column-type.ts';

const MAGIC = 0x314c4b4f;

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

/** A key list: its columns, and the `hashKey` of each row's key. */
export interface KeyListTable extends Table {
  columns: KeyListColumn[];
  hashes: Uint32Array;
}

/** `hashes` are those of the columns' keys, row by row. */
export function writeKeyList(columns: readonly KeyListColumn[], hashes: Uint32Array): Uint8Array {
  const header: Header = {
    rows: hashes.length,
    columns: columns.map(({ name, type, values, valid, indices }) => ({
      name,
      type,
      kind: values.kind,
      bytes: dataOf(values).byteLength,
      ...(values.kind === 'fixed' && { width: values.width }),
      ...(valid && { valid: true as const }),
      ...(indices && { entries: values.length }),
    })),
  };
  const json = new TextEncoder().encode(JSON.stringify(header));
  const pieces = [bytesOf(hashes), ...columns.flatMap((column) => piecesOf(column, hashes.length))];
  const start = align(8 + json.length);
  const bytes = new Uint8Array(pieces.reduce((end, piece) => align(end + piece.byteLength), start));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, json.length, true);
  bytes.set(json, 8);
  let at = start;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at = align(at + piece.byteLength);
  }
  return bytes;
}

/** A list of keys without attributes, whose hashes are not known yet. */
export function keyListOf(columns: readonly TableColumn[]): Uint8Array {
  const rows = columns[0]?.values.length ?? 0;
  const writer = keyWriter(columns);
  const hashes = new Uint32Array(rows);
  for (let row = 0; row < rows; row++) {
    writer.write(columns.map(() => row));
    hashes[row] = hashKey(writer.bytes, writer.start, writer.end);
  }
  return writeKeyList(columns, hashes);
}

/** Views into `bytes`. Throws `CorruptFile`, which names the blob. */
export function readKeyList(bytes: Uint8Array, name: string): KeyListTable {
  // Views of words need their alignment; what comes from a network may have none.
  const whole = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const view = new DataView(whole.buffer, whole.byteOffset, whole.byteLength);
  if (whole.length < 8 || view.getUint32(0, true) !== MAGIC) throw corrupt(name);
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
  const hashes = wordsOf(take(rows * 4));
  const read = columns.map((column): KeyListColumn => {
    const { type, entries } = column;
    const length = entries ?? rows;
    const data = take(column.bytes);
    const values = valuesOf(column, length, data, column.kind === 'bytes' ? take((length + 1) * 4) : undefined);
    if (!values) throw corrupt(name);
    const valid = column.valid ? take(rows) : undefined;
    if (entries === undefined) return { name: column.name, type, values, valid };
    const indices = indicesOf(take(rows * codeBytes(entries)), rows, entries);
    if (!indices) throw corrupt(name);
    return { name: column.name, type, values, valid, indices };
  });
  return { rows, columns: read, keyValues: {}, hashes };
}

function piecesOf({ values, valid, indices }: KeyListColumn, rows: number): Uint8Array[] {
  return [
    dataOf(values),
    ...(values.kind === 'bytes' ? [rebased(values)] : []),
    ...(valid ? [valid.subarray(0, rows)] : []),
    ...(indices ? [codesOf(indices.subarray(0, rows), values.length)] : []),
  ];
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

/** The bytes of the values alone, though they may be part of a larger arena. */
function dataOf(values: Values): Uint8Array {
  if (values.kind === 'bytes') return values.data.subarray(values.offsets[0]!, values.offsets[values.length]!);
  if (values.kind === 'fixed') return values.data.subarray(0, values.length * values.width);
  return bytesOf(values.data.subarray(0, values.length));
}

function rebased({ offsets, length }: Extract<Values, { kind: 'bytes' }>): Uint8Array {
  const base = offsets[0]!;
  const own = offsets.subarray(0, length + 1);
  return bytesOf(base === 0 ? own : own.map((offset) => offset - base));
}

function valuesOf(
  { kind, width, type }: Header['columns'][number],
  rows: number,
  data: Uint8Array,
  offsets: Uint8Array | undefined,
): Values | undefined {
  const { buffer, byteOffset, byteLength } = data;
  switch (kind) {
    case 'bytes': {
      const ends = wordsOf(offsets!);
      for (let row = 0; row < rows; row++) if (ends[row]! > ends[row + 1]!) return undefined;
      return ends[0] === 0 && ends[rows] === byteLength ? { kind, length: rows, data, offsets: ends } : undefined;
    }
    case 'fixed':
      return width !== undefined && byteLength === rows * width ? { kind, length: rows, data, width } : undefined;
    case 'boolean':
      return byteLength === rows ? { kind, length: rows, data } : undefined;
    case 'int32':
      return byteLength === rows * 4
        ? { kind, length: rows, data: new Int32Array(buffer, byteOffset, rows) }
        : undefined;
    case 'float':
      return byteLength === rows * 4
        ? { kind, length: rows, data: new Float32Array(buffer, byteOffset, rows) }
        : undefined;
    case 'int64':
      return byteLength === rows * 8
        ? { kind, length: rows, data: new BigInt64Array(buffer, byteOffset, rows) }
        : undefined;
    case 'double':
      return byteLength === rows * 8
        ? { kind, length: rows, data: new Float64Array(buffer, byteOffset, rows) }
        : undefined;
    default:
      throw new OrdinalError('Internal', `values of kind ${kind} of ${(type as ColumnType).physical}`);
  }
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
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
    remedy: 'Work in progress was damaged: start the run anew under another ID.',
    cause,
  });
}

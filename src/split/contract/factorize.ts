/**
 * Gives each row a small code for its value, or for its values in several columns; equal values have equal codes, in
 * the order in which they are first seen. -1 is for a null in any component and for a row that is not selected. Keys,
 * record types and constant parts are found by these codes, so that work is done for each distinct value and not for
 * each row.
 */
import { keyWriter } from '../../keys/encode.ts';
import { KeyTable } from '../../keys/table.ts';
import type { DictionaryColumn, PlainColumn } from '../../parquet/columns.ts';
import type { Column, ColumnType } from '../../parquet/types.ts';
import { entriesOf } from './string-pool.ts';

export interface Factor {
  codes: Int32Array;
  /** Codes are below it; not every one need occur. */
  size: number;
  /** The codes that occur, in the order of their first rows. */
  order: Int32Array;
  /** By place in `order`: the code's first row. Ascending. */
  firstRow: Int32Array;
  /** Where values were hashed, which a dictionary's are not: their keys, whose ordinals the codes are. */
  keys?: KeyTable;
}

/** Keys that memory is taken for before they have come: a table that need not grow is quicker. */
const EXPECTED_MAX = 1 << 17;

/** A pair table of this many entries (16 MiB) is cheaper than hashing; beyond it, pairs are hashed. */
const PAIR_TABLE_MAX = 4 * 1024 * 1024;

/** Codes of one column. `mask[row]` 0 leaves a row out. */
export function factorize(column: Column, type: ColumnType, mask: Uint8Array | undefined): Factor {
  if (column.form === 'plain') return byHash(column, type, mask);
  return (mask === undefined ? byEntries(column) : undefined) ?? byDictionary(column, mask);
}

/**
 * The dictionary's own numbers as codes: no row is written, and rows are read only until every entry has occurred.
 * Undefined where most entries do not occur, as in a part of a row group: references would carry them all.
 */
function byEntries(column: DictionaryColumn): Factor | undefined {
  const { indices, rows } = column;
  const size = entriesOf(column);
  const seen = new Uint8Array(size);
  const order = new Int32Array(size);
  const firstRow = new Int32Array(size);
  let distinct = 0;
  for (let row = 0; row < rows && distinct < size; row++) {
    const entry = indices[row]!;
    if (entry < 0 || seen[entry] === 1) continue;
    seen[entry] = 1;
    order[distinct] = entry;
    firstRow[distinct++] = row;
  }
  if (distinct * 2 < size) return undefined;
  return { codes: indices, size, order: order.subarray(0, distinct), firstRow: firstRow.subarray(0, distinct) };
}

/** Codes in first-seen order: each is its own place in `order`. */
function dense(codes: Int32Array, firstRow: Int32Array): Factor {
  const size = firstRow.length;
  const order = new Int32Array(size);
  for (let code = 0; code < size; code++) order[code] = code;
  return { codes, size, order, firstRow };
}

function byDictionary(column: DictionaryColumn, mask: Uint8Array | undefined): Factor {
  const { indices, rows } = column;
  const entries = entriesOf(column);
  const codeOf = new Int32Array(entries).fill(-1);
  const codes = new Int32Array(rows);
  const firstRow = new Int32Array(Math.min(rows, entries));
  let distinct = 0;
  for (let row = 0; row < rows; row++) {
    const entry = indices[row]!;
    if (entry < 0 || (mask !== undefined && mask[row] === 0)) {
      codes[row] = -1;
      continue;
    }
    let code = codeOf[entry]!;
    if (code < 0) {
      code = distinct++;
      codeOf[entry] = code;
      firstRow[code] = row;
    }
    codes[row] = code;
  }
  return dense(codes, firstRow.subarray(0, distinct));
}

function byHash(column: PlainColumn, type: ColumnType, mask: Uint8Array | undefined): Factor {
  const { values, valid, rows } = column;
  const table = new KeyTable(Math.min(rows, EXPECTED_MAX));
  const codes = new Int32Array(rows);
  if (values.kind === 'bytes' && valid === undefined && mask === undefined) {
    const { data: bytes, offsets: starts } = values;
    table.internMany({ bytes, starts, ends: starts.subarray(1), count: rows }, codes);
    return { ...dense(codes, firstRows(codes, table.size)), keys: table };
  }
  const writer = keyWriter([{ values, type }]);
  let firstRow = new Int32Array(1024);
  const at = [0];
  for (let row = 0; row < rows; row++) {
    if ((valid !== undefined && valid[row] === 0) || (mask !== undefined && mask[row] === 0)) {
      codes[row] = -1;
      continue;
    }
    at[0] = row;
    writer.write(at);
    const before = table.size;
    const code = table.intern(writer.bytes, writer.start, writer.end);
    if (code === before) firstRow = put(firstRow, code, row);
    codes[row] = code;
  }
  return { ...dense(codes, firstRow.subarray(0, table.size)), keys: table };
}

/** By code: its first row, where codes are in first-seen order. */
function firstRows(codes: Int32Array, size: number): Int32Array {
  const firstRow = new Int32Array(size);
  for (let row = 0, next = 0; next < size; row++) if (codes[row] === next) firstRow[next++] = row;
  return firstRow;
}

/** Codes of the combinations of two factors over the same rows, in memory that `allocate` gives. */
export function combine(a: Factor, b: Factor, allocate: (length: number) => Int32Array): Factor {
  const codes = allocate(a.codes.length);
  return (a.size + 1) * (b.size + 1) <= PAIR_TABLE_MAX ? combineByTable(a, b, codes) : combineByMap(a, b, codes);
}

function combineByTable(a: Factor, b: Factor, codes: Int32Array): Factor {
  const left = a.codes;
  const right = b.codes;
  // Null's -1 has its own row and column, so that a pair is one number whatever it is of.
  const width = b.size + 1;
  // Code + 1 by pair, so that an untouched table needs no filling.
  const table = new Int32Array((a.size + 1) * width);
  const rows = left.length;
  const firstRow = new Int32Array(Math.min(rows, table.length));
  let distinct = 0;
  for (let row = 0; row < rows; row++) {
    const pair = Math.imul(left[row]! + 1, width) + right[row]! + 1;
    let code = table[pair]!;
    // Rows without a key never get one, and are told from new pairs here, off the way that most rows take.
    if (code === 0 && (left[row]! | right[row]!) >= 0) {
      firstRow[distinct] = row;
      code = ++distinct;
      table[pair] = code;
    }
    codes[row] = code - 1;
  }
  return dense(codes, firstRow.slice(0, distinct));
}

function combineByMap(a: Factor, b: Factor, codes: Int32Array): Factor {
  const rows = a.codes.length;
  const map = new Map<number, number>();
  let firstRow = new Int32Array(1024);
  for (let row = 0; row < rows; row++) {
    const x = a.codes[row]!;
    const y = b.codes[row]!;
    if (x < 0 || y < 0) {
      codes[row] = -1;
      continue;
    }
    const pair = x * b.size + y;
    let code = map.get(pair);
    if (code === undefined) {
      code = map.size;
      map.set(pair, code);
      firstRow = put(firstRow, code, row);
    }
    codes[row] = code;
  }
  return dense(codes, firstRow.subarray(0, map.size));
}

function put(array: Int32Array<ArrayBuffer>, index: number, value: number): Int32Array<ArrayBuffer> {
  let target = array;
  if (index >= array.length) {
    target = new Int32Array(array.length * 2);
    target.set(array);
  }
  target[index] = value;
  return target;
}

/**
 * Collects the values of a column piece by piece. Strings that come in dictionary form stay in it: each distinct string
 * is stored once, and rows are codes, because a few words describe key after key. Key lists, new rows and refused rows
 * are collected by it.
 */
import { invariant } from '../../errors.ts';
import { KeyTable } from '../../keys/table.ts';
import { limits } from '../../limits.ts';
import { toPlain } from '../../parquet/columns.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import { byteLength, checkBytes, concat, gather } from '../../parquet/values.ts';

/** Gathered values, null where `valid` is 0; in dictionary form where `indices` says which entry, -1 being null. */
export interface GatheredValues {
  values: Values;
  indices: Int32Array | undefined;
  valid: Uint8Array | undefined;
}

export class ValueList {
  readonly #type: ColumnType;
  /** Of each piece: its values, or their codes. The first piece decides for all. */
  readonly #values: Values[] = [];
  readonly #codes: Int32Array[] = [];
  readonly #valid: Uint8Array[] = [];
  #entries: KeyTable | undefined;
  #length = 0;
  #bytes = 0;

  constructor(type: ColumnType) {
    this.#type = type;
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Appends the rows of a column. Dictionary entries that no row uses are not taken. Throws `LimitExceeded` when the list
   * takes too much memory.
   */
  add(column: Column): void {
    if (this.#length === 0 && column.form === 'dictionary' && column.dictionary.kind === 'bytes') {
      this.#entries = new KeyTable();
    }
    this.#length += column.rows;
    if (this.#entries) {
      this.#codes.push(codesOf(column, this.#entries));
      checkBytes(this.#entries.byteLength, limits.columnBytesMax);
    } else {
      const { values, valid } = toPlain(column);
      this.#bytes += byteLength(values);
      checkBytes(this.#bytes, limits.columnBytesMax);
      this.#values.push(values);
      this.#valid.push(valid ?? new Uint8Array(column.rows).fill(1));
    }
  }

  /** The values at the given places, in that order; null where a place is -1. */
  gather(places: Int32Array): GatheredValues {
    if (this.#entries) {
      const codes = joined(this.#codes, this.#length);
      const indices = new Int32Array(places.length);
      for (let i = 0; i < places.length; i++) indices[i] = places[i]! < 0 ? -1 : codes[places[i]!]!;
      return { values: this.#entries.values(), indices, valid: undefined };
    }
    const values = gather(concat(this.#type, this.#values), places);
    return { values, indices: undefined, valid: this.#validAt(places) };
  }

  #validAt(places: Int32Array): Uint8Array | undefined {
    const taken = Buffer.concat(this.#valid);
    const valid = new Uint8Array(places.length);
    let nulls = 0;
    for (let i = 0; i < valid.length; i++) {
      const bit = places[i]! < 0 ? 0 : taken[places[i]!]!;
      valid[i] = bit;
      if (bit === 0) nulls++;
    }
    return nulls > 0 ? valid : undefined;
  }
}

/** The number, among `entries`, of each row's value; -1 for null. */
function codesOf(column: Column, entries: KeyTable): Int32Array {
  const codes = new Int32Array(column.rows);
  const values = column.form === 'dictionary' ? column.dictionary : column.values;
  invariant(values.kind === 'bytes', 'all pieces are of one type');
  const { data, offsets } = values;
  if (column.form === 'plain') {
    for (let row = 0; row < column.rows; row++) {
      const isNull = column.valid !== undefined && column.valid[row] === 0;
      codes[row] = isNull ? -1 : entries.intern(data, offsets[row]!, offsets[row + 1]!);
    }
    return codes;
  }
  // By entry: its code plus one.
  const known = new Int32Array(values.length);
  for (let row = 0; row < column.rows; row++) {
    const entry = column.indices[row]!;
    if (entry < 0) {
      codes[row] = -1;
      continue;
    }
    let code = known[entry]!;
    if (code === 0) {
      code = entries.intern(data, offsets[entry]!, offsets[entry + 1]!) + 1;
      known[entry] = code;
    }
    codes[row] = code - 1;
  }
  return codes;
}

function joined(pieces: readonly Int32Array[], length: number): Int32Array {
  const [only] = pieces;
  if (pieces.length === 1 && only) return only;
  const all = new Int32Array(length);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

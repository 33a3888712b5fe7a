/**
 * The distinct strings of a contract column, numbered. A string is hashed once, where it is read; from then on it is a
 * number. What the schema made of it, and which key of the batch it is, are found by that number. A pool is kept for a
 * run in a process (`run-memory.ts`), because the same strings come again and again. It has a limit, and forgets
 * strings that do not repeat.
 *
 * A pool may be emptied whenever a unit begins: its numbers, and columns made of them, hold for one unit only.
 */

import { KeyTable } from '../../keys/table.ts';
import type { DictionaryColumn } from '../../parquet/columns.ts';
import type { ByteStrings } from '../../parquet/decode-distinct.ts';
import type { Values } from '../../parquet/types.ts';
import { gather } from '../../parquet/values.ts';

/** Bounds of one pool: beyond them it begins anew. */
const ENTRIES_MAX = 1 << 20;
const BYTES_MAX = 64 * 1024 * 1024;

/** Look-ups after which a pool shows whether it is worth its room, and the share of hits below which it is not. */
const TRIAL_LOOKUPS = 65_536;
const HIT_SHARE_MIN = 0.1;

const utf8 = new TextEncoder();

/** In place of a number: the schema was not asked about a string yet. */
export const UNKNOWN = -1;

export class StringPool {
  #strings = new KeyTable();
  /** By number: the number of what the schema made of the string, plus one; 0 where it was not asked. */
  #outcomes = new Int32Array(1024);
  /** By number: the place in the unit's dictionary, plus one. */
  #places = new Int32Array(1024);
  #entries = new Int32Array(1024);
  #entryCount = 0;
  #text = new Uint8Array(256);
  #known = 0;
  #lookups = 0;
  #hits = 0;
  #epoch = 0;

  /** Changes whenever all numbers are forgotten. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Numbers so far. */
  get count(): number {
    return this.#strings.size;
  }

  /** The strings by number: their ordinals in this table, for as long as the epoch lasts. */
  get strings(): KeyTable {
    return this.#strings;
  }

  /** Begins a unit: its dictionary is empty, and what does not pay, or is too large, is forgotten. */
  begin(): void {
    const { size, byteLength } = this.#strings;
    const rare = this.#lookups > TRIAL_LOOKUPS && this.#hits < this.#lookups * HIT_SHARE_MIN;
    this.#places.fill(0, 0, size);
    this.#entryCount = 0;
    const large = size > ENTRIES_MAX || byteLength > BYTES_MAX;
    if (rare || large) {
      if (large) this.#strings = new KeyTable();
      else this.#strings.clear();
      this.#outcomes.fill(0);
      this.#epoch++;
    }
    this.#known = this.#strings.size;
  }

  /** The places of strings in the unit's dictionary; see `entries`. */
  internMany(strings: ByteStrings, out: Int32Array): void {
    this.#strings.internMany(strings, out);
    this.#makeRoom();
    for (let k = 0; k < strings.count; k++) out[k] = this.#placeOf(out[k]!);
  }

  /** The same for one string. */
  intern(bytes: Uint8Array, start: number, end: number): number {
    return this.#placeOf(this.number(bytes, start, end));
  }

  #placeOf(number: number): number {
    const place = this.#places[number]!;
    if (place > 0) return place - 1;
    // Only what an earlier unit brought is a hit: that is what keeping the pool is for.
    this.#lookups++;
    if (number < this.#known) this.#hits++;
    if (this.#entryCount >= this.#entries.length) this.#entries = doubled(this.#entries);
    this.#entries[this.#entryCount++] = number;
    this.#places[number] = this.#entryCount;
    return this.#entryCount - 1;
  }

  /** Strings in the unit's dictionary. */
  get size(): number {
    return this.#entryCount;
  }

  /** Bytes of all strings, of earlier units too. */
  get byteLength(): number {
    return this.#strings.byteLength;
  }

  /** By place in the unit's dictionary: the string's number. */
  entries(): Int32Array {
    return this.#entries.slice(0, this.#entryCount);
  }

  /** The number of a string that need not be in the unit's dictionary. */
  number(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const number = this.#strings.intern(bytes, start, end);
    this.#makeRoom();
    return number;
  }

  /** The number of a text, in UTF-8. */
  numberOf(text: string): number {
    // A unit of UTF-16 is three bytes at most.
    if (text.length * 3 > this.#text.length) this.#text = new Uint8Array(text.length * 6);
    return this.number(this.#text, 0, utf8.encodeInto(text, this.#text).written);
  }

  #makeRoom(): void {
    while (this.#strings.size > this.#places.length) {
      this.#places = doubled(this.#places);
      this.#outcomes = doubled(this.#outcomes);
    }
  }

  /** The number of what the schema made of a string, or `UNKNOWN`. */
  outcome(number: number): number {
    return this.#outcomes[number]! - 1;
  }

  remember(number: number, outcome: number): void {
    this.#outcomes[number] = outcome + 1;
  }

  /** The strings of some numbers, in that order. */
  values(numbers: Int32Array): Values {
    return gather(this.#strings.values(), numbers);
  }
}

/** A unit's column in dictionary form whose entries are numbers of a pool; the strings are copied when asked for. */
export class PooledColumn {
  readonly form = 'dictionary';
  readonly rows: number;
  readonly nulls: number;
  readonly indices: Int32Array;
  readonly pool: StringPool;
  /** By entry. Entries may be the same string. */
  readonly numbers: Int32Array;
  #dictionary: Values | undefined;

  constructor(
    { rows, nulls, indices }: { rows: number; nulls: number; indices: Int32Array },
    pool: StringPool,
    numbers: Int32Array,
    dictionary?: Values,
  ) {
    this.rows = rows;
    this.nulls = nulls;
    this.indices = indices;
    this.pool = pool;
    this.numbers = numbers;
    this.#dictionary = dictionary;
  }

  get dictionary(): Values {
    this.#dictionary ??= this.pool.values(this.numbers);
    return this.#dictionary;
  }
}

function doubled(list: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(list.length * 2);
  larger.set(list);
  return larger;
}

/** Entries of a column's dictionary, without making one that is only numbers yet. */
export function entriesOf(column: DictionaryColumn): number {
  return column instanceof PooledColumn ? column.numbers.length : column.dictionary.length;
}

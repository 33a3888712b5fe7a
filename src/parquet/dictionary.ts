/**
 * Building a dictionary from values: distinct values in first-seen order by their bytes, and an index per row. Equality
 * is by bytes: -0 and 0 are two values, and NaNs of equal bits are one. `encode-column.ts` and `src/resolve` call it.
 */
import type { Values } from './types.ts';
import { bytesOf, gather } from './values.ts';

/** Rows after which a dictionary must have proved that values repeat, again and again. */
const probationRows = 8192;
/** A dictionary stays below this share of the rows, or it does not pay. */
const distinctShareMax = 0.25;
const distinctMax = 1 << 20;

/**
 * Makes a dictionary of values.
 * @param values values of the column, aligned to rows
 * @param valid 0 for each row that is null, aligned to the values; undefined when none is null
 * @returns distinct values in first-seen order and an index for each row (-1 for null); undefined when values repeat
 *   too seldom for a dictionary to pay
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function buildDictionary(
  values: Values,
  valid: Uint8Array | undefined,
): { dictionary: Values; indices: Int32Array } | undefined {
  const { length } = values;
  const distinct =
    values.kind === 'bytes' || values.kind === 'fixed' ? new DistinctBytes(values) : new DistinctWords(values);
  // Most columns that get no dictionary show it within the first rows.
  let indices = new Int32Array(Math.min(length, probationRows));
  for (let from = 0; from < length; from += probationRows) {
    const to = Math.min(length, from + probationRows);
    distinct.add(from, to, valid, indices);
    if (!worthwhile(distinct.length, to)) return undefined;
    if (to < length && from === 0) indices = widened(indices, length);
  }
  if (distinct.length === 0) return undefined;
  return { dictionary: gather(values, distinct.firstRows, distinct.length), indices };
}

function worthwhile(distinct: number, rows: number): boolean {
  return distinct <= distinctMax && distinct <= Math.max(1, rows * distinctShareMax);
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  return widened(array, array.length * 2);
}

function widened(array: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(length);
  out.set(array);
  return out;
}

/** Slots of an open-addressing table: index + 1 of an entry, 0 when free; at most half full. */
function rehash(hashes: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const slots = new Int32Array(hashes.length * 4);
  const mask = slots.length - 1;
  for (let index = 0; index < length; index++) {
    let slot = hashes[index]! & mask;
    while (slots[slot] !== 0) slot = (slot + 1) & mask;
    slots[slot] = index + 1;
  }
  return slots;
}

/** Distinct values so far: the first row of each, and a table of their hashes. */
class Distinct {
  protected slots = new Int32Array(1024);
  protected hashes = new Int32Array(512);
  firstRows = new Int32Array(512);
  length = 0;

  protected insert(row: number, hash: number, slot: number): number {
    const index = this.length++;
    this.slots[slot] = index + 1;
    this.firstRows[index] = row;
    this.hashes[index] = hash;
    if (this.length === this.hashes.length) {
      this.hashes = doubled(this.hashes);
      this.firstRows = doubled(this.firstRows);
      this.slots = rehash(this.hashes, this.length);
    }
    return index;
  }
}

/** Distinct values of one byte, or of one or two 32-bit words: compared as integers. */
class DistinctWords extends Distinct {
  readonly #words: Int32Array | Uint8Array;
  readonly #isLong: boolean;

  constructor(values: Exclude<Values, { kind: 'bytes' | 'fixed' }>) {
    super();
    const { data, kind } = values;
    this.#isLong = kind === 'int64' || kind === 'double';
    this.#words =
      kind === 'boolean' ? values.data : new Int32Array(data.buffer, data.byteOffset, data.byteLength >>> 2);
  }

  /** Adds rows [from, to), and writes their indices. */
  add(from: number, to: number, valid: Uint8Array | undefined, indices: Int32Array): void {
    const words = this.#words;
    const stride = this.#isLong ? 2 : 1;
    let slots = this.slots;
    for (let r = from; r < to; r++) {
      if (valid !== undefined && valid[r] === 0) {
        indices[r] = -1;
        continue;
      }
      const low = words[r * stride]!;
      const high = stride === 2 ? words[2 * r + 1]! : 0;
      let hash = Math.imul(low ^ Math.imul(high, 0x27d4eb2d), 0x9e3779b1);
      hash ^= hash >>> 15;
      let slot = hash & (slots.length - 1);
      let index = -1;
      for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
        const known = this.firstRows[slots[slot]! - 1]! * stride;
        if (words[known] !== low || (stride === 2 && words[known + 1] !== high)) continue;
        index = slots[slot]! - 1;
        break;
      }
      if (index < 0) {
        index = this.insert(r, hash, slot);
        slots = this.slots;
      }
      indices[r] = index;
    }
  }
}

/** Distinct byte strings. */
class DistinctBytes extends Distinct {
  readonly #bytes: Uint8Array;
  readonly #offsets: Uint32Array;

  constructor(values: Values & { kind: 'bytes' | 'fixed' }) {
    super();
    this.#bytes = bytesOf(values.data);
    if (values.kind === 'bytes') this.#offsets = values.offsets;
    else {
      this.#offsets = new Uint32Array(values.length + 1);
      for (let i = 0; i <= values.length; i++) this.#offsets[i] = i * values.width;
    }
  }

  /** Adds rows [from, to), and writes their indices. */
  add(from: number, to: number, valid: Uint8Array | undefined, indices: Int32Array): void {
    const bytes = this.#bytes;
    const offsets = this.#offsets;
    let slots = this.slots;
    for (let r = from; r < to; r++) {
      if (valid !== undefined && valid[r] === 0) {
        indices[r] = -1;
        continue;
      }
      const start = offsets[r]!;
      const end = offsets[r + 1]!;
      const hash = hashBytes(bytes, start, end);
      let slot = hash & (slots.length - 1);
      let index = -1;
      for (; slots[slot] !== 0; slot = (slot + 1) & (slots.length - 1)) {
        const candidate = slots[slot]! - 1;
        if (this.hashes[candidate] !== hash) continue;
        const known = this.firstRows[candidate]!;
        if (!equalBytes(bytes, start, end, offsets[known]!, offsets[known + 1]!)) continue;
        index = candidate;
        break;
      }
      if (index < 0) {
        index = this.insert(r, hash, slot);
        slots = this.slots;
      }
      indices[r] = index;
    }
  }
}

function equalBytes(bytes: Uint8Array, start: number, end: number, other: number, otherEnd: number): boolean {
  if (otherEnd - other !== end - start) return false;
  for (let i = start, o = other; i < end; i++, o++) if (bytes[i] !== bytes[o]) return false;
  return true;
}

/** FNV-1a with a final mix, so that the low bits, which choose the slot, depend on all bytes. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 13);
}

/** Building a dictionary from values: distinct values in first-seen order by their bytes, and an index per row. */
import type { Values } from './types.ts';
import { bytesOf, gather } from './values.ts';

/** Rows after which a dictionary must have proved that values repeat. */
const probationRows = 8192;
/** A dictionary stays below this share of the rows, or it does not pay. */
const distinctShareMax = 0.25;
const distinctMax = 1 << 20;

/**
 * Distinct values and indices (-1 for null), or undefined when values repeat too seldom for a dictionary to pay.
 * Equality is by bytes: -0 and 0 are two values, and equal NaNs one.
 */
export function buildDictionary(
  values: Values,
  valid: Uint8Array | undefined,
): { dictionary: Values; indices: Int32Array } | undefined {
  const { length } = values;
  const table = new DistinctTable(values);
  const indices = new Int32Array(length);
  for (let r = 0; r < length; r++) {
    if (valid !== undefined && valid[r] === 0) {
      indices[r] = -1;
      continue;
    }
    indices[r] = table.indexOf(r);
    if (r % probationRows === probationRows - 1 && !worthwhile(table.length, r + 1)) return undefined;
  }
  if (table.length === 0 || !worthwhile(table.length, length)) return undefined;
  return { dictionary: gather(values, table.firstRows(), table.length), indices };
}

function worthwhile(distinct: number, rows: number): boolean {
  return distinct <= distinctMax && distinct <= Math.max(1, rows * distinctShareMax);
}

/** An open-addressing table of the rows at which distinct values were first seen. */
class DistinctTable {
  readonly #bytes: Uint8Array;
  readonly #offsets: Uint32Array | undefined;
  readonly #width: number;
  #slots = new Int32Array(1024).fill(-1);
  #hashes = new Int32Array(512);
  #rows = new Int32Array(512);
  length = 0;

  constructor(values: Values) {
    this.#bytes = bytesOf(values.data);
    this.#offsets = values.kind === 'bytes' ? values.offsets : undefined;
    this.#width = values.kind === 'bytes' ? 0 : values.kind === 'fixed' ? values.width : values.data.BYTES_PER_ELEMENT;
  }

  firstRows(): Int32Array {
    return this.#rows.subarray(0, this.length);
  }

  /** Index of row r's value, new or known. */
  indexOf(r: number): number {
    const start = this.#offsets ? this.#offsets[r]! : r * this.#width;
    const end = this.#offsets ? this.#offsets[r + 1]! : start + this.#width;
    const hash = hashBytes(this.#bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; this.#slots[slot]! >= 0; slot = (slot + 1) & mask) {
      const index = this.#slots[slot]!;
      if (this.#hashes[index] === hash && this.#equals(this.#rows[index]!, start, end)) return index;
    }
    const index = this.length++;
    this.#slots[slot] = index;
    if (index === this.#rows.length) this.#grow();
    this.#rows[index] = r;
    this.#hashes[index] = hash;
    if (this.length * 2 > this.#slots.length) this.#rehash();
    return index;
  }

  #equals(row: number, start: number, end: number): boolean {
    const other = this.#offsets ? this.#offsets[row]! : row * this.#width;
    if (this.#offsets && this.#offsets[row + 1]! - other !== end - start) return false;
    for (let i = start, o = other; i < end; i++, o++) if (this.#bytes[i] !== this.#bytes[o]) return false;
    return true;
  }

  #grow(): void {
    const rows = new Int32Array(this.#rows.length * 2);
    const hashes = new Int32Array(this.#rows.length * 2);
    rows.set(this.#rows);
    hashes.set(this.#hashes);
    this.#rows = rows;
    this.#hashes = hashes;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 4).fill(-1);
    const mask = slots.length - 1;
    for (let index = 0; index < this.length; index++) {
      let slot = this.#hashes[index]! & mask;
      while (slots[slot]! >= 0) slot = (slot + 1) & mask;
      slots[slot] = index;
    }
    this.#slots = slots;
  }
}

/** FNV-1a with a final mix, so that the low bits, which choose the slot, depend on all bytes. */
function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5 | 0;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  hash ^= hash >>> 15;
  return Math.imul(hash, 0x2c1b3c6d) ^ (hash >>> 13);
}

/**
 * Distinct keys by their bytes: `intern` gives each new key the next ordinal, so ordinals are first-seen order. Open
 * addressing over one arena; no per-key objects, so millions of keys cost their bytes and twelve more.
 */
import { OrdinalError } from '../errors.ts';
import type { Values } from '../parquet/types.ts';

const LOAD_MAX = 0.6;
/** Offsets are 32-bit. */
const ARENA_BYTES_MAX = 2 ** 32 - 1;

export class KeyTable {
  #arena: Uint8Array;
  #arenaLength = 0;
  #offsets: Uint32Array;
  #hashes: Uint32Array;
  /** Ordinal + 1 by hash; 0 is empty. Length is a power of two. */
  #slots: Int32Array;
  #size = 0;

  constructor(expected = 1024) {
    const capacity = Math.max(16, expected);
    this.#arena = new Uint8Array(capacity * 16);
    this.#offsets = new Uint32Array(capacity + 1);
    this.#hashes = new Uint32Array(capacity);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(capacity / LOAD_MAX)));
  }

  /** Number of distinct keys. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of all keys. */
  get byteLength(): number {
    return this.#arenaLength;
  }

  /** The key's ordinal, a new one if the key is new. */
  intern(bytes: Uint8Array, start = 0, end = bytes.length): number {
    const hash = hashKey(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (this.#hashes[entry - 1] === hash && this.equals(entry - 1, bytes, start, end)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return this.#append(slot, hash, bytes, start, end);
  }

  /** The key's ordinal, or -1. */
  find(bytes: Uint8Array, start = 0, end = bytes.length): number {
    if (this.#size === 0) return -1;
    const hash = hashKey(bytes, start, end);
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let entry = this.#slots[slot]!; entry !== 0; entry = this.#slots[slot]!) {
      if (this.#hashes[entry - 1] === hash && this.equals(entry - 1, bytes, start, end)) return entry - 1;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /** A view of a key's bytes, valid until the next `intern`. */
  at(ordinal: number): Uint8Array {
    return this.#arena.subarray(this.#offsets[ordinal], this.#offsets[ordinal + 1]);
  }

  /** All keys from an ordinal on as byte arrays, in ordinal order. Views: what is interned later does not show. */
  values(from = 0): Extract<Values, { kind: 'bytes' }> {
    const data = this.#arena.subarray(0, this.#arenaLength);
    return { kind: 'bytes', length: this.#size - from, data, offsets: this.#offsets.subarray(from, this.#size + 1) };
  }

  hashAt(ordinal: number): number {
    return this.#hashes[ordinal]!;
  }

  /** Ordinals in ascending order of hash, and of ordinal where hashes are equal: a radix sort. */
  byHash(): Uint32Array {
    const size = this.#size;
    const hashes = this.#hashes;
    let order = new Uint32Array(size);
    for (let i = 0; i < size; i++) order[i] = i;
    let other = new Uint32Array(size);
    for (const shift of [0, 11, 22]) {
      const starts = new Uint32Array(2049);
      for (let i = 0; i < size; i++) starts[((hashes[i]! >>> shift) & 2047) + 1]!++;
      for (let digit = 0; digit < 2048; digit++) starts[digit + 1]! += starts[digit]!;
      for (let i = 0; i < size; i++) {
        const ordinal = order[i]!;
        const digit = (hashes[ordinal]! >>> shift) & 2047;
        other[starts[digit]!++] = ordinal;
      }
      [order, other] = [other, order];
    }
    return order;
  }

  /** Whether a key is these bytes. */
  equals(ordinal: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#offsets[ordinal]!;
    if (this.#offsets[ordinal + 1]! - from !== end - start) return false;
    const arena = this.#arena;
    for (let i = start, k = from; i < end; i++, k++) if (arena[k] !== bytes[i]) return false;
    return true;
  }

  #append(slot: number, hash: number, bytes: Uint8Array, start: number, end: number): number {
    const ordinal = this.#size++;
    const length = this.#arenaLength + (end - start);
    if (length > ARENA_BYTES_MAX) {
      throw new OrdinalError('LimitExceeded', `distinct keys take more than ${ARENA_BYTES_MAX} bytes`, {
        remedy: 'Cut the source into several runs.',
      });
    }
    if (length > this.#arena.length) this.#arena = grown(this.#arena, Math.min(ARENA_BYTES_MAX, length * 2));
    if (ordinal + 1 >= this.#offsets.length) {
      const offsets = new Uint32Array(this.#offsets.length * 2);
      offsets.set(this.#offsets);
      this.#offsets = offsets;
      const hashes = new Uint32Array(this.#offsets.length);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    const arena = this.#arena;
    for (let i = start, k = this.#arenaLength; i < end; i++, k++) arena[k] = bytes[i]!;
    this.#arenaLength = length;
    this.#offsets[ordinal + 1] = length;
    this.#hashes[ordinal] = hash;
    this.#slots[slot] = ordinal + 1;
    if (this.#size > this.#slots.length * LOAD_MAX) this.#rehash();
    return ordinal;
  }

  #rehash(): void {
    const slots = new Int32Array(this.#slots.length * 2);
    const mask = slots.length - 1;
    for (let ordinal = 0; ordinal < this.#size; ordinal++) {
      let slot = this.#hashes[ordinal]! & mask;
      while (slots[slot] !== 0) slot = (slot + 1) & mask;
      slots[slot] = ordinal + 1;
    }
    this.#slots = slots;
  }
}

/**
 * Four bytes a step, then an avalanche: low bits select the slot, so they must depend on every byte. Index segments are
 * sorted by it: another hash is another format.
 */
export function hashKey(bytes: Uint8Array, start: number, end: number): number {
  let h = end - start;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    h = Math.imul(h ^ word, 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

/**
 * Distinct keys by their bytes: `intern` gives each new key the next ordinal, so ordinals are first-seen order. Open
 * addressing over one arena; no per-key objects, so millions of keys cost their bytes and sixteen more. The split, the
 * resolve and the key index call it. It must never forget or renumber a key, but by `clear`.
 *
 * As long as keys come in ascending order, as document numbers mostly do, a key greater than the last is new and nothing
 * is looked up: the slots are made when the first key comes out of order.
 */

import { compareInOrder, copyForward, sameBytes, slackBytes, viewOf } from '../bytes/short-bytes.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Values } from '../parquet/types.ts';
import { hashInView, hashKey, sortedByHash } from './hash-key.ts';

const LOAD_MAX = 0.6;

/** Keys looked up ahead: what they touch has to stay in the nearest cache. */
const BLOCK_KEYS = 256;
const candidates = new Int32Array(BLOCK_KEYS + 1);
const blockHashes = new Uint32Array(BLOCK_KEYS);
const blockStarts = new Uint32Array(BLOCK_KEYS);
const blockEnds = new Uint32Array(BLOCK_KEYS);

/** Pairs that `equalMany` takes. */
export const PAIRS_MAX = 256;
const pairFroms = new Uint32Array(PAIRS_MAX + 1);

/** Keys as parts of one array; the lists may be longer than `count`. */
export interface KeyBlock {
  bytes: Uint8Array;
  starts: Uint32Array;
  ends: Uint32Array;
  count: number;
  /** Their `hashKey`s, where they are known. */
  hashes?: Uint32Array;
}

/** The distinct keys of one list, with their ordinals. */
export class KeyTable {
  #arena: Uint8Array;
  #arenaLength = 0;
  #offsets: Uint32Array;
  #hashes: Uint32Array;
  /** By hash, side by side: ordinal + 1 (0 is empty), and the hash. A power of two of pairs; none before a look-up. */
  #slots: Int32Array = noSlots;
  /** No key so far was smaller than its predecessor. */
  #ascending = true;
  #arenaView: DataView;
  #size = 0;
  /** The bytes that were compared last, and their view: a view is too dear to be made for each key. */
  #other: Uint8Array = new Uint8Array(0);
  #otherView: DataView = new DataView(new ArrayBuffer(0));

  /**
   * @param expected keys that memory is taken for
   * @param keyBytes bytes of each of them, about; 0 or more
   */
  constructor(expected = 1024, keyBytes = 16) {
    const capacity = Math.max(16, expected);
    this.#arena = new Uint8Array(Math.min(limits.keyTableBytesMax, Math.ceil(capacity * keyBytes)) + slackBytes);
    this.#offsets = new Uint32Array(capacity + 1);
    this.#hashes = new Uint32Array(capacity);
    this.#arenaView = viewOf(this.#arena);
  }

  /** Number of distinct keys. */
  get size(): number {
    return this.#size;
  }

  /** Bytes of all keys. */
  get byteLength(): number {
    return this.#arenaLength;
  }

  /** Bytes of a key. */
  lengthOf(ordinal: number): number {
    return this.#offsets[ordinal + 1]! - this.#offsets[ordinal]!;
  }

  /**
   * The key's ordinal, a new one if the key is new.
   * @throws `LimitExceeded` when keys take more memory than one table may have
   */
  intern(bytes: Uint8Array, start = 0, end = bytes.length): number {
    return this.internHashed(hashKey(bytes, start, end), bytes, start, end);
  }

  /**
   * The same for a key whose `hashKey` is known.
   * @throws `LimitExceeded` when keys take more memory than one table may have
   */
  internHashed(hash: number, bytes: Uint8Array, start: number, end: number): number {
    if (this.#ascending) {
      const order = this.#orderToLast(bytes, start, end);
      if (order === 0) return this.#size - 1;
      if (order > 0) return this.#append(hash, bytes, start, end);
      this.#index();
    } else if (this.#slots.length === 0) this.#index();
    const slot = this.#slotOf(hash, bytes, start, end);
    const entry = this.#slots[slot]!;
    if (entry !== 0) return entry - 1;
    const ordinal = this.#append(hash, bytes, start, end);
    this.#slots[slot] = ordinal + 1;
    this.#slots[slot + 1] = hash;
    if (this.#size * 2 > this.#slots.length * LOAD_MAX) this.#rehash(this.#slots.length * 2);
    return ordinal;
  }

  /**
   * `intern` for many keys, in their order: key k is bytes [starts[k], ends[k]). Where a key may be is looked up for a
   * block of keys before any is compared: look-ups that do not wait for each other take half the time, for memory is far.
   * @throws `LimitExceeded` when keys take more memory than one table may have
   */
  internMany({ bytes, starts, ends, count, hashes }: KeyBlock, out: Int32Array): void {
    const view = this.#viewOf(bytes);
    for (let from = 0; from < count; from += BLOCK_KEYS) {
      const to = Math.min(count, from + BLOCK_KEYS);
      for (let k = from; k < to; k++) {
        blockHashes[k - from] = hashes ? hashes[k]! : hashInView(view, starts[k]!, ends[k]!);
      }
      this.#internBlock(bytes, starts, ends, from, to - from, out, from);
    }
  }

  /** Interns keys whose hashes are in `blockHashes`: key k of the block is bytes [starts[at + k], ends[at + k]). */
  #internBlock(
    bytes: Uint8Array,
    starts: Uint32Array,
    ends: Uint32Array,
    at: number,
    count: number,
    out: Int32Array,
    outAt: number,
  ): void {
    const ahead = !this.#ascending;
    if (ahead) this.#lookAhead(count);
    for (let k = 0; k < count; k++) {
      const start = starts[at + k]!;
      const end = ends[at + k]!;
      const candidate = ahead ? candidates[k]! : 0;
      const known = candidate > 0 && this.equals(candidate - 1, bytes, start, end);
      out[outAt + k] = known ? candidate - 1 : this.internHashed(blockHashes[k]!, bytes, start, end);
    }
  }

  /** For each key of the block: the entry in its slot if hashes are equal, plus one; 0 means that nothing is known. */
  #lookAhead(count: number): void {
    const slots = this.#slots;
    const offsets = this.#offsets;
    const arena = this.#arena;
    const last = slots.length - 1;
    for (let k = 0; k < count; k++) {
      const hash = blockHashes[k]!;
      const slot = (hash << 1) & last;
      candidates[k] = slots[slot + 1] === (hash | 0) ? slots[slot]! : 0;
    }
    // Brings the keys themselves near.
    let touched = 0;
    for (let k = 0; k < count; k++) if (candidates[k]! > 0) touched += arena[offsets[candidates[k]! - 1]!]!;
    // Somewhere, so that no compiler leaves the reading out.
    candidates[BLOCK_KEYS] = touched;
  }

  /**
   * Interns a key of another table.
   * @throws `LimitExceeded` when keys take more memory than one table may have
   */
  internFrom(other: KeyTable, ordinal: number): number {
    return this.internHashed(
      other.#hashes[ordinal]!,
      other.#arena,
      other.#offsets[ordinal]!,
      other.#offsets[ordinal + 1]!,
    );
  }

  /**
   * Appends a key of another table that this one is known not to have: nothing is looked up, and there is no room for
   * looking up until someone does.
   * @throws `LimitExceeded` when keys take more memory than one table may have
   */
  appendFrom(other: KeyTable, ordinal: number): number {
    if (this.#slots.length > 0) return this.internFrom(other, ordinal);
    this.#ascending = false;
    const offsets = other.#offsets;
    return this.#append(other.#hashes[ordinal]!, other.#arena, offsets[ordinal]!, offsets[ordinal + 1]!);
  }

  /**
   * Interns keys of another table, in the order of the list, as `internMany` does.
   * @param other where the keys are
   * @param keys their ordinals there; the list may be longer than `count`
   * @param count how many
   * @param out by place in the list: the ordinal here
   * @throws `LimitExceeded` when keys take more memory than one table may have
   */
  internManyFrom(other: KeyTable, keys: Int32Array, count: number, out: Int32Array): void {
    const hashes = other.#hashes;
    const offsets = other.#offsets;
    for (let from = 0; from < count; from += BLOCK_KEYS) {
      const to = Math.min(count, from + BLOCK_KEYS);
      for (let k = from; k < to; k++) {
        const key = keys[k]!;
        blockHashes[k - from] = hashes[key]!;
        blockStarts[k - from] = offsets[key]!;
        blockEnds[k - from] = offsets[key + 1]!;
      }
      this.#internBlock(other.#arena, blockStarts, blockEnds, 0, to - from, out, from);
    }
  }

  /** Forgets all keys and keeps the memory: views of the table are no longer valid. */
  clear(): void {
    this.#ascending = true;
    this.#size = 0;
    this.#arenaLength = 0;
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

  /** `hashKey` of a key. */
  hashAt(ordinal: number): number {
    return this.#hashes[ordinal]!;
  }

  /** `hashKey` of all keys in ordinal order, as a view. */
  hashes(): Uint32Array {
    return this.#hashes.subarray(0, this.#size);
  }

  /** Ordinals in ascending order of hash, and of ordinal where hashes are equal. */
  byHash(): Uint32Array {
    return sortedByHash(this.hashes());
  }

  /** Whether a key is these bytes. */
  equals(ordinal: number, bytes: Uint8Array, start: number, end: number): boolean {
    const from = this.#offsets[ordinal]!;
    const length = end - start;
    if (this.#offsets[ordinal + 1]! - from !== length) return false;
    return sameBytes(this.#arenaView, from, this.#viewOf(bytes), start, length);
  }

  /**
   * Whether keys are the bytes that they are paired with. The table's keys are looked up for all pairs before any is
   * compared: memory is far.
   * @param ordinals by pair: the key
   * @param block by pair: bytes; at most `PAIRS_MAX` pairs
   * @param out by pair: 1 where they are equal, 0 otherwise
   */
  equalMany(ordinals: Int32Array, { bytes, starts, ends, count }: KeyBlock, out: Uint8Array): void {
    const offsets = this.#offsets;
    const arena = this.#arena;
    const view = this.#viewOf(bytes);
    let sum = 0;
    for (let p = 0; p < count; p++) {
      const from = offsets[ordinals[p]!]!;
      pairFroms[p] = from;
      out[p] = offsets[ordinals[p]! + 1]! - from === ends[p]! - starts[p]! ? 1 : 0;
    }
    for (let p = 0; p < count; p++) sum += arena[pairFroms[p]!]!;
    // Somewhere, so that no compiler leaves the reading out.
    pairFroms[PAIRS_MAX] = sum;
    for (let p = 0; p < count; p++) {
      if (out[p] === 0) continue;
      const from = pairFroms[p]!;
      out[p] = sameBytes(this.#arenaView, from, view, starts[p]!, ends[p]! - starts[p]!) ? 1 : 0;
    }
  }

  #viewOf(bytes: Uint8Array): DataView {
    if (bytes !== this.#other) {
      this.#other = bytes;
      this.#otherView = viewOf(bytes);
    }
    return this.#otherView;
  }

  /** Positive for a key after the last one, 0 for the last one itself. */
  #orderToLast(bytes: Uint8Array, start: number, end: number): number {
    const size = this.#size;
    if (size === 0) return 1;
    const from = this.#offsets[size - 1]!;
    const length = this.#arenaLength - from;
    return compareInOrder(this.#viewOf(bytes), start, end - start, this.#arenaView, from, length);
  }

  /** Where a key is among the slots, or the empty slot where it belongs. */
  #slotOf(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const slots = this.#slots;
    const last = slots.length - 1;
    const wanted = hash | 0;
    let slot = (hash << 1) & last;
    for (let entry = slots[slot]!; entry !== 0; entry = slots[slot]!) {
      if (slots[slot + 1] === wanted && this.equals(entry - 1, bytes, start, end)) return slot;
      slot = (slot + 2) & last;
    }
    return slot;
  }

  #append(hash: number, bytes: Uint8Array, start: number, end: number): number {
    const ordinal = this.#size;
    const at = this.#arenaLength;
    const length = at + (end - start);
    if (length > limits.keyTableBytesMax) {
      throw new OrdinalError('LimitExceeded', `distinct keys take more than ${limits.keyTableBytesMax} bytes`, {
        remedy: 'Cut the source into several runs.',
      });
    }
    if (length + slackBytes > this.#arena.length) {
      this.#arena = grown(this.#arena, Math.min(limits.keyTableBytesMax, length * 2) + slackBytes);
      this.#arenaView = viewOf(this.#arena);
    }
    if (ordinal + 1 >= this.#offsets.length) {
      const offsets = new Uint32Array(this.#offsets.length * 2);
      offsets.set(this.#offsets);
      this.#offsets = offsets;
      const hashes = new Uint32Array(this.#offsets.length);
      hashes.set(this.#hashes);
      this.#hashes = hashes;
    }
    const source = { bytes, view: this.#viewOf(bytes) };
    copyForward(source, start, end - start, { bytes: this.#arena, view: this.#arenaView }, at);
    this.#arenaLength = length;
    this.#offsets[ordinal + 1] = length;
    this.#hashes[ordinal] = hash;
    this.#size++;
    return ordinal;
  }

  /** From here on keys are looked up. */
  #index(): void {
    this.#ascending = false;
    const wanted = 2 * 2 ** Math.ceil(Math.log2(this.#hashes.length / LOAD_MAX));
    if (this.#slots.length < wanted) this.#rehash(wanted);
    else this.#fill(this.#slots.fill(0));
  }

  #rehash(length: number): void {
    this.#slots = new Int32Array(length);
    this.#fill(this.#slots);
  }

  #fill(slots: Int32Array): void {
    const last = slots.length - 1;
    for (let ordinal = 0; ordinal < this.#size; ordinal++) {
      const hash = this.#hashes[ordinal]!;
      let slot = (hash << 1) & last;
      while (slots[slot] !== 0) slot = (slot + 2) & last;
      slots[slot] = ordinal + 1;
      slots[slot + 1] = hash;
    }
  }
}

const noSlots = new Int32Array(0);

function grown(bytes: Uint8Array, length: number): Uint8Array {
  const larger = new Uint8Array(length);
  larger.set(bytes);
  return larger;
}

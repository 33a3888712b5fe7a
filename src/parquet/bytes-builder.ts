/**
 * Byte arrays that are made value by value, in an arena that grows. Builders of columns and readers of pages call it.
 */
import { arenaBytesMax } from './constants.ts';
import type { Values } from './types.ts';
import { checkBytes, copyBytes } from './values.ts';

const encoder = new TextEncoder();

/** Grows an arena of byte arrays value by value. */
export class BytesBuilder {
  #data: Uint8Array;
  #offsets: Uint32Array;
  #length = 0;
  #end = 0;

  constructor(expectedValues = 64, expectedBytes = 1024) {
    this.#data = new Uint8Array(expectedBytes);
    this.#offsets = new Uint32Array(expectedValues + 1);
  }

  get length(): number {
    return this.#length;
  }

  /**
   * Appends data[from, to).
   * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
   */
  push(data: Uint8Array, from = 0, to: number = data.length): void {
    this.#reserve(to - from);
    copyBytes(data, from, to, this.#data, this.#end);
    this.#end += to - from;
    this.#close();
  }

  /**
   * Appends the UTF-8 bytes of a text; a lone surrogate becomes U+FFFD.
   * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
   */
  pushText(text: string): void {
    // UTF-8 needs at most three bytes per UTF-16 unit.
    this.#reserve(text.length * 3);
    const { written } = encoder.encodeInto(text, this.#data.subarray(this.#end));
    this.#end += written;
    this.#close();
  }

  /** What was pushed. */
  finish(): Values & { kind: 'bytes' } {
    return {
      kind: 'bytes',
      length: this.#length,
      data: this.#data.subarray(0, this.#end),
      offsets: this.#offsets.subarray(0, this.#length + 1),
    };
  }

  #close(): void {
    if (++this.#length >= this.#offsets.length) {
      const grown = new Uint32Array(this.#offsets.length * 2);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#offsets[this.#length] = this.#end;
  }

  #reserve(bytes: number): void {
    const needed = this.#end + bytes;
    if (needed <= this.#data.length) return;
    checkBytes(needed);
    const grown = new Uint8Array(Math.min(arenaBytesMax, Math.max(needed, this.#data.length * 2)));
    grown.set(this.#data.subarray(0, this.#end));
    this.#data = grown;
  }
}

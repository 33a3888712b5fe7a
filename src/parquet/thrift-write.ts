/**
 * Writes Thrift's compact protocol. It is told every type, since guessing I32 or I64 from a JavaScript number is how
 * footers become unreadable. Footers and page headers are written by it.
 *
 * Specification: apache/thrift, `doc/specs/thrift-compact-protocol.md`.
 */
import { BINARY, BYTE, FALSE, I16, I32, I64, LIST, STOP, STRUCT, TRUE } from './thrift-types.ts';

/** Element types of a written list. */
export const listOf = { i32: I32, binary: BINARY, struct: STRUCT } as const;

/** Writes structs field by field, in ascending order of ID; `undefined` writes nothing. */
export class ThriftWriter {
  #bytes = new Uint8Array(1024);
  #length = 0;
  /** The last field ID of each open struct. */
  readonly #ids: number[] = [0];

  /** The bytes written so far. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** An I32. */
  i32(id: number, value: number | undefined): void {
    if (value === undefined) return;
    this.#field(id, I32);
    this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
  }

  /** A non-negative 64-bit integer (counts, sizes and offsets are). */
  i64(id: number, value: number | undefined): void {
    if (value === undefined) return;
    this.#field(id, I64);
    this.#varint(value * 2);
  }

  /** An I16. */
  i16(id: number, value: number): void {
    this.#field(id, I16);
    this.#varint(value * 2);
  }

  /** A BYTE. */
  byte(id: number, value: number): void {
    this.#field(id, BYTE);
    this.#push(value);
  }

  /** A BOOL. */
  bool(id: number, value: boolean | undefined): void {
    if (value !== undefined) this.#field(id, value ? TRUE : FALSE);
  }

  /** A BINARY; text is written as UTF-8. */
  binary(id: number, value: Uint8Array | string | undefined): void {
    if (value === undefined) return;
    this.#field(id, BINARY);
    this.item(value);
  }

  /** Opens a struct in a field; `end` closes it. */
  open(id: number): void {
    this.#field(id, STRUCT);
    this.#ids.push(0);
  }

  /** A whole struct that is encoded already. */
  struct(id: number, encoded: Uint8Array): void {
    this.#field(id, STRUCT);
    this.#append(encoded);
  }

  /** Opens a struct that is an element of a list; `end` closes it. */
  element(): void {
    this.#ids.push(0);
  }

  /** Closes the struct opened last; also the outermost. */
  end(): void {
    this.#ids.pop();
    this.#push(STOP);
  }

  /** Begins a list; exactly `count` elements follow, by `item` or `element`. */
  list(id: number, type: number, count: number): void {
    this.#field(id, LIST);
    if (count < 15) this.#push((count << 4) | type);
    else {
      this.#push(0xf0 | type);
      this.#varint(count);
    }
  }

  /** One element of a list of I32 or binary. */
  item(value: number | Uint8Array | string): void {
    if (typeof value === 'number') {
      this.#varint(((value << 1) ^ (value >> 31)) >>> 0);
      return;
    }
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : value;
    this.#varint(bytes.length);
    this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #field(id: number, type: number): void {
    const delta = id - this.#ids[this.#ids.length - 1]!;
    this.#ids[this.#ids.length - 1] = id;
    if (delta > 0 && delta < 16) this.#push((delta << 4) | type);
    else {
      this.#push(type);
      this.#varint(id * 2);
    }
  }

  #varint(value: number): void {
    let rest = value;
    while (rest >= 128) {
      this.#push((rest % 128) | 128);
      rest = Math.floor(rest / 128);
    }
    this.#push(rest);
  }

  #push(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + count));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

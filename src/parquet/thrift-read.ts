/**
 * Reads Thrift's compact protocol, as much of it as Parquet uses. Its input is untrusted, so everything is bounded:
 * depth, allocations, and every length by what is left. Footers, page headers and statistics are read by it.
 *
 * Specification: apache/thrift, `doc/specs/thrift-compact-protocol.md`.
 */
import { BINARY, BYTE, DOUBLE, FALSE, I16, I32, I64, LIST, SET, STOP, STRUCT, TRUE } from './thrift-types.ts';

const depthMax = 64;
/** Fields above this ID are read and forgotten: the specification's structs have fewer than twenty. */
const fieldIdMax = 64;

/** Bytes that are not a thrift struct. `ended`: they stop too early, rather than being nonsense. */
export class ThriftError extends Error {
  readonly ended: boolean;
  constructor(message: string, ended = false) {
    super(message);
    this.ended = ended;
  }
}

/** A value of a field, or of a list. */
export type ThriftValue = boolean | number | bigint | Uint8Array | ThriftValue[] | ThriftStruct;

/** A struct as read: typed access by field ID. A field of another type than asked for is a `ThriftError`. */
export class ThriftStruct {
  readonly fields: (ThriftValue | undefined)[] = [];
  readonly #bytes: Uint8Array;
  readonly #start: number;
  #end = 0;

  /** The struct begins at byte `start`. */
  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#start = start;
  }

  /** Called once all fields are read. */
  close(end: number): this {
    this.#end = end;
    return this;
  }

  /** The struct as it is stored, its end mark included: a view. */
  raw(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  /**
   * I8 to I64 as a number; beyond 2^53 is an error, since no size, count or offset is so large.
   * @throws `ThriftError` when a field has another type than it should have; `parseFooter` makes it a CorruptFile
   */
  int(id: number): number | undefined {
    const value = this.fields[id];
    if (value === undefined || typeof value === 'number') return value;
    throw new ThriftError(`field ${id} is not an integer of sane size`);
  }

  /**
   * A BOOL; undefined when the field is absent.
   * @throws `ThriftError` when the field has another type
   */
  bool(id: number): boolean | undefined {
    const value = this.fields[id];
    if (value === undefined || typeof value === 'boolean') return value;
    throw new ThriftError(`field ${id} is not a boolean`);
  }

  /**
   * A BINARY, as a view; undefined when the field is absent.
   * @throws `ThriftError` when the field has another type
   */
  bytes(id: number): Uint8Array | undefined {
    const value = this.fields[id];
    if (value === undefined || value instanceof Uint8Array) return value;
    throw new ThriftError(`field ${id} is not binary`);
  }

  /**
   * A BINARY as UTF-8 text; undefined when the field is absent.
   * @throws `ThriftError` when the field has another type
   */
  text(id: number): string | undefined {
    const value = this.bytes(id);
    return value === undefined ? undefined : utf8.decode(value);
  }

  /**
   * A STRUCT; undefined when the field is absent.
   * @throws `ThriftError` when the field has another type
   */
  struct(id: number): ThriftStruct | undefined {
    const value = this.fields[id];
    if (value === undefined || value instanceof ThriftStruct) return value;
    throw new ThriftError(`field ${id} is not a struct`);
  }

  /**
   * A LIST of STRUCT; undefined when the field is absent.
   * @throws `ThriftError` when the field has another type
   */
  structs(id: number): ThriftStruct[] | undefined {
    const value = this.fields[id];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => item instanceof ThriftStruct))
      throw new ThriftError(`field ${id} is not a list of structs`);
    return value as ThriftStruct[];
  }

  /**
   * A LIST of integers; undefined when the field is absent.
   * @throws `ThriftError` when the field has another type
   */
  ints(id: number): number[] | undefined {
    const value = this.fields[id];
    if (value === undefined) return undefined;
    if (!Array.isArray(value) || !value.every((item) => typeof item === 'number'))
      throw new ThriftError(`field ${id} is not a list of integers`);
    return value as number[];
  }

  /** ID of the one set field of a union; undefined when empty. */
  union(): number | undefined {
    for (let id = 1; id < this.fields.length; id++) if (this.fields[id] !== undefined) return id;
    return undefined;
  }
}

const utf8 = new TextDecoder();

/**
 * Reads one struct. Binary values are views into `bytes`.
 * @param bytes where the struct is
 * @param offset its first byte
 * @param end byte behind the last that may belong to it
 * @returns the struct, and the byte behind it
 * @throws `ThriftError` when the bytes are no struct, or end too soon
 */
export function readThrift(bytes: Uint8Array, offset: number, end: number): { value: ThriftStruct; end: number } {
  const reader = new ThriftReader(bytes, offset, end);
  return { value: reader.struct(0), end: reader.offset };
}

class ThriftReader {
  readonly bytes: Uint8Array;
  readonly end: number;
  offset: number;
  /** Structs, lists and binaries still allowed: real ones take four bytes or more each, so none is refused. */
  budget: number;

  constructor(bytes: Uint8Array, offset: number, end: number) {
    this.bytes = bytes;
    this.offset = offset;
    this.end = Math.min(end, bytes.length);
    this.budget = 64 + ((this.end - offset) >>> 1);
  }

  struct(depth: number): ThriftStruct {
    if (depth > depthMax) throw new ThriftError('structs are nested too deeply');
    this.spend();
    const out = new ThriftStruct(this.bytes, this.offset);
    for (let id = 0; ; ) {
      const head = this.byte();
      const type = head & 15;
      if (type === STOP) return out.close(this.offset);
      id = head >>> 4 === 0 ? this.zigzag32() : id + (head >>> 4);
      const value = this.value(type, depth);
      if (id > 0 && id <= fieldIdMax) out.fields[id] = value;
    }
  }

  value(type: number, depth: number): ThriftValue {
    switch (type) {
      case TRUE:
        return true;
      case FALSE:
        return false;
      case BYTE:
        return (this.byte() << 24) >> 24;
      case I16:
      case I32:
        return this.zigzag32();
      case I64:
        return this.zigzag64();
      case DOUBLE:
        this.skip(8);
        return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.offset - 8, 8).getFloat64(0, true);
      case BINARY: {
        this.spend();
        const length = this.length(this.varint32());
        this.skip(length);
        return this.bytes.subarray(this.offset - length, this.offset);
      }
      case LIST:
      case SET:
        return this.list(depth);
      case STRUCT:
        return this.struct(depth + 1);
      default:
        throw new ThriftError(`type ${type} does not occur in Parquet metadata`);
    }
  }

  list(depth: number): ThriftValue[] {
    if (depth > depthMax) throw new ThriftError('lists are nested too deeply');
    this.spend();
    const head = this.byte();
    const type = head & 15;
    // Every element takes at least one byte, so a count beyond what is left is a lie.
    const count = this.length(head >>> 4 === 15 ? this.varint32() : head >>> 4);
    const out: ThriftValue[] = [];
    for (let i = 0; i < count; i++) {
      out.push(type === TRUE || type === FALSE ? this.byte() === 1 : this.value(type, depth + 1));
    }
    return out;
  }

  spend(): void {
    if (--this.budget < 0) throw new ThriftError('more structures than the bytes can mean');
  }

  length(count: number): number {
    if (count > this.end - this.offset) throw new ThriftError(`a length of ${count} runs past the end`, true);
    return count;
  }

  skip(count: number): void {
    this.length(count);
    this.offset += count;
  }

  byte(): number {
    if (this.offset >= this.end) throw new ThriftError('the structure has no end', true);
    return this.bytes[this.offset++]!;
  }

  varint32(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.byte();
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new ThriftError('an integer of more than 32 bits');
  }

  zigzag32(): number {
    const value = this.varint32();
    return (value >>> 1) ^ -(value & 1);
  }

  zigzag64(): number | bigint {
    const start = this.offset;
    let value = 0;
    let scale = 1;
    // Seven groups of seven bits are exact in a double; longer ones take the slow way.
    for (let groups = 0; groups < 7; groups++, scale *= 128) {
      const byte = this.byte();
      value += (byte & 127) * scale;
      if (byte < 128) return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
    }
    this.offset = start;
    let big = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.byte();
      big |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        const signed = BigInt.asIntN(64, (big >> 1n) ^ -(big & 1n));
        return Number.isSafeInteger(Number(signed)) ? Number(signed) : signed;
      }
    }
    throw new ThriftError('an integer of more than 64 bits');
  }
}

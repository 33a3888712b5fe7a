/**
 * Natural keys as bytes. Two keys are equal exactly when their bytes are: integers of every width are 8 bytes little
 * endian, floats are doubles with one zero and one NaN, strings and fixed bytes are themselves. A composite key is its
 * components in order, each behind its 4-byte length. The split, the resolve and rebuilds call it. What it writes is
 * stored: another encoding would be another index.
 */
import { invariant, OrdinalError } from '../errors.ts';
import type { ColumnType, Values } from '../parquet/types.ts';
import type { KeyTable } from './table.ts';

/** Writes keys into a scratch buffer; `bytes[start, end)` is the key until the next call. */
export interface KeyWriter {
  bytes: Uint8Array;
  start: number;
  end: number;
  /** `at[c]` is the value's position in component c. */
  write(at: readonly number[]): void;
}

/**
 * A writer over aligned components. `unsigned` integers are widened without a sign.
 * @param components the columns of a key, aligned to each other
 * @returns a writer with memory of its own, used again for each key
 */
export function keyWriter(components: readonly { values: Values; type: ColumnType }[]): KeyWriter {
  const single = components[0];
  if (components.length === 1 && single?.values.kind === 'bytes') return arenaWriter(single.values);
  const scratch = new Scratch();
  const writer: KeyWriter = {
    bytes: scratch.bytes,
    start: 0,
    end: 0,
    write(at) {
      scratch.length = 0;
      for (let c = 0; c < components.length; c++) {
        const component = components[c]!;
        if (components.length === 1) scratch.value(component.values, component.type, at[c]!);
        else scratch.prefixed(component.values, component.type, at[c]!);
      }
      writer.bytes = scratch.bytes;
      writer.end = scratch.length;
    },
  };
  return writer;
}

/** The common single string key needs no copy: the key is a view into the column's arena. */
function arenaWriter(values: Extract<Values, { kind: 'bytes' }>): KeyWriter {
  const writer: KeyWriter = {
    bytes: values.data,
    start: 0,
    end: 0,
    write(at) {
      const i = at[0]!;
      writer.start = values.offsets[i]!;
      writer.end = values.offsets[i + 1]!;
    },
  };
  return writer;
}

class Scratch {
  bytes = new Uint8Array(256);
  view = new DataView(this.bytes.buffer);
  length = 0;

  prefixed(values: Values, type: ColumnType, i: number): void {
    const prefix = this.length;
    this.#reserve(4);
    this.length += 4;
    this.value(values, type, i);
    this.view.setUint32(prefix, this.length - prefix - 4, true);
  }

  value(values: Values, type: ColumnType, i: number): void {
    switch (values.kind) {
      case 'boolean':
        this.#reserve(1);
        this.bytes[this.length++] = values.data[i]!;
        return;
      case 'int32': {
        const value = values.data[i]!;
        const unsigned = type.annotation?.kind === 'int' && !type.annotation.signed;
        this.#reserve(8);
        this.view.setInt32(this.length, value, true);
        this.view.setInt32(this.length + 4, unsigned ? 0 : value >> 31, true);
        this.length += 8;
        return;
      }
      case 'int64':
        this.#reserve(8);
        this.view.setBigInt64(this.length, values.data[i]!, true);
        this.length += 8;
        return;
      case 'float':
      case 'double': {
        const value = values.data[i]!;
        this.#reserve(8);
        this.view.setFloat64(this.length, value === 0 ? 0 : Number.isNaN(value) ? Number.NaN : value, true);
        this.length += 8;
        return;
      }
      case 'bytes':
        this.#append(values.data, values.offsets[i]!, values.offsets[i + 1]!);
        return;
      case 'fixed':
        this.#append(values.data, i * values.width, (i + 1) * values.width);
        return;
    }
  }

  #append(data: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start);
    this.bytes.set(data.subarray(start, end), this.length);
    this.length += end - start;
  }

  #reserve(more: number): void {
    if (this.length + more <= this.bytes.length) return;
    const larger = new Uint8Array(Math.max(this.bytes.length * 2, this.length + more));
    larger.set(this.bytes);
    this.bytes = larger;
    this.view = new DataView(larger.buffer);
  }
}

/**
 * The keys `[from, table.size)` of a table back as columns of the given types.
 * @param table distinct keys
 * @param types types of the key's components, in order
 * @param from first ordinal
 * @returns one column for each component, `table.size - from` values long
 * @throws `ColumnTypeMismatch` for an INT96 component
 */
export function keysToValues(table: KeyTable, types: readonly ColumnType[], from = 0): Values[] {
  const count = table.size - from;
  // A single string key is its own bytes, so the table's arena is the column already.
  if (types.length === 1 && types[0]!.physical === 'BYTE_ARRAY') return [table.values(from)];
  const { data, offsets } = table.values(from);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const sinks = types.map((type) => valuesSink(type, count, data, view));
  const [only] = sinks;
  for (let i = 0; i < count; i++) {
    let at = offsets[i]!;
    const end = offsets[i + 1]!;
    if (sinks.length === 1) {
      only!.put(i, at, end);
      continue;
    }
    for (let c = 0; c < sinks.length; c++) {
      const length = view.getUint32(at, true);
      sinks[c]!.put(i, at + 4, at + 4 + length);
      at += 4 + length;
    }
    invariant(at === end, 'a composite key has exactly its components');
  }
  return sinks.map((sink) => sink.finish());
}

/** Takes component i from bytes [start, end) of the keys' arena. */
interface Sink {
  put(i: number, start: number, end: number): void;
  finish(): Values;
}

function valuesSink(type: ColumnType, length: number, arena: Uint8Array, view: DataView): Sink {
  const number = (set: (i: number, start: number) => void, values: Values): Sink => ({
    put(i, start, end) {
      invariant(end - start === 8, 'a numeric key component has 8 bytes');
      set(i, start);
    },
    finish: () => values,
  });
  switch (type.physical) {
    case 'INT32': {
      const data = new Int32Array(length);
      return number((i, start) => (data[i] = view.getInt32(start, true)), { kind: 'int32', length, data });
    }
    case 'INT64': {
      const data = new BigInt64Array(length);
      return number((i, start) => (data[i] = view.getBigInt64(start, true)), { kind: 'int64', length, data });
    }
    case 'FLOAT': {
      const data = new Float32Array(length);
      return number((i, start) => (data[i] = view.getFloat64(start, true)), { kind: 'float', length, data });
    }
    case 'DOUBLE': {
      const data = new Float64Array(length);
      return number((i, start) => (data[i] = view.getFloat64(start, true)), { kind: 'double', length, data });
    }
    case 'BOOLEAN': {
      const data = new Uint8Array(length);
      return { put: (i, start) => (data[i] = arena[start]!), finish: () => ({ kind: 'boolean', length, data }) };
    }
    case 'FIXED_LEN_BYTE_ARRAY': {
      const width = type.typeLength ?? 0;
      const data = new Uint8Array(length * width);
      return {
        put: (i, start, end) => data.set(arena.subarray(start, end), i * width),
        finish: () => ({ kind: 'fixed', length, data, width }),
      };
    }
    case 'BYTE_ARRAY':
      return arenaSink(length, arena);
    case 'INT96':
      throw new OrdinalError('ColumnTypeMismatch', 'an INT96 column cannot be a key', {
        remedy: 'Use another column as the key.',
      });
  }
}

function arenaSink(length: number, arena: Uint8Array): Sink {
  const offsets = new Uint32Array(length + 1);
  // All components together are no longer than the keys.
  const data = new Uint8Array(arena.length);
  let used = 0;
  return {
    put(i, start, end) {
      copyBytes(arena, start, end, data, used);
      used += end - start;
      offsets[i + 1] = used;
    },
    finish: () => ({ kind: 'bytes', length, data: data.subarray(0, used), offsets }),
  };
}

/** Keys are short: a loop is quicker than a call. */
function copyBytes(from: Uint8Array, start: number, end: number, to: Uint8Array, at: number): void {
  for (let i = start, k = at; i < end; i++, k++) to[k] = from[i]!;
}

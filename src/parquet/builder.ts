/**
 * JavaScript values as physical values of a column type: the way back from `logical.ts`, which has the table. Mapped,
 * computed and constant columns are written by it. It must never round or cut a value silently, but where the type says
 * so.
 */
import { OrdinalError } from '../errors.ts';
import { BytesBuilder } from './bytes-builder.ts';
import { parseDecimal, roundToDecimal, roundToDecimalFast, unscaledToBytes } from './decimal.ts';
import { float16Bits } from './float16.ts';
import { dayMs, int96Bytes, unitsPerDay, unitsPerMs } from './time.ts';
import { typeText } from './type-text.ts';
import type { Annotation, ColumnType, Values } from './types.ts';
import { allocate, bytesOf } from './values.ts';

/** Collects the values of one column, row by row. */
export interface Builder {
  readonly length: number;
  /** Appends a value; null and undefined count as `pushNull`. Throws `InvalidValue` with the reason. */
  push(value: unknown): void;
  /** Appends a null. */
  pushNull(): void;
  /** What was pushed; `valid` is undefined when nothing was null. */
  finish(): { values: Values; valid: Uint8Array | undefined };
}

/**
 * A builder of a column type. Strings, numbers, bigints and dates go wherever they have one exact meaning.
 * @param type type of the column
 * @returns a builder without values
 * @throws `InvalidValue` with the reason, when a value has no exact meaning in the type
 */
export function builder(type: ColumnType): Builder {
  return type.physical === 'BYTE_ARRAY' ? new BytesColumn(type) : new FixedColumn(type);
}

/** Marks of null rows; nothing is kept until the first. */
class NullMarks {
  #valid: Uint8Array | undefined;

  add(row: number, isValid: boolean): void {
    if (isValid && this.#valid === undefined) return;
    this.#valid ??= new Uint8Array(Math.max(64, row + 1)).fill(1, 0, row);
    if (row >= this.#valid.length) {
      const grown = new Uint8Array(this.#valid.length * 2);
      grown.set(this.#valid);
      this.#valid = grown;
    }
    this.#valid[row] = isValid ? 1 : 0;
  }

  finish(rows: number): Uint8Array | undefined {
    return this.#valid?.subarray(0, rows);
  }
}

class BytesColumn implements Builder {
  readonly #type: ColumnType;
  readonly #bytes = new BytesBuilder();
  readonly #nulls = new NullMarks();
  readonly #scale: number | undefined;

  constructor(type: ColumnType) {
    this.#type = type;
    this.#scale = type.annotation?.kind === 'decimal' ? type.annotation.scale : undefined;
  }

  get length(): number {
    return this.#bytes.length;
  }

  push(value: unknown): void {
    if (value === null || value === undefined) {
      this.pushNull();
      return;
    }
    this.#nulls.add(this.length, true);
    if (value instanceof Uint8Array) this.#bytes.push(value);
    else if (this.#scale !== undefined) this.#bytes.push(unscaledToBytes(unscaledOf(value, this.#type)));
    else if (typeof value === 'string') {
      if (!value.isWellFormed()) throw invalid(value, this.#type, 'it has a lone surrogate');
      this.#bytes.pushText(value);
    } else throw invalid(value, this.#type);
  }

  pushNull(): void {
    this.#nulls.add(this.length, false);
    this.#bytes.push(none);
  }

  finish(): { values: Values; valid: Uint8Array | undefined } {
    return { values: this.#bytes.finish(), valid: this.#nulls.finish(this.length) };
  }
}

const none = new Uint8Array(0);

/** Writes a JavaScript value to slot `row`; throws `InvalidValue`. */
type Store = (values: Values, row: number, value: unknown) => void;

class FixedColumn implements Builder {
  readonly #type: ColumnType;
  readonly #nulls = new NullMarks();
  readonly #store: Store;
  #values: Values;
  length = 0;

  constructor(type: ColumnType) {
    this.#type = type;
    this.#store = storeOf(type);
    this.#values = allocate(type, 64);
  }

  push(value: unknown): void {
    if (value === null || value === undefined) {
      this.pushNull();
      return;
    }
    this.#reserve();
    this.#store(this.#values, this.length, value);
    this.#nulls.add(this.length, true);
    this.length++;
  }

  pushNull(): void {
    this.#reserve();
    this.#nulls.add(this.length, false);
    this.length++;
  }

  finish(): { values: Values; valid: Uint8Array | undefined } {
    const values = this.#values;
    const width = values.kind === 'fixed' ? values.width : 1;
    const data = values.data.subarray(0, this.length * width);
    return { values: { ...values, length: this.length, data } as Values, valid: this.#nulls.finish(this.length) };
  }

  #reserve(): void {
    if (this.length < this.#values.length) return;
    const grown = allocate(this.#type, this.#values.length * 2);
    bytesOf(grown.data).set(bytesOf(this.#values.data));
    this.#values = grown;
  }
}

function storeOf(type: ColumnType): Store {
  const { annotation } = type;
  switch (type.physical) {
    case 'BOOLEAN':
      return (values, row, value) => {
        if (typeof value !== 'boolean') throw invalid(value, type);
        values.data[row] = value ? 1 : 0;
      };
    case 'FLOAT':
    case 'DOUBLE':
      return (values, row, value) => {
        if (typeof value !== 'number') throw invalid(value, type);
        values.data[row] = value;
      };
    case 'INT32':
    case 'INT64':
      return storeInteger(type);
    case 'INT96':
      return storeFixed((value) => int96Bytes(nanosOf(value, type)), type);
    default:
  }
  if (annotation?.kind === 'decimal') {
    return storeFixed((value) => {
      if (value instanceof Uint8Array) return value;
      const unscaled = unscaledOf(value, type);
      const fits = BigInt.asIntN((type.typeLength ?? 0) * 8, unscaled) === unscaled;
      return fits ? unscaledToBytes(unscaled, type.typeLength ?? 0) : undefined;
    }, type);
  }
  if (annotation?.kind === 'uuid') return storeFixed(uuidBytes, type);
  if (annotation?.kind === 'float16') {
    return storeFixed((value) => {
      if (typeof value !== 'number') return undefined;
      const bits = float16Bits(value);
      return Uint8Array.of(bits & 255, bits >>> 8);
    }, type);
  }
  return storeFixed((value) => (value instanceof Uint8Array ? value : undefined), type);
}

function storeFixed(bytesFor: (value: unknown) => Uint8Array | undefined, type: ColumnType): Store {
  return (values, row, value) => {
    const bytes = bytesFor(value);
    const { width, data } = values as Values & { kind: 'fixed' };
    if (!bytes) throw invalid(value, type);
    if (bytes.length !== width) throw invalid(value, type, `it has ${bytes.length} bytes instead of ${width}`);
    data.set(bytes, row * width);
  };
}

/** Integers of 32 and 64 bits: plain and unsigned ones, dates, times, timestamps and decimals. */
function storeInteger(type: ColumnType): Store {
  const [min, max] = integerBounds(type);
  const convert = integerConversion(type);
  if (type.physical === 'INT64') {
    return (values, row, value) => {
      const integer = typeof value === 'bigint' ? value : BigInt(convert(value));
      if (integer < min || integer > max) throw invalid(value, type, 'it is out of range');
      (values.data as BigInt64Array)[row] = BigInt.asIntN(64, integer);
    };
  }
  const [low, high] = [Number(min), Number(max)];
  return (values, row, value) => {
    const integer = Number(convert(value));
    if (integer < low || integer > high) throw invalid(value, type, 'it is out of range');
    (values.data as Int32Array)[row] = integer;
  };
}

function integerBounds({ physical, annotation }: ColumnType): [bigint, bigint] {
  if (annotation?.kind === 'decimal') {
    const limit = 10n ** BigInt(annotation.precision);
    return [1n - limit, limit - 1n];
  }
  if (annotation?.kind === 'time') return [0n, unitsPerDay[annotation.unit] - 1n];
  const bits = annotation?.kind === 'int' ? BigInt(annotation.bitWidth) : physical === 'INT32' ? 32n : 64n;
  if (annotation?.kind === 'int' && !annotation.signed) return [0n, 2n ** bits - 1n];
  return [-(2n ** (bits - 1n)), 2n ** (bits - 1n) - 1n];
}

/** What a JavaScript value is as the column's integer, before its range is checked. */
function integerConversion(type: ColumnType): (value: unknown) => number | bigint {
  const { annotation } = type;
  switch (annotation?.kind) {
    case 'decimal': {
      const { scale } = annotation;
      return (value) => {
        const fast = typeof value === 'number' ? roundToDecimalFast(value, scale) : Number.NaN;
        return Number.isNaN(fast) ? unscaledOf(value, type) : fast;
      };
    }
    case 'date':
      return (value) => (typeof value === 'bigint' ? value : Math.floor(msOf(value, type) / dayMs));
    case 'timestamp': {
      const factor = unitsPerMs[annotation.unit];
      return (value) => (typeof value === 'bigint' ? value : BigInt(msOf(value, type)) * factor);
    }
    default:
      return (value) => {
        if (typeof value === 'bigint') return value;
        if (typeof value !== 'number') throw invalid(value, type);
        if (!Number.isInteger(value)) throw invalid(value, type, 'it is not an integer');
        if (!Number.isSafeInteger(value)) throw invalid(value, type, 'a number so large is not exact; use a bigint');
        return value;
      };
  }
}

function msOf(value: unknown, type: ColumnType): number {
  if (!(value instanceof Date)) throw invalid(value, type);
  const ms = value.getTime();
  if (Number.isNaN(ms)) throw invalid('an invalid Date', type);
  return ms;
}

function nanosOf(value: unknown, type: ColumnType): bigint {
  return typeof value === 'bigint' ? value : BigInt(msOf(value, type)) * unitsPerMs.NANOS;
}

/** The unscaled integer of a decimal: text exactly, a bigint as it is, a number rounded to the scale. */
function unscaledOf(value: unknown, type: ColumnType): bigint {
  const { scale, precision } = type.annotation as Annotation & { kind: 'decimal' };
  let unscaled: bigint | string;
  if (typeof value === 'bigint') unscaled = value;
  else if (typeof value === 'string') unscaled = parseDecimal(value, scale);
  else if (typeof value === 'number') unscaled = roundToDecimal(value, scale);
  else throw invalid(value, type);
  if (typeof unscaled === 'string') throw invalid(value, type, unscaled);
  const limit = 10n ** BigInt(precision);
  if (unscaled >= limit || unscaled <= -limit) throw invalid(value, type, `it has more than ${precision} digits`);
  return unscaled;
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function uuidBytes(value: unknown): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (typeof value !== 'string' || !uuidPattern.test(value)) return undefined;
  return Uint8Array.from(Buffer.from(value.replaceAll('-', ''), 'hex'));
}

function invalid(value: unknown, type: ColumnType, reason?: string): OrdinalError {
  const shown = typeof value === 'string' ? JSON.stringify(value.slice(0, 80)) : describe(value);
  return new OrdinalError('InvalidValue', `${shown} is no ${typeText(type)}${reason ? `: ${reason}` : ''}.`);
}

function describe(value: unknown): string {
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' || typeof value === 'function' ? `a value of type ${typeof value}` : String(value);
}

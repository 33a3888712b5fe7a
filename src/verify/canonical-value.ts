/**
 * Turns stored values into plain JavaScript values that can be compared. Two results are equal exactly when the values
 * are equal, whatever width, unit or encoding they are stored in. An integer is a number where a number can hold it, a
 * time is in nanoseconds, and a text or a byte array is a string of its bytes. The other files of this folder call it.
 */
import { builder, reader } from '../parquet/logical.ts';
import type { Table } from '../parquet/table.ts';
import type { ColumnType, Values } from '../parquet/types.ts';

export type Canon = string | number | bigint | boolean | null;

const nanosPer = { MILLIS: 1_000_000n, MICROS: 1000n, NANOS: 1n } as const;
const dayNanos = 86_400_000_000_000n;

/** Makes a reader of value i. The caller handles nulls. */
export function canonReader(type: ColumnType): (values: Values, i: number) => Canon {
  const { annotation, physical } = type;
  switch (annotation?.kind) {
    case 'decimal':
      return reader(type, 'string') as (values: Values, i: number) => string;
    case 'time':
    case 'timestamp': {
      const factor = nanosPer[annotation.unit];
      return (values, i) => BigInt((values.data as BigInt64Array | Int32Array)[i]!) * factor;
    }
    case 'date':
      return (values, i) => BigInt((values.data as Int32Array)[i]!) * dayNanos;
    case 'int': {
      const read = reader(type, 'bigint') as (values: Values, i: number) => bigint;
      return (values, i) => shortest(read(values, i));
    }
    default:
  }
  if (physical === 'INT96') return reader(type, 'bigint') as (values: Values, i: number) => bigint;
  return (values, i) => {
    switch (values.kind) {
      case 'boolean':
        return values.data[i] !== 0;
      case 'int64':
        return shortest(values.data[i]!);
      case 'bytes':
        return latin1(values.data, values.offsets[i]!, values.offsets[i + 1]!);
      case 'fixed':
        return latin1(values.data, i * values.width, (i + 1) * values.width);
      default:
        return values.data[i]!;
    }
  };
}

/** An integer as a number when a number holds it exactly, else as a bigint. */
export function shortest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

function latin1(data: Uint8Array, start: number, end: number): string {
  return Buffer.from(data.buffer, data.byteOffset + start, end - start).toString('latin1');
}

/** What primitive values became in a type, for so many of them: a builder for each cell would take most of the time. */
const CONVERTED_MAX = 4096;
const converted = new WeakMap<ColumnType, Map<unknown, Canon>>();

/** A JavaScript value as a column of this type stores it. Throws when the value is not of this type. */
export function canonOfJs(value: unknown, type: ColumnType): Canon {
  if (value === null || value === undefined) return null;
  const known = converted.get(type) ?? new Map<unknown, Canon>();
  converted.set(type, known);
  const before = known.get(value);
  // A Map treats 0 and -0 as the same key.
  if (before !== undefined && value !== 0) return before;
  const build = builder(type);
  build.push(value);
  const canon = canonReader(type)(build.finish().values, 0);
  if (typeof value !== 'object' && known.size < CONVERTED_MAX) known.set(value, canon);
  return canon;
}

/** Makes a reader of one column of a published file: null for a null, undefined when the file has no such column. */
export function cellReader(table: Table, name: string): (row: number) => Canon | undefined {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (!column) return () => undefined;
  const { values, valid } = column;
  const read = canonReader(column.type);
  return (row) => (valid !== undefined && valid[row] === 0 ? null : read(values, row));
}

/** A natural key as a key of a Map: the component itself, or a text when there are several. Zero has one sign. */
export type KeyText = Exclude<Canon, null>;

/** The key of some components; undefined when one of them is null. */
export function keyText(components: readonly Canon[]): KeyText | undefined {
  const only = components[0];
  if (components.length === 1) return only === null ? undefined : Object.is(only, -0) ? 0 : only;
  if (components.includes(null)) return undefined;
  return components.map((one) => (typeof one === 'string' ? `${one.length}:${one}` : `${typeof one}:${one}`)).join('|');
}

/** A list or record of values as one text that can be compared. 0 and -0 give the same text. */
export function textOf(values: object): string {
  return JSON.stringify(values, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`;
    return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
  });
}

/** A value as a finding shows it, shortened. */
export function shownCanon(value: Canon | undefined): string {
  if (typeof value === 'string') {
    const text = Buffer.from(value, 'latin1').toString('utf8');
    return JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}...` : text);
  }
  return value === undefined ? 'nothing' : String(value);
}

/**
 * Rows of a column as JavaScript values. Where the column has a dictionary, each distinct value is made once. Schemas,
 * predicates and functions of a pipeline see rows through it.
 */
import { type ErrorLocation, OrdinalError } from '../../errors.ts';
import { reader } from '../../parquet/logical.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import type { JsKind } from '../../pipeline/compiled.ts';

export type JsView =
  | {
      form: 'dictionary';
      /** By entry; undefined for an unreadable one. */
      values: unknown[];
      /** Entries that cannot be had as this kind (a date beyond all dates), and why: `at` throws that. */
      unreadable: ReadonlyMap<number, unknown>;
      indices: Int32Array;
      /** Rows without a value, at most. */
      nulls: number;
      at(row: number): unknown;
    }
  | { form: 'plain'; at(row: number): unknown };

/**
 * Values of a decoded column as JavaScript values. `at` throws `InvalidValue` where a row's value cannot be had as the
 * kind, with the place that `locate` says.
 */
export function jsView(column: Column, type: ColumnType, kind: JsKind, locate: (row: number) => ErrorLocation): JsView {
  const read = reader(type, kind);
  const located = (thrown: unknown, row: number) => (thrown instanceof OrdinalError ? thrown.at(locate(row)) : thrown);
  if (column.form === 'dictionary') {
    const { indices, dictionary } = column;
    const values = new Array<unknown>(dictionary.length);
    const unreadable = new Map<number, unknown>();
    for (let entry = 0; entry < dictionary.length; entry++) {
      values[entry] = readable(read, dictionary, entry, unreadable);
    }
    const at = (row: number) => {
      const entry = indices[row]!;
      if (unreadable.size > 0 && unreadable.has(entry)) throw located(unreadable.get(entry), row);
      return entry < 0 ? null : values[entry];
    };
    return { form: 'dictionary', values, unreadable, indices, nulls: column.nulls, at };
  }
  const { values, valid } = column;
  const at = (row: number) => {
    if (valid !== undefined && valid[row] === 0) return null;
    try {
      return read(values, row);
    } catch (thrown) {
      throw located(thrown, row);
    }
  };
  return { form: 'plain', at };
}

/** An unreadable entry is noted: no row may use it. */
function readable(
  read: (values: Values, i: number) => unknown,
  values: Values,
  i: number,
  unreadable: Map<number, unknown>,
): unknown {
  try {
    return read(values, i);
  } catch (thrown) {
    unreadable.set(i, thrown);
    return undefined;
  }
}

/** A value for an error message: short, and quoted where it is text. */
export function shown(value: unknown): string {
  const text =
    typeof value === 'string' ? JSON.stringify(value) : value instanceof Date ? dateText(value) : plain(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function dateText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'an invalid date' : date.toISOString();
}

function plain(value: unknown): string {
  if (value instanceof Uint8Array) return `0x${Buffer.from(value.subarray(0, 40)).toString('hex')}`;
  return String(value);
}

export function reasonOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown);
}

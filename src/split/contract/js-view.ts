/** Rows as JavaScript values; through the dictionary where there is one, so that functions run per distinct value. */
import { reader } from '../../parquet/logical.ts';
import type { Column, ColumnType, Values } from '../../parquet/types.ts';
import type { JsKind } from '../../pipeline/compiled.ts';

export type JsView =
  /** `nulls`: rows without a value, at most. */
  | { form: 'dictionary'; values: unknown[]; indices: Int32Array; nulls: number; at(row: number): unknown }
  | { form: 'plain'; at(row: number): unknown };

/** Values of a decoded column as JavaScript values. */
export function jsView(column: Column, type: ColumnType, kind: JsKind): JsView {
  const read = reader(type, kind);
  if (column.form === 'dictionary') {
    const { indices, dictionary } = column;
    const values = new Array<unknown>(dictionary.length);
    const unreadable = new Map<number, unknown>();
    for (let entry = 0; entry < dictionary.length; entry++) {
      values[entry] = readable(read, dictionary, entry, unreadable);
    }
    const at = (row: number) => {
      const entry = indices[row]!;
      if (unreadable.size > 0 && unreadable.has(entry)) throw unreadable.get(entry);
      return entry < 0 ? null : values[entry];
    };
    return { form: 'dictionary', values, indices, nulls: column.nulls, at };
  }
  const { values, valid } = column;
  return { form: 'plain', at: (row) => (valid !== undefined && valid[row] === 0 ? null : read(values, row)) };
}

/** Entries may be unreadable as this kind (a date beyond all dates): who asks for such a row gets the reason. */
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

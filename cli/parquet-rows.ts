/**
 * Rows of a whole small Parquet file as JavaScript values, and as CSV. Commands that show data call it. It must never be
 * given a large file: it decodes all of it.
 */
import { reader } from '../src/parquet/logical.ts';
import { readTable } from '../src/parquet/table.ts';

export interface ParquetRows {
  names: string[];
  rows: Record<string, unknown>[];
}

/**
 * Decodes a file.
 *
 * @param limit rows at most. @default all
 * @throws OrdinalError as `readTable`
 */
export function parquetRows(bytes: Uint8Array, blob: string, limit = Number.POSITIVE_INFINITY): ParquetRows {
  const table = readTable(bytes, blob);
  const columns = table.columns.map(({ name, type, values, valid }) => {
    const read = reader(type, 'any');
    return { name, read: (row: number) => (valid?.[row] === 0 ? null : read(values, row)) };
  });
  const rows = Array.from({ length: Math.min(limit, table.rows) }, (_, row) =>
    Object.fromEntries(columns.map(({ name, read }) => [name, read(row)])),
  );
  return { names: columns.map(({ name }) => name), rows };
}

/** A value as JSON can hold it: bigints beyond a safe integer as text, bytes in hexadecimal. */
export function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return value;
}

/** Rows as CSV (RFC 4180) with a header. A null is an empty field, and an empty text is `""`. */
export function csv({ names, rows }: ParquetRows): string {
  const field = (value: unknown): string => {
    if (value === null || value === undefined) return '';
    const text = value instanceof Date ? value.toISOString() : String(jsonValue(value));
    return text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = [names.map(field), ...rows.map((row) => names.map((name) => field(row[name])))];
  return lines.map((line) => `${line.join(',')}\r\n`).join('');
}

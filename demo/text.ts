/** Numbers and values as text for people: counts, bytes, seconds, cells. The demo's reports and progress use them. */

/** A count with thousands separators. */
export function count(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** Bytes in KiB or MiB with one decimal. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 * 1024) return `${(value / 1024).toFixed(1)} KiB`;
  return `${(value / 1024 / 1024).toFixed(1)} MiB`;
}

/** Milliseconds as seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** A value as read from a Parquet file, for a table's cell. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '(null)';
  if (value instanceof Date)
    return value
      .toISOString()
      .replace('T', ' ')
      .replace(/\.000Z$/, '');
  return String(value);
}

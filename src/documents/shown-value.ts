/**
 * A value of a row as JSON and people see it. The preview of a dry run and the first rows of a published file use it. It
 * must lose no digit of an integer.
 */
const TEXT_MAX = 200;

/** Times as ISO text, 64-bit integers as decimal text, bytes as base64, long texts shortened. */
export function shownValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return shortened(Buffer.from(value).toString('base64'));
  if (typeof value === 'string') return shortened(value);
  if (typeof value === 'number' && !Number.isFinite(value)) return String(value);
  return value ?? null;
}

function shortened(text: string): string {
  return text.length > TEXT_MAX ? `${text.slice(0, TEXT_MAX - 3)}...` : text;
}

/**
 * Numbers, times and names as text for people: counts, bytes, durations, and names of which nobody knows what they hold.
 * The command and the demo call it. It must never let a name from outside control the terminal.
 */

/** A count with thousands separators. */
export function count(value: number | bigint): string {
  return value.toLocaleString('en-US');
}

/** Bytes in B, KiB, MiB or GiB, with one decimal. */
export function bytes(value: number): string {
  if (value < 1024) return `${value} B`;
  if (value < 1024 ** 2) return `${(value / 1024).toFixed(1)} KiB`;
  if (value < 1024 ** 3) return `${(value / 1024 ** 2).toFixed(1)} MiB`;
  return `${(value / 1024 ** 3).toFixed(1)} GiB`;
}

/** Milliseconds as seconds with one decimal. */
export function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}

/** Milliseconds as people say them: `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`, `3 d 4 h`. */
export function duration(ms: number): string {
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return seconds(ms);
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${two((ms % 60_000) / 1000)} s`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ${two((ms % 3_600_000) / 60_000)} min`;
  return `${Math.floor(ms / 86_400_000)} d ${Math.floor((ms % 86_400_000) / 3_600_000)} h`;
}

/** An ISO time as UTC to the second: `2026-11-30 05:51:38`. */
export function time(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime()) ? iso : at.toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * A text from outside, so that a terminal shows it and does not obey it: control characters and those that turn the
 * direction of writing become escapes such as `\u001b`.
 */
export function plain(text: string): string {
  return text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is replaced
    /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** A value as read from a Parquet file, for a table's cell. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '(null)';
  if (value instanceof Date) {
    return value
      .toISOString()
      .replace('T', ' ')
      .replace(/\.000Z$/, '');
  }
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  return String(value);
}

/**
 * Parsers of option values that several commands take: durations, times, whole numbers. Commander calls them; a value that
 * is not understood ends the command before anything is done.
 */
import { InvalidArgumentError } from 'commander';

const unitMs: Record<string, number> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 };

/** Milliseconds of `90s`, `15m`, `2h`, `7d` or `1w`. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d{1,6})(s|m|h|d|w)$/.exec(text) ?? [];
  if (number === undefined) throw new InvalidArgumentError('Give a number and a unit: 90s, 15m, 2h, 7d or 1w.');
  return Number(number) * unitMs[unit!]!;
}

/** ISO time of a date, a date-time, or of a duration before now. */
export function parseSince(text: string, now = Date.now()): string {
  if (/^\d{1,6}[smhdw]$/.test(text)) return new Date(now - parseDuration(text)).toISOString();
  const at = /^\d{4}-\d{2}-\d{2}(T[\d:.]+(Z|[+-]\d{2}:?\d{2})?)?$/.test(text) ? Date.parse(text) : Number.NaN;
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new InvalidArgumentError('Give a time before now (15m, 2h, 7d), a date, or an ISO date-time.');
}

/** A parser of whole numbers within bounds, both included. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`Give a whole number from ${min} to ${max}.`);
  };
}

/** A parser of one of several words, or of several of them with commas between; case does not count. */
export function oneOf<T extends string>(words: Readonly<Record<string, T>>): (text: string) => T[] {
  return (text) =>
    text.split(',').map((word) => {
      const found = words[word.trim().toLowerCase()];
      if (found !== undefined) return found;
      throw new InvalidArgumentError(`Give one or several of ${Object.keys(words).join(', ')}.`);
    });
}

/** For an option that may be given several times: all that was given. */
export const collected = (value: string, before: readonly string[] = []): string[] => [...before, value];

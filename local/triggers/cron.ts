/** A schedule as Azure's timer trigger takes it: six fields (a second first), five (without), or a TimeSpan. */
export interface Schedule {
  /** The next time strictly after `from` (milliseconds since 1970, UTC); undefined when there is none in five years. */
  next(from: number): number | undefined;
  /** A time span, which knows no summer time. */
  isInterval?: boolean;
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const dayMs = 24 * 3600 * 1000;
const daysAhead = 5 * 366;

/** @throws when the text is no schedule. */
export function parseSchedule(text: string): Schedule {
  const span = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})$/.exec(text.trim());
  if (span !== null)
    return everyInterval(
      text,
      span.slice(1).map((part) => Number(part ?? 0)),
    );
  const fields = text.trim().split(/\s+/);
  if (fields.length === 5) fields.unshift('0');
  if (fields.length !== 6) throw new Error(`'${text}' is no schedule: it needs 5 or 6 fields, or a time span.`);
  const [second, minute, hour, day, month, weekday] = fields as [string, string, string, string, string, string];
  const seconds = parseField(second, 0, 59, []);
  const minutes = parseField(minute, 0, 59, []);
  const hours = parseField(hour, 0, 23, []);
  const monthDays = new Set(parseField(day, 1, 31, []));
  const monthNumbers = new Set(parseField(month, 1, 12, months));
  const weekdays = new Set(parseField(weekday, 0, 7, days).map((each) => each % 7));
  return {
    next(from) {
      const start = Math.floor(from / 1000) * 1000 + 1000;
      const firstDay = Math.floor(start / dayMs) * dayMs;
      for (let at = firstDay; at < firstDay + daysAhead * dayMs; at += dayMs) {
        const date = new Date(at);
        const fits =
          monthNumbers.has(date.getUTCMonth() + 1) &&
          monthDays.has(date.getUTCDate()) &&
          weekdays.has(date.getUTCDay());
        const time = fits ? firstTime(at, start, hours, minutes, seconds) : undefined;
        if (time !== undefined) return time;
      }
      return undefined;
    },
  };
}

function everyInterval(text: string, [d = 0, h = 0, m = 0, s = 0]: number[]): Schedule {
  const intervalMs = (((d * 24 + h) * 60 + m) * 60 + s) * 1000;
  if (intervalMs === 0) throw new Error(`'${text}' is no schedule: the time span is empty.`);
  return { next: (from) => from + intervalMs, isInterval: true };
}

function firstTime(
  day: number,
  start: number,
  hours: readonly number[],
  minutes: readonly number[],
  seconds: readonly number[],
): number | undefined {
  for (const hour of hours) {
    if (day + (hour + 1) * 3_600_000 <= start) continue;
    for (const minute of minutes) {
      if (day + hour * 3_600_000 + (minute + 1) * 60_000 <= start) continue;
      for (const second of seconds) {
        const time = day + hour * 3_600_000 + minute * 60_000 + second * 1000;
        if (time >= start) return time;
      }
    }
  }
  return undefined;
}

/** Values of one field, ascending: `*`, `5`, `1-5`, a step such as `0/10`, `3/15`, names, and lists of these. */
function parseField(field: string, min: number, max: number, names: readonly string[]): number[] {
  const values = new Set<number>();
  for (const part of field.toLowerCase().split(',')) {
    const [range = '', stepText] = part.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    const [from, to] = parseRange(range, min, max, names, stepText !== undefined);
    const valid = Number.isInteger(step) && step > 0 && from >= min && to <= max && from <= to;
    if (!valid) throw new Error(`'${field}' is no field of a schedule (${min} to ${max}).`);
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return [...values].sort((a, b) => a - b);
}

function parseRange(
  range: string,
  min: number,
  max: number,
  names: readonly string[],
  open: boolean,
): [number, number] {
  if (range === '*' || range === '?') return [min, max];
  const number = (text: string) => {
    const name = names.indexOf(text.slice(0, 3));
    if (name >= 0) return name + min;
    return /^\d+$/.test(text) ? Number(text) : Number.NaN;
  };
  const [from = '', to] = range.split('-');
  if (to !== undefined) return [number(from), number(to)];
  return [number(from), open ? max : number(from)];
}

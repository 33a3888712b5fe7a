/**
 * Schedules of timer triggers: a cron text or a time span becomes a function from one moment to the next. The timer
 * trigger calls it. It must accept what NCrontab accepts in Azure and refuse the rest, also what croner accepts beyond
 * that.
 */
import { Cron } from 'croner';

/** A schedule as Azure's timer trigger takes it: six fields (a second first), five (without), or a TimeSpan. */
export interface Schedule {
  /** The next time strictly after `from` (milliseconds since 1970, UTC); undefined when there is none. */
  next(from: number): number | undefined;
  /** Whether it is a time span, for which summer time does not matter. */
  isInterval?: boolean;
}

/** Numbers, ranges, steps and names: croner also knows `L`, `W`, `#`, nicknames and a year, which NCrontab does not. */
const value = String.raw`(?:\d+|[a-z]{3,9})`;
const field = String.raw`(?:\*|\?|${value}(?:-${value})?)(?:/\d+)?`;
const fields = new RegExp(`^${field}(?:,${field})*$`, 'i');

/** @throws when the text is no schedule. */
export function parseSchedule(text: string): Schedule {
  const span = /^(?:(\d+)\.)?(\d{1,2}):(\d{2}):(\d{2})$/.exec(text.trim());
  if (span !== null)
    return everyInterval(
      text,
      span.slice(1).map((part) => Number(part ?? 0)),
    );
  const parts = text.trim().split(/\s+/);
  if (parts.length !== 5 && parts.length !== 6) {
    throw new Error(`'${text}' is no schedule: it needs 5 or 6 fields, or a time span.`);
  }
  const wrong = parts.find((part) => !fields.test(part));
  if (wrong !== undefined) throw new Error(`'${wrong}' is no field of a schedule.`);
  // Names may be written out: three letters say which it is. Azure asks for day of month and day of week both.
  const short = parts.map((part) => part.replace(/[a-z]+/gi, (name) => name.slice(0, 3))).join(' ');
  const cron = new Cron(short, { timezone: 'UTC', domAndDow: true, sloppyRanges: true });
  return { next: (from) => cron.nextRun(new Date(from))?.getTime() };
}

function everyInterval(text: string, [d = 0, h = 0, m = 0, s = 0]: number[]): Schedule {
  const intervalMs = (((d * 24 + h) * 60 + m) * 60 + s) * 1000;
  if (intervalMs === 0) throw new Error(`'${text}' is no schedule: the time span is empty.`);
  return { next: (from) => from + intervalMs, isInterval: true };
}

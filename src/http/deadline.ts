/**
 * Computes a run's deadline from a date-time or a duration in the request. The handlers that start and restart runs
 * call it. It must refuse a deadline that has passed, or that is further away than the setting allows.
 */
import { wrongField } from './problem.ts';

const HOUR_MS = 3_600_000;

/**
 * The deadline of a run.
 *
 * @param given ISO date-time, or ISO duration from `now`; undefined for the longest time that is allowed.
 * @param hoursMax the longest time that is allowed, in hours.
 * @returns ISO date-time in UTC.
 * @throws RequestError for a deadline that has passed or is further away than `hoursMax`.
 */
export function deadlineOf(given: string | undefined, now: Date, hoursMax: number): string {
  const latest = now.getTime() + hoursMax * HOUR_MS;
  if (given === undefined) return new Date(latest).toISOString();
  const at = given.startsWith('P') ? now.getTime() + durationMs(given) : Date.parse(given);
  if (at <= now.getTime()) throw wrongField('deadline', 'has passed', 'Give a time in the future, or leave it out.');
  if (at > latest) {
    const remedy = 'Give an earlier deadline, or raise ORDINAL_RUN_HOURS_MAX.';
    throw wrongField('deadline', `is more than ${hoursMax} hours away`, remedy);
  }
  return new Date(at).toISOString();
}

function durationMs(text: string): number {
  const [, days = 0, hours = 0, minutes = 0, seconds = 0] =
    /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(text) ?? [];
  return (((Number(days) * 24 + Number(hours)) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000;
}

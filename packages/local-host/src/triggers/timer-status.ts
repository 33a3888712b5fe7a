/**
 * Decides from a remembered schedule whether a timer is past due. `timer.ts` calls it. It is pure and agrees with the
 * timer extension of Azure.
 */
import type { TimerStatus } from '../engine/model.ts';
import type { Schedule } from './cron.ts';

const minuteMs = 60_000;

/** Whether a schedule is remembered: not when `useMonitor` is false, and not when it fires more than once a minute. */
export function isMonitored(schedule: Schedule, useMonitor: boolean, now: number): boolean {
  const next = schedule.next(now);
  const second = next === undefined ? undefined : schedule.next(next);
  return useMonitor && (second === undefined || second - now > minuteMs);
}

/**
 * What a starting host makes of the remembered status (`ScheduleMonitor.CheckPastDueAsync` of the timer extension): a
 * timer is past due when its next occurrence is over; a schedule that was changed since begins anew. Pure.
 *
 * @returns no status when the schedule has no occurrence left.
 */
export function checkPastDue(
  schedule: Schedule,
  remembered: TimerStatus | undefined,
  now: number,
): { status: TimerStatus | undefined; pastDue: boolean; changed: boolean } {
  if (remembered === undefined) return { status: freshStatus(schedule, now), pastDue: false, changed: true };
  const reckonedFrom = remembered.last ?? remembered.lastUpdated;
  const expected = schedule.next(reckonedFrom);
  if (expected === remembered.next) return { status: remembered, pastDue: now > expected, changed: false };
  if (expected === undefined || now > expected) {
    return { status: freshStatus(schedule, now), pastDue: false, changed: true };
  }
  return { status: { next: expected, lastUpdated: reckonedFrom }, pastDue: false, changed: true };
}

/** The status after a run that began at `startedAt`. A timer that fired early counts as on time. Pure. */
export function statusAfter(
  schedule: Schedule,
  status: TimerStatus | undefined,
  startedAt: number,
  scheduled: boolean,
): TimerStatus | undefined {
  const at = scheduled ? Math.max(startedAt, status?.next ?? 0) : startedAt;
  const next = schedule.next(at);
  return next === undefined ? undefined : { last: at, next, lastUpdated: at };
}

function freshStatus(schedule: Schedule, now: number): TimerStatus | undefined {
  const next = schedule.next(now);
  return next === undefined ? undefined : { next, lastUpdated: now };
}

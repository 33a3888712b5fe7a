/**
 * When a pipeline's timer starts a run of what is new: a line of its definition, which a setting of the environment may
 * replace. `compile` calls it for the definition, `src/environment` for the setting, `src/registration/schedule.ts` to know
 * what holds. It must never start anything.
 */
import { Cron } from 'croner';
import { refuse, show } from './refuse.ts';

/** In the setting, an environment may also switch a pipeline's schedule off. */
export type ScheduleOverride = string | 'never';

/** Numbers, ranges, steps and names: croner also knows what the Functions host does not, such as `L` and nicknames. */
const value = String.raw`(?:\d+|[a-z]{3})`;
const field = String.raw`(?:\*|${value}(?:-${value})?)(?:/\d+)?`;
const fields = new RegExp(`^${field}(?:,${field})*$`, 'i');

/** What is wrong with a schedule; undefined when nothing is. */
function faultOf(text: string): { message: string; remedy: string } | undefined {
  const remedy = "Write second, minute, hour, day, month and day of week, as in '0 */15 * * * *'.";
  const parts = text.trim().split(/\s+/);
  if (parts.length === 5)
    return { message: `${show(text)} has five fields`, remedy: 'Put a second in front, as in 0.' };
  if (parts.length !== 6) return { message: `${show(text)} is no schedule`, remedy };
  const wrong = parts.find((part) => !fields.test(part));
  if (wrong !== undefined) return { message: `${show(wrong)} is no field of a schedule`, remedy };
  try {
    const next = cronOf(text).nextRun();
    return next ? undefined : { message: `${show(text)} never comes`, remedy };
  } catch (thrown) {
    return { message: `${show(text)} is no schedule: ${thrown instanceof Error ? thrown.message : thrown}`, remedy };
  }
}

/** As the Functions host has it: UTC, and both days must fit where both are given. */
function cronOf(text: string): Cron {
  return new Cron(text.trim(), { timezone: 'UTC', domAndDow: true, sloppyRanges: true });
}

/**
 * Checks what a definition says of its schedule.
 * @param given the definition's `schedule`
 * @returns the schedule; undefined when nothing was said
 * @throws `InvalidPipeline` at `schedule`
 */
export function compileSchedule(given: unknown): string | undefined {
  if (given === undefined) return undefined;
  if (typeof given !== 'string') return refuse('schedule', `${show(given)} is no schedule`, "Write '0 */15 * * * *'.");
  const fault = faultOf(given);
  if (fault) refuse('schedule', fault.message, fault.remedy);
  return given.trim();
}

/**
 * The setting that replaces `schedule` in one environment: `flights=0 0 3 * * *;sales=never`.
 * @param text the setting `ORDINAL_SCHEDULE`
 * @returns what stands for each pipeline, or what is wrong with the text
 */
export function parseScheduleSetting(
  text: string,
): { schedules: Record<string, ScheduleOverride> } | { fault: string } {
  const schedules = new Map<string, ScheduleOverride>();
  for (const part of text.split(';').map((each) => each.trim())) {
    if (part === '') continue;
    const [, pipeline = '', schedule = ''] = /^([a-z][\w-]*)\s*=\s*(.*)$/.exec(part) ?? [];
    if (pipeline === '') return { fault: `${show(part)} is not PIPELINE=SCHEDULE, as in flights=0 0 3 * * *` };
    if (schedules.has(pipeline)) return { fault: `${pipeline} is there twice` };
    const fault = schedule === 'never' ? undefined : faultOf(schedule);
    if (fault) return { fault: `${pipeline}: ${fault.message}. ${fault.remedy}` };
    schedules.set(pipeline, schedule);
  }
  return { schedules: Object.fromEntries(schedules) };
}

/**
 * The schedule of a pipeline here: as the environment's setting says, else as the definition says.
 * @param pipeline name of the pipeline, and what its definition says
 * @param overrides what the setting says, by pipeline
 * @returns the schedule; undefined when no timer starts the pipeline
 */
export function scheduleOf(
  { name, schedule }: { name: string; schedule?: string },
  overrides: Readonly<Record<string, ScheduleOverride>>,
): string | undefined {
  const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
  return override === 'never' ? undefined : (override ?? schedule);
}

/**
 * The last time at or before a moment that a schedule names, so that a timer which fires twice means one run.
 * @param schedule a schedule
 * @param now the moment
 * @returns that time; the moment itself where the schedule names none before it
 */
export function lastTick(schedule: string, now: Date): Date {
  const [last] = cronOf(schedule).previousRuns(1, new Date(now.getTime() + 1000));
  return last ?? now;
}

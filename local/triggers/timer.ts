import type { AppFunction } from '../functions.ts';
import { parseSchedule, type Schedule } from './cron.ts';
import { invokeTriggered, type TriggerContext } from './invocation.ts';

/** Schedules the app's timer functions. @returns how to stop. @throws when a schedule is malformed. */
export function startTimers(context: TriggerContext, functions: readonly AppFunction[]): () => void {
  const stops = functions.map((found) => {
    const { schedule, runOnStartup } = found.trigger as { schedule?: string; runOnStartup?: boolean };
    const parsed = namedSchedule(found.name, schedule ?? '');
    return runTimer(context, found, parsed, runOnStartup === true);
  });
  return () => {
    for (const stop of stops) stop();
  };
}

function namedSchedule(name: string, text: string): Schedule {
  try {
    return parseSchedule(text);
  } catch (error) {
    throw new Error(`Function '${name}': ${error instanceof Error ? error.message : error}`);
  }
}

const delayMsMax = 2 ** 31 - 1;

function runTimer(context: TriggerContext, found: AppFunction, schedule: Schedule, atOnce: boolean): () => void {
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let last = 0;

  const fire = async (due: number) => {
    try {
      await invokeTriggered(context, found, { json: timerInfo(schedule, last, due, context.now()) }, {});
    } catch (error) {
      context.log('error', `${found.name}: ${error instanceof Error ? error.message : error}`);
    }
    last = due;
  };
  // One run at a time: the next is planned when this one has ended.
  const plan = () => {
    const next = schedule.next(context.now());
    if (stopped || next === undefined) return;
    const wait = () => {
      const delayMs = next - context.now();
      if (delayMs > 0) timer = setTimeout(wait, Math.min(delayMs, delayMsMax));
      else void fire(next).then(plan);
    };
    wait();
  };
  if (atOnce) void fire(context.now()).then(plan);
  else plan();
  return () => {
    stopped = true;
    clearTimeout(timer);
  };
}

/** The timer's value as the host serialises it; `@azure/functions` turns the names into camel case. */
export function timerInfo(schedule: Schedule, last: number, due: number, now: number): string {
  const next = schedule.next(now);
  return JSON.stringify({
    Schedule: { AdjustForDST: true },
    ScheduleStatus: {
      Last: new Date(last).toISOString(),
      LastUpdated: new Date(due).toISOString(),
      Next: next === undefined ? null : new Date(next).toISOString(),
    },
    IsPastDue: false,
  });
}

/**
 * Runs timer functions by their schedules. `start.ts` calls it. One timer function must never run twice at the same
 * time; an occurrence that was missed is run later.
 */
import { delayMaxMs, type Timers } from '../engine/agenda.ts';
import type { TimerStatus } from '../engine/model.ts';
import type { AppFunction } from '../functions.ts';
import { WorkerLost } from '../worker/process.ts';
import { parseSchedule, type Schedule } from './cron.ts';
import { invokeTriggered, type TriggerContext } from './invocation.ts';
import { checkPastDue, isMonitored, statusAfter } from './timer-status.ts';

/** Where the schedules of timer functions are remembered across restarts. */
export interface TimerMemory {
  read(name: string): TimerStatus | undefined;
  write(name: string, status: TimerStatus): void;
}

export interface TimerContext extends TriggerContext {
  timers: Timers;
  memory: TimerMemory;
}

export interface RunningTimers {
  /** Runs a timer function now. @returns false when there is no such function. */
  runNow(name: string): boolean;
  stop(): void;
}

/** Schedules the app's timer functions. @throws when a schedule is malformed. */
export function startTimers(context: TimerContext, functions: readonly AppFunction[]): RunningTimers {
  const running = functions.map((found) => new TimerFunction(context, found));
  for (const each of running) each.start();
  return {
    runNow(name) {
      const each = running.find(({ found }) => found.name.toLowerCase() === name.toLowerCase());
      if (each !== undefined) void each.invoke({ isPastDue: false });
      return each !== undefined;
    },
    stop() {
      for (const each of running) each.stop();
    },
  };
}

/**
 * One timer function (`TimerListener` of the timer extension). It has one run at a time. An occurrence during a run is
 * run after that run has ended. An occurrence that was missed while no host ran is run when the host starts.
 */
class TimerFunction {
  readonly found: AppFunction;
  private readonly context: TimerContext;
  private readonly schedule: Schedule;
  private readonly monitored: boolean;
  private readonly runOnStartup: boolean;
  private status: TimerStatus | undefined;
  private stopped = false;
  private cancel: () => void = () => {};

  constructor(context: TimerContext, found: AppFunction) {
    const trigger = found.trigger as { schedule?: string; runOnStartup?: boolean; useMonitor?: boolean };
    this.context = context;
    this.found = found;
    this.schedule = namedSchedule(found.name, trigger.schedule ?? '');
    this.runOnStartup = trigger.runOnStartup === true;
    this.monitored = isMonitored(this.schedule, trigger.useMonitor !== false, context.now());
  }

  start(): void {
    const now = this.context.now();
    const remembered = this.monitored ? this.context.memory.read(this.found.name) : undefined;
    const { status, pastDue, changed } = checkPastDue(this.schedule, remembered, now);
    this.status = status;
    if (changed) this.remember();
    if (pastDue) void this.run({ isPastDue: true, scheduled: false });
    else if (this.runOnStartup) void this.run({ isPastDue: false, scheduled: false });
    else this.plan();
  }

  stop(): void {
    this.stopped = true;
    this.cancel();
  }

  /** @returns false when it is not known how the run ended, because the host stopped during it. */
  async invoke({ isPastDue }: { isPastDue: boolean }): Promise<boolean> {
    const info = timerInfo(this.schedule, this.monitored ? this.status : undefined, isPastDue);
    try {
      await invokeTriggered(this.context, this.found, { json: info }, {});
    } catch (error) {
      if (this.stopped && error instanceof WorkerLost) return false;
      this.context.log('error', `${this.found.name}: ${error instanceof Error ? error.message : error}`);
    }
    return true;
  }

  private async run(how: { isPastDue: boolean; scheduled: boolean }): Promise<void> {
    const startedAt = this.context.now();
    if (how.isPastDue) this.context.log('information', `${this.found.name} is past due: it runs now.`);
    // A run that was interrupted is past due when the next host starts.
    if (!(await this.invoke(how))) return;
    this.status = statusAfter(this.schedule, this.status, startedAt, how.scheduled);
    this.remember();
    this.plan();
  }

  private remember(): void {
    if (this.monitored && this.status !== undefined) this.context.memory.write(this.found.name, this.status);
  }

  private plan(): void {
    if (this.stopped || this.status === undefined) return;
    const delayMs = this.status.next - this.context.now();
    this.cancel = this.context.timers.after(Math.min(Math.max(1, delayMs), delayMaxMs), () => {
      if (delayMs > delayMaxMs || this.context.now() < (this.status?.next ?? 0)) this.plan();
      else void this.run({ isPastDue: false, scheduled: true });
    });
  }
}

function namedSchedule(name: string, text: string): Schedule {
  try {
    return parseSchedule(text);
  } catch (error) {
    throw new Error(`Function '${name}': ${error instanceof Error ? error.message : error}`);
  }
}

/** .NET's first moment, which the host writes for "never". */
const never = '0001-01-01T00:00:00';

/** The timer's value as the host serialises it; `@azure/functions` turns the names into camel case. */
function timerInfo(schedule: Schedule, status: TimerStatus | undefined, isPastDue: boolean): string {
  return JSON.stringify({
    Schedule: { AdjustForDST: schedule.isInterval !== true },
    ScheduleStatus: status && {
      Last: status.last === undefined ? never : new Date(status.last).toISOString(),
      LastUpdated: new Date(status.lastUpdated).toISOString(),
      Next: new Date(status.next).toISOString(),
    },
    IsPastDue: isPastDue,
  });
}

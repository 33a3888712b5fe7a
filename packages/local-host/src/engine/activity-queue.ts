/**
 * The queue of activities: it runs them in the order in which they were scheduled, a limited number at the same time.
 * `runtime.ts` owns it. An activity that was interrupted runs again; it must never be dropped while its result is
 * wanted.
 */
import type { Timers } from './agenda.ts';
import type { ActivityWork, Completion } from './model.ts';

export interface ActivityQueueOptions {
  /** `maxConcurrentActivityFunctions`. */
  limit: number;
  run: (work: ActivityWork) => Promise<Completion>;
  /** Resolves when the result is committed. */
  settle: (work: ActivityWork, event: Completion) => Promise<void>;
  isWanted: (work: ActivityWork) => boolean;
  timers: Timers;
  log: (level: 'warning', message: string) => void;
}

const redeliveryDelayMaxMs = 10_000;

/** Activities in the order in which they were scheduled, a limited number at once; interrupted ones are run again. */
export class ActivityQueue {
  private readonly options: ActivityQueueOptions;
  private waiting: ActivityWork[] = [];
  private head = 0;
  private stopped = false;
  /** Number of activities that run or wait for their next delivery. */
  busy = 0;
  private pausing = 0;

  constructor(options: ActivityQueueOptions) {
    this.options = options;
  }

  add(work: ActivityWork): void {
    this.waiting.push(work);
    queueMicrotask(() => this.pump());
  }

  stop(): void {
    this.stopped = true;
  }

  get idle(): boolean {
    return this.busy === 0 && this.head === this.waiting.length;
  }

  get working(): boolean {
    return this.busy > this.pausing || (this.busy < this.options.limit && this.head < this.waiting.length);
  }

  private pump(): void {
    while (!this.stopped && this.busy < this.options.limit && this.head < this.waiting.length) {
      const work = this.waiting[this.head++]!;
      this.busy++;
      void this.deliver(work, 0);
    }
    if (this.head > 1000 && this.head * 2 > this.waiting.length) {
      this.waiting = this.waiting.slice(this.head);
      this.head = 0;
    }
  }

  private async deliver(work: ActivityWork, redelivered: number): Promise<void> {
    try {
      await this.options.settle(work, await this.options.run(work));
    } catch (error) {
      if (!this.stopped && this.options.isWanted(work)) {
        const text = error instanceof Error ? error.message : String(error);
        this.options.log('warning', `Activity '${work.name}' of ${work.instanceId}: ${text}; will be delivered again.`);
        const delayMs = redelivered === 0 ? 0 : Math.min(redeliveryDelayMaxMs, 50 * 2 ** redelivered);
        this.pausing++;
        this.options.timers.after(delayMs, () => {
          this.pausing--;
          void this.deliver(work, redelivered + 1);
        });
        return;
      }
    }
    this.busy--;
    this.pump();
  }
}

/**
 * Writes the results of activities to the store. Results that arrive in one turn of the event loop are one transaction.
 * `runtime.ts` owns it. A second result of the same activity must be dropped.
 */
import type { Store } from '../store/store.ts';
import { type ActivityWork, type Change, type Completion, eventType } from './model.ts';

interface ActivityResult {
  work: ActivityWork;
  event: Completion;
  resolve: () => void;
  reject: (error: Error) => void;
}

export interface ActivityResultsOptions {
  store: Store;
  commit: (changes: readonly Change[]) => void;
  log: (level: 'warning', message: string) => void;
}

/** Commits the results of activities. Results that arrive in one turn of the event loop are one transaction. */
export class ActivityResults {
  private readonly options: ActivityResultsOptions;
  private readonly waiting: ActivityResult[] = [];

  constructor(options: ActivityResultsOptions) {
    this.options = options;
  }

  /** Resolves when the result is committed. */
  settle(work: ActivityWork, event: Completion): Promise<void> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ work, event, resolve, reject });
      if (this.waiting.length === 1) setImmediate(() => this.commitAll());
    });
  }

  /** A result and the removal of its work are one transaction. A second result finds no work and is dropped. */
  private commitAll(): void {
    const { store, log } = this.options;
    const results = this.waiting.splice(0);
    const settled = new Set<number>();
    const changes = results.flatMap(({ work, event }): Change[] => {
      if (settled.has(work.seq) || !store.hasWork(work.seq)) return [];
      settled.add(work.seq);
      if (event.EventType === eventType.taskFailed) log('warning', `${work.instanceId}: ${event.Reason}`);
      const { instanceId, executionId } = work;
      return [
        { type: 'removeWork', seq: work.seq },
        { type: 'send', target: instanceId, visibleAt: 0, message: { kind: 'completion', executionId, event } },
      ];
    });
    try {
      if (changes.length > 0) this.options.commit(changes);
      for (const { resolve } of results) resolve();
    } catch (error) {
      for (const { reject } of results) reject(error instanceof Error ? error : new Error(String(error)));
    }
  }
}

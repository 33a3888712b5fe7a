/**
 * Worker threads of a process, for the activities of a short run (`short-way.ts`). Each runs one activity at a time, over
 * a store that stays with the caller. Threads start with their first task and end when they have had none for a while.
 * They must hold nothing that is not made again: a thread that ends costs the activity that it was at, and no more.
 */
import path from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Config } from '../environment/config.ts';
import type { ActivityThreads, ThreadTask } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { serveStore } from '../storage/store-port.ts';
import type { ThreadData, ThreadMessage } from './activity-thread.ts';

interface Pending {
  task: ThreadTask;
  resolve(result: unknown): void;
  reject(reason: unknown): void;
}

interface Running extends Pending {
  closeStore(): void;
}

/**
 * Threads that run activities.
 * @param width how many, at most
 * @param module URL of a module whose export `pipelines` the threads load
 * @param config the settings of this process
 */
export function openThreads(width: number, module: string, config: Config): ActivityThreads {
  return new Threads(width, { module, config });
}

/** The memory for young objects is bounded as in the process's own settings: more is not quicker. */
const resourceLimits = { maxYoungGenerationSizeMb: 32 };

class Threads implements ActivityThreads {
  readonly width: number;
  readonly #data: ThreadData;
  readonly #idle: Worker[] = [];
  readonly #running = new Map<Worker, Running>();
  readonly #queue: Pending[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(width: number, data: ThreadData) {
    this.width = width;
    this.#data = data;
  }

  run(task: ThreadTask): Promise<unknown> {
    clearTimeout(this.#timer);
    return new Promise((resolve, reject) => {
      this.#queue.push({ task, resolve, reject });
      this.#next();
    });
  }

  rest(): void {
    for (const worker of [...this.#idle, ...this.#running.keys()]) worker.postMessage('rest' satisfies ThreadMessage);
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const worker = this.#idle.pop() ?? (this.#running.size < this.width ? this.#start() : undefined);
      if (!worker) return;
      this.#begin(worker, this.#queue.shift()!);
    }
    if (this.#running.size > 0) return;
    this.#timer = setTimeout(() => this.#end(), limits.idleThreadSecondsMax * 1000).unref();
  }

  #begin(worker: Worker, pending: Pending): void {
    const { activity, input, work, store, given } = pending.task;
    const { port1, port2 } = new MessageChannel();
    serveStore(port1, store);
    this.#running.set(worker, { ...pending, closeStore: () => port1.close() });
    worker.ref();
    worker.postMessage({ activity, input, work, given, store: port2 } satisfies ThreadMessage, [
      port2,
      ...given.map(({ bytes }) => bytes.buffer),
    ]);
  }

  #start(): Worker {
    const worker = new Worker(new URL(`./activity-thread${path.extname(import.meta.url)}`, import.meta.url), {
      name: 'ordinal',
      workerData: this.#data,
      resourceLimits,
    });
    worker.on('message', (result: unknown) => {
      const running = this.#running.get(worker);
      this.#running.delete(worker);
      running?.closeStore();
      worker.unref();
      this.#idle.push(worker);
      running?.resolve(result);
      this.#next();
    });
    worker.on('error', (error) => this.#lost(worker, error.message));
    worker.on('exit', (code) => this.#lost(worker, `exit code ${code}`));
    return worker;
  }

  #lost(worker: Worker, why: string): void {
    const idle = this.#idle.indexOf(worker);
    if (idle >= 0) this.#idle.splice(idle, 1);
    const running = this.#running.get(worker);
    if (!running) return;
    this.#running.delete(worker);
    running.closeStore();
    const message = `a worker thread ended during "${running.task.activity}": ${why}`;
    running.reject(new OrdinalError('Internal', message, { retryable: true }));
    this.#next();
  }

  #end(): void {
    for (const worker of this.#idle.splice(0)) void worker.terminate();
  }
}

/**
 * The app's worker processes: one for short work and several for activities. The host and `dispatch.ts` use it. A
 * worker that ends is replaced, and an invocation must never wait for a dead one.
 */
import { FunctionError, Worker, WorkerLost, type WorkerOptions } from './process.ts';
import type { FunctionMetadata, Invocation, InvocationResult } from './protocol.ts';

/**
 * Which workers an invocation may go to: `light` is for what must answer soon (orchestrators, entities, HTTP), `heavy`
 * for activities, which may keep a processor busy for minutes.
 */
export type Lane = 'light' | 'heavy';

export interface PoolOptions extends WorkerOptions {
  /** Workers for activities. */
  heavyWorkers: number;
}

interface Waiting {
  resolve: (worker: Worker) => void;
  reject: (error: Error) => void;
}

const restartDelayMaxMs = 5_000;

/** The app's workers: one light worker and several heavy ones. A worker that ends is replaced. */
export class WorkerPool {
  private readonly options: PoolOptions;
  private readonly lanes: Record<Lane, Worker[]> = { light: [], heavy: [] };
  private readonly waiting: Record<Lane, Waiting[]> = { light: [], heavy: [] };
  private restarts = 0;
  private stopping = false;

  constructor(options: PoolOptions) {
    this.options = options;
  }

  /** Starts all workers. @returns the app's functions. @throws FunctionError when the app does not load. */
  async start(): Promise<FunctionMetadata[]> {
    const first = this.spawn('light');
    for (let index = 0; index < this.options.heavyWorkers; index++) this.spawn('heavy');
    return await first.loaded;
  }

  /** Resolves when every worker has loaded the app. */
  async ready(): Promise<void> {
    await Promise.all([...this.lanes.light, ...this.lanes.heavy].map((worker) => worker.loaded));
  }

  /** Runs on the least busy worker of the lane. @throws FunctionError, WorkerLost, FunctionTimeout */
  invoke(lane: Lane, invocation: Invocation, timeoutMs: number | undefined): Promise<InvocationResult> {
    const worker = this.stopping ? undefined : this.leastBusy(lane);
    if (worker !== undefined) return worker.invoke(invocation, timeoutMs);
    return this.worker(lane).then((found) => found.invoke(invocation, timeoutMs));
  }

  /** The least busy worker of the lane, once there is one. @throws WorkerLost when the host stops. */
  worker(lane: Lane): Promise<Worker> {
    if (this.stopping) return Promise.reject(new WorkerLost('the host is stopping'));
    const worker = this.leastBusy(lane);
    if (worker !== undefined) return Promise.resolve(worker);
    return new Promise((resolve, reject) => this.waiting[lane].push({ resolve, reject }));
  }

  pids(): number[] {
    return [...this.lanes.light, ...this.lanes.heavy].map((worker) => worker.pid).filter((pid) => pid !== undefined);
  }

  /** Kills one worker, chosen by `random` in [0, 1): for chaos runs. */
  killOne(random: number): void {
    const workers = [...this.lanes.light, ...this.lanes.heavy].filter((worker) => worker.isReady);
    workers[Math.floor(random * workers.length)]?.kill();
  }

  async stop(graceMs: number): Promise<void> {
    this.stopping = true;
    for (const lane of ['light', 'heavy'] as const) {
      for (const each of this.waiting[lane].splice(0)) each.reject(new WorkerLost('the host is stopping'));
    }
    await Promise.all([...this.lanes.light, ...this.lanes.heavy].map((worker) => worker.stop(graceMs)));
  }

  private leastBusy(lane: Lane): Worker | undefined {
    let best: Worker | undefined;
    for (const worker of this.lanes[lane]) {
      if (worker.isReady && (best === undefined || worker.load < best.load)) best = worker;
    }
    return best;
  }

  private spawn(lane: Lane): Worker {
    const worker = new Worker(this.options);
    this.lanes[lane].push(worker);
    worker.loaded.then(
      () => {
        this.restarts = 0;
        for (const { resolve, reject } of this.waiting[lane].splice(0)) this.worker(lane).then(resolve, reject);
      },
      (error: Error) => {
        if (error instanceof FunctionError) worker.kill();
      },
    );
    void worker.ended.then(() => this.replace(lane, worker));
    return worker;
  }

  private replace(lane: Lane, worker: Worker): void {
    const workers = this.lanes[lane];
    workers.splice(workers.indexOf(worker), 1);
    if (this.stopping) return;
    const delayMs = Math.min(restartDelayMaxMs, this.restarts === 0 ? 0 : 100 * 2 ** this.restarts);
    this.restarts++;
    this.options.logger.log('warning', 'worker', `Worker process ${worker.pid} ended; starting another one.`);
    setTimeout(() => {
      if (!this.stopping) this.spawn(lane);
    }, delayMs).unref();
  }
}

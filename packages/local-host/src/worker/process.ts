/**
 * One worker process as the host sees it: it starts the process, sends invocations and kills it. `pool.ts` owns the
 * workers. A worker knows nothing about triggers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { createInterface } from 'node:readline';
import { moduleBeside } from '../child.ts';
import { compileCacheEnvironment } from '../compile-cache.ts';
import type { Logger } from '../logging.ts';
import type { FromWorker, FunctionMetadata, Invocation, InvocationResult, ToWorker } from './protocol.ts';

/** Thrown when the function threw: a failure of the app itself. */
export class FunctionError extends Error {
  readonly thrown: { message: string; stack: string };

  constructor(thrown: { message: string; stack: string }) {
    super(thrown.message);
    this.thrown = thrown;
  }
}

/**
 * Thrown when the worker died during the invocation, or the host is stopping. The result is not known, so it is done
 * again.
 */
export class WorkerLost extends Error {}

/** Thrown when the invocation took longer than `functionTimeout`. Its worker was ended. */
export class FunctionTimeout extends Error {}

interface Pending {
  invocation: Invocation;
  resolve: (result: InvocationResult) => void;
  reject: (error: Error) => void;
  timer: NodeJS.Timeout | undefined;
}

export interface WorkerOptions {
  scriptRoot: string;
  env: Record<string, string>;
  logger: Logger;
  /** What is left to do when a function has returned: its output bindings. A rejection is the function's failure. */
  complete?: (invocation: Invocation, result: InvocationResult) => Promise<void>;
}

const entry = moduleBeside(import.meta.url, './main');

/** One worker process and the invocations it is busy with. */
export class Worker {
  readonly loaded: Promise<FunctionMetadata[]>;
  /** Resolves when the process has ended, for whatever reason. */
  readonly ended: Promise<void>;
  private readonly child: ChildProcess;
  private readonly complete: WorkerOptions['complete'];
  private readonly pending = new Map<string, Pending>();
  private readonly outbox: ToWorker[] = [];
  private isUp = false;
  /** Where requests are streamed to; undefined when the app does not stream. */
  httpUri: string | undefined;

  constructor(options: WorkerOptions) {
    this.complete = options.complete;
    this.child = fork(entry, [], {
      env: { ...options.env, ...compileCacheEnvironment(options.env) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
      execArgv: ['--disable-warning=ExperimentalWarning', ...argumentsOf(options.env)],
    });
    this.forwardOutput(options.logger);
    this.loaded = new Promise((resolve, reject) => {
      this.child.on('message', (message: FromWorker) => {
        if (message.type === 'loaded') {
          this.isUp = true;
          this.httpUri = message.httpUri;
          resolve(message.functions);
        } else if (message.type === 'loadFailed') {
          reject(new FunctionError(message));
        } else this.receive(message, options.logger);
      });
      this.child.once('exit', (code, signal) =>
        reject(new WorkerLost(`the worker ended while it loaded the app (${signal ?? `exit code ${code}`})`)),
      );
    });
    this.loaded.catch(() => {});
    this.ended = new Promise((resolve) => {
      this.child.once('error', () => resolve());
      this.child.once('exit', (code, signal) => {
        this.isUp = false;
        this.failAll(new WorkerLost(`worker process ${this.child.pid} ended (${signal ?? `exit code ${code}`})`));
        resolve();
      });
    });
    this.tell({ type: 'load', scriptRoot: options.scriptRoot });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  get isReady(): boolean {
    return this.isUp;
  }

  get load(): number {
    return this.pending.size;
  }

  /** @throws FunctionError, WorkerLost, FunctionTimeout */
  invoke(invocation: Invocation, timeoutMs: number | undefined): Promise<InvocationResult> {
    return new Promise((resolve, reject) => {
      const timer =
        timeoutMs === undefined
          ? undefined
          : setTimeout(() => this.timeOut(invocation, timeoutMs), Math.min(timeoutMs, 2 ** 31 - 1));
      this.pending.set(invocation.id, { invocation, resolve, reject, timer });
      this.tell({ type: 'invoke', invocation });
    });
  }

  /** Asks the worker to end; kills it when it does not. */
  async stop(graceMs: number): Promise<void> {
    this.tell({ type: 'stop' });
    const timer = setTimeout(() => this.kill(), graceMs);
    await this.ended;
    clearTimeout(timer);
  }

  kill(): void {
    // The worker needs a moment to end and must get no new work in that time.
    this.isUp = false;
    this.child.kill('SIGKILL');
  }

  /** Messages of one turn of the event loop are sent together, because a write costs more than its content. */
  private tell(message: ToWorker): void {
    this.outbox.push(message);
    if (this.outbox.length > 1) return;
    queueMicrotask(() => {
      const messages = this.outbox.splice(0);
      // The exit event reports a worker that is gone, so a failed send is ignored.
      if (this.child.connected) this.child.send(messages, () => {});
    });
  }

  private receive(message: FromWorker, logger: Logger): void {
    if (message.type === 'log') {
      logger.fromWorker(message);
      return;
    }
    if (message.type !== 'result' && message.type !== 'failed') return;
    const pending = this.take(message.id);
    if (message.type === 'failed') pending?.reject(new FunctionError(message));
    else if (pending !== undefined) void this.finish(pending, message.result);
  }

  private async finish({ invocation, resolve, reject }: Pending, result: InvocationResult): Promise<void> {
    try {
      await this.complete?.(invocation, result);
      resolve(result);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      const message = `Error while handling an output binding after function ${invocation.functionName} returned: ${text}`;
      reject(new FunctionError({ message, stack: '' }));
    }
  }

  private take(id: string): Pending | undefined {
    const pending = this.pending.get(id);
    this.pending.delete(id);
    clearTimeout(pending?.timer);
    return pending;
  }

  private timeOut(invocation: Invocation, timeoutMs: number): void {
    const seconds = timeoutMs / 1000;
    this.take(invocation.id)?.reject(
      new FunctionTimeout(
        `Timeout value of ${seconds} s was exceeded by function: Functions.${invocation.functionName}.`,
      ),
    );
    this.kill();
  }

  private failAll(error: Error): void {
    for (const id of [...this.pending.keys()]) this.take(id)?.reject(error);
  }

  private forwardOutput(logger: Logger): void {
    for (const [stream, level] of [
      [this.child.stdout, 'information'],
      [this.child.stderr, 'error'],
    ] as const) {
      if (stream) createInterface({ input: stream }).on('line', (line) => logger.log(level, 'app', line));
    }
  }
}

/** Node's arguments, as a setting of the host gives them. */
function argumentsOf(env: NodeJS.ProcessEnv): string[] {
  return env.languageWorkers__node__arguments?.split(/\s+/).filter((one) => one !== '') ?? [];
}

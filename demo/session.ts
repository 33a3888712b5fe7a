/**
 * Runs something between starting services and stopping them, and leaves nothing behind: not at the end, not on
 * failure, not on Ctrl-C. Every process is watched from the moment it is spawned.
 */
import { rmSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { DemoError } from './errors.ts';
import { type ProcessPeak, ProcessWatch } from './processes.ts';

export interface Services {
  /** Address of the Functions host, without a trailing slash. */
  host: string;
  /** Connection string of the storage account. */
  connectionString: string;
  /** Stops all in order. What it leaves is ended by force. */
  stop(): Promise<void>;
}

export interface StartContext {
  /** Folder for temporary files; removed at the end. */
  folder: string;
  signal: AbortSignal;
  /** To be called for each process as soon as it is spawned. */
  spawned(name: string, pid: number): void;
  /** To be called when a process that is still needed has ended: the session then fails with this message. */
  lost(message: string): void;
  /** To be called for each thing that a service complains of; the last ones are in the session's result. */
  trouble(message: string): void;
}

export interface SessionOptions {
  start: (context: StartContext) => Promise<Services>;
  work: (services: Services, context: { folder: string; signal: AbortSignal }) => Promise<void>;
  /** Leaves the folder where it is. @default false */
  keep?: boolean;
  /** Milliseconds that processes have to end by themselves before they are killed. @default 5000 */
  graceMs?: number;
}

export interface SessionResult {
  folder: string;
  processes: ProcessPeak[];
  /** What services complained of last. */
  troubles: string[];
  /** What ended the session before its work was done: an error, or a signal's name as `Interrupted.signal`. */
  error?: unknown;
}

/** The session was ended from outside. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

/** Complaints kept for the result. */
const troublesMax = 20;

const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** Never throws: what went wrong is in the result, after everything was stopped. */
export async function runSession(options: SessionOptions): Promise<SessionResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'ordinal-demo-'));
  const controller = new AbortController();
  const watch = new ProcessWatch();
  watch.add('demo', process.pid);
  const services = new ProcessWatch();
  const onSignal = (signal: NodeJS.Signals): void => controller.abort(new Interrupted(signal));
  // The last resort, when this process ends without coming to the end of this function.
  const onExit = (): void => {
    services.signal('SIGKILL');
    if (!options.keep) rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of signals) process.on(signal, onSignal);
  process.on('exit', onExit);
  const result: SessionResult = { folder, processes: [], troubles: [] };
  let started: Services | undefined;
  try {
    started = await options.start({
      folder,
      signal: controller.signal,
      spawned: (name, pid) => services.add(name, pid),
      trouble: (message) => {
        result.troubles.push(message);
        if (result.troubles.length > troublesMax) result.troubles.shift();
      },
      lost: (message) => controller.abort(new DemoError(message)),
    });
    controller.signal.throwIfAborted();
    await options.work(started, { folder, signal: controller.signal });
  } catch (error) {
    result.error = controller.signal.aborted ? controller.signal.reason : error;
  }
  watch.sample();
  services.sample();
  try {
    await started?.stop();
  } catch (error) {
    result.error ??= error;
  }
  await services.close(options.graceMs);
  watch.stop();
  const own = watch.peaks().filter((one) => one.pid === process.pid);
  result.processes = [...own, ...services.peaks()];
  if (!options.keep) await rm(folder, { recursive: true, force: true });
  for (const signal of signals) process.off(signal, onSignal);
  process.off('exit', onExit);
  return result;
}

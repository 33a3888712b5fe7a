/**
 * Starts Node modules as child processes that end when their parent ends. The start scripts, the host's command line
 * and tests use it. A child must never outlive a parent that was killed.
 */
import { type ChildProcess, type ForkOptions, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileCacheEnvironment } from './compile-cache.ts';

export interface ChildOptions {
  module: string;
  args: string[];
  env?: Record<string, string | undefined> | undefined;
  execArgv?: string[];
  /** Called for each line the child writes. */
  onLine?: ((line: string, stream: 'stdout' | 'stderr') => void) | undefined;
}

export interface Child {
  pid: number;
  process: ChildProcess;
  /** Resolves with the exit code (or the signal's name) once the child has ended. */
  ended: Promise<number | string>;
  /** Sends `signal`, SIGKILL when the child is still there after `graceMs`; resolves when it has ended. */
  stop(signal?: NodeJS.Signals, graceMs?: number): Promise<void>;
}

/**
 * Path of a module of this package, whether it runs from its sources (.ts) or as built (.js).
 * @param from `import.meta.url` of the caller
 * @param name of the module, relative to the caller and without its ending
 */
export function moduleBeside(from: string, name: string): string {
  return fileURLToPath(new URL(`${name}${path.extname(from)}`, from));
}

/**
 * Starts a Node module as a child in a process group of its own, so that a Ctrl-C of the terminal does not reach it and
 * the parent decides when it stops. When the IPC channel to the parent closes, the child ends (`endWithParent`).
 */
export function startChild(options: ChildOptions): Child {
  const forkOptions: ForkOptions & { detached: boolean } = {
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: options.execArgv ?? [],
    detached: true,
    env: { ...process.env, ...compileCacheEnvironment(process.env), ...options.env },
  };
  const child = fork(options.module, options.args, forkOptions);
  for (const [name, stream] of [
    ['stdout', child.stdout],
    ['stderr', child.stderr],
  ] as const) {
    if (stream) createInterface({ input: stream }).on('line', (line) => options.onLine?.(line, name));
  }
  const ended = once(child, 'exit').then(([code, signal]) => (signal ?? code ?? 0) as number | string);
  const stop = async (signal: NodeJS.Signals = 'SIGTERM', graceMs = 15_000) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  };
  return { pid: child.pid ?? -1, process: child, ended, stop };
}

/**
 * In a child: ends the process (by `end`) when the parent is gone for any reason. @returns a function that stops this.
 */
export function endWithParent(end: () => void = () => process.exit(1)): () => void {
  if (process.send === undefined) return () => {};
  process.on('disconnect', end);
  return () => {
    process.off('disconnect', end);
    if (process.connected) process.disconnect?.();
  };
}

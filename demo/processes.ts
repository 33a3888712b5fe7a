/**
 * Watches the processes that the demo started, with all their descendants: peak memory while they run, and that none
 * is left when it ends. Reads /proc, so on other systems than Linux it knows of the started processes alone.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

export interface ProcessPeak {
  name: string;
  pid: number;
  /** Highest resident memory so far, in bytes (VmHWM); undefined where the system does not tell. */
  peakBytes: number | undefined;
}

interface Watched extends ProcessPeak {
  /** Start time in clock ticks since boot: tells a process from a later one with the same number. */
  started: string | undefined;
}

/** Parent and start time of a process (proc_pid_stat(5), fields 4 and 22), or undefined when there is none. */
function processStat(pid: number): { parent: number; started: string; zombie: boolean } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name, in parentheses, may hold blanks and parentheses itself.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), started: fields[19]!, zombie: fields[0] === 'Z' };
  } catch {
    return undefined;
  }
}

function peakOf(pid: number): number | undefined {
  try {
    const match = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match ? Number(match[1]) * 1024 : undefined;
  } catch {
    return undefined;
  }
}

/** Children of each process. Empty where there is no /proc. */
function childrenByParent(): Map<number, number[]> {
  const children = new Map<number, number[]>();
  let names: string[] = [];
  try {
    names = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return children;
  }
  for (const name of names) {
    const stat = processStat(Number(name));
    if (stat) children.set(stat.parent, [...(children.get(stat.parent) ?? []), Number(name)]);
  }
  return children;
}

export class ProcessWatch {
  readonly #watched = new Map<number, Watched>();
  readonly #timer: NodeJS.Timeout;

  /** Samples every `everyMs` milliseconds until `close`. */
  constructor(everyMs = 500) {
    this.#timer = setInterval(() => this.sample(), everyMs);
    this.#timer.unref();
  }

  /** Watches a process and all its descendants, present and future. */
  add(name: string, pid: number): void {
    this.#watched.set(pid, { name, pid, peakBytes: undefined, started: processStat(pid)?.started });
    this.sample();
  }

  /** Looks for new descendants and higher peaks now. */
  sample(): void {
    const children = childrenByParent();
    const queue = [...this.#watched.values()];
    for (let at = 0; at < queue.length; at++) {
      const one = queue[at]!;
      if (!this.#alive(one)) continue;
      const peak = peakOf(one.pid);
      if (peak !== undefined) one.peakBytes = Math.max(peak, one.peakBytes ?? 0);
      for (const pid of children.get(one.pid) ?? []) {
        const stat = processStat(pid);
        const known = this.#watched.get(pid);
        if (!stat || (known && known.started === stat.started)) continue;
        const name = one.name.endsWith(' (child)') ? one.name : `${one.name} (child)`;
        const child: Watched = { name, pid, peakBytes: undefined, started: stat.started };
        this.#watched.set(pid, child);
        queue.push(child);
      }
    }
  }

  peaks(): ProcessPeak[] {
    return [...this.#watched.values()].map(({ name, pid, peakBytes }) => ({ name, pid, peakBytes }));
  }

  /** The watched processes that still run. */
  alive(): number[] {
    return [...this.#watched.values()].filter((one) => this.#alive(one)).map((one) => one.pid);
  }

  /** Sends a signal to all that still run; synchronous, so that it works in an exit handler. */
  signal(signal: NodeJS.Signals): void {
    this.sample();
    for (const pid of this.alive()) {
      try {
        process.kill(pid, signal);
      } catch {
        // It ended in between.
      }
    }
  }

  /** Looks a last time, and no more after it. */
  stop(): void {
    clearInterval(this.#timer);
    this.sample();
  }

  /** Waits for all to end, and ends those by force that have not after `graceMs` milliseconds. */
  async close(graceMs: number = 5_000): Promise<void> {
    this.stop();
    this.signal('SIGTERM');
    const deadline = performance.now() + graceMs;
    while (this.alive().length > 0 && performance.now() < deadline) await delay(50);
    this.signal('SIGKILL');
    while (this.alive().length > 0) await delay(20);
  }

  #alive(one: Watched): boolean {
    const stat = processStat(one.pid);
    if (stat) return stat.started === one.started && !stat.zombie;
    if (one.started !== undefined) return false;
    try {
      return process.kill(one.pid, 0);
    } catch {
      return false;
    }
  }
}

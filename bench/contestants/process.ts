/**
 * One contestant's process. The parent sends `open`, then `run` as often as it likes, and ends the process by
 * disconnecting. Times and CPU are of this process and all its threads; so is the peak of its resident memory.
 */
import fs from 'node:fs';
import { cpuSeconds, peakRssMib, treeOf } from '../processes.ts';
import type { ContestantModule, Engine, RunResult, Work } from './contestant.ts';

export type Request = { kind: 'open'; engine: Engine; work: Work } | { kind: 'run'; folder: string };

export interface Measured extends RunResult {
  /** Seconds. */
  wall: number;
  /** User and system seconds of all threads. */
  cpu: number;
  /** MiB; the most since the process began. */
  peakRssMib: number;
  /** User and system seconds of the storage service, where there is one. */
  storageCpu?: number;
  /** Of all published files. */
  bytesPublished: number;
}

export type Answer = { ok: true; measured: Measured } | { ok: false; error: string };

const load: Record<Engine, (work: Work) => Promise<ContestantModule>> = {
  ordinal: () => import('./ordinal.ts'),
  duckdb: ({ known, storage }) =>
    known ? import('./duckdb-daily.ts') : storage ? import('./duckdb-blob.ts') : import('./duckdb.ts'),
  'duckdb-checked': () => import('./duckdb-checked.ts'),
  polars: () => import('./polars.ts'),
  dsnp: () => import('./dsnp.ts'),
};

/** The first run's CPU time is all that the process has taken so far: starting, loading and opening are part of it. */
let isFirst = true;
let opened: { work: Work; contestant: Awaited<ReturnType<ContestantModule['open']>> } | undefined;

async function timed<T>(work: () => Promise<T>): Promise<{ value: T; wall: number; cpu: number }> {
  const cpu = process.cpuUsage();
  const start = performance.now();
  const value = await work();
  const wall = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { value, wall, cpu: (user + system) / 1e6 };
}

async function answer(request: Request): Promise<Measured> {
  if (request.kind === 'open') {
    const { engine, work } = request;
    const { value, wall, cpu } = await timed(async () => (await load[engine](work)).open(work));
    opened = { work, contestant: value };
    return { files: {}, wall, cpu, peakRssMib: ownPeakRssMib(), bytesPublished: 0 };
  }
  const { storagePid } = opened!.work;
  const before = systemBytes();
  const storageBefore = storagePid === undefined ? 0 : cpuSeconds(treeOf(storagePid));
  const { value, wall, cpu } = await timed(() => opened!.contestant.run(request.folder));
  const { user, system } = process.cpuUsage();
  const total = (user + system) / 1e6;
  const counted = isFirst ? total : cpu;
  isFirst = false;
  const storage = storagePid === undefined ? undefined : { storageCpu: cpuSeconds(treeOf(storagePid)) - storageBefore };
  const after = systemBytes();
  const bytes = before &&
    after && { bytesRead: after.read - before.read, bytesWritten: after.written - before.written };
  const files = Object.values(value.files).flat();
  const bytesPublished = files.reduce((sum, file) => sum + fs.statSync(file).size, 0);
  return { ...bytes, ...storage, ...value, wall, cpu: counted, peakRssMib: ownPeakRssMib(), bytesPublished };
}

/** The kernel's high-water mark where there is one; the rusage figure would count the parent's memory at the fork. */
function ownPeakRssMib(): number {
  return process.platform === 'linux' ? peakRssMib('self') : process.resourceUsage().maxRSS / 1024;
}

/** Bytes that this process has read and written so far, where the system counts them. */
function systemBytes(): { read: number; written: number } | undefined {
  try {
    const io = fs.readFileSync('/proc/self/io', 'utf8');
    return { read: Number(/^rchar: (\d+)/m.exec(io)![1]), written: Number(/^wchar: (\d+)/m.exec(io)![1]) };
  } catch {
    return undefined;
  }
}

process.on('message', (request: Request) => {
  answer(request).then(
    (measured) => process.send!({ ok: true, measured } satisfies Answer),
    (thrown: unknown) =>
      process.send!({ ok: false, error: thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown) }),
  );
});
// Whatever goes on, even a run that nobody waits for any more: closing in the midst of it may block for ever.
process.on('disconnect', () => process.exit());

/** What one contestant achieved on one set: the rows of `--json` and of the tables. */
import type { Engine, SetName, Work } from './contestants/contestant.ts';
import type { Measured } from './contestants/process.ts';

export type Scope = 'engine' | 'blob' | 'growth';

export interface Result {
  /** `many`: the sales feed in many files. `daily`: sales of a day, whose customers are mostly known. */
  set: SetName | 'many' | 'daily';
  scope: Scope;
  engine: Engine;
  threads: number;
  /** Source rows. */
  rows: number;
  /** True: of first runs in fresh processes, measured from the start of the process. False: of warm runs. */
  cold: boolean;
  /** Source files, of the set `many`. */
  files?: number;
  /** Keys that are known before each run, of the set `daily`. */
  known?: number;
  /** Requests to the blob service of one run, from blob to blob. */
  requests?: number;
  /** Runs that medians are taken of; 0 in a warm row when there were only cold ones, which then stand for them. */
  runs: number;
  wall_s_median: number;
  /** Median of the cold runs. */
  wall_s_cold: number;
  cpu_s_median: number;
  /** CPU of the storage service during a run, where there is one. */
  storage_cpu_s_median?: number;
  /** The most over all runs of one fresh process. */
  peak_rss_mib: number;
  /** Bytes through the blob store, where there is one. */
  bytes_read?: number;
  bytes_written?: number;
  /** Bytes of all published files. */
  bytes_published: number;
  blob_requests?: number;
  /** Milliseconds by phase, of the median run. */
  phases_ms?: Record<string, number>;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export interface RunsOfOne {
  scope: Scope;
  engine: Engine;
  work: Work;
  rows: number;
  /** First runs in fresh processes. */
  cold: readonly Measured[];
  warm: readonly Measured[];
}

/** A row of the warm runs, and one of the cold ones. */
export function resultsOf(runs: RunsOfOne): Result[] {
  return [resultOf(runs, false), resultOf(runs, true)];
}

function resultOf({ scope, engine, work, rows, cold, warm }: RunsOfOne, isCold: boolean): Result {
  const own = isCold || warm.length === 0 ? cold : warm;
  const byWall = [...own].sort((a, b) => a.wall - b.wall);
  const typical = byWall[byWall.length >> 1]!;
  const { requests, bytesRead, bytesWritten, phases } = typical;
  return {
    set: work.set,
    scope,
    engine,
    threads: work.threads,
    rows,
    cold: isCold,
    runs: isCold ? cold.length : warm.length,
    wall_s_median: round(median(own.map((run) => run.wall)), 3),
    wall_s_cold: round(median(cold.map((run) => run.wall)), 3),
    cpu_s_median: round(median(own.map((run) => run.cpu)), 3),
    ...(typical.storageCpu !== undefined && {
      storage_cpu_s_median: round(median(own.map((run) => run.storageCpu ?? 0)), 3),
    }),
    peak_rss_mib: Math.round(Math.max(...own.map((run) => run.peakRssMib))),
    ...(bytesRead !== undefined && { bytes_read: bytesRead }),
    ...(bytesWritten !== undefined && { bytes_written: bytesWritten }),
    bytes_published: typical.bytesPublished,
    ...(requests !== undefined && { blob_requests: requests }),
    ...(phases && { phases_ms: Object.fromEntries(Object.entries(phases).map(([k, v]) => [k, round(v, 0)])) }),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

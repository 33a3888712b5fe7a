/**
 * Measures one pattern at one size: a run to warm up, then the run that counts, then a check of its output by DuckDB; and
 * makes one figure of several rounds. Called by the bench for each row of its table and by its test. It never gives the
 * time of a run whose output it did not check.
 */

import { randomUUID } from 'node:crypto';
import { Duck } from '../../tools/duckdb.ts';
import { costOf, prices } from '../cost-model.ts';
import { cpuSeconds, treeOf } from '../processes.ts';
import { type Faults, findFaults } from './check.ts';
import type { Sources } from './sources.ts';
import { Stage } from './stage.ts';
import { type Variant, variants } from './variants.ts';

export interface Measured {
  pattern: string;
  files: number;
  rows: number;
  in_flight: number;
  /** Seconds from the start of a run to its completion; of several rounds, the median. */
  wall_s: number;
  runs: number;
  rows_per_s: number;
  blob_requests: number;
  /** To the app's own queues and tables, not the task hub's. */
  queue_and_table_requests: number;
  durable_events: number;
  activities: number;
  /** Sum of the activities' own times. */
  activity_s: number;
  /** User and system seconds of the host and its workers; on a busy machine they say more than the wall. */
  cpu_s: number;
  dollars_per_million_rows: number;
  faults: Faults;
  /** Day, as 2026-01-31. */
  day: string;
}

export interface MeasureOptions {
  variant: Variant;
  sources: Sources;
  /** A few files like the sources. */
  warmUp: Sources;
  inFlight: number;
  workers?: number;
  postgresUrl?: string | undefined;
}

export function variantOf(name: string): Variant {
  const found = variants.find((variant) => variant.name === name);
  if (!found) throw new Error(`there is no pattern "${name}"; there are ${variants.map((one) => one.name).join(', ')}`);
  return found;
}

/** @throws when a run fails, or does not end. */
export async function measure(options: MeasureOptions): Promise<Measured> {
  const { variant, sources, inFlight, workers, warmUp, postgresUrl } = options;
  const stage = await Stage.open({ variant, inFlight, workers, postgresUrl });
  try {
    await stage.startHost();
    await stage.upload(warmUp.files);
    await runOnce(stage, 'warm');
    await stage.upload(sources.files);
    await stage.clean();
    stage.resetCounts();
    // A database outlives the stage, so each run has sequences of its own.
    const run = `run${randomUUID().slice(0, 8)}`;
    const before = cpuSeconds(treeOf(stage.host.pid));
    const wall = await runOnce(stage, run);
    const cpu = cpuSeconds(treeOf(stage.host.pid)) - before;
    const faults = await check(stage, run, sources.files);
    const { blobs, others } = stage.requests;
    const counted = { blobs: { ...blobs }, others: sum(others.map(total)) };
    const { activities, seconds } = stage.activities;
    const { events, messages } = await stage.stopHost(run);
    const costs = costOf(
      { rows: sources.rows, files: sources.files.length, activities, seconds, messages, blobs: counted.blobs },
      1,
    );
    return {
      pattern: variant.name,
      files: sources.files.length,
      rows: sources.rows,
      in_flight: inFlight,
      wall_s: round(wall, 3),
      runs: 1,
      rows_per_s: Math.round(sources.rows / wall),
      blob_requests: total(counted.blobs),
      queue_and_table_requests: counted.others,
      durable_events: events,
      activities,
      activity_s: round(seconds, 3),
      cpu_s: round(cpu, 2),
      dollars_per_million_rows: round(
        sum(costs.map(({ dollars }) => dollars)) + (counted.others * prices.queueOrTable * 1e6) / sources.rows,
        6,
      ),
      faults,
      day: new Date().toISOString().slice(0, 10),
    };
  } finally {
    await stage.close();
  }
}

/** Several rounds of one measurement as one: medians of times, the most of each fault. */
export function combine(rounds: readonly Measured[]): Measured {
  const last = rounds.at(-1)!;
  const median = (of: (round: Measured) => number) =>
    rounds.map(of).sort((a, b) => a - b)[Math.floor((rounds.length - 1) / 2)]!;
  const wall = median(({ wall_s }) => wall_s);
  const most = Object.keys(last.faults).map((name) => [
    name,
    Math.max(...rounds.map(({ faults }) => faults[name as keyof Faults])),
  ]);
  return {
    ...last,
    wall_s: wall,
    runs: rounds.length,
    rows_per_s: Math.round(last.rows / wall),
    activity_s: median(({ activity_s }) => activity_s),
    cpu_s: median(({ cpu_s }) => cpu_s),
    dollars_per_million_rows: median(({ dollars_per_million_rows }) => dollars_per_million_rows),
    faults: Object.fromEntries(most) as unknown as Faults,
  };
}

async function runOnce(stage: Stage, run: string): Promise<number> {
  const begin = performance.now();
  if (!(await stage.start(run))) throw new Error(`${stage.variant.name}: the host did not answer`);
  await stage.complete(run);
  return (performance.now() - begin) / 1000;
}

export async function check(stage: Stage, run: string, sources: readonly string[]): Promise<Faults> {
  const published = await stage.fetch(run);
  const duck = await Duck.open({ memoryMib: 2048 });
  try {
    return await findFaults(duck, sources, published);
  } finally {
    duck.close();
  }
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const total = ({ reads, writes, deletes }: { reads: number; writes: number; deletes: number }) =>
  reads + writes + deletes;
const round = (value: number, digits: number) => Number(value.toFixed(digits));

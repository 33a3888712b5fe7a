/**
 * A thread of `npm run simulate`: plays the seeds that it is given, and says what it counted. It ends the world that
 * breaks a guarantee, and never the process.
 */
import { parentPort } from 'node:worker_threads';
import { type Script, scriptOf } from './life-script.ts';
import { play } from './long-life.ts';

export interface Counts {
  seeds: number;
  steps: number;
  ends: Record<string, number>;
  injected: Record<string, number>;
  made: Record<string, number>;
  crossings: Record<string, number>;
  again: Record<string, number>;
}

/** What the thread sends: counts of seeds that were clean, or a seed that was not. */
export type Report = { counts: Counts; last: number } | { seed: number; violation: string; stack: string };

const port = parentPort!;
let seed = 0;
const report = (thrown: unknown) => {
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  port.postMessage({ seed, violation: error.message, stack: error.stack ?? '' } satisfies Report);
};
process.on('unhandledRejection', report);

port.on('message', async ({ from, to }: { from: number; to: number }) => {
  const counts: Counts = { seeds: 0, steps: 0, ends: {}, injected: {}, made: {}, crossings: {}, again: {} };
  for (seed = from; seed < to; seed++) {
    const script: Script = scriptOf(seed);
    try {
      const { sim, ends } = await play(script);
      counts.seeds++;
      counts.steps += sim.steps.taken;
      add(counts.ends, Object.entries(ends));
      add(counts.injected, sim.workers.injected);
      add(counts.made, sim.workers.crossings.made);
      add(counts.crossings, sim.workers.crossings.counts);
      add(counts.again, sim.workers.crossings.again);
    } catch (thrown) {
      report(thrown);
    }
  }
  port.postMessage({ counts, last: to - 1 } satisfies Report);
});

export function add(sum: Record<string, number>, more: Iterable<readonly [string, number]>): void {
  for (const [name, count] of more) sum[name] = (sum[name] ?? 0) + count;
}

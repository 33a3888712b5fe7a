/** Engine against engine: local files in and out. */
import type { Engine } from './contestants/contestant.ts';
import type { BenchOptions } from './main.ts';
import { type Entry, race } from './race.ts';
import type { Result } from './result.ts';
import { plainSourceOf, rowsOf, sourceOf } from './sets.ts';

/** Threads that each engine is tried with. */
const threads: Record<Engine, number[]> = { ordinal: [1, 2], duckdb: [1, 2], polars: [1, 2], dsnp: [1] };

/** Row by row takes a minute: its cold run, and one more. */
const roundsMax: Record<Engine, number> = { ordinal: Infinity, duckdb: Infinity, polars: Infinity, dsnp: 1 };

export async function benchEngines(options: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  for (const set of options.sets) {
    const rows = options.rows ?? rowsOf[set];
    const entries: Entry[] = [];
    for (const engine of options.engines) {
      const source = engine === 'dsnp' ? await plainSourceOf(set, rows) : await sourceOf(set, rows);
      for (const count of threads[engine]) {
        entries.push({ engine, work: { set, source, threads: count }, roundsMax: roundsMax[engine] });
      }
    }
    results.push(...(await race({ scope: 'engine', rows, entries, rounds: options.runs, log: options.log })));
  }
  return results;
}

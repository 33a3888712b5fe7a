/** Engine against engine: local files in and out. */
import { ContestantHandle } from './contestant-handle.ts';
import type { Engine } from './contestants/contestant.ts';
import type { BenchOptions } from './main.ts';
import { race } from './race.ts';
import type { Result } from './result.ts';
import { plainSourceOf, rowsOf, sourceOf } from './sets.ts';

/** Threads that each engine is tried with. */
const threads: Record<Engine, number[]> = {
  ordinal: [1, 2],
  duckdb: [1, 2],
  'duckdb-checked': [1, 2],
  polars: [1, 2],
  dsnp: [1],
};

/** Row by row takes a minute: its cold run, and one more. */
const dsnpRounds = 1;

export async function benchEngines(options: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  for (const set of options.sets) {
    const rows = options.rows ?? rowsOf[set];
    const racers: ContestantHandle[] = [];
    for (const engine of options.engines) {
      const source = engine === 'dsnp' ? await plainSourceOf(set, rows) : await sourceOf(set, rows);
      for (const count of threads[engine].filter((some) => options.threads?.includes(some) ?? true)) {
        const work = { set, source, threads: count };
        racers.push(new ContestantHandle(engine, work, engine === 'dsnp' ? dsnpRounds : undefined));
      }
    }
    results.push(
      ...(await race({
        scope: 'engine',
        rows,
        racers,
        colds: options.colds,
        rounds: options.runs,
        warmUps: options.warmUps,
        log: options.log,
      })),
    );
  }
  return results;
}

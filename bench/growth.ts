/** Growth: flights of 1 to 20 million rows, one worker, one thread. */
import { ContestantHandle } from './contestant-handle.ts';
import type { Engine } from './contestants/contestant.ts';
import type { BenchOptions } from './main.ts';
import { race } from './race.ts';
import type { Result } from './result.ts';
import { sourceOf } from './sets.ts';

const millions = [1, 2, 5, 10, 20];
const engines: Engine[] = ['ordinal', 'duckdb'];

export async function benchGrowth(options: BenchOptions): Promise<Result[]> {
  const results: Result[] = [];
  // With --rows, the largest has as many.
  const unit = options.rows === undefined ? 1_000_000 : Math.ceil(options.rows / 20);
  for (const million of millions) {
    const rows = million * unit;
    const source = await sourceOf('flights', rows);
    const racers = engines
      .filter((engine) => options.engines.includes(engine))
      .map((engine) => new ContestantHandle(engine, { set: 'flights', source, threads: 1 }));
    results.push(
      ...(await race({
        scope: 'growth',
        rows,
        racers,
        colds: Math.min(options.colds, 1),
        rounds: Math.min(options.runs, 3),
        warmUps: Math.min(options.warmUps, 1),
        log: options.log,
      })),
    );
  }
  return results;
}

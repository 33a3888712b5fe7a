/**
 * Lives under seeds, a few dozen of them. `npm run simulate` goes through many more; a failing seed repeats exactly.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { longLife } from './support/long-life.ts';

const SEEDS = 30;

test(`${SEEDS} long lives with everything that can go wrong`, async () => {
  const all: Record<string, number> = {};
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { ends, sim } = await longLife(seed).catch((wrong: unknown) => {
      throw new Error(`seed ${seed}: npm run simulate -- --from ${seed} --seeds 1`, { cause: wrong });
    });
    for (const [end, count] of [...Object.entries(ends), ...sim.workers.injected]) all[end] = (all[end] ?? 0) + count;
  }
  // It was rough, and it got on.
  for (const end of ['Completed', 'Failed', 'Terminated']) assert.ok(all[end]! >= SEEDS / 2, JSON.stringify(all));
  // Runs were taken back, and some could not be.
  assert.ok(all['a withdrawal that is done']! >= 5, JSON.stringify(all));
  assert.ok(all['a withdrawal that is refused']! >= 1, JSON.stringify(all));
});

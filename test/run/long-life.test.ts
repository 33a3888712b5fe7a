/**
 * Hundreds of runs under seeds. `ORDINAL_SEEDS=1000..1100 npx vitest run test/run/long-life.test.ts` tries others; a failing
 * seed repeats exactly.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { longLife } from './support/long-life.ts';

const [first, last] = (process.env.ORDINAL_SEEDS ?? '1..2').split('..').map(Number) as [number, number];

for (let seed = first; seed <= last; seed++) {
  test(`a long life with everything that can go wrong, seed ${seed}`, async () => {
    const { published, ends } = await longLife({ seed, runs: 100, width: 4 });
    // It was rough, and it got on.
    assert.ok(ends.Completed! > 50 && ends.Failed! > 0 && ends.Terminated! > 0, JSON.stringify(ends));
    assert.ok(published.size >= ends.Completed!);
  });
}

/**
 * A long life: a script of runs over pipelines that share keys and sequences, with lives that end and begin again, played
 * under a seed. Called by `long-life.test.ts`, `planted.test.ts` and `npm run simulate`.
 */
import assert from 'node:assert/strict';
import { Play, type Played } from './life-play.ts';
import { holding, type Script, scriptOf } from './life-script.ts';

/** The command `verify` is asked in every so many seeds: it takes as long as the life itself. */
const VERIFY_EVERY = 8;

/** Lives one seed, brings it to rest, and checks everything that was published and promised. */
export function longLife(seed: number): Promise<Played> {
  return play(scriptOf(seed));
}

export function play(script: Script): Promise<Played> {
  return new Play(script).live({ verify: script.seed % VERIFY_EVERY === 0 });
}

/**
 * Lives many seeds. Throws what goes wrong first. `hold`: a request that all lives which are ended make late; `first`: a seed
 * that is lived before the others.
 */
export async function longLives(seeds: number, hold?: string, first = 1): Promise<void> {
  for (const seed of [first, ...Array.from({ length: seeds }, (_, at) => at + 1)]) {
    const script = scriptOf(seed);
    try {
      await play(hold === undefined ? script : holding(script, hold));
    } catch (thrown) {
      assert.fail(`seed ${seed}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
    }
  }
}

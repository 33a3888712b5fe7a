/**
 * A long life: a script of runs over pipelines that share keys and sequences, with lives that end and begin again, played
 * under a seed. Called by `long-life.test.ts`, `planted.test.ts` and `npm run simulate`.
 */
import { Play, type Played } from './life-play.ts';
import { type Script, scriptOf } from './life-script.ts';

/**
 * The command `verify` is asked in every so many seeds: it takes as long as the life itself. It goes by the times that
 * manifests carry, so not where clocks are off.
 */
const VERIFY_EVERY = 8;

/** Lives one seed, brings it to rest, and checks everything that was published and promised. */
export function longLife(seed: number): Promise<Played> {
  return play(scriptOf(seed));
}

export function play(script: Script): Promise<Played> {
  const clocksAgree = script.operations.every((operation) => operation.do !== 'clock');
  return new Play(script).live({ verify: clocksAgree && script.seed % VERIFY_EVERY === 0 });
}

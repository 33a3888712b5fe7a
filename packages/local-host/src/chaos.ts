/**
 * Causes the faults that happen in a cloud, chosen by a seed: activities and episodes fail, workers die, and starts and
 * terminations take time. The host uses it when it was started with `--chaos`. It must not change what the app
 * computes.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dispatch, Interrupted } from './engine/runtime.ts';

/** A seeded generator of numbers in [0, 1) (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export interface ChaosOptions {
  random: () => number;
  wait?: (ms: number) => Promise<void>;
  log: (message: string) => void;
}

/** Milliseconds that some operations take on Azure Storage. Each call gives a new value. */
export interface Delays {
  /** From a call of terminate to the end of the instance. The instance goes on in between. */
  terminateMs(): number;
  /** From the check that an ID is free to the instance itself. Other starts of the ID may check in between. */
  startGapMs(): number;
}

/** Without chaos: starts are atomic, and a terminated instance goes on for a moment. */
export const calmDelays: Delays = { terminateMs: () => 200, startGapMs: () => 0 };

/** With chaos: both take a random time. */
export function chaosDelays(random: () => number): Delays {
  return { terminateMs: () => Math.floor(random() * 2_000), startGapMs: () => 50 + Math.floor(random() * 200) };
}

/** The probability of each fault, from 0 to 1. */
export const chaosRates = { duplicate: 0.15, lost: 0.1, delayed: 0.3, episodeLost: 0.1, batchLost: 0.1 };
const delayMsMax = 100;

/**
 * Adds the faults that happen in a cloud, chosen by a seed. Activities run twice, or their result is lost after they
 * ran. Results arrive late and in another order. An episode or an entity's batch runs and is not committed. The app's
 * results must not change.
 */
export function withChaos(dispatch: Dispatch, options: ChaosOptions): Dispatch {
  const { random, log, wait = async (ms) => void (await sleep(ms)) } = options;
  const happens = (rate: number) => random() < rate;
  const lose = (what: string): never => {
    log(`chaos: ${what} ran, but its result is lost`);
    throw new Interrupted('chaos');
  };
  return {
    async orchestrator(name, trigger) {
      const lost = happens(chaosRates.episodeLost);
      const reply = await dispatch.orchestrator(name, trigger);
      return lost ? lose(`an episode of ${name}`) : reply;
    },
    async entity(name, trigger) {
      const lost = happens(chaosRates.batchLost);
      const reply = await dispatch.entity(name, trigger);
      return lost ? lose(`a batch of ${name}`) : reply;
    },
    async activity(work) {
      const [duplicate, lost, delayed] = [chaosRates.duplicate, chaosRates.lost, chaosRates.delayed].map(happens);
      const delayMs = random() * delayMsMax;
      if (duplicate) {
        log(`chaos: activity ${work.name} of ${work.instanceId} is delivered twice`);
        dispatch.activity(work).catch(() => {});
      }
      const completion = await dispatch.activity(work);
      if (delayed) await wait(delayMs);
      return lost ? lose(`activity ${work.name} of ${work.instanceId}`) : completion;
    },
  };
}

/** Kills a worker from time to time. @returns a function that stops it. */
export function killWorkers(random: () => number, kill: (random: number) => void): () => void {
  let timer: NodeJS.Timeout;
  const next = () => {
    timer = setTimeout(
      () => {
        kill(random());
        next();
      },
      500 + random() * 2_500,
    );
    timer.unref();
  };
  next();
  return () => clearTimeout(timer);
}

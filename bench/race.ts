/**
 * A race: several contestants on one set, in turns (A B C, A B C, ...), so that what else the machine does meets all of
 * them alike. The first rounds are cold, each in fresh processes, and some more warm up; medians are of the others. What
 * they publish is compared.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duck } from '../tools/duckdb.ts';
import type { Engine, Work } from './contestants/contestant.ts';
import type { Measured } from './contestants/process.ts';
import { difference } from './equal.ts';
import { type Result, resultsOf, type Scope } from './result.ts';

/** A contestant, ready to run. */
export interface Racer {
  readonly engine: Engine;
  readonly work: Work;
  readonly name: string;
  /**
   * Measured warm rounds that it takes part in: a slow one in fewer than the others, in one cold round, and it does not
   * warm up.
   * @default all
   */
  readonly roundsMax?: number | undefined;
  /** One run into an empty folder of its own. The first one of a process is measured from the start of the process. */
  run(folder: string): Promise<Measured>;
  /** Ends its process: the next run is in a fresh one. */
  renew(): Promise<void>;
  close(): Promise<void>;
}

export interface RaceOptions {
  scope: Scope;
  rows: number;
  racers: Racer[];
  /** Cold rounds, each in fresh processes. */
  colds: number;
  /** Rounds that are measured, after the cold ones and those that warm up. */
  rounds: number;
  /** Rounds after the cold ones that are not measured: compilers take several to settle. */
  warmUps: number;
  /** One of them has a sequence that outlives a run but not its process, so that only in cold rounds IDs are equal. */
  idsGoOn?: boolean;
  log(line: string): void;
}

/** Runs the race. Throws when a contestant fails, or when any two have not published the same. */
export async function race(options: RaceOptions): Promise<Result[]> {
  const { racers, log, scope, rows, colds, warmUps } = options;
  const warmFrom = colds + warmUps;
  const rounds = warmFrom + options.rounds;
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'ordinal-bench-'));
  const runs = racers.map(() => ({ cold: [] as Measured[], warm: [] as Measured[] }));
  const last: Measured[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const isCold = round < colds;
      const isWarm = round >= warmFrom;
      for (const [i, racer] of racers.entries()) {
        const { roundsMax = Infinity } = racer;
        if (isWarm ? round - warmFrom >= roundsMax : round > 0 && roundsMax < Infinity) continue;
        if (isCold && round > 0) await racer.renew();
        const target = path.join(folder, String(i));
        fs.rmSync(target, { recursive: true, force: true });
        fs.mkdirSync(target);
        const measured = await racer.run(target);
        // The last run's files are compared, measured or not.
        last[i] = measured;
        if (isCold) runs[i]!.cold.push(measured);
        if (isWarm) runs[i]!.warm.push(measured);
        const label = isCold ? 'cold' : isWarm ? `run ${round - warmFrom + 1}` : 'warm-up';
        log(
          `${scope} ${racer.work.set} ${rows} ${racer.name.padEnd(9)} ${label}: ${measured.wall.toFixed(2)} s, ` +
            `CPU ${measured.cpu.toFixed(2)} s, peak ${measured.peakRssMib.toFixed(0)} MiB`,
        );
      }
      if (isCold || (round === rounds - 1 && !options.idsGoOn)) await compare(racers, last);
    }
    return racers.flatMap(({ engine, work }, i) => resultsOf({ scope, rows, engine, work, ...runs[i]! }));
  } finally {
    await Promise.all(racers.map((racer) => racer.close()));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Compares what each has published last. */
async function compare(racers: readonly Racer[], last: readonly Measured[]): Promise<void> {
  const duck = await Duck.open({ memoryMib: 2048 });
  try {
    for (const [i, racer] of racers.entries()) {
      if (i === 0) continue;
      const differs = await difference(duck, last[0]!.files, last[i]!.files);
      if (differs) throw new Error(`${racers[0]!.name} and ${racer.name} have not published the same: ${differs}`);
    }
  } finally {
    duck.close();
  }
}

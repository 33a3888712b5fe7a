/**
 * A race: several contestants on one set, in turns (A B C, A B C, ...), so that what else the machine does meets all of
 * them alike. The first round is cold, and some more warm up; medians are of the others. What they publish is compared.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duck } from '../tools/duckdb.ts';
import type { Engine, Work } from './contestants/contestant.ts';
import type { Measured } from './contestants/process.ts';
import { difference } from './equal.ts';
import { type Result, resultOf, type Scope } from './result.ts';

/** A contestant, ready to run. */
export interface Racer {
  readonly engine: Engine;
  readonly work: Work;
  readonly name: string;
  /**
   * Measured warm rounds that it takes part in: a slow one in fewer than the others, and it does not warm up.
   * @default all
   */
  readonly roundsMax?: number | undefined;
  /** One run into an empty folder of its own. */
  run(folder: string): Promise<Measured>;
  close(): Promise<void>;
}

export interface RaceOptions {
  scope: Scope;
  rows: number;
  racers: Racer[];
  /** Rounds that are measured, after the cold one and those that warm up. */
  rounds: number;
  /** Rounds after the cold one that are not measured: compilers take several to settle. */
  warmUps: number;
  /** One of them has a sequence that outlives a run, so that only the first round's IDs can be equal. */
  idsGoOn?: boolean;
  log(line: string): void;
}

/** Runs the race. Throws when a contestant fails, or when any two have not published the same. */
export async function race(options: RaceOptions): Promise<Result[]> {
  const { racers, log, scope, rows, warmUps } = options;
  const rounds = warmUps + options.rounds;
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'ordinal-bench-'));
  const runs: Measured[][] = racers.map(() => []);
  const last: Measured[] = [];
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [i, racer] of racers.entries()) {
        const { roundsMax = Infinity } = racer;
        const warming = round > 0 && round <= warmUps;
        if (warming ? roundsMax < Infinity : round - warmUps > roundsMax) continue;
        const target = path.join(folder, String(i));
        fs.rmSync(target, { recursive: true, force: true });
        fs.mkdirSync(target);
        const measured = await racer.run(target);
        // The last run's files are compared, measured or not.
        last[i] = measured;
        if (!warming) runs[i]!.push(measured);
        const label = round === 0 ? 'cold' : warming ? 'warm-up' : `run ${round - warmUps}`;
        log(
          `${scope} ${racer.work.set} ${rows} ${racer.name.padEnd(9)} ${label}: ${measured.wall.toFixed(2)} s, ` +
            `CPU ${measured.cpu.toFixed(2)} s, peak ${measured.peakRssMib.toFixed(0)} MiB`,
        );
      }
      if (round === 0 || (round === rounds && !options.idsGoOn)) await compare(racers, last);
    }
    return racers.map(({ engine, work }, i) => resultOf({ scope, rows, engine, work, runs: runs[i]! }));
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

/**
 * A race: several contestants on one set, in turns (A B C, A B C, ...), so that what else the machine does meets all of
 * them alike. The first round is cold; medians are of the others. What they publish is compared.
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
  /** Warm rounds that it takes part in: a slow one in fewer than the others. @default all */
  readonly roundsMax?: number;
  /** One run into an empty folder of its own. */
  run(folder: string): Promise<Measured>;
  close(): Promise<void>;
}

export interface RaceOptions {
  scope: Scope;
  rows: number;
  racers: Racer[];
  /** Warm rounds after the cold one. */
  rounds: number;
  /** One of them has a sequence that outlives a run, so that only the first round's IDs can be equal. */
  idsGoOn?: boolean;
  log(line: string): void;
}

/** Runs the race. Throws when a contestant fails, or when any two have not published the same. */
export async function race(options: RaceOptions): Promise<Result[]> {
  const { racers, rounds, log, scope, rows } = options;
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'ordinal-bench-'));
  const runs: Measured[][] = racers.map(() => []);
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [i, racer] of racers.entries()) {
        if (round > (racer.roundsMax ?? rounds)) continue;
        const target = path.join(folder, String(i));
        fs.rmSync(target, { recursive: true, force: true });
        fs.mkdirSync(target);
        const measured = await racer.run(target);
        runs[i]!.push(measured);
        const label = round === 0 ? 'cold' : `run ${round}`;
        log(
          `${scope} ${racer.work.set} ${rows} ${racer.name.padEnd(9)} ${label}: ${measured.wall.toFixed(2)} s, ` +
            `CPU ${measured.cpu.toFixed(2)} s, peak ${measured.peakRssMib.toFixed(0)} MiB`,
        );
      }
      if (round === 0 || (round === rounds && !options.idsGoOn)) await compare(racers, runs);
    }
    return racers.map(({ engine, work }, i) => resultOf({ scope, rows, engine, work, runs: runs[i]! }));
  } finally {
    await Promise.all(racers.map((racer) => racer.close()));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

/** Compares what each has published last. */
async function compare(racers: readonly Racer[], runs: readonly Measured[][]): Promise<void> {
  const duck = await Duck.open({ memoryMib: 2048 });
  try {
    for (const [i, racer] of racers.entries()) {
      if (i === 0) continue;
      const differs = await difference(duck, runs[0]!.at(-1)!.files, runs[i]!.at(-1)!.files);
      if (differs) throw new Error(`${racers[0]!.name} and ${racer.name} have not published the same: ${differs}`);
    }
  } finally {
    duck.close();
  }
}

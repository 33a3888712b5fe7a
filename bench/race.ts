/**
 * A race: several contestants on one set, in turns (A B C, A B C, ...), so that what else the machine does meets all of
 * them alike. The first round is cold; medians are of the others. What the last round published is compared.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duck } from '../tools/duckdb.ts';
import { ContestantHandle } from './contestant-handle.ts';
import type { Engine, Work } from './contestants/contestant.ts';
import type { Measured } from './contestants/process.ts';
import { difference } from './equal.ts';
import { type Result, resultOf, type Scope } from './result.ts';

export interface Entry {
  engine: Engine;
  work: Work;
  /** Warm rounds that it takes part in: a slow one in fewer than the others. */
  roundsMax: number;
}

export interface RaceOptions {
  scope: Scope;
  rows: number;
  entries: Entry[];
  /** Warm rounds after the cold one. */
  rounds: number;
  log(line: string): void;
}

/** Runs the race. Throws when a contestant fails, or when any two have not published the same. */
export async function race(options: RaceOptions): Promise<Result[]> {
  const { entries, rounds, log } = options;
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'ordinal-bench-'));
  const handles = entries.map(({ engine, work }) => new ContestantHandle(engine, work));
  const runs: Measured[][] = entries.map(() => []);
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const [i, handle] of handles.entries()) {
        if (round > entries[i]!.roundsMax) continue;
        const target = path.join(folder, String(i));
        fs.rmSync(target, { recursive: true, force: true });
        const measured = await handle.run(target);
        runs[i]!.push(measured);
        const label = round === 0 ? 'cold' : `run ${round}`;
        log(
          `${handle.work.set} ${options.rows} ${handle.name.padEnd(9)} ${label}: ${measured.wall.toFixed(2)} s, ` +
            `CPU ${measured.cpu.toFixed(2)} s, peak ${measured.peakRssMib.toFixed(0)} MiB`,
        );
      }
    }
    for (const handle of handles) await handle.close();
    await compare(
      handles.map((handle) => handle.name),
      runs.map((list) => list.at(-1)!),
    );
    return entries.map(({ engine, work }, i) => resultOf({ ...options, engine, work, runs: runs[i]! }));
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

async function compare(names: string[], runs: Measured[]): Promise<void> {
  const duck = await Duck.open({ memoryMib: 2048 });
  try {
    for (const [i, run] of runs.entries()) {
      if (i === 0) continue;
      const differs = await difference(duck, runs[0]!.files, run.files);
      if (differs) throw new Error(`${names[0]} and ${names[i]} have not published the same: ${differs}`);
    }
  } finally {
    duck.close();
  }
}

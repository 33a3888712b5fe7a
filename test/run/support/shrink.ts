/**
 * Makes the script of a violation small: operations, faults and racing starts are left out as long as the same thing
 * still goes wrong. With fewer operations the seed's choices fall elsewhere, so each attempt has several schedules.
 * Called by `npm run simulate`.
 */

import type { Operation, Script } from './life-script.ts';
import { play } from './long-life.ts';
import type { Chaos } from './sim-workers.ts';

/** What went wrong; undefined when nothing did. */
export async function violationOf(script: Script): Promise<string | undefined> {
  try {
    await play(script);
    return undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** Two violations are one and the same when their first lines differ in names and numbers only. */
export function kindOf(violation: string): string {
  return violation
    .split('\n')[0]!
    .replace(/"[^"]*"/g, '""')
    .replace(/\b[rb]\d+\S*/g, 'R')
    .replace(/[0-9a-f]{8,}/g, 'H')
    .replace(/\d+/g, 'N')
    .slice(0, 80);
}

const SCHEDULES = 6;

export interface Smaller {
  script: Script;
  violation: string;
  tries: number;
}

export async function shrink(script: Script, violation: string, msMax: number): Promise<Smaller> {
  const until = Date.now() + msMax;
  const kind = kindOf(violation);
  const best: Smaller = { script, violation, tries: 0 };
  /** Takes the candidate over if it fails in the same way under some schedule. */
  const holds = async (candidate: Script): Promise<boolean> => {
    for (let i = 0; i < SCHEDULES && Date.now() < until; i++) {
      const tried = { ...candidate, schedule: i === 0 ? best.script.schedule : i };
      best.tries++;
      const found = await violationOf(tried);
      if (found === undefined || kindOf(found) !== kind) continue;
      Object.assign(best, { script: tried, violation: found });
      return true;
    }
    return false;
  };
  for (let size = Math.ceil(script.operations.length / 2); size >= 1; size = Math.floor(size / 2)) {
    for (let from = 0; from < best.script.operations.length; ) {
      const operations = best.script.operations.filter((_, i) => i < from || i >= from + size);
      if (operations.length === 0 || !(await holds({ ...best.script, operations }))) from += size;
    }
  }
  for (const fault of Object.keys(best.script.chaos) as (keyof Chaos)[]) {
    if (best.script.chaos[fault] > 0) await holds({ ...best.script, chaos: { ...best.script.chaos, [fault]: 0 } });
  }
  for (let i = 0; i < best.script.operations.length; i++) {
    for (const simpler of simplified(best.script.operations[i]!)) {
      await holds({ ...best.script, operations: best.script.operations.with(i, simpler) });
    }
  }
  return best;
}

function simplified(operation: Operation): Operation[] {
  if (operation.do === 'start') {
    return [
      ...operation.racers.map((_, i) => ({ ...operation, racers: operation.racers.toSpliced(i, 1) })),
      { ...operation, files: [1] },
      { ...operation, pipeline: 'log' },
    ];
  }
  if (operation.do !== 'cross') return [];
  return [
    ...operation.holds.map((_, i) => ({ ...operation, holds: operation.holds.toSpliced(i, 1) })),
    { ...operation, change: false },
    { ...operation, beside: false },
    { ...operation, pipeline: 'log' },
  ];
}

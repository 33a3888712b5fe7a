/**
 * What the proof of copied chunks costs: runs with it and with `trust: true` take turns in one thread of one process, so
 * that whatever else the machine does meets both alike. CPU time of the process is compared, pair by pair.
 *
 *   npm run bench:proof -- [--sets flights,sales] [--pairs 15] [--warm-ups 4] [--rows N]
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { pipelines } from '../pipelines/index.ts';
import type { SetName } from './contestants/contestant.ts';
import { run } from './contestants/ordinal.ts';
import { callActivity } from './contestants/ordinal-activities.ts';
import { sourceOf } from './sets.ts';

interface Cost {
  wallMs: number;
  cpuMs: number;
}

/** One run in this thread, activity after activity. */
async function once(set: SetName, source: string, trust: boolean): Promise<Cost> {
  const compiled = pipelines.get(set)!;
  if (trust) compiled.trust = true;
  else delete compiled.trust;
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'ordinal-proof-'));
  try {
    let last: Promise<unknown> = Promise.resolve();
    const startedAt = performance.now();
    const before = process.cpuUsage();
    await run(set, source, folder, (call) => {
      const next = last.then(() => callActivity(call));
      last = next.catch(() => undefined);
      return next;
    });
    const { user, system } = process.cpuUsage(before);
    return { wallMs: performance.now() - startedAt, cpuMs: (user + system) / 1000 };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** The value below which so much of a list lies. */
function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      sets: { type: 'string', default: 'flights,sales' },
      pairs: { type: 'string', default: '15' },
      'warm-ups': { type: 'string', default: '4' },
      rows: { type: 'string' },
    },
  });
  for (const set of values.sets.split(',') as SetName[]) {
    const source = await sourceOf(set, values.rows ? Number(values.rows) : undefined);
    for (let i = 0; i < Number(values['warm-ups']); i++) {
      await once(set, source, false);
      await once(set, source, true);
    }
    const proven: Cost[] = [];
    const trusting: Cost[] = [];
    for (let i = 0; i < Number(values.pairs); i++) {
      // Who is first takes turns, too.
      for (const trust of i % 2 === 0 ? [false, true] : [true, false]) {
        (trust ? trusting : proven).push(await once(set, source, trust));
      }
    }
    for (const kind of ['cpuMs', 'wallMs'] as const) {
      const ratios = proven.map((cost, i) => cost[kind] / trusting[i]![kind]);
      const shown = (costs: readonly Cost[]) =>
        quantile(
          costs.map((cost) => cost[kind]),
          0.5,
        ).toFixed(0);
      const percent = (share: number) => `${(100 * (quantile(ratios, share) - 1)).toFixed(1)} %`;
      console.log(
        `${set}, ${kind}: proven ${shown(proven)}, trusting ${shown(trusting)}; ` +
          `in pairs ${percent(0.5)} (quartiles ${percent(0.25)} and ${percent(0.75)})`,
      );
    }
  }
}

await main();

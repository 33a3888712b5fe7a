/**
 * CPU profile of the engine, phase by phase, in one thread: the functions that take most time themselves, and a
 * .cpuprofile file for Chrome's or an editor's profile viewer.
 *
 *   npm run bench:profile -- sales [--rows N] [--files N] [--runs 4] [--top 20] [--out .ordinal/bench/profiles]
 */
import fs from 'node:fs';
import type { Profiler, Runtime } from 'node:inspector';
import { Session } from 'node:inspector/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SetName } from './contestants/contestant.ts';
import { run } from './contestants/ordinal.ts';
import { callActivity } from './contestants/ordinal-activities.ts';
import { filesOf } from './many.ts';
import { rowsOf, sourceOf } from './sets.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Profiled {
  profile: Profiler.Profile;
  /** Microseconds of the clock that the profiler stamps samples with, at which phases began. */
  phases: { phase: string; from: number }[];
}

/** Profiles one run in this thread. */
async function profiled(session: Session, set: SetName, source: string): Promise<Profiled> {
  const phases: Profiled['phases'] = [];
  const folder = fs.mkdtempSync(path.join(tmpdir(), 'ordinal-profile-'));
  try {
    await session.post('Profiler.start');
    await run(set, source, folder, oneByOne(), (phase) => {
      phases.push({ phase, from: Number(process.hrtime.bigint() / 1000n) });
    });
    const { profile } = await session.post('Profiler.stop');
    return { profile, phases };
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

/** Activities one after the other, as the benchmark's one worker takes them. */
function oneByOne(): typeof callActivity {
  let last: Promise<unknown> = Promise.resolve();
  return (call) => {
    const next = last.then(() => callActivity(call));
    last = next.catch(() => undefined);
    return next;
  };
}

/** Milliseconds in each function itself, by phase and by `name (file:line)`. */
function selfTimes({ profile, phases }: Profiled): Map<string, Map<string, number>> {
  const names = new Map(profile.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const byPhase = new Map(phases.map(({ phase }) => [phase, new Map<string, number>()]));
  let now = profile.startTime;
  let at = 0;
  profile.samples?.forEach((id, i) => {
    now += profile.timeDeltas?.[i] ?? 0;
    while (at + 1 < phases.length && now >= phases[at + 1]!.from) at++;
    const times = byPhase.get(phases[at]!.phase)!;
    const name = names.get(id)!;
    // The time up to the next sample is spent in this one.
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas?.[i + 1] ?? 0) / 1000);
  });
  return byPhase;
}

function nameOf({ functionName, url, lineNumber }: Runtime.CallFrame): string {
  const name = functionName || '(anonymous)';
  if (!url) return name;
  const file = url.startsWith('file:') ? path.relative(root, fileURLToPath(url)) : url;
  return `${name} (${file}:${lineNumber + 1})`;
}

function table(title: string, times: ReadonlyMap<string, number>, top: number): string {
  const total = [...times.values()].reduce((sum, time) => sum + time, 0);
  const rows = [...times].sort((a, b) => b[1] - a[1]).slice(0, top);
  const line = ([name, time]: [string, number]) =>
    `${time.toFixed(0).padStart(8)} ms ${((100 * time) / total).toFixed(1).padStart(5)}%  ${name}`;
  return [`${title}: ${total.toFixed(0)} ms`, ...rows.map(line), ''].join('\n');
}

async function main(): Promise<void> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      rows: { type: 'string' },
      /** Of sales: so many files of equal length. */
      files: { type: 'string' },
      runs: { type: 'string', default: '4' },
      top: { type: 'string', default: '20' },
      out: { type: 'string', default: path.join(root, '.ordinal/bench/profiles') },
    },
  });
  const set = (positionals[0] ?? 'flights') as SetName;
  const rows = values.rows ? Number(values.rows) : rowsOf[set];
  const files = Number(values.files ?? 1);
  const source = files > 1 ? await filesOf({ files, rows: Math.ceil(rows / files) }) : await sourceOf(set, rows);
  const session = new Session();
  session.connect();
  await session.post('Profiler.enable');
  let last: Profiled | undefined;
  // All runs but the last warm up: the profile is of the steady state.
  for (let i = 0; i < Number(values.runs); i++) last = await profiled(session, set, source);
  if (!last) return;
  const all = new Map<string, number>();
  for (const [phase, times] of selfTimes(last)) {
    for (const [name, time] of times) all.set(name, (all.get(name) ?? 0) + time);
    if (phase !== 'done') console.log(table(`${set}, ${phase}`, times, Number(values.top)));
  }
  console.log(table(`${set}, all phases`, all, Number(values.top)));
  fs.mkdirSync(values.out, { recursive: true });
  fs.writeFileSync(path.join(values.out, `${set}.cpuprofile`), JSON.stringify(last.profile));
  session.disconnect();
}

await main();

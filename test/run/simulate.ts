/**
 * `npm run simulate -- --seeds 10000 --from 1 --workers 2`: long lives under many seeds, on several threads. It prints
 * progress, what was injected, and a last line of counts. On a violation it makes the history small, prints it with the
 * command that repeats it, and ends with 1. `--keep-going` counts violations instead and shows each kind once.
 */
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { type Script, scriptOf } from './support/life-script.ts';
import { kindOf, shrink, violationOf } from './support/shrink.ts';
import type { Counts, Report } from './support/simulate-worker.ts';

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '100' },
    from: { type: 'string', default: '1' },
    workers: { type: 'string', default: '2' },
    'keep-going': { type: 'boolean', default: false },
    'shrink-seconds': { type: 'string', default: '120' },
    /** A smaller history of one seed: numbers of its operations, and the faults in force. */
    script: { type: 'string' },
  },
});
const from = Number(values.from);
const to = from + Number(values.seeds);
/** Seeds that a thread is given at once. */
const PORTION = 10;

type Found = Extract<Report, { seed: number }>;

if (values.script !== undefined) await repeat(JSON.parse(values.script) as Script);
else await simulate();

/** Plays one script. */
async function repeat(script: Script): Promise<void> {
  const violation = await violationOf(script);
  process.stdout.write(violation === undefined ? 'nothing went wrong\n' : `${violation}\n`);
  process.exitCode = violation === undefined ? 0 : 1;
}

async function simulate(): Promise<void> {
  const started = Date.now();
  const counts: Counts = { seeds: 0, steps: 0, ends: {}, injected: {}, made: {}, crossings: {}, again: {} };
  const found: Found[] = [];
  let next = from;
  let shownAt = started;
  // Ended early, it still says what it has seen: each thread finishes what it was given.
  let isStopped = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => (isStopped = true));
  const show = () => {
    const seconds = (Date.now() - started) / 1000;
    const rate = ((counts.seeds + found.length) / seconds).toFixed(1);
    process.stdout.write(`${counts.seeds} of ${to - from} seeds, ${rate} a second, ${found.length} violations\n`);
  };
  const thread = () =>
    new Promise<void>((resolve, reject) => {
      const worker = new Worker(new URL('./support/simulate-worker.ts', import.meta.url));
      const give = () => {
        if (isStopped || next >= to || (found.length > 0 && !values['keep-going']))
          return void worker.terminate().then(() => resolve());
        const portion = { from: next, to: Math.min(to, next + PORTION) };
        next = portion.to;
        worker.postMessage(portion);
      };
      worker.on('error', reject);
      worker.on('message', (report: Report) => {
        if ('seed' in report) {
          found.push(report);
          process.stdout.write(`seed ${report.seed}: ${report.violation.split('\n')[0]}\n`);
          if (values['keep-going']) return;
          return void worker.terminate().then(() => resolve());
        }
        sum(counts, report.counts);
        if (Date.now() - shownAt > 10_000) {
          shownAt = Date.now();
          show();
        }
        give();
      });
      give();
    });
  await Promise.all(Array.from({ length: Number(values.workers) }, thread));
  show();
  if (found.length > 0) await explain(found);
  table('faults injected', counts.injected);
  table('requests made for runs', counts.made);
  table("an old life's request landed after the newer life's same step", counts.crossings);
  table("an execution's request landed after the same step of another execution of its life", counts.again);
  const minutes = ((Date.now() - started) / 60_000).toFixed(1);
  const total = (of: Record<string, number>) => Object.values(of).reduce((a, b) => a + b, 0);
  const ends = Object.entries(counts.ends).map(([end, count]) => `${count} ${end}`);
  process.stdout.write(
    `seeds ${from}..${next - 1}: ${counts.seeds} clean, ${found.length} violations; lives: ${ends.join(', ')}; ` +
      `${counts.steps} steps, ${total(counts.injected)} faults, ${total(counts.crossings)} crossings; ${minutes} minutes\n`,
  );
}

/** Each kind of violation once, as small as it can be made. */
async function explain(found: readonly Found[]): Promise<void> {
  process.exitCode = 1;
  const kinds = Map.groupBy(
    found.toSorted((a, b) => a.seed - b.seed),
    ({ violation }) => kindOf(violation),
  );
  for (const [kind, all] of kinds) {
    const { seed, violation, stack } = all[0]!;
    process.stdout.write(`\nVIOLATION (${all.length} of this kind), seed ${seed}: ${kind}\n${stack || violation}\n`);
    process.stdout.write(`repeat: npm run simulate -- --from ${seed} --seeds 1 --workers 1\n`);
    const small = await shrink(scriptOf(seed), violation, 1000 * Number(values['shrink-seconds']));
    const text = JSON.stringify(small.script);
    process.stdout.write(`smallest history (${small.tries} tries): ${small.violation.split('\n')[0]}\n`);
    for (const operation of small.script.operations) process.stdout.write(`  ${JSON.stringify(operation)}\n`);
    process.stdout.write(`repeat: npm run simulate -- --script '${text}'\n\n`);
  }
}

function sum(into: Counts, more: Counts): void {
  into.seeds += more.seeds;
  into.steps += more.steps;
  for (const kind of ['ends', 'injected', 'made', 'crossings', 'again'] as const) {
    for (const [name, count] of Object.entries(more[kind])) into[kind][name] = (into[kind][name] ?? 0) + count;
  }
}

function table(title: string, of: Record<string, number>): void {
  process.stdout.write(`\n${title}\n`);
  for (const [name, count] of Object.entries(of).sort((a, b) => b[1] - a[1])) {
    process.stdout.write(`${String(count).padStart(10)}  ${name}\n`);
  }
}

/**
 * Makes the tables and charts of docs/patterns.md from the pattern bench's results, between their markers; the story
 * around them is written by people. Called at the end of the bench, and alone with `--report`. It measures nothing.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { between, table } from '../report.ts';
import { growthChart, patternsChart } from './chart.ts';
import type { Faults } from './check.ts';
import type { Death } from './deaths.ts';
import type { Measured } from './measure.ts';
import type { Results } from './results.ts';
import { isShare, type Variant, variants } from './variants.ts';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
const writer = 'npm run bench:patterns';

/** @param folder of `patterns.md`. @throws when the page or one of its markers is not there. */
export function writeReport(results: Results, folder: string = docs): void {
  const file = path.join(folder, 'patterns.md');
  let text = fs.readFileSync(file, 'utf8');
  const sections = {
    side: sideBySide(results),
    growth: growth(results),
    width: width(results),
    deaths: deaths(results),
  };
  for (const [name, body] of Object.entries(sections)) text = between(text, name, body, writer);
  fs.writeFileSync(file, text);
  fs.writeFileSync(path.join(folder, 'patterns.svg'), patternsChart(bars(results)));
  fs.writeFileSync(path.join(folder, 'patterns-growth.svg'), growthChart(lines(results)));
}

/** The measurement at the usual width (2, but 1 for the sequential one) of the most files that all patterns have done. */
function largest(results: Results, variant: Variant): Measured | undefined {
  const own = atWidth(results, variant, 2);
  if (isShare(variant)) return own.at(-1);
  const others = variants.filter((other) => !isShare(other)).map((other) => atWidth(results, other, 2));
  const byAll = (run: Measured) =>
    others.every((runs) => runs.length === 0 || runs.some(({ files }) => files === run.files));
  return own.findLast(byAll);
}

/** By files, ascending. */
function atWidth({ measured }: Results, variant: Variant, inFlight: number): Measured[] {
  const wanted = variant.sequential ? 1 : inFlight;
  return measured
    .filter(({ pattern, in_flight }) => pattern === variant.name && in_flight === wanted)
    .sort((a, b) => a.files - b.files);
}

function sideBySide(results: Results): string {
  const rows = variants.flatMap((variant) => {
    const run = largest(results, variant);
    if (!run) return [];
    return [
      [
        link(variant),
        count(run.rows) + (isShare(variant) ? ' (a share)' : ''),
        count(run.files),
        seconds(run.wall_s),
        count(run.rows_per_s),
        seconds(cpuPerMillion(run)),
        perMillion(run.blob_requests, run),
        perMillion(run.queue_and_table_requests, run),
        perMillion(run.durable_events, run),
        `$${run.dollars_per_million_rows.toPrecision(2)}`,
        deathWord(results.deaths.filter(({ pattern }) => pattern === variant.name)),
      ],
    ];
  });
  const head = [
    'pattern',
    'rows',
    'files',
    'wall, s',
    'rows/s',
    'CPU, s',
    'blob requests',
    'queue and table requests',
    'durable events',
    'cost',
    'ten deaths',
  ];
  return `${conditions(results.measured, results)}\n\n${table(head, rows)}\n\n![patterns](patterns.svg)`;
}

function growth(results: Results): string {
  const whole = variants.filter((variant) => !isShare(variant));
  const sizes = [
    ...new Set(
      results.measured.filter((run) => whole.some(({ name }) => name === run.pattern)).map(({ files }) => files),
    ),
  ];
  sizes.sort((a, b) => a - b);
  const rows = whole.map((variant) => {
    const runs = atWidth(results, variant, 2);
    return [
      variant.label,
      ...sizes.map((files) => {
        const run = runs.find((one) => one.files === files);
        return run ? `${seconds(run.wall_s)} (${seconds(cpuPerMillion(run))})` : '';
      }),
    ];
  });
  const head = ['seconds (CPU seconds per million rows)', ...sizes.map((files) => `${count(files)} files`)];
  return `${table(head, rows)}${missing(rows)}\n\n![growth](patterns-growth.svg)`;
}

function width(results: Results): string {
  const widths = [1, 2, 4];
  const rows = variants.flatMap((variant) => {
    if (variant.sequential) return [];
    const own = results.measured.filter(({ pattern }) => pattern === variant.name);
    const files = Math.max(...own.filter(({ in_flight }) => in_flight === widths.at(-1)).map((run) => run.files));
    const runs = widths.map((inFlight) => own.find((run) => run.in_flight === inFlight && run.files === files));
    const one = runs.find((run) => run);
    if (!one) return [];
    return [
      [
        variant.label + (isShare(variant) ? ' (a share)' : ''),
        count(one.files),
        ...runs.map((run) => (run ? count(run.rows_per_s) : '')),
        ...runs.map((run) => (run ? count(run.faults.disorder) : '')),
      ],
    ];
  });
  const head = [
    'rows/s by activities in flight',
    'files',
    ...widths.map(String),
    ...widths.map((n) => `out of order, ${n}`),
  ];
  return table(head, rows) + missing(rows);
}

const missing = (rows: readonly string[][]) =>
  rows.flat().includes('') ? '\n\nWhat is empty has not been measured.' : '';

function deaths(results: Results): string {
  const rows = variants.flatMap((variant) => {
    const own = results.deaths.filter(({ pattern }) => pattern === variant.name);
    if (own.length === 0) return [];
    const alive = largest(results, variant);
    const having = (wrong: (faults: Faults) => number) =>
      String(own.filter(({ faults }) => faults && wrong(faults) > 0).length);
    return [
      [
        variant.label,
        alive ? wordOf([alive.faults]) : '',
        String(own.filter(({ faults }) => faults).length),
        String(own.filter(isRight).length),
        having(({ duplicates }) => duplicates),
        having(({ gaps }) => gaps),
        having(({ disorder }) => disorder),
        having(({ references }) => references),
        having((faults) => faults.rows + faults.values),
        String(own.filter(({ seen_half }) => seen_half).length),
      ],
    ];
  });
  const [first] = results.deaths;
  if (!first) return '';
  const sizes = [...new Set(results.deaths.map((death) => death.rows))].sort((a, b) => b - a).map(count);
  const least = sizes.length > 1 ? ` (${sizes.at(-1)} for those that ask for each row)` : '';
  const head = [
    `of ${Math.max(...results.deaths.map(({ point }) => point))} deaths`,
    'nothing died',
    'ran to the end',
    'nothing wrong',
    'duplicates',
    'gaps',
    'order',
    'references',
    'rows lost or changed',
    'half seen',
  ];
  return `${conditions(results.deaths, results)}, ${sizes[0]} rows${least} in ${first.files} files, 2 in flight, 1 for the sequential one.\n\n${table(head, rows)}`;
}

export function isRight({ faults }: Death): boolean {
  return faults !== null && Object.values(faults).every((n) => n === 0);
}

/** Wrong numbers that a reader could live with: gaps and order. All else is wrong data. */
export function isHarmless({ faults }: Death): boolean {
  return faults !== null && faults.duplicates + faults.references + faults.rows + faults.values === 0;
}

function deathWord(own: readonly Death[]): string {
  const unfinished = own.filter(({ faults }) => !faults).length;
  const said = wordOf(own.flatMap(({ faults }) => faults ?? []));
  if (unfinished === 0) return own.length === 0 ? '' : said;
  return `did not end ${unfinished}, else ${said}`;
}

/** In how many outputs there is what kind of fault. */
function wordOf(all: readonly Faults[]): string {
  const of = (wrong: (faults: Faults) => number) => all.filter((faults) => wrong(faults) > 0).length;
  const words = [
    [of(({ duplicates }) => duplicates), 'duplicates'],
    [of(({ references }) => references), 'wrong references'],
    [of((faults) => faults.rows + faults.values), 'wrong rows'],
    [of(({ gaps }) => gaps), 'gaps'],
    [of(({ disorder }) => disorder), 'out of order'],
  ] as const;
  const said = words.filter(([n]) => n > 0).map(([n, word]) => (all.length === 1 ? word : `${word} ${n}`));
  return said.length === 0 ? 'nothing wrong' : said.join(', ');
}

function bars(results: Results): Parameters<typeof patternsChart>[0] {
  return variants.flatMap((variant) => {
    const run = largest(results, variant);
    if (!run) return [];
    const own = results.deaths.filter(({ pattern }) => pattern === variant.name);
    const squares = own.map(
      (death) => (isRight(death) ? 'right' : isHarmless(death) ? 'gaps' : 'wrong') as 'right' | 'gaps' | 'wrong',
    );
    return [
      { label: variant.label, value: run.rows_per_s, own: variant.app === undefined, share: isShare(variant), squares },
    ];
  });
}

function lines(results: Results): Parameters<typeof growthChart>[0] {
  return variants
    .filter((variant) => !isShare(variant))
    .map((variant) => ({
      name: variant.label,
      own: variant.app === undefined,
      points: atWidth(results, variant, 2).map((run) => ({ x: run.files, y: cpuPerMillion(run) })),
    }))
    .filter(({ points }) => points.length > 1);
}

/** When and on what it was measured; several days are named, for their figures do not compare. */
function conditions(all: readonly { day: string }[], { cores, node }: Results): string {
  const days = [...new Set(all.map(({ day }) => day))].sort();
  return `${days.join(', ')}, ${cores} cores, Node ${node}: \`${writer}\``;
}

function link({ label, app }: Variant): string {
  return app === undefined ? label : `[${label}](../bench/patterns/apps/${app}/app.ts)`;
}

const cpuPerMillion = ({ cpu_s, rows }: Measured) => (cpu_s / rows) * 1e6;

function perMillion(n: number, { rows }: Measured): string {
  return count((n / rows) * 1e6);
}

const count = (n: number) => Math.round(n).toLocaleString('en-US');
const seconds = (s: number) => (s < 10 ? s.toFixed(2) : s.toFixed(1));

/**
 * Writes results into `docs/benchmarks.md` between its markers, and draws the charts beside it. What stands outside the
 * markers is written by people; a scope that was not run keeps what is there.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { barChart, lineChart } from './chart.ts';
import type { Engine } from './contestants/contestant.ts';
import { manyChart, manyTable } from './report-many.ts';
import type { Result, Scope } from './result.ts';

const docs = fileURLToPath(new URL('../docs', import.meta.url));

export const labels: Record<Engine, string> = {
  ordinal: 'Ordinal',
  duckdb: 'DuckDB',
  'duckdb-checked': 'DuckDB, rows checked',
  polars: 'Polars',
  dsnp: '@dsnp/parquetjs',
};

/** Puts each section and its chart in place; cold rows are a column of the warm ones. `command` is what was run; `day` as 2026-01-31. */
export function writeReport(all: readonly Result[], command: string, day: string, folder: string = docs): void {
  const results = all.filter(({ cold }) => !cold);
  const file = path.join(folder, 'benchmarks.md');
  let text = fs.readFileSync(file, 'utf8');
  const head = `${day}, ${os.availableParallelism()} cores, Node ${process.versions.node}: \`${command}\``;
  for (const scope of ['engine', 'blob', 'growth'] as const) {
    const own = results.filter((result) => result.scope === scope && result.set !== 'many' && result.set !== 'daily');
    if (own.length === 0) continue;
    const body = scope === 'growth' ? growthSection(own) : raceSection(own);
    text = between(text, scope, `${head}\n\n${body}\n\n![${scope}](benchmarks-${scope}.svg)`);
    fs.writeFileSync(path.join(folder, `benchmarks-${scope}.svg`), chartOf(scope, own));
  }
  const many = results.filter((result) => result.set === 'many');
  if (many.length > 0) {
    text = between(text, 'many', `${head}\n\n${manyTable(many, labels)}\n\n![many](benchmarks-many.svg)`);
    fs.writeFileSync(path.join(folder, 'benchmarks-many.svg'), manyChart(many, labels));
  }
  const daily = results.filter((result) => result.set === 'daily');
  if (daily.length > 0) {
    text = between(text, 'daily', `${head}\n\n${setTable('daily', daily)}\n\n![daily](benchmarks-daily.svg)`);
    const title = `Blob to blob, ${count(daily[0]!.known!)} keys known: seconds, median`;
    fs.writeFileSync(path.join(folder, 'benchmarks-daily.svg'), barsOf(title, daily));
  }
  fs.writeFileSync(file, text);
}

/** The text with what stands between a section's markers replaced. Throws when they are not there. */
export function between(text: string, section: string, body: string, writer = 'npm run bench'): string {
  const [open, close] = [`<!-- ${section}: written by ${writer} -->`, `<!-- /${section} -->`];
  const [start, end] = [text.indexOf(open), text.indexOf(close)];
  if (start < 0 || end < start) throw new Error(`the page has no markers of ${section}`);
  return `${text.slice(0, start + open.length)}\n${body}\n${text.slice(end)}`;
}

/** DuckDB's result of the same set, rows and threads (of one thread, for who has no other). */
export function peerOf(result: Result, results: readonly Result[]): Result | undefined {
  const same = (threads: number) =>
    results.find(
      (other) =>
        other.engine === 'duckdb' &&
        other.scope === result.scope &&
        other.set === result.set &&
        other.rows === result.rows &&
        other.threads === threads,
    );
  return same(result.threads) ?? same(1);
}

/** How many times as fast as DuckDB; above 1 is faster. */
export function ratio(result: Result, results: readonly Result[]): number | undefined {
  const peer = peerOf(result, results);
  return peer && peer.wall_s_median / result.wall_s_median;
}

/**
 * How far time per row strays over the sizes: the most and the least of it, as shares of the straight line through all
 * sizes (least squares of relative errors), minus 1.
 */
export function linearity(points: readonly { rows: number; seconds: number }[]): { above: number; below: number } {
  // A line a + b·rows; weighted so that every size counts alike, however long it takes.
  const weights = points.map(({ seconds }) => 1 / seconds ** 2);
  const sum = (of: (point: { rows: number; seconds: number }) => number) =>
    points.reduce((total, point, i) => total + weights[i]! * of(point), 0);
  const [w, x, y] = [sum(() => 1), sum((p) => p.rows), sum((p) => p.seconds)];
  const slope = (w * sum((p) => p.rows * p.seconds) - x * y) / (w * sum((p) => p.rows ** 2) - x ** 2);
  const base = (y - slope * x) / w;
  const off = points.map(({ rows, seconds }) => seconds / (base + slope * rows) - 1);
  return { above: Math.max(...off), below: Math.min(...off) };
}

function raceSection(results: readonly Result[]): string {
  const sets = [...new Set(results.map((result) => result.set))];
  return sets.map((set) => setTable(set, results)).join('\n\n');
}

function setTable(set: Result['set'], results: readonly Result[]): string {
  const own = results.filter((result) => result.set === set);
  const blob = own[0]!.scope === 'blob';
  const rows = own.map((result) => [
    labels[result.engine],
    String(result.threads),
    seconds(result.wall_s_median),
    times(ratio(result, results)),
    seconds(result.wall_s_cold),
    seconds(result.cpu_s_median),
    ...(blob ? [seconds(result.storage_cpu_s_median ?? 0)] : []),
    `${result.peak_rss_mib}`,
    megabytes(result.bytes_read),
    megabytes(result.bytes_written),
    megabytes(result.bytes_published),
    (result.requests ?? result.blob_requests)?.toLocaleString('en-US') ?? '',
  ]);
  const { rows: sourceRows, known } = own[0]!;
  const head = [
    `**${set}**, ${count(sourceRows)} rows${known === undefined ? '' : `, ${count(known)} keys known`}`,
    'workers or threads',
    'wall, s',
    'times DuckDB',
    'cold, s',
    'CPU, s',
    ...(blob ? ['Azurite CPU, s'] : []),
    'peak RSS, MiB',
    'read, MB',
    'written, MB',
    'published, MB',
    'requests',
  ];
  return `${table(head, rows)}\n\n${phaseLines(own)}`;
}

/** Where Ordinal's own time goes. */
function phaseLines(results: readonly Result[]): string {
  const lines = results.flatMap(({ engine, threads, phases_ms }) => {
    const phases = Object.entries(phases_ms ?? {}).map(([phase, ms]) => `${phase} ${(ms / 1000).toFixed(2)} s`);
    return phases.length === 0 ? [] : [`${labels[engine]}, ${threads}: ${phases.join(', ')}.`];
  });
  return lines.join('  \n');
}

function growthSection(results: readonly Result[]): string {
  const engines = [...new Set(results.map((result) => result.engine))];
  const rows = results.map((result) => [
    labels[result.engine],
    count(result.rows),
    seconds(result.wall_s_median),
    ((result.wall_s_median / result.rows) * 1e6).toFixed(2),
    times(ratio(result, results)),
    seconds(result.cpu_s_median),
    `${result.peak_rss_mib}`,
  ]);
  const head = ['flights', 'rows', 'wall, s', 's per million', 'times DuckDB', 'CPU, s', 'peak RSS, MiB'];
  const lines = engines.map((engine) => {
    const own = results.filter((result) => result.engine === engine);
    const { above, below } = linearity(own.map(({ rows, wall_s_median }) => ({ rows, seconds: wall_s_median })));
    return `- ${labels[engine]}: from ${percent(below)} to ${percent(above)} off a straight line`;
  });
  return `${table(head, rows)}\n\n${lines.join('\n')}`;
}

export function table(head: string[], rows: string[][]): string {
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const align = head.map((_, i) => (i === 0 ? '---' : '--:'));
  return [line(head), line(align), ...rows.map(line)].join('\n');
}

function chartOf(scope: Scope, results: readonly Result[]): string {
  if (scope === 'growth') {
    const engines = [...new Set(results.map((result) => result.engine))];
    return lineChart({
      title: 'flights: seconds by millions of rows, one worker, one thread',
      series: engines.map((engine) => ({
        name: labels[engine],
        points: results
          .filter((result) => result.engine === engine)
          .map((result) => ({ x: result.rows / 1e6, y: result.wall_s_median })),
      })),
    });
  }
  return barsOf(
    scope === 'engine' ? 'Local files in and out: seconds, median' : 'Blob to blob: seconds, median',
    results,
  );
}

/** A group of bars for each set. */
function barsOf(title: string, results: readonly Result[]): string {
  const sets = [...new Set(results.map((result) => result.set))];
  return barChart({
    title,
    groups: sets.map((set) => ({
      name: `${set}, ${count(results.find((result) => result.set === set)!.rows)} rows`,
      bars: results
        .filter((result) => result.set === set)
        .map((result) => ({
          name: `${labels[result.engine]}, ${result.threads}`,
          value: result.wall_s_median,
          own: result.engine === 'ordinal',
        })),
    })),
  });
}

const seconds = (value: number): string => value.toFixed(2);
const times = (value: number | undefined): string => (value === undefined ? '' : `${value.toFixed(2)}×`);
const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '' : (bytes / 1e6).toFixed(1));
const count = (value: number): string => value.toLocaleString('en-US');
const percent = (share: number): string => `${share < 0 ? '−' : '+'}${Math.abs(share * 100).toFixed(1)} %`;

/**
 * The set `many` in `docs/benchmarks.md`: a table, and a chart of time by number of files. Called by `report.ts`.
 */
import { lineChart } from './chart.ts';
import type { Result } from './result.ts';

/** DuckDB's wall time by Ordinal's; above 1, Ordinal is faster. */
function ratioOf(result: Result, results: readonly Result[]): number {
  const peer = results.find(({ engine, files }) => engine === 'duckdb' && files === result.files)!;
  return peer.wall_s_median / result.wall_s_median;
}

export function manyTable(results: readonly Result[], labels: Record<string, string>): string {
  const head = ['many', 'files', 'rows of each', 'wall, s', 'times DuckDB', 'cold, s', 'CPU, s', 'Azurite CPU, s'];
  const rows = results.map((result) => [
    labels[result.engine]!,
    result.files!.toLocaleString('en-US'),
    (result.rows / result.files!).toLocaleString('en-US'),
    result.wall_s_median.toFixed(2),
    `${ratioOf(result, results).toFixed(2)}×`,
    result.wall_s_cold.toFixed(2),
    result.cpu_s_median.toFixed(2),
    (result.storage_cpu_s_median ?? 0).toFixed(2),
    `${result.peak_rss_mib}`,
    (result.bytes_published / 1e6).toFixed(1),
    result.requests?.toLocaleString('en-US') ?? '',
  ]);
  const line = (cells: string[]) => `| ${cells.join(' | ')} |`;
  const all = [...head, 'peak RSS, MiB', 'published, MB', 'requests'];
  return [line(all), line(all.map((_, i) => (i === 0 ? '---' : '--:'))), ...rows.map(line)].join('\n');
}

export function manyChart(results: readonly Result[], labels: Record<string, string>): string {
  const engines = [...new Set(results.map(({ engine }) => engine))];
  return lineChart({
    title: 'sales, blob to blob: seconds by thousands of files at equal rows',
    series: engines.map((engine) => ({
      name: labels[engine]!,
      points: results
        .filter((result) => result.engine === engine)
        .map(({ files, wall_s_median }) => ({ x: files! / 1000, y: wall_s_median }))
        .sort((a, b) => a.x - b.x),
    })),
  });
}

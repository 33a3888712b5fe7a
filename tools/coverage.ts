/**
 * Writes the table of `docs/coverage.md`: what share of each folder the tests executed. `npm run coverage` calls it after the
 * tests have written `coverage/coverage-summary.json`. It must round down, so that 100% means all.
 *
 *   node tools/coverage.ts
 */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { z } from 'zod';
import { floors } from './dependence.ts';

const counted = z.object({ total: z.number(), covered: z.number() });
const summarySchema = z.record(z.string(), z.object({ lines: counted, branches: counted, functions: counted }).loose());
type Summary = z.infer<typeof summarySchema>;

const measures = ['lines', 'branches', 'functions'] as const;

/** The floor of a folder, counted from the ground; 0 for what stands beside the house. */
function floorOf(folder: string): number {
  const fromTop = floors.findIndex((floor) => floor.includes(folder));
  return fromTop < 0 ? 0 : floors.length - fromTop;
}

/** What a file counts for: a folder of `src` or a file in it, a package, or a folder at the top. */
function folderOf(file: string): string {
  const [top, next] = file.split('/');
  return top === 'src' || top === 'packages' ? `${top}/${next}` : top!;
}

const percent = ([covered, total]: [number, number]) => (total === 0 ? '-' : `${Math.floor((100 * covered) / total)}%`);

/**
 * The table: a row for each folder, by floors from the top, then what stands beside the house; and one row for all.
 * @param summary what V8's reporter wrote: counts by absolute path of a file, and `total`
 * @param root the folder that paths are shown from
 */
export function coverageTable(summary: Summary, root: string): string {
  const rows = new Map<string, { files: number; counts: [number, number][] }>();
  for (const [file, counts] of Object.entries(summary)) {
    if (file === 'total') continue;
    for (const name of [folderOf(path.relative(root, file).split(path.sep).join('/')), 'all']) {
      const row = rows.get(name) ?? { files: 0, counts: measures.map((): [number, number] => [0, 0]) };
      rows.set(name, row);
      row.files++;
      for (const [at, measure] of measures.entries()) {
        row.counts[at]![0] += counts[measure].covered;
        row.counts[at]![1] += counts[measure].total;
      }
    }
  }
  const last = (name: string) => Number(name === 'all');
  const named = [...rows].sort(([a], [b]) => last(a) - last(b) || floorOf(b) - floorOf(a) || a.localeCompare(b, 'en'));
  return [
    `| floor | folder | files | ${measures.join(' | ')} |`,
    '| --: | --- | --: | --: | --: | --: |',
    ...named.map(([name, { files, counts }]) => {
      return `| ${floorOf(name) || ''} | ${name} | ${files} | ${counts.map(percent).join(' | ')} |`;
    }),
  ].join('\n');
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const root = fileURLToPath(new URL('..', import.meta.url));
  const summary = summarySchema.parse(
    JSON.parse(await readFile(path.join(root, 'coverage/coverage-summary.json'), 'utf8')),
  );
  const table = coverageTable(summary, root);
  const document = path.join(root, 'docs/coverage.md');
  const text = await readFile(document, 'utf8');
  const marked = /(<!-- table: [^\n]*-->\n).*(<!-- end of table -->)/s;
  await writeFile(
    document,
    text.replace(marked, (_, start: string, end: string) => `${start}\n${table}\n\n${end}`),
  );
  console.log(table);
}

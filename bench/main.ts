/**
 * The benchmark.
 *
 *   npm run bench -- [--only engine|blob|growth] [--sets flights,sales] [--engines ordinal,duckdb,duckdb-checked,polars,dsnp]
 *                    [--set many [--files 2000,200]] [--set daily [--known N]]
 *                    [--colds 3] [--runs 5] [--warm-ups 3] [--rows N] [--json FILE] [--no-docs]
 *
 * Medians of `--runs` warm runs, in turns with the other contestants', after `--colds` cold ones, each in a fresh process,
 * and `--warm-ups`. `--set many` is the sales feed in many files, blob to blob, and nothing else; `--set daily` the sales of
 * a day whose customers are mostly known. `docs/benchmarks.md` is written, unless `--rows` makes it a smaller try.
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { benchBlobs } from './blobs.ts';
import type { Engine, SetName } from './contestants/contestant.ts';
import { benchDaily } from './daily.ts';
import { benchEngines } from './engines.ts';
import { benchGrowth } from './growth.ts';
import { benchMany } from './many.ts';
import { writeReport } from './report.ts';
import type { Result, Scope } from './result.ts';

const scopes: Scope[] = ['engine', 'blob', 'growth'];
const bench = { engine: benchEngines, blob: benchBlobs, growth: benchGrowth };
const engines: Engine[] = ['ordinal', 'duckdb', 'duckdb-checked', 'polars', 'dsnp'];
const sets: SetName[] = ['flights', 'sales'];

export interface BenchOptions {
  sets: SetName[];
  engines: Engine[];
  /** Measured runs of each contestant. */
  runs: number;
  /** Cold runs before them, each in a fresh process. */
  colds: number;
  /** Runs between them that are not measured. */
  warmUps: number;
  /** Only with so many workers or threads, engine against engine. @default all */
  threads?: number[];
  /** Of the set `many`: only these numbers of files. @default all */
  files?: number[] | undefined;
  /** Of the set `daily`: keys that are known. @default 10 million */
  known?: number | undefined;
  /** Source rows in place of the sets' own. */
  rows: number | undefined;
  log(line: string): void;
}

function choice<T extends string>(given: string | undefined, all: T[], option: string): T[] {
  if (given === undefined) return all;
  const names = given.split(',');
  const wrong = names.find((name) => !(all as string[]).includes(name));
  if (wrong !== undefined) throw new Error(`--${option} ${wrong}: there are ${all.join(', ')}`);
  return names as T[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      sets: { type: 'string' },
      set: { type: 'string' },
      files: { type: 'string' },
      engines: { type: 'string' },
      colds: { type: 'string', default: '3' },
      runs: { type: 'string', default: '5' },
      known: { type: 'string' },
      'warm-ups': { type: 'string', default: '3' },
      rows: { type: 'string' },
      json: { type: 'string' },
      'no-docs': { type: 'boolean', default: false },
    },
  });
  const alone = { many: benchMany, daily: benchDaily }[values.set ?? ''];
  const options: BenchOptions = {
    sets: alone ? [] : choice(values.sets ?? values.set, sets, 'sets'),
    engines: choice(values.engines, engines, 'engines'),
    colds: Math.max(1, Number(values.colds)),
    runs: Number(values.runs),
    warmUps: Number(values['warm-ups']),
    files: values.files?.split(',').map(Number),
    known: values.known === undefined ? undefined : Number(values.known),
    rows: values.rows === undefined ? undefined : Number(values.rows),
    log: (line) => console.error(line),
  };
  const results: Result[] = [];
  if (alone) results.push(...(await alone(options)));
  else for (const scope of choice(values.only, scopes, 'only')) results.push(...(await bench[scope](options)));
  // Smaller tries are for the terminal alone.
  if (!values['no-docs'] && options.rows === undefined && options.known === undefined) {
    const command = ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' ');
    writeReport(results, command, new Date().toISOString().slice(0, 10));
  }
  if (values.json) fs.writeFileSync(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
}

await main();

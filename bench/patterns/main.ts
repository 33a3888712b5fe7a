/**
 * The pattern bench: the ways to number rows in Functions, side by side on the same work.
 *
 *   npm run bench:patterns -- [--only sequential,etag-row,…] [--parts growth,width,deaths] [--files 10,100,1000]
 *                             [--width-files 100] [--runs N] [--points N] [--quick] [--json FILE] [--no-docs] [--report]
 *
 * What is measured replaces the same part in the JSON file; then the tables and charts of docs/patterns.md are made of
 * that file. `--report` only makes them. `--quick` is a try of a minute or two with small files, not written to the docs.
 * Every run has a limit of time, so the bench ends by itself.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { killAtPoints } from './deaths.ts';
import { combine, type Measured, measure, variantOf } from './measure.ts';
import { postgresFolder, startPostgres } from './postgres.ts';
import { writeReport } from './report.ts';
import { merged, readResults, writeResults } from './results.ts';
import { type Sources, writeSources } from './sources.ts';
import { isShare, type Variant, variants } from './variants.ts';

const kept = fileURLToPath(new URL('results.json', import.meta.url));
const parts = ['growth', 'width', 'deaths'] as const;

export interface Plan {
  /** Numbers of files; the rows of one are `rowsPerFile` in the mean. */
  files: number[];
  rowsPerFile: number;
  /** Files and rows of the patterns that ask for each row: a share of the work. */
  share: { files: number; rowsPerFile: number };
  /** Of the deaths; those that ask for each row have a share. */
  mortal: { files: number; rowsPerFile: number; sharePerFile: number };
  /** At how many files widths are compared, and the width of everything else. */
  widthFiles: number;
  widths: number[];
  width: number;
  /** Rounds through all of it, whose medians count; a thousand files are run in the first only. */
  runs: number;
  points: number;
}

const full: Plan = {
  files: [10, 100, 1000],
  rowsPerFile: 2_000,
  share: { files: 10, rowsPerFile: 100 },
  mortal: { files: 12, rowsPerFile: 60, sharePerFile: 15 },
  widthFiles: 100,
  widths: [1, 2, 4],
  width: 2,
  runs: 3,
  points: 10,
};
const quick: Plan = {
  ...full,
  files: [5],
  rowsPerFile: 100,
  share: { files: 5, rowsPerFile: 20 },
  mortal: { files: 4, rowsPerFile: 20, sharePerFile: 10 },
  widthFiles: 5,
  runs: 1,
  points: 2,
};
/** Files that are run before to warm up. */
const warmUpFiles = { whole: 8, share: 2 };
/** More files than these are run once. */
const repeatedFilesMax = 100;

interface Job {
  variant: Variant;
  files: number;
  rowsPerFile: number;
  inFlight: number;
}

/** What is to be measured in a round, patterns in turns: whatever else the machine does meets neighbours in the table alike. */
export function jobsOf(plan: Plan, chosen: readonly Variant[], wanted: readonly string[]): Job[] {
  const jobs: Job[] = [];
  const add = (variant: Variant, files: number, inFlight: number) => {
    const size = isShare(variant) ? plan.share : { files, rowsPerFile: plan.rowsPerFile };
    const job = { variant, ...size, inFlight: variant.sequential ? 1 : inFlight };
    const same = (other: Job) =>
      other.variant === job.variant && other.files === job.files && other.inFlight === job.inFlight;
    if (!jobs.some(same)) jobs.push(job);
  };
  if (wanted.includes('growth')) {
    for (const files of plan.files) for (const variant of chosen) add(variant, files, plan.width);
  }
  if (wanted.includes('width')) {
    for (const inFlight of plan.widths) for (const variant of chosen) add(variant, plan.widthFiles, inFlight);
  }
  return jobs;
}

function namesOf<T extends string>(given: string | undefined, all: readonly T[], option: string): readonly T[] {
  if (given === undefined) return all;
  const wrong = given.split(',').find((name) => !all.includes(name as T));
  if (wrong !== undefined) throw new Error(`--${option} ${wrong}: there are ${all.join(', ')}`);
  return given.split(',') as T[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      parts: { type: 'string' },
      files: { type: 'string' },
      'width-files': { type: 'string' },
      runs: { type: 'string' },
      points: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      'no-docs': { type: 'boolean', default: false },
      report: { type: 'boolean', default: false },
    },
  });
  const plan = { ...(values.quick ? quick : full) };
  if (values.files) plan.files = values.files.split(',').map(Number);
  if (values['width-files']) plan.widthFiles = Number(values['width-files']);
  if (values.runs) plan.runs = Number(values.runs);
  if (values.points) plan.points = Number(values.points);
  const folder = mkdtempSync(join(tmpdir(), 'patterns-bench-'));
  const file = values.json ?? (values.quick ? join(folder, 'results.json') : kept);
  const chosen = namesOf(
    values.only,
    variants.map(({ name }) => name),
    'only',
  ).map(variantOf);
  try {
    if (!values.report) await run(plan, chosen, namesOf(values.parts, parts, 'parts'), folder, file);
    if (!values.quick && !values['no-docs']) writeReport(readResults(file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function run(
  plan: Plan,
  chosen: Variant[],
  wanted: readonly string[],
  folder: string,
  file: string,
): Promise<void> {
  const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
  const binaries = chosen.some(({ postgres }) => postgres) ? postgresFolder() : undefined;
  const runnable = chosen.filter(({ name, postgres }) => {
    if (!postgres || binaries !== undefined) return true;
    log(`${name} is skipped: PostgreSQL is not installed (Debian: apt-get install postgresql)`);
    return false;
  });
  const postgres = binaries === undefined ? undefined : await startPostgres(binaries);
  if (postgres) log(`PostgreSQL ${postgres.version}`);
  const made = new Map<string, Sources>();
  const sourcesOf = async (files: number, rowsPerFile: number): Promise<Sources> => {
    const name = `${files}x${rowsPerFile}`;
    const sources = made.get(name) ?? (await writeSources(join(folder, name), files, rowsPerFile));
    made.set(name, sources);
    return sources;
  };
  try {
    const jobs = jobsOf(plan, runnable, wanted);
    const rounds = new Map<Job, Measured[]>();
    for (let round = 0; round < plan.runs; round++) {
      for (const job of jobs) {
        const { variant, files, rowsPerFile, inFlight } = job;
        if (round > 0 && files > repeatedFilesMax) continue;
        const sources = await sourcesOf(files, rowsPerFile);
        const warmUp = await sourcesOf(isShare(variant) ? warmUpFiles.share : warmUpFiles.whole, rowsPerFile);
        const result = await measure({ variant, sources, warmUp, inFlight, postgresUrl: postgres?.url });
        log(JSON.stringify(result));
        rounds.set(job, [...(rounds.get(job) ?? []), result]);
        writeResults(file, merged(readResults(file), [combine(rounds.get(job)!)], []));
      }
    }
    if (!wanted.includes('deaths')) return;
    for (const variant of runnable) {
      const { files, rowsPerFile, sharePerFile } = plan.mortal;
      const sources = await sourcesOf(files, isShare(variant) ? sharePerFile : rowsPerFile);
      const options = { variant, sources, inFlight: variant.sequential ? 1 : plan.width, points: plan.points, seed: 1 };
      const deaths = await killAtPoints({ ...options, postgresUrl: postgres?.url, log });
      writeResults(file, merged(readResults(file), [], deaths));
    }
  } finally {
    await postgres?.stop();
  }
}

if (import.meta.main) await main();

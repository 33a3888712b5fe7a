/**
 * Searches for mutants that no test kills: `npm run mutants -- PART…`, one part at a time, by StrykerJS. Prints the share
 * and the survivors of each part; `.ordinal/mutants/PART.json` has all. It changes a copy of the repository, never this one.
 *
 *   npm run mutants -- sequence keys      # parts; all of them without a name
 *   npm run mutants -- keys --file src/keys/segment.ts --file src/keys/table.ts:40-60     # files, or lines of them
 *   npm run mutants -- run --sample 6     # about every sixth function, method and constant of a module: an estimate
 */
import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type MutantResult, Stryker } from '@stryker-mutator/core';
import { isKilled } from './assertions.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs in memory, from the plan to the manifest, also killed and started again. */
const quickRuns = [
  ...['complete-or-undo', 'run', 'discard', 'ledger', 'null-columns', 'waits', 'lives', 'short-notes'].map(ofRun),
  'test/publish/*.test.ts',
  'test/engine/{sources,routing,outputs,short-way}.test.ts',
];
/** And those that take seconds each. */
const runs = [
  ...quickRuns,
  ...['unknown-member', 'known', 'shared-bad-files'].map(ofRun),
  'test/engine/many-files.test.ts',
];

/**
 * What is changed, and the tests that should notice, in the order in which they are run: the first that fails ends the
 * search of a mutant. Tests that start services or processes are left out, and files with planted bugs, which change the
 * code themselves.
 */
const parts: Record<string, { mutate: string[]; tests: string[] }> = {
  sequence: { mutate: ['src/sequence/*.ts'], tests: ['test/sequence/!(long-life).test.ts', 'test/run/run.test.ts'] },
  statistics: {
    mutate: ['src/parquet/statistics*.ts', 'src/parquet/bounds.ts'],
    tests: ['test/parquet/{statistics,statistics-raw,footer,logical,roundtrip,writers}.test.ts'],
  },
  keys: {
    mutate: ['src/keys/*.ts'],
    tests: [
      'test/{keys,resolve}/*.test.ts',
      'test/run/{run,discard}.test.ts',
      'test/upkeep/{rebuild,import-keys}.test.ts',
    ],
  },
  documents: {
    mutate: ['src/documents/*.ts'],
    tests: [
      'test/documents/*.test.ts',
      'test/engine/{quarantine,structs}.test.ts',
      ...quickRuns,
      'test/verify/*.test.ts',
      'test/upkeep/{rebuild,import-keys,withdraw}.test.ts',
    ],
  },
  plan: {
    mutate: ['src/plan/*.ts'],
    tests: [
      'test/{plan,testing}/*.test.ts',
      'test/engine/{folders,mixed-feed,quarantine,structs,bad-files}.test.ts',
      ...['run', 'null-columns', 'ledger'].map(ofRun),
      'test/ledger/*.test.ts',
    ],
  },
  resolve: {
    mutate: ['src/resolve/*.ts'],
    tests: [
      'test/{resolve/*,keys/described}.test.ts',
      'test/engine/{outputs,mixed-feed,structs}.test.ts',
      ...['run', 'discard'].map(ofRun),
      'test/upkeep/import-keys.test.ts',
    ],
  },
  seal: {
    mutate: ['src/seal/*.ts'],
    tests: ['test/seal/*.test.ts', ...runs, 'test/engine/{mixed-feed,structs,copied}.test.ts'],
  },
  publish: {
    mutate: ['src/publish/*.ts'],
    tests: [...runs, 'test/ledger/*.test.ts', 'test/upkeep/{rebuild,withdraw}.test.ts'],
  },
  // What is in another thread, the search does not reach.
  run: {
    mutate: ['src/run/!(activity-thread).ts'],
    tests: ['test/durable/*.test.ts', ...quickRuns, ofRun('shared-bad-files'), 'test/engine/short-threads.test.ts'],
  },
};

function ofRun(name: string): string {
  return `test/run/${name}.test.ts`;
}

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { file: { type: 'string', multiple: true }, sample: { type: 'string', default: '1' } },
});
if (!/^[1-9]\d*$/.test(values.sample)) throw new Error(`--sample ${values.sample} is no number of 1 or more`);
process.env.ORDINAL_MUTANTS_SAMPLE = values.sample;
const out = path.join(root, '.ordinal/mutants');
mkdirSync(out, { recursive: true });
process.chdir(root);
// Each test file is a thread that loads its modules anew: from here in less time.
process.env.NODE_COMPILE_CACHE ??= path.join(root, '.ordinal/compile-cache');
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  const part = parts[name];
  if (!part) throw new Error(`there is no part "${name}": there are ${Object.keys(parts).join(', ')}`);
  process.env.ORDINAL_MUTANTS_TESTS = JSON.stringify(part.tests);
  const json = path.join(out, `${name}.json`);
  const stryker = new Stryker({
    mutate: values.file ?? part.mutate,
    testRunner: 'vitest',
    plugins: [
      fileURLToPath(import.meta.resolve('@stryker-mutator/vitest-runner')),
      fileURLToPath(import.meta.resolve('./assertions.ts')),
    ],
    ignorers: ['assertions'],
    // Texts are held by the tests of messages and documents.
    mutator: { excludedMutations: ['StringLiteral'] },
    vitest: { configFile: 'tools/mutants/vitest.config.ts', related: false },
    tsconfigFile: 'none.json',
    disableTypeChecks: false,
    coverageAnalysis: 'perTest',
    ignoreStatic: true,
    concurrency: 2,
    timeoutMS: 10_000,
    tempDirName: '.ordinal/stryker',
    ignorePatterns: ['.ordinal', 'dist', 'docs', 'packages/*/dist', 'bench/node_modules', 'tools/*/node_modules'],
    reporters: ['json', 'progress-append-only', 'survivors'],
    jsonReporter: { fileName: json },
    logLevel: 'warn' as never,
  });
  report(name, await stryker.runMutationTest());
}
rmSync(path.join(root, '.ordinal/stryker'), { recursive: true, force: true });

function report(name: string, mutants: readonly MutantResult[]): void {
  const killed = mutants.filter(isKilled).length;
  const all = mutants.filter(({ status }) => /Killed|Timeout|Survived|NoCoverage/.test(status)).length;
  console.log(`${name}: ${killed} of ${all} mutants killed, ${((100 * killed) / Math.max(1, all)).toFixed(1)} %`);
}

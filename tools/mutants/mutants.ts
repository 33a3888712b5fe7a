/**
 * Searches for mutants that no test kills: `npm run mutants -- PART…`, one part at a time, by StrykerJS. Prints the share
 * and the survivors of each part; `.ordinal/mutants/PART.json` has all. It changes a copy of the repository, never this one.
 *
 *   npm run mutants -- sequence keys      # parts; all of them without a name
 *   npm run mutants -- keys --file src/keys/segment.ts
 */
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type MutantResult, Stryker } from '@stryker-mutator/core';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Runs in memory, from the plan to the manifest, also killed and started again. */
const runs = [
  'test/run/{run,known,lives,waits,unknown-member,shared-bad-files,complete-or-undo,null-columns}.test.ts',
  'test/engine/{outputs,routing,sources,short-way,many-files}.test.ts',
];

/** What is changed, and the tests that should notice. Those that start services or processes are left out. */
const parts: Record<string, { mutate: string[]; tests: string[] }> = {
  sequence: { mutate: ['src/sequence/*.ts'], tests: ['test/sequence/!(long-life).test.ts', 'test/run/run.test.ts'] },
  statistics: {
    mutate: ['src/parquet/statistics*.ts', 'src/parquet/bounds.ts'],
    tests: ['test/parquet/{statistics,roundtrip,writers,footer,logical}.test.ts'],
  },
  keys: { mutate: ['src/keys/*.ts'], tests: ['test/keys/*.test.ts', 'test/run/{known,run,unknown-member}.test.ts'] },
  documents: { mutate: ['src/documents/*.ts'], tests: ['test/documents/*.test.ts', ...runs] },
  plan: {
    mutate: ['src/plan/*.ts'],
    tests: ['test/plan/*.test.ts', 'test/engine/{bad-files,folders}.test.ts', ...runs],
  },
  resolve: { mutate: ['src/resolve/*.ts'], tests: runs },
  seal: { mutate: ['src/seal/*.ts'], tests: runs },
  publish: { mutate: ['src/publish/*.ts'], tests: ['test/publish/*.test.ts', ...runs] },
  run: { mutate: ['src/run/*.ts'], tests: runs },
};

const { positionals, values } = parseArgs({ allowPositionals: true, options: { file: { type: 'string' } } });
const out = path.join(root, '.ordinal/mutants');
mkdirSync(out, { recursive: true });
process.chdir(root);
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) {
  const part = parts[name];
  if (!part) throw new Error(`there is no part "${name}": there are ${Object.keys(parts).join(', ')}`);
  process.env.ORDINAL_MUTANTS_TESTS = JSON.stringify(part.tests);
  const json = path.join(out, `${name}.json`);
  const stryker = new Stryker({
    mutate: values.file ? [values.file] : part.mutate,
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
    reporters: ['json'],
    jsonReporter: { fileName: json },
    logLevel: 'warn' as never,
  });
  report(name, await stryker.runMutationTest());
}
rmSync(path.join(root, '.ordinal/stryker'), { recursive: true, force: true });

function report(name: string, mutants: readonly MutantResult[]): void {
  const of = (...status: string[]) => mutants.filter((one) => status.includes(one.status));
  const killed = of('Killed', 'Timeout').length;
  const alive = of('Survived', 'NoCoverage');
  for (const { fileName, location, mutatorName, replacement, status } of alive) {
    const { line } = location.start;
    const code = readFileSync(fileName, 'utf8').split('\n')[line - 1]?.trim();
    const place = `${path.relative(root, fileName)}:${line}`;
    console.log(
      `${place} ${mutatorName}${status === 'NoCoverage' ? ', not run' : ''}: ${code}  →  ${replacement?.split('\n')[0]}`,
    );
  }
  const share = (100 * killed) / Math.max(1, killed + alive.length);
  console.log(`${name}: ${killed} of ${killed + alive.length} mutants killed, ${share.toFixed(1)} %`);
}

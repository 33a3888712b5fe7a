/**
 * How the mutation search runs the tests of one part. `mutants.ts` names them by `ORDINAL_MUTANTS_TESTS`. Tests of planted
 * bugs are left out: they change the code themselves.
 */
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const tests = JSON.parse(process.env.ORDINAL_MUTANTS_TESTS ?? '[]') as string[];

/** Files in the order in which they are named. */
class AsNamed extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      tests.findIndex((pattern) => path.matchesGlob(path.relative('.', moduleId), pattern));
    return files.toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    // The search tells the tests by a global which mutant is meant: that needs the same process.
    pool: 'threads',
    experimental: { viteModuleRunner: false },
    include: tests,
    sequence: { sequencer: AsNamed },
    testNamePattern: /^(?!.*planted bug)/,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

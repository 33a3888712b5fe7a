/**
 * How the mutation search runs the tests of one part. `mutants.ts` names them by `ORDINAL_MUTANTS_TESTS`. Tests of planted
 * bugs are left out: they change the code themselves.
 */
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type Reporter, type TestModule, type TestSpecification } from 'vitest/node';

const tests = JSON.parse(process.env.ORDINAL_MUTANTS_TESTS ?? '[]') as string[];

/** Files that have failed, the last one first: what kills a mutant often kills its neighbour. */
let failed: string[] = [];

class Failed implements Reporter {
  onTestModuleEnd(file: TestModule): void {
    const { moduleId } = file;
    if (file.state() === 'failed') failed = [moduleId, ...failed.filter((other) => other !== moduleId)];
  }
}

/** Files that have failed before; then those that have not, in the order in which they are named. */
class FailedFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      failed.includes(moduleId)
        ? failed.indexOf(moduleId) - failed.length
        : tests.findIndex((pattern) => path.matchesGlob(path.relative('.', moduleId), pattern));
    return files.toSorted((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    // The search tells the tests by a global which mutant is meant: that needs the same process.
    pool: 'threads',
    experimental: { viteModuleRunner: false },
    include: tests,
    sequence: { sequencer: FailedFirst },
    reporters: [new Failed()],
    testNamePattern: /^(?!.*planted bug)/,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

/**
 * How the mutation search runs the tests of one part. `mutants.ts` names them by `ORDINAL_MUTANTS_TESTS`. Tests of planted
 * bugs are left out: they change the code themselves.
 */
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // The search tells the tests by a global which mutant is meant: that needs the same process.
    pool: 'threads',
    experimental: { viteModuleRunner: false },
    include: JSON.parse(process.env.ORDINAL_MUTANTS_TESTS ?? '[]') as string[],
    testNamePattern: /^(?!.*planted bug)/,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});

/**
 * The test runner's configuration: its projects, and the closing line for CI. Read by vitest alone. `unit` needs no
 * service. `host` starts Azurite and the local host. `chaos` kills, delays and repeats things under seeds. `npm test` leaves
 * out what `npm run test:rest` runs: `browser` opens the monitor page, `package` packs and installs, `demo` runs
 * the demo whole, and `bench` has the tests of the programs that measure.
 */
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './tools/test-order.ts';

// Apps, hosts and commands that tests start load their modules from here, in half the time.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('./.ordinal/compile-cache', import.meta.url));

/** Makes what tests of these projects start. */
const globalSetup = './test/support/staged-app.ts';
/** Tests that kill processes, or run the app through seeded histories of faults in the simulator, which changes limits. */
const chaos = [
  'test/run/!(complete-or-undo|determinism).test.ts',
  'test/{tables/{runs,views,withdrawn},upkeep/{import-keys,rebuild,withdraw}}.test.ts',
  'test/{backfill/backfill,docs/dimensions,plan/plan-run,publish/{manifest,finish-run},verify/verify,sequence/long-life}.test.ts',
  'packages/local-host/test/{kill,crash,lax,simulation}.test.ts',
];
/** Tests that start Azurite, the local host or both. */
const host = [
  'packages/local-host/test/{host,triggers,shapes,startup,stream,client-matrix,parts,http-call,lifecycle,blob-queue}.test.ts',
  'test/{arrival,http,storage,adf}/**/*.test.ts',
  'test/demo/!(demo|sales).test.ts',
  'test/tables/azurite.test.ts',
  'test/cli/{app,replay}.test.ts',
];
const browser = ['test/monitor/page.test.ts'];
const packages = ['test/package/*.test.ts'];
const demo = ['test/demo/{demo,sales}.test.ts'];

export default defineConfig({
  test: {
    pool: 'forks',
    sequence: { sequencer: LongestFirst },
    // One process for many files of a project: what they import is loaded once, and is quick by then.
    isolate: false,
    // Hosts and browsers wait much of their time: on two cores, four files at a time leave less of it idle.
    maxWorkers: 4,
    // Node itself loads the modules and strips their types, as it does for the app. So module hooks (planted bugs), worker
    // threads and child processes all see the same modules.
    experimental: { viteModuleRunner: false },
    // A bound for tests that hang, not a measure of speed: a busy machine may be many times slower.
    testTimeout: 600_000,
    hookTimeout: 120_000,
    reporters: ['default', './tools/count-reporter.ts'],
    coverage: {
      provider: 'v8',
      include: ['{src,functions,pipelines,cli}/**/*.ts', 'packages/*/src/**/*.ts'],
      reporter: ['text-summary', 'json-summary', 'lcov'],
    },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['{test,packages/*/test}/**/*.test.ts'],
          exclude: [...host, ...chaos, ...browser, ...packages, ...demo],
          // The simulator changes limits of its process: it asks for this name, and refuses.
          env: { ORDINAL_TESTS_SHARED: '1' },
        },
      },
      { extends: true, test: { name: 'host', include: host, globalSetup } },
      { extends: true, test: { name: 'chaos', include: chaos, globalSetup } },
      { extends: true, test: { name: 'browser', include: browser, globalSetup } },
      { extends: true, test: { name: 'package', include: packages, globalSetup } },
      { extends: true, test: { name: 'demo', include: demo, globalSetup } },
      { extends: true, test: { name: 'bench', include: ['bench/test/*.test.ts'], globalSetup } },
    ],
  },
});

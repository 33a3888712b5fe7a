/**
 * Runs whose outputs are Delta tables: killed between manifest and commit, or at any request near it; side by side; and
 * with bugs put in. After that the tables hold each published row once, as an engine finds that we did not write.
 */
import assert from 'node:assert/strict';
import { peerTest as test } from '../parquet/support/peers.ts';
import { importWithBug, type PlantedBug } from '../run/support/planted.ts';
import * as sound from './support/scenarios.ts';

type Scenarios = typeof sound;
type Bug = PlantedBug & { caughtBy: (scenarios: Scenarios) => Promise<void> };

const points = [
  ['manifest:write:after', 1],
  ['view:write:before', 1],
  ['view:write:after', 2],
  ['tableLog:list:before', 4],
  ['tableLog:write:before', 1],
  ['tableLog:write:after', 1],
  ['tableLog:write:before', 3],
  ['tableLog:write:after', 3],
] as const;

test('a run that dies, fails or is ended between its manifest and its commits, or near: the next makes up for it', async () => {
  await sound.struckAnywhere(points);
});

test('runs side by side commit in turn, each once', async () => {
  for (let seed = 1; seed <= 3; seed++) await sound.sideBySide(seed);
});

const bugs: Bug[] = [
  {
    name: 'a change that was committed is committed again',
    file: 'src/table-format/delta.ts',
    find: 'return (this.#state.transactions.get(app) ?? -1) >= version;',
    replace: "return version < 0 && app === '';",
    caughtBy: ({ struck, verdicts }) => struck('tableLog:write:after', 3, verdicts.dies!),
  },
  {
    name: 'a run commits its own files only',
    file: 'src/tables/commit-tables.ts',
    find: '  let commits = 0;\n  let open',
    replace: '  missing.splice(0, missing.length - 1);\n  let commits = 0;\n  let open',
    caughtBy: ({ struck, verdicts }) => struck('tableLog:write:before', 3, verdicts.refused!),
  },
  {
    name: 'statistics state the least value as the greatest',
    file: 'src/table-format/delta-statistics.ts',
    find: "const max = bound(type, holding, 'maxValue');",
    replace: "const max = bound(type, holding, 'minValue');",
    caughtBy: ({ prunes }) => prunes(),
  },
  {
    name: 'files of known keys are in the table',
    file: 'src/tables/commit-tables.ts',
    find: "dataset === 'rows' ? published?.files",
    replace: "dataset === 'rows' ? [...(published?.files ?? []), ...(published?.known?.files ?? [])]",
    caughtBy: ({ struck, verdicts }) => struck('tableLog:write:before', 3, verdicts.dies!),
  },
  {
    name: 'a version is left out',
    file: 'src/table-format/delta.ts',
    find: 'const version = this.#state.version + 1;',
    replace: 'const version = this.#state.version + (this.#state.version < 1 ? 1 : 2);',
    caughtBy: ({ struck, verdicts }) => struck('tableLog:write:before', 1, verdicts.dies!),
  },
];

for (const bug of bugs) {
  test(`caught: ${bug.name}`, async () => {
    const scenarios = await importWithBug<Scenarios>('test/tables/support/scenarios.ts', bug);
    await assert.rejects(bug.caughtBy(scenarios), { name: 'AssertionError' }, `"${bug.name}" goes unnoticed`);
  });
}

test('engines leave files out by statistics, and lose no row', async () => {
  await sound.prunes();
});

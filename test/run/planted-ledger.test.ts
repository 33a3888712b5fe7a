/** Bugs put into the ledger on purpose: each must be noticed by a scenario that passes without it. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import * as sound from './support/ledger-scenarios.ts';
import { importWithBug, type PlantedBug } from './support/planted.ts';

type Scenarios = typeof sound;
type Bug = PlantedBug & { caughtBy: (scenarios: Scenarios) => Promise<void> };

const bugs: Bug[] = [
  {
    name: 'a claim is put without a condition',
    file: 'src/ledger/ledger.ts',
    find: '{ ...inPlaceOf(before), compact: true }',
    replace: '{ compact: true }',
    caughtBy: (scenarios) => scenarios.meet(),
  },
  {
    name: 'a claim of a living run counts as free',
    file: 'src/ledger/take-versions.ts',
    find: "    if (fate === 'closed') continue;",
    replace: "    if (fate !== 'read') continue;",
    caughtBy: (scenarios) => scenarios.meet(),
  },
  {
    name: 'nobody asks whether a claimer is alive',
    file: 'src/run/orchestrator.ts',
    find: 'yield* settleDead(df, listed.claimers, run.owner);',
    replace: 'void settleDead;',
    caughtBy: (scenarios) => scenarios.takesOver(),
  },
  {
    name: 'a life that is settled keeps its claim',
    file: 'src/run/discard-activity.ts',
    find: 'if (decided) await settleClaims(',
    replace: 'if (!decided) await settleClaims(',
    caughtBy: (scenarios) => scenarios.failsAt('split:write:before'),
  },
  {
    name: 'a published claim is dropped',
    file: 'src/ledger/ledger.ts',
    find: "fate === 'read' ? { ...withSegment(next, claim.delta), claims } : { ...next, claims };",
    replace: '{ ...next, claims }; void withSegment;',
    caughtBy: (scenarios) => scenarios.failsAt('manifest:write:after'),
  },
  {
    name: 'a manifest is written, and the ledger is not told',
    file: 'src/publish/manifest-activity.ts',
    find: 'return await settleClaims(at, { runId, life }, fateOf(environment));',
    replace: 'return void fateOf, undefined;',
    caughtBy: (scenarios) => scenarios.meet(),
  },
  {
    name: 'a merge forgets what it did not merge',
    file: 'src/ledger/ledger.ts',
    find: 'now.entries.toSpliced(first, names.length, merged)',
    replace: '[merged]',
    caughtBy: (scenarios) => scenarios.merges(),
  },
  {
    name: 'manifests are read before the head',
    file: 'src/plan/run-ledger.ts',
    find: 'const head = await rebuiltLedger(at, there?.value, table);\n    if (!(await putLedger(at, head, there))) continue;',
    replace:
      'const late = await readLedger(at);\n    const head = await rebuiltLedger(at, late?.value, table);\n    if (!(await putLedger(at, head, late))) continue;',
    caughtBy: (scenarios) => scenarios.rebuilds(),
  },
  {
    name: 'a run is withdrawn although a later one shares its keys',
    file: 'src/upkeep/withdraw.ts',
    find: 'const refused = there && whyUsed(there, await publishedManifests(environment), imports);',
    replace: 'const refused = undefined as Error | undefined; void whyUsed, publishedManifests, imports;',
    caughtBy: (scenarios) => scenarios.withdraws(),
  },
  {
    name: 'an index stays open while a withdrawal takes keys out',
    file: 'src/upkeep/withdraw.ts',
    find: 'for (const index of indexes) await markWithdrawing(place, index, runId, terms[index] ?? 0);',
    replace: 'void markWithdrawing;',
    caughtBy: (scenarios) => scenarios.stopsWithdrawing(),
  },
  {
    name: 'a withdrawal that was ended closes an index that a run has by now',
    file: 'src/keys/key-index.ts',
    find: 'await closeHeads(at, there.value, term, withdrawalOf(runId));',
    replace: '',
    caughtBy: (scenarios) => scenarios.endsWithdrawing(),
  },
  {
    name: 'a rebuild that was ended puts its index in the place of one that has more',
    file: 'src/upkeep/rebuild-index.ts',
    find: "if (before) await closeHeads({ store, container }, before.value, term, 'its rebuild');",
    replace: 'void closeHeads;',
    caughtBy: (scenarios) => scenarios.endsRebuilding(),
  },
];

for (const bug of bugs) {
  test(`caught: ${bug.name}`, async () => {
    const scenarios = await importWithBug<Scenarios>('test/run/support/ledger-scenarios.ts', bug);
    await assert.rejects(bug.caughtBy(scenarios), { name: 'AssertionError' }, `"${bug.name}" goes unnoticed`);
  });
}

test('without a bug, nothing is caught', async () => {
  await sound.meet();
  await sound.takesOver();
  await sound.failsAt('split:write:before');
  await sound.failsAt('manifest:write:after');
  await sound.merges();
  await sound.withdraws();
  await sound.stopsWithdrawing();
  await sound.endsWithdrawing();
  await sound.endsRebuilding();
});

/**
 * What tables, views and the pointer to the newest run say after a withdrawal, as engines find that we did not write; also
 * when the withdrawal was struck on its way, and when a table does not let files go.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll } from 'vitest';
import { Duck } from '../../tools/duckdb.ts';
import { peerTest as test } from '../parquet/support/peers.ts';
import { importWithBug } from '../run/support/planted.ts';
import { someRows, upload } from '../run/support/shop.ts';
import type { Sim } from '../run/support/sim.ts';
import { checkTables, checkTablesOf, commitsOf } from './support/check-tables.ts';
import * as sound from './support/withdrawals.ts';

let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
});
afterAll(() => duck.close());

test('nothing of a withdrawn run is in tables and views; the pointer names the newest that is left', async () => {
  await sound.leavesNothing(duck);
});

test('caught: a table keeps the files of a withdrawn run', async () => {
  const planted = await importWithBug<typeof sound>('test/tables/support/withdrawals.ts', {
    name: 'a table keeps the files of a withdrawn run',
    file: 'src/tables/commit-tables.ts',
    find: "if (run.outcome === 'withdrawn') return { change: withdrawal(runId, life), columns: [] };",
    replace:
      "if (run.outcome === 'withdrawn') return { change: { app: withdrawalOf(runId), version: life }, columns: [] };",
  });
  await assert.rejects(planted.leavesNothing(duck), { name: 'AssertionError' });
});

test('caught: a withdrawal leaves views and tables to the sweep', async () => {
  const planted = await importWithBug<typeof sound>('test/tables/support/withdrawals.ts', {
    name: 'a withdrawal leaves views and tables to the sweep',
    file: 'src/upkeep/withdraw.ts',
    find: 'const tables = yield* tablesOf(df, input);',
    replace: 'const tables = undefined as ErrorValue | undefined;',
  });
  await assert.rejects(planted.leavesNothing(duck), { name: 'AssertionError' });
});

const points = [
  ['manifest:write:after', 1],
  ['ledger:write:before', 1],
  ['other:write:after', 2],
  ['view:write:before', 1],
  ['view:write:after', 3],
  ['tableLog:write:before', 1],
  ['tableLog:write:after', 2],
] as const;

test('a withdrawal that dies, fails or is ended on its way: the sweep takes the run out of tables and views', async () => {
  const worlds: Sim[] = [];
  for (const [point, nth] of points) {
    for (const verdict of Object.values(sound.verdicts)) worlds.push(await sound.struck(point, nth, verdict));
  }
  await checkTablesOf(
    worlds.map(({ store }) => store),
    ['club'],
  );
});

test('a table that lets no file go is said; the run is taken back, and its files stay until it does', async () => {
  const sim = await sound.clubOfTwo();
  const folder = 'club/goods';
  const mine = () => sim.store.names('published', 'club/').filter((name) => /\/two-\d+\.parquet$/.test(name)).length;
  const files = mine();
  const setAppendOnly = async (value: 'true' | 'false') => {
    const { metaData } = commitsOf(sim.store, folder)
      .flat()
      .findLast((action) => action.metaData)!;
    const configuration = { 'delta.appendOnly': value };
    const lines = [
      { commitInfo: { operation: 'SET TBLPROPERTIES', engineInfo: 'Another' } },
      { metaData: { ...metaData, configuration } },
    ];
    const version = String(commitsOf(sim.store, folder).length).padStart(20, '0');
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    await sim.store.write('published', `${folder}/_delta_log/${version}.json`, Buffer.from(text));
  };
  await setAppendOnly('true');
  const state = await sound.withdraw(sim, 'two');
  const { code, remedy } = state.tables as { code: string; remedy: string };
  assert.deepEqual([state.status, code], ['Withdrawn', 'UnsupportedFile']);
  assert.match(remedy, /delta\.appendOnly/);
  // What the run had read is new again.
  await upload(sim, 'club/more/', [someRows(() => sim.random(), 2)]);
  const more = await sim.run('three', 'club');
  await sim.settle();
  assert.equal(more.status, 'Completed', more.error);
  await sound.sweepAfter(sim, 9 * 24);
  assert.equal(mine(), files, 'the table still names some of them');
  await setAppendOnly('false');
  await sound.sweepAfter(sim, 2);
  assert.equal(mine(), 0);
  await checkTables(sim.store, ['club']);
});

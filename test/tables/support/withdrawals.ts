/**
 * Runs that are withdrawn, with tables and views over them: each scenario throws when a reader still finds something of
 * such a run. Readers are engines that we did not write.
 */
import assert from 'node:assert/strict';
import { OrdinalError } from '../../../src/errors.ts';
import type { Duck } from '../../../tools/duckdb.ts';
import { checkWorld } from '../../run/support/check.ts';
import { someRows, tablePipelines, upload } from '../../run/support/shop.ts';
import { mulberry32, Sim, type Verdict } from '../../run/support/sim.ts';
import { checkTables } from './check-tables.ts';
import { readTables } from './delta-reader.ts';
import { copyOut } from './published-folder.ts';

const HOUR_MS = 3_600_000;

/** The club has published `one` and `two`, each with keys of its own, old keys, and changes of them. */
export async function clubOfTwo(): Promise<Sim> {
  const sim = new Sim(tablePipelines, { seed: 9 });
  const random = mulberry32(21);
  for (const [i, id] of ['one', 'two'].entries()) {
    await upload(sim, `club/${id}/`, [someRows(random, 9, 6 + 4 * i)]);
    const run = await sim.run(id, 'club', `club/${id}/`);
    await sim.settle();
    assert.equal(run.status, 'Completed', run.error);
  }
  return sim;
}

/** Asks for a withdrawal, and gives its state once it stands still. */
export async function withdraw(sim: Sim, run: string): Promise<Record<string, unknown>> {
  void sim.clients.ask('POST', `runs/${run}/withdraw`);
  await sim.settle();
  return await asked(sim, `runs/${run}/withdrawal`);
}

export async function asked(sim: Sim, path: string): Promise<Record<string, unknown>> {
  let body: Record<string, unknown> | undefined;
  void sim.clients.ask('GET', path).then((answer) => {
    body = answer?.body;
  });
  await sim.settle();
  assert.ok(body, path);
  return body;
}

/** The sweep comes, some hours later. */
export async function sweepAfter(sim: Sim, hours: number): Promise<void> {
  sim.now += hours * HOUR_MS;
  void sim.clients.sweep();
  await sim.settle();
}

const id = { name: 'good_id', type: { physical: 'INT64' } } as const;
const few = { name: 'few_id', type: { physical: 'INT64' } } as const;

/** The IDs in two of the club's tables, as ClickHouse finds them. */
export async function idsOf(sim: Sim): Promise<unknown[]> {
  return await readTables(sim.store, [
    { folder: 'club/goods', columns: [id] },
    { folder: 'club/few', columns: [few] },
  ]);
}

/** The goods that the view shows, as DuckDB reads the statement that is published. */
export async function viewOf(sim: Sim, duck: Duck): Promise<string[]> {
  const { folder, remove } = copyOut(sim.store);
  try {
    const sql = Buffer.from(sim.store.bytes('published', 'club/_current/goods.sql')).toString();
    await duck.run(sql.replaceAll('az://', `${folder}/`));
    const rows = await duck.rows('SELECT good_id, name FROM "goods" ORDER BY 1');
    return rows.map(({ good_id, name }) => `${good_id} ${name}`);
  } finally {
    remove();
  }
}

const latest = (sim: Sim): unknown =>
  sim.store.names('published', 'club/_latest.json').length === 0
    ? undefined
    : JSON.parse(Buffer.from(sim.store.bytes('published', 'club/_latest.json')).toString()).runId;

/** What readers find is what the run that is left has published; and nothing, when none is left. */
export async function leavesNothing(duck: Duck): Promise<void> {
  const sim = await clubOfTwo();
  const goods = (ids: unknown) => ids as string[][];
  const both = { ids: await idsOf(sim), view: await viewOf(sim, duck), latest: latest(sim) };
  assert.equal(both.latest, 'two');
  assert.equal((await withdraw(sim, 'two')).status, 'Withdrawn');
  await checkTables(sim.store, ['club']);
  const one = { ids: await idsOf(sim), view: await viewOf(sim, duck), latest: latest(sim) };
  assert.equal(one.latest, 'one');
  assert.ok(one.view.length > 0 && one.view.length < both.view.length, `${one.view.length} of ${both.view.length}`);
  for (const t of [0, 1]) {
    const [now, before] = [goods(one.ids[t]), goods(both.ids[t])];
    assert.ok(now.length > 0 && now.length < before.length, `table ${t}: ${now.length} of ${before.length} rows`);
  }
  // When its files are gone, nobody misses them.
  await sweepAfter(sim, 8 * 24);
  assert.deepEqual(
    sim.store.names('published').filter((name) => /\/two-\d+(-known)?\.parquet$/.test(name)),
    [],
  );
  assert.deepEqual([await idsOf(sim), await viewOf(sim, duck)], [one.ids, one.view]);
  assert.equal((await withdraw(sim, 'one')).status, 'Withdrawn');
  assert.deepEqual([await idsOf(sim), await viewOf(sim, duck), latest(sim)], [[[], []], [], undefined]);
  await checkWorld(sim, { swept: false });
}

export const verdicts: Record<string, (sim: Sim) => Verdict> = {
  dies: () => 'die',
  refused: () => new OrdinalError('StorageFailed', 'refused'),
  ended: (sim) => {
    sim.host.end('two~withdraw', 'ended by an operator');
    return 'hold';
  },
};

/** A withdrawal that is struck when it comes to a place: the sweep brings everything up to date. */
export async function struck(point: string, nth: number, verdict: (sim: Sim) => Verdict): Promise<Sim> {
  const sim = await clubOfTwo();
  let seen = 0;
  sim.onPoint = (at, { instance }) =>
    instance === 'two~withdraw' && at.point === point && ++seen === nth ? verdict(sim) : 'pass';
  await withdraw(sim, 'two');
  assert.ok(seen >= nth, `the withdrawal came to ${point}`);
  sim.onPoint = () => 'pass';
  sim.resume();
  await sim.settle();
  await sweepAfter(sim, 2);
  const state = await asked(sim, 'runs/two/withdrawal');
  assert.equal(state.status, 'Withdrawn', JSON.stringify(state));
  assert.equal(latest(sim), 'one');
  // The next run takes the leases that a withdrawal that was ended still holds.
  const next = await sim.run('next', 'club');
  await sim.settle();
  assert.equal(next.status, 'Completed', next.error);
  await checkWorld(sim, { swept: false });
  return sim;
}

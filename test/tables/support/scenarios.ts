/** Short lives with tables, which a planted bug must not survive: each throws when a guarantee is broken. */
import assert from 'node:assert/strict';
import { OrdinalError } from '../../../src/errors.ts';
import { checkWorld } from '../../run/support/check.ts';
import { someRows, tablePipelines, upload } from '../../run/support/shop.ts';
import { mulberry32, Sim, type Verdict } from '../../run/support/sim.ts';
import type { MemoryStore } from '../../support/memory-store.ts';
import { checkTables, checkTablesOf } from './check-tables.ts';
import { readTables } from './delta-reader.ts';

/** A world with the sources of three runs of the club. */
export async function tableWorld(seed = 7): Promise<Sim> {
  const sim = new Sim(tablePipelines, { seed });
  const random = mulberry32(seed + 40);
  for (const id of ['before', 'a', 'next'])
    await upload(sim, `club/${id}/`, [someRows(random, 6, 8), someRows(random, 4, 8)]);
  return sim;
}

async function done(sim: Sim, id: string): Promise<void> {
  const run = await sim.run(id, 'club', `club/${id}/`);
  await sim.settle();
  assert.equal(run.status, 'Completed', run.error);
}

/** What happens at a place of run `a`, the `nth` time that it comes there; the next run makes up for it. */
export async function struck(point: string, nth: number, verdict: (sim: Sim) => Verdict): Promise<void> {
  await checkTables(await worldOf(point, nth, verdict), ['club']);
}

/** The commits of two runs are refused for good; the next run makes up for both. */
export async function leftUndone(): Promise<void> {
  const sim = await tableWorld();
  await done(sim, 'before');
  sim.onPoint = ({ point }) =>
    point === 'tableLog:write:before' ? new OrdinalError('StorageFailed', 'refused') : 'pass';
  for (const id of ['a', 'next']) await done(sim, id);
  sim.onPoint = () => 'pass';
  await upload(sim, 'club/last/', [someRows(mulberry32(1), 4, 8)]);
  await done(sim, 'last');
  await checkTables(sim.store, ['club']);
}

/** The world of a run that was struck, with what came after it. */
async function worldOf(point: string, nth: number, verdict: (sim: Sim) => Verdict): Promise<MemoryStore> {
  const sim = await tableWorld();
  await done(sim, 'before');
  let seen = 0;
  sim.onPoint = (at, { instance }) =>
    instance === 'a' && at.point === point && ++seen === nth ? verdict(sim) : 'pass';
  await sim.run('a', 'club', 'club/a/');
  await sim.settle();
  sim.onPoint = () => 'pass';
  await done(sim, 'next');
  sim.resume();
  await sim.settle();
  assert.ok(seen >= nth, `run a came to ${point}`);
  await checkWorld(sim, { swept: false });
  return sim.store;
}

/** Some ways of being struck at each of these places. */
export async function struckAnywhere(
  places: readonly (readonly [point: string, nth: number])[],
  waysAt: (place: number) => readonly ((sim: Sim) => Verdict)[],
): Promise<void> {
  const worlds: MemoryStore[] = [];
  for (const [p, [point, nth]] of places.entries()) {
    for (const verdict of waysAt(p)) worlds.push(await worldOf(point, nth, verdict));
  }
  await checkTablesOf(worlds, ['club']);
}

/** The ways in which a run is struck. */
export const verdicts: Record<string, (sim: Sim) => Verdict> = {
  dies: () => 'die',
  refused: () => new OrdinalError('StorageFailed', 'refused'),
  ended: (sim) => {
    sim.terminate('a');
    return 'hold';
  },
};

/** Runs side by side, each of which commits to every table, while requests fail, hang and are done twice. */
export async function sideBySide(seed: number): Promise<void> {
  const sim = new Sim(tablePipelines, { seed, chaos: { die: 0.01, duplicate: 0.1, slow: 0.03, storage: 0.01 } });
  const random = mulberry32(seed);
  for (let round = 0; round < 2; round++) {
    for (const [pipeline, id] of [
      ['club', 'c'],
      ['shop', 's'],
      ['shop', 't'],
    ] as const) {
      await upload(sim, `${pipeline}/${id}${round}/`, [someRows(random, 6, 9)]);
      sim.startRun(`${id}${round}`, pipeline, `${pipeline}/${id}${round}/`);
    }
    await sim.settle();
  }
  // Whatever was left undone is made up by the next.
  Object.assign(sim.chaos, { die: 0, duplicate: 0, slow: 0, storage: 0 });
  for (const pipeline of ['club', 'shop']) {
    await upload(sim, `${pipeline}/end/`, [someRows(random, 3, 9)]);
    await sim.run(`end-${pipeline}`, pipeline, `${pipeline}/end/`);
    await sim.settle();
  }
  await checkWorld(sim, { swept: false });
  await checkTables(sim.store);
}

/** Conditions on a column, by which an engine leaves files out, find the rows that they should. */
export async function prunes(): Promise<void> {
  const sim = await tableWorld();
  for (const id of ['before', 'a', 'next']) await done(sim, id);
  const quantity = { name: 'quantity', type: { physical: 'INT32' } } as const;
  const id = { name: 'few_id', type: { physical: 'INT64' } } as const;
  const name = { name: 'name', type: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } } } as const;
  const good = { name: 'good_id', type: { physical: 'INT64' } } as const;
  const tables = [
    { folder: 'club/few', columns: [id, quantity] },
    { folder: 'club/goods', columns: [good, name] },
  ];
  const whole = await readTables(sim.store, tables);
  for (const [t, table] of tables.entries()) {
    const rows = whole[t]!;
    assert.ok(Array.isArray(rows) && rows.length > 4, String(rows));
    const conditions = table.columns.flatMap(({ name: column }, c) =>
      [...new Set(rows.map((row) => row[c]!))].map((value) => ({ column, c, value })),
    );
    const asked = conditions.map(({ column, value }) => ({ ...table, where: `${column} = '${value}'` }));
    const found = await readTables(sim.store, asked);
    for (const [i, { column, c, value }] of conditions.entries()) {
      const wanted: (string | null)[][] = rows.filter((row) => row[c] === value);
      assert.deepEqual(found[i], wanted, `${table.folder}: ${column} = ${value}`);
    }
  }
}

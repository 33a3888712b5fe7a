/**
 * Keys that earlier runs have numbered: all seen ones published again, changes of their attributes reported once, and
 * descriptions that come after a reference published once.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../src/upkeep/orchestrations.ts';
import { checkWorld } from './support/check.ts';
import { readRows } from './support/published.ts';
import { type ShopRow, shopPipelines, someRows, upload } from './support/shop.ts';
import { mulberry32, Sim, type Verdict } from './support/sim.ts';

const orchestrators = { [REBUILD_ORCHESTRATION]: rebuildOrchestrator };
const row = (customer: string, product: string, quantity: number): ShopRow => ({ customer, product, quantity });

async function ran(sim: Sim, pipeline: string, runId: string, files: ShopRow[][]): Promise<void> {
  await upload(sim, `${pipeline}/${runId}/`, files);
  const run = await sim.run(runId, pipeline, `${pipeline}/${runId}/`);
  await sim.settle();
  assert.equal(run.status, 'Completed', run.error);
}

const club = (sim: Sim, runId: string, files: ShopRow[][]) => ran(sim, 'club', runId, files);

/** What a run of `web` published of people: new ones, late descriptions, and how many nothing has described. */
async function people(sim: Sim, runId: string) {
  const { manifest, rows } = (await checkWorld(sim, { quiet: false })).get(runId)!;
  const { changes, keys } = manifest.entities.find(({ entity }) => entity === 'people')!;
  const told = (
    await Promise.all(changes!.files.map(({ blob }) => readRows(sim.store.bytes('published', blob))))
  ).flat();
  assert.ok(changes!.files.every(({ blob }) => blob.startsWith('web/_changes/people/')));
  return {
    fresh: rows.people!.map((one) => [one.customer_id, one.name, one.shown]),
    late: told.map((one) => [one.customer_id, one.name, one.shown, one.source_blob, one.source_row]),
    undescribed: keys!.partitions[0]!.undescribed,
  };
}

test('a description that comes after a reference is published in the changes, once; the key keeps its one row', async () => {
  const sim = new Sim(shopPipelines, { orchestrators });
  // A visit names ann; nobody says anything of her.
  await ran(sim, 'web', 'w1', [[row('ann', 'tea', 1), row('bob', 'tea', 2)]]);
  assert.deepEqual(await people(sim, 'w1'), {
    fresh: [
      [1n, 'ann', null],
      [2n, 'bob', 2],
    ],
    late: [],
    undescribed: 1,
  });
  // Her own row, in the second file: the first one of the run counts. What is said of bob later is no description.
  await ran(sim, 'web', 'w2', [
    [row('bob', 'tea', 4)],
    [row('cem', 'oil', 1), row('ann', 'oil', 4), row('ann', 'oil', 2)],
  ]);
  assert.deepEqual(await people(sim, 'w2'), {
    fresh: [[3n, 'cem', null]],
    late: [[1n, 'ann', 4, 'web/w2/0001.parquet', 1n]],
    undescribed: 1,
  });
  await ran(sim, 'web', 'w3', [[row('ann', 'tea', 0), row('bob', 'tea', 0)]]);
  assert.deepEqual(await people(sim, 'w3'), { fresh: [], late: [], undescribed: 1 });
  // A row that says nothing describes nothing; the next one that does is the description.
  await ran(sim, 'web', 'w4', [[row('cem', 'tea', 3), row('cem', 'tea', 2)]]);
  assert.deepEqual(await people(sim, 'w4'), { fresh: [], late: [], undescribed: 1 });
  await ran(sim, 'web', 'w5', [[row('cem', 'tea', 2), row('cem', 'tea', 4)]]);
  assert.deepEqual(await people(sim, 'w5'), {
    fresh: [],
    late: [[3n, 'cem', 2, 'web/w5/0000.parquet', 0n]],
    undescribed: 0,
  });
  // The shop numbers keys of the same index, and says nothing of them: the web describes them in its own datasets.
  await ran(sim, 'shop', 's1', [[row('dan', 'tea', 1)]]);
  await ran(sim, 'web', 'w6', [[row('dan', 'tea', 2)]]);
  assert.deepEqual(await people(sim, 'w6'), {
    fresh: [],
    late: [[4n, 'dan', 2, 'web/w6/0000.parquet', 0n]],
    undescribed: 0,
  });
});

test('who has been described is known after a rebuild of the index', async () => {
  const sim = new Sim(shopPipelines, { seed: 11, orchestrators });
  const random = mulberry32(8);
  for (let run = 0; run < 12; run++) {
    await ran(sim, run % 3 === 0 ? 'shop' : 'web', `r${run}`, [someRows(random, 12, 300), someRows(random, 9, 300)]);
  }
  await checkWorld(sim);
  const head = () => JSON.parse(Buffer.from(sim.store.bytes('ordinal', headName)).toString());
  let headName = 'keys/customers/1/000/head.json';
  const before = head().described['web.people'];
  assert.ok(before.keys > 20, 'many people were described');
  for (const name of sim.store.names('ordinal', 'keys/')) await sim.store.remove('ordinal', name);
  const instance = sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'customers' });
  await sim.settle();
  assert.equal((instance.output as { ok: boolean }).ok, true, JSON.stringify(instance.output));
  headName = 'keys/customers/1/000/head.json';
  assert.equal(head().described['web.people'].keys, before.keys);
  for (let run = 0; run < 4; run++) await ran(sim, 'web', `later${run}`, [someRows(random, 40, 300)]);
  await checkWorld(sim, { quiet: false });
});

test('a change is reported once, with the last row of the run; undone within a run, it is none', async () => {
  const sim = new Sim(shopPipelines, { orchestrators });
  const changesOf = async (runId: string, entity: string) => {
    const { manifest } = (await checkWorld(sim, { quiet: false })).get(runId)!;
    const files = manifest.entities.find((one) => one.entity === entity)!.changes!.files;
    return (await Promise.all(files.map(({ blob }) => readRows(sim.store.bytes('published', blob))))).flat();
  };
  // The key's first row is published; what a later row of the same run says is a change already.
  await club(sim, 'r1', [[row('ann', 'tea', 1), row('bob', 'oil', 3)], [row('ann', 'tea', 2)]]);
  assert.deepEqual(
    (await changesOf('r1', 'goods')).map(({ name, quantity }) => [name, quantity]),
    [['tea', 2]],
  );
  await club(sim, 'r2', [[row('ann', 'tea', 2), row('bob', 'oil', 3)]]);
  assert.deepEqual(await changesOf('r2', 'goods'), []);
  await club(sim, 'r3', [[row('ann', 'tea', 0), row('ann', 'tea', 2)], [row('cem', 'oil', 3)]]);
  const [oil, ...more] = await changesOf('r3', 'goods');
  assert.deepEqual([oil!.name, oil!.source_blob, oil!.source_row, more], ['oil', 'club/r3/0001.parquet', 0n, []]);
  // Nobody described dan before: what is said of him now is a change from nothing.
  await club(sim, 'r4', [[row('dan', 'tea', 4)]]);
  assert.deepEqual(await changesOf('r4', 'members'), []);
  await club(sim, 'r5', [[row('dan', 'tea', 2)]]);
  assert.deepEqual(
    (await changesOf('r5', 'members')).map(({ name, favourite, note }) => [name, favourite, note]),
    [['dan', 'tea', '2 tea']],
  );
});

test('many runs: segments of digests are merged, and rebuilt when they are lost', async () => {
  const sim = new Sim(shopPipelines, { seed: 7, orchestrators });
  for (let run = 0; run < 18; run++) {
    await club(sim, `r${run}`, [someRows(() => sim.random(), 5, 8 + run), someRows(() => sim.random(), 3, 8 + run)]);
  }
  const merged = sim.store.names('ordinal', 'keys/').filter((name) => /attributes\/club\.\w+\/merged-/.test(name));
  assert.ok(merged.length > 0, 'there were merges');
  await checkWorld(sim);
  for (const name of sim.store.names('ordinal', 'keys/')) await sim.store.remove('ordinal', name);
  for (const index of ['customers', 'club.goods']) {
    const instance = sim.start(`rebuild-${index}`, REBUILD_ORCHESTRATION, { index });
    await sim.settle();
    assert.equal((instance.output as { ok: boolean }).ok, true, JSON.stringify(instance.output));
  }
  // What has not changed since is no change after the rebuild either: the oracle sees to it.
  for (let run = 0; run < 3; run++) await club(sim, `later${run}`, [someRows(() => sim.random(), 12, 26)]);
  await checkWorld(sim, { quiet: false });
});

test('a run that dies between its publication and the head, or anywhere near: what it said counts, or nothing of it', async () => {
  const points = ['keyDelta:write', 'keyIndex:write', 'part:commit', 'manifest:write'].flatMap((point) => [
    `${point}:before`,
    `${point}:after`,
  ]);
  const verdicts: ((sim: Sim) => Verdict)[] = [
    () => 'die',
    () => new OrdinalError('StorageFailed', 'refused'),
    (sim) => {
      sim.terminate('a');
      return 'hold';
    },
  ];
  for (const point of points) {
    for (const verdict of verdicts) {
      const sim = new Sim(shopPipelines, { seed: 9 });
      const random = mulberry32(4);
      await club(sim, 'before', [someRows(random, 8, 6)]);
      await upload(sim, 'club/a/', [someRows(random, 6, 8), someRows(random, 3, 8)]);
      let seen = 0;
      sim.onPoint = (at, { instance }) =>
        instance === 'a' && at.point === point && ++seen === 2 ? verdict(sim) : 'pass';
      await sim.run('a', 'club', 'club/a/');
      await sim.settle();
      sim.onPoint = () => 'pass';
      await club(sim, 'next', [someRows(random, 8, 8)]);
      sim.resume();
      await sim.settle();
      await club(sim, 'last', [someRows(random, 8, 8)]);
      await checkWorld(sim, { swept: false });
    }
  }
});

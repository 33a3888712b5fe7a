/**
 * Unknown members: the ID that stands for a missing key, and its one row over all runs and pipelines that share a key index,
 * whatever dies on the way.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { z } from 'zod';
import type { Manifest } from '../../src/documents/manifest.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { OrdinalError } from '../../src/errors.ts';
import { pipeline, registerPipelines, sharedIndex, type } from '../../src/pipeline/index.ts';
import type { RefSettings } from '../../src/pipeline/words.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../src/upkeep/orchestrations.ts';
import { readKeyBook, verifyRun } from '../../src/verify/verify.ts';
import { checkByVerify, checkWorld } from './support/check.ts';
import { readPublished } from './support/published.ts';
import { type ShopRow, shopPipelines, someRows, upload } from './support/shop.ts';
import { mulberry32, Sim, type Verdict } from './support/sim.ts';

const orchestrators = { [REBUILD_ORCHESTRATION]: rebuildOrchestrator };
const row = (customer: string, product: string, quantity: number): ShopRow => ({ customer, product, quantity });

/** Orders of customers and of payers; a customer "-" is missing, and so is a product "-". */
const desk = (name: string, missing: { customer?: RefSettings; payer?: RefSettings }) =>
  pipeline({
    name,
    source: { container: 'landing', prefix: `${name}/` },
    row: z.object({ customer: z.string(), product: z.string(), quantity: z.int() }),
    entities: ({ id, ref, map, first, constant }) => {
      const named = map('customer', (given) => (given === '-' ? null : given), type.string);
      const payer = map('product', (given) => (given === '-' ? null : given), type.string);
      return {
        people: {
          kind: 'keyed',
          id: id('person_id'),
          key: { name: named },
          index: sharedIndex('people'),
          columns: { spent: first('quantity'), desk: constant(name, type.string) },
        },
        orders: {
          kind: 'rows',
          id: id('order_id'),
          columns: {
            person_id: ref('people', { name: named }, missing.customer),
            payer_id: ref('people', { name: payer }, missing.payer),
          },
        },
      };
    },
  });

async function ran(sim: Sim, runId: string, pipeline: string, files: ShopRow[][]): Promise<void> {
  await upload(sim, `${pipeline}/${runId}/`, files);
  const run = await sim.run(runId, pipeline, `${pipeline}/${runId}/`);
  await sim.settle();
  assert.equal(run.status, 'Completed', run.error);
}

/** By run: the rows of unknown members that it published. */
async function membersBy(sim: Sim, entity = 'people') {
  const published = await readPublished(sim.store);
  return Object.fromEntries([...published].map(([runId, { members }]) => [runId, members[entity]]));
}

describe('an unknown member', () => {
  test('has one row, from the first run on; a reference has its ID where the key is missing', async () => {
    const zero = { missing: 0 };
    const south = desk('south', { customer: zero, payer: { missing: -7n } });
    const both = registerPipelines([desk('north', { customer: zero }), south]);
    const sim = new Sim(both, { orchestrators });
    // No key is missing in the first run; and nothing but missing keys is in the second.
    await ran(sim, 'n1', 'north', [[row('ann', 'bob', 1)]]);
    await ran(sim, 's1', 'south', [[row('-', '-', 1), row('-', '-', 2)]]);
    await ran(sim, 's2', 'south', [[row('ann', '-', 1), row('-', 'cem', 2), row('dan', 'dan', 2)]]);
    const member = { name: null, spent: null };
    assert.deepEqual(await membersBy(sim), {
      n1: [{ person_id: 0n, ...member, desk: 'north' }],
      s1: [{ person_id: -7n, ...member, desk: 'south' }],
      s2: [],
    });
    const orders = (await readPublished(sim.store)).get('s2')!.rows.orders!;
    assert.deepEqual(
      orders.map(({ person_id, payer_id }) => [person_id, payer_id]),
      [
        [1n, -7n],
        [0n, 3n],
        [4n, 4n],
      ],
    );
    const files = sim.store.names('published', 'south/people/').filter((name) => name.endsWith('.parquet'));
    assert.deepEqual(files, ['south/people/s1-00000-unknown.parquet', 'south/people/s2-00000.parquet']);
    await checkByVerify(sim);

    // All of it is in the manifests: a rebuilt index knows which members are there.
    for (const name of sim.store.names('ordinal', 'keys/')) await sim.store.remove('ordinal', name);
    const instance = sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'people' });
    await sim.settle();
    assert.equal((instance.output as { ok: boolean }).ok, true, JSON.stringify(instance.output));
    await ran(sim, 's3', 'south', [[row('-', '-', 1)]]);
    assert.deepEqual((await membersBy(sim)).s3, []);
    await checkByVerify(sim);
  });

  test('that a pipeline asks for later comes with its next run', async () => {
    const before = new Sim(registerPipelines([desk('north', {})]));
    await ran(before, 'n1', 'north', [[row('-', 'bob', 1)]]);
    assert.deepEqual(await membersBy(before), { n1: [] });
    assert.equal((await readPublished(before.store)).get('n1')!.rows.orders![0]!.person_id, null);
    const after = new Sim(registerPipelines([desk('north', { customer: { missing: -1 } })]), { store: before.store });
    for (const [etag, bytes] of before.sources) after.sources.set(etag, bytes);
    // Sequences and leases live in the host, and this one is new.
    for (const [id, state] of before.entities) after.entities.set(id, state);
    await ran(after, 'n2', 'north', [[row('-', 'bob', 1)]]);
    assert.deepEqual(
      (await membersBy(after)).n2!.map(({ person_id }) => person_id),
      [-1n],
    );
    assert.equal((await readPublished(after.store)).get('n2')!.rows.orders![0]!.person_id, -1n);
  });

  test('that is not there, is there twice, or is of an ID that was given, is found by verify', async () => {
    const sim = new Sim(registerPipelines([desk('north', { customer: { missing: 0 } })]));
    await ran(sim, 'n1', 'north', [[row('-', 'bob', 1)]]);
    await ran(sim, 'n2', 'north', [[row('-', 'cem', 1)]]);
    const sound = await publishedManifests(sim.environments[0]!);
    /** What verify says of both runs, when the manifests are others. */
    const findings = async (
      change: (first: Manifest['entities'][number], second: Manifest['entities'][number]) => void,
    ) => {
      const all = structuredClone(sound);
      const people = all.map(({ entities }) => entities.find(({ entity }) => entity === 'people')!);
      change(people[0]!, people[1]!);
      const environment = sim.environments[0]!;
      const book = await readKeyBook(environment, all);
      const reports = await Promise.all(all.map((one) => verifyRun(environment, one, all, book, { source: false })));
      return reports.map((report) => report.findings.join('; '));
    };
    assert.deepEqual(await findings(() => {}), ['', '']);
    const gone = await findings((first) => {
      delete first.unknown;
      delete first.keys!.partitions[0]!.unknown;
    });
    for (const text of gone) {
      assert.match(text, /people: the unknown member 0 has no row/);
      assert.match(text, /person_id 0 is not an ID of people/);
    }
    const twice = await findings((first, second) => {
      second.keys!.partitions[0]!.unknown = ['0'];
      second.unknown = first.unknown!;
    });
    for (const text of twice) assert.match(text, /people: the unknown member 0 was published 2 times/);
    const [given] = await findings((first) => {
      first.keys!.partitions[0]!.unknown = ['1'];
    });
    assert.match(given!, /the unknown member has ID 1, which run n1 gave to a row/);
    assert.match(given!, /-unknown\.parquet: row 0, person_id is 0, but 1 for a member/);
  });

  test('is published once, whatever its run dies of, by either way', async () => {
    const points = ['keyIndex:write', 'part:commit', 'manifest:write'];
    const verdicts: ((sim: Sim) => Verdict)[] = [
      () => 'die',
      () => new OrdinalError('StorageFailed', 'refused'),
      (sim) => {
        sim.terminate('a');
        return 'hold';
      },
    ];
    let struck = 0;
    for (const short of [false, true]) {
      for (const point of points.flatMap((one) => [`${one}:before`, `${one}:after`])) {
        for (const verdict of verdicts) {
          const sim = new Sim(shopPipelines, { seed: 9, short });
          const random = mulberry32(4);
          await upload(sim, 'club/a/', [someRows(random, 6, 8), someRows(random, 3, 8)]);
          let done = false;
          sim.onPoint = (at, { instance }) => {
            if (done || instance !== 'a' || at.point !== point) return 'pass';
            done = true;
            struck++;
            return verdict(sim);
          };
          await sim.run('a', 'club', 'club/a/');
          await sim.settle();
          sim.onPoint = () => 'pass';
          await ran(sim, 'next', 'club', [someRows(random, 8, 8)]);
          sim.resume();
          await sim.settle();
          await checkWorld(sim, { swept: false, verify: verdict === verdicts[0] });
        }
      }
    }
    assert.ok(struck > 25, `${struck} runs were struck`);
  });
});

/**
 * Views of current rows, read by DuckDB: the rows of all pipelines that share a key index, with their changes laid over
 * them, after several runs, kills and runs side by side. What they must show is computed from the sources alone.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { type Manifest, manifestSchema } from '../../src/documents/documents.ts';
import { inOrderOfPublication } from '../../src/documents/manifests.ts';
import { currentRows } from '../../src/tables/current-rows.ts';
import { currentRowsSql } from '../../src/tables/sql.ts';
import { addressesAt } from '../../src/tables/sql-dialects.ts';
import { readSharers } from '../../src/tables/write-views.ts';
import { Duck, type Row } from '../../tools/duckdb.ts';
import { checkWorld } from '../run/support/check.ts';
import { readRows } from '../run/support/published.ts';
import { type ShopRow, shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { mulberry32, Sim } from '../run/support/sim.ts';
import { copyOut } from './support/published-folder.ts';

let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
});
afterAll(() => duck.close());

const row = (customer: string, product: string, quantity: number): ShopRow => ({ customer, product, quantity });

async function run(sim: Sim, runId: string, pipeline: string, files: ShopRow[][]): Promise<void> {
  await upload(sim, `${pipeline}/${runId}/`, files);
  const instance = await sim.run(runId, pipeline, `${pipeline}/${runId}/`);
  await sim.settle();
  assert.equal(instance.status, 'Completed', instance.error);
}

/** The view of an entity as the command prints it, for copies of the files in a folder. */
async function sqlOf(sim: Sim, folder: string, pipeline: string, entity: string, asOf?: string): Promise<string> {
  const environment = sim.environments[0]!;
  const sharing = await readSharers(environment, shopPipelines.get(pipeline)!, { write: false });
  return currentRowsSql('duckdb', currentRows(sharing, entity, asOf), addressesAt('duckdb', folder), asOf);
}

async function currentOf(sim: Sim, pipeline: string, entity: string, asOf?: string): Promise<Row[]> {
  const { folder, remove } = copyOut(sim.store);
  try {
    await duck.run(await sqlOf(sim, folder, pipeline, entity, asOf));
    const rows = await duck.rows(`SELECT * FROM "${entity}"`);
    return rows.toSorted((a, b) => Number(Object.values(a)[0]) - Number(Object.values(b)[0]));
  } finally {
    remove();
  }
}

test('rows of all pipelines that share an index, with their changes, are one statement', async () => {
  const sim = new Sim(shopPipelines, { seed: 3 });
  await run(sim, 'r1', 'club', [[row('ann', 'tea', 1), row('bob', 'oil', 3)]]);
  await run(sim, 'r2', 'shop', [[row('ann', 'tea', 1), row('cem', 'tea', 9)]]);
  await run(sim, 'r3', 'club', [[row('ann', 'oil', 2), row('dan', 'tea', 1)]]);
  await run(sim, 'r4', 'club', [[row('ann', 'rye', 3)]]);
  const members = async (asOf?: string) =>
    (await currentOf(sim, 'club', 'members', asOf)).map(({ customer_id, name, favourite, note }) => [
      Number(customer_id),
      name,
      favourite,
      note,
    ]);
  const now = await members();
  assert.deepEqual(now, [
    [1, 'ann', 'rye', '3 rye'],
    [2, 'bob', 'oil', '3 oil'],
    // Numbered by the shop, which says nothing more of its customers.
    [3, 'cem', null, null],
    [4, 'dan', 'tea', null],
  ]);
  assert.deepEqual((await members('r3'))[0], [1, 'ann', 'oil', '2 oil']);
  assert.deepEqual(await members('r1'), [
    [1, 'ann', 'tea', null],
    [2, 'bob', 'oil', '3 oil'],
  ]);
  // The other side of the index has the same rows, and what the club says of them.
  const customers = await currentOf(sim, 'shop', 'customers');
  assert.deepEqual(
    customers.map(({ customer_id, name, favourite }) => [Number(customer_id), name, favourite]),
    now.map(([id, name, favourite]) => [id, name, favourite]),
  );
  await assert.rejects(members('r9'), { code: 'UnknownRun' });
});

test('each publication writes the statements, also those of other pipelines, and a pointer to its manifest', async () => {
  const sim = new Sim(shopPipelines, { seed: 4 });
  await run(sim, 'r1', 'shop', [[row('ann', 'tea', 1)]]);
  await run(sim, 'r2', 'club', [[row('bob', 'oil', 3)]]);
  const text = (name: string) => Buffer.from(sim.store.bytes('published', name)).toString();
  for (const engine of ['', '.synapse', '.spark']) {
    const sql = text(`shop/_current/customers${engine}.sql`);
    assert.match(sql, /shop\/customers\/r1-00000\.parquet/);
    assert.match(sql, /club\/members\/r2-00000\.parquet/);
    assert.match(text(`club/_current/members${engine}.sql`), /r1-00000\.parquet/);
  }
  assert.match(text('shop/_current/orders.sql'), /shop\/orders\/r1-00000\.parquet/);
  const latest = JSON.parse(text('shop/_latest.json'));
  assert.deepEqual([latest.runId, latest.manifest], ['r1', 'shop/_manifests/r1.json']);
  const manifest = manifestSchema.parse(JSON.parse(text(latest.manifest)));
  const { keys } = manifest.entities.find(({ entity }) => entity === 'customers')!;
  assert.equal(keys!.index, 'customers');
  assert.deepEqual(
    keys!.sharedBy!.map(({ pipeline, entity, prefix }) => [pipeline, entity, prefix]),
    [
      ['web', 'people', 'web/'],
      ['club', 'members', 'club/'],
    ],
  );
  await checkWorld(sim);
});

test('an entity of which nothing was published yet is an empty view', async () => {
  const sim = new Sim(shopPipelines, { seed: 4 });
  await run(sim, 'r1', 'shop', [[row('ann', 'tea', 1)]]);
  assert.deepEqual(await currentOf(sim, 'club', 'goods'), []);
});

/** By member: what the club's sources said of it last, in the order in which its runs published. */
async function lastWords(sim: Sim, manifests: Manifest[]): Promise<Map<string, unknown[]>> {
  const said = new Map<string, unknown[]>();
  for (const { pipeline, inputs } of inOrderOfPublication(manifests)) {
    if (pipeline !== 'club') continue;
    for (const { etag } of inputs) {
      for (const { customer, product, quantity } of await readRows(sim.sources.get(etag)!)) {
        if (Number(quantity) >= 4) continue;
        said.set(customer as string, [product, Number(quantity) > 1 ? `${quantity} ${product}` : null]);
      }
    }
  }
  return said;
}

test('whatever dies or runs beside it, a view shows what manifests name, and the newest word on each key', async () => {
  const random = mulberry32(11);
  for (let seed = 1; seed <= 6; seed++) {
    const sim = new Sim(shopPipelines, { seed, chaos: { die: 0.01 } });
    for (let round = 0; round < 4; round++) {
      const ids = [`a${round}`, `b${round}`];
      for (const [i, id] of ids.entries()) {
        const pipeline = i === 0 ? 'club' : 'shop';
        await upload(sim, `${pipeline}/${id}/`, [someRows(random, 7, 10)]);
        sim.startRun(id, pipeline, `${pipeline}/${id}/`);
      }
      await sim.settle();
    }
    const published = await checkWorld(sim, { swept: false });
    const expected = new Map<number, unknown[]>();
    const said = await lastWords(
      sim,
      [...published.values()].map(({ manifest }) => manifest),
    );
    for (const { rows } of published.values()) {
      for (const { customer_id: id, name } of [...(rows.members ?? []), ...(rows.customers ?? [])])
        expected.set(Number(id), [name, ...(said.get(name as string) ?? [null, null])]);
    }
    const shown = await currentOf(sim, 'club', 'members');
    assert.deepEqual(
      shown.map(({ customer_id, name, favourite, note }) => [Number(customer_id), [name, favourite, note]]),
      [...expected].sort(([a], [b]) => a - b),
    );
  }
});

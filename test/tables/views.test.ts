/**
 * Views of current rows, read by DuckDB: the rows of all pipelines that share a key index, with their changes laid over
 * them, after several runs, kills and runs side by side. What they must show is computed from the sources alone.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { type Manifest, manifestSchema } from '../../src/documents/manifest.ts';
import { inOrderOfPublication } from '../../src/documents/manifests.ts';
import { writeTable } from '../../src/parquet/table.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline, registerPipelines, shared, type } from '../../src/pipeline/index.ts';
import { askSql } from '../../src/tables/ask-sql.ts';
import { addressesAt, type Engine } from '../../src/tables/sql-dialects.ts';
import { prepareImport } from '../../src/upkeep/import/prepare.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../src/upkeep/orchestrations.ts';
import { Duck } from '../../tools/duckdb.ts';
import { Engine as Driver } from '../engine/support/drive.ts';
import { Judge } from '../parquet/support/duckdb.ts';
import { checkWorld } from '../run/support/check.ts';
import { importWithBug, type PlantedBug } from '../run/support/planted.ts';
import { readRows } from '../run/support/published.ts';
import { nobody, shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { mulberry32, Sim } from '../run/support/sim.ts';
import { column, text } from '../table-format/support/races.ts';
import { copyOut } from './support/published-folder.ts';
import { currentOf, row, run, sharedRows } from './support/views.ts';

/** `ORDINAL_ENGINE_RUNS` tries more of them. */
const seeds = process.env.ORDINAL_ENGINE_RUNS === undefined ? 2 : 12;

let duck: Duck;
beforeAll(async () => {
  duck = await Duck.open();
});
afterAll(() => duck.close());

test('rows of all pipelines that share an index, with their changes, are one statement', async () => {
  await sharedRows(duck);
});

test('caught: of several changes the oldest counts', async () => {
  const bug: PlantedBug = {
    name: 'of several changes the oldest counts',
    file: 'src/tables/sql.ts',
    find: 'DESC) AS newest',
    replace: 'ASC) AS newest',
  };
  const planted = await importWithBug<typeof import('./support/views.ts')>('test/tables/support/views.ts', bug);
  await assert.rejects(planted.sharedRows(duck), { name: 'AssertionError' });
});

test('each publication writes the statements, also those of other pipelines, and a pointer to its manifest', async () => {
  const sim = new Sim(shopPipelines, { seed: 4 });
  await run(sim, 'r1', 'shop', [[row('ann', 'tea', 1)]]);
  await run(sim, 'r2', 'club', [[row('bob', 'oil', 3)]]);
  const text = (name: string) => Buffer.from(sim.store.bytes('published', name)).toString();
  for (const engine of ['', '.synapse', '.spark']) {
    const sql = text(`shop/_current/customers${engine}.sql`);
    assert.match(sql, /shop\/customers\/r1-00000\.parquet/);
    assert.match(sql, /club\/members\/.*r2-00000\.parquet/);
    assert.match(sql, /r2-00000-unknown\.parquet/);
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
  assert.deepEqual(await currentOf(duck, sim, 'club', 'goods'), []);
});

test('addresses are those by which each engine reads a storage account', () => {
  const address = (engine: Engine, endpoint?: string) => addressesAt(engine, endpoint)('lake', 'shop/a/r-0.parquet');
  const account = 'https://acc.blob.core.windows.net';
  assert.equal(address('duckdb', account), 'az://acc.blob.core.windows.net/lake/shop/a/r-0.parquet');
  assert.equal(address('synapse', `${account}/`), 'https://acc.blob.core.windows.net/lake/shop/a/r-0.parquet');
  assert.equal(address('spark', account), 'abfss://lake@acc.dfs.core.windows.net/shop/a/r-0.parquet');
  const china = 'https://acc.blob.core.chinacloudapi.cn/';
  assert.equal(address('spark', china), 'abfss://lake@acc.dfs.core.chinacloudapi.cn/shop/a/r-0.parquet');
  assert.equal(address('duckdb', '/copies/'), '/copies/lake/shop/a/r-0.parquet');
  assert.equal(address('duckdb'), 'az://lake/shop/a/r-0.parquet');
});

test('files whose columns became wider are one view: each engine is told the widest type', async () => {
  const lines = pipeline({
    name: 'lines',
    source: { container: 'landing', prefix: 'lines/' },
    row: z.object({ n: z.int(), name: z.string(), at: z.bigint() }),
    entities: ({ id }) => ({ lines: { kind: 'rows', id: id('line_id'), columns: { n: 'n', name: 'name', at: 'at' } } }),
  });
  const driver = new Driver(compile(lines));
  for (const [r, physical] of (['INT32', 'INT64'] as const).entries()) {
    const unit = r === 0 ? 'MILLIS' : 'MICROS';
    const file = writeTable([
      column('n', { physical }, [physical === 'INT32' ? 7 : 2n ** 40n]),
      column('name', text, ['x'.repeat(9000)]),
      column('at', { physical: 'INT64', annotation: { kind: 'timestamp', unit, utc: true } }, [
        1_000n * 1000n ** BigInt(r),
      ]),
    ]);
    await driver.upload(`lines/${r}/a.parquet`, file);
    await driver.run(`r${r}`, `lines/${r}/`);
  }
  const { folder, remove } = copyOut(driver.store);
  const asked = (engine: Engine, at?: string) =>
    askSql(driver.environment, { entity: 'lines', engine, ...(at !== undefined && { at }) });
  await duck.run(await asked('duckdb', folder));
  const rows = await duck.rows(
    'SELECT n, length(name) AS letters, epoch_us("at") AS micros FROM lines ORDER BY line_id',
  );
  remove();
  assert.deepEqual(
    rows.map((one) => Object.values(one).map(Number)),
    [
      [7, 9000, 1_000_000],
      [2 ** 40, 9000, 1_000_000],
    ],
  );
  assert.match(
    await asked('synapse'),
    /WITH \(\n {2}\[line_id\] bigint,\n {2}\[n\] bigint,\n {2}\[name\] varchar\(max\) COLLATE \w+,\n {2}\[at\] datetime2\(7\)\n\)/,
  );
  assert.match(
    await asked('spark'),
    /\(\n {2}`line_id` BIGINT,\n {2}`n` BIGINT,\n {2}`name` STRING,\n {2}`at` TIMESTAMP\n\)\nUSING parquet OPTIONS \(path '.*\{r0-00000\.parquet,r1-00000\.parquet\}'\);/,
  );
});

test('imported keys are in the view, with what was said of them since; as of a run those that were there then', async () => {
  const sim = new Sim(shopPipelines, { orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
  const judge = await Judge.open();
  const importKeys = async (name: string, values: string) => {
    const file = judge.put(`${name}.parquet`, await judge.write(`select * from (values ${values}) t(nr, mail)`));
    const request = { index: 'customers', file, columns: { id: 'nr', key: { name: 'mail' } } };
    const { importId, last, sequence } = await prepareImport({ ...sim.environments[0]!, store: sim.store }, request);
    sim.start(name, REBUILD_ORCHESTRATION, { index: 'customers', add: { importId, last, sequence } });
    await sim.settle();
  };
  await importKeys('old', `(700::bigint, 'ann'), (12, 'bob')`);
  await run(sim, 'r1', 'club', [[row('ann', 'tea', 1), row('cem', 'oil', 3)]]);
  await importKeys('older', `(8::bigint, 'eve')`);
  await run(sim, 'r2', 'club', [[row('eve', 'tea', 2)]]);
  judge.close();
  const members = async (asOf?: string) =>
    (await currentOf(duck, sim, 'club', 'members', asOf)).map(({ customer_id, name, favourite }) => [
      Number(customer_id),
      name,
      favourite,
    ]);
  const unknown = [0, null, null];
  assert.deepEqual(await members(), [
    unknown,
    [8, 'eve', 'tea'],
    [12, 'bob', null],
    [700, 'ann', 'tea'],
    [701, 'cem', 'oil'],
  ]);
  assert.deepEqual(await members('r1'), [unknown, [12, 'bob', null], [700, 'ann', 'tea'], [701, 'cem', 'oil']]);
});

test('a column that was renamed goes by its place, or by its name in any case; names may be patterns', async () => {
  const made = (idName: string, name: string) =>
    compile(
      pipeline({
        name: 'people',
        source: { container: 'landing', prefix: 'people/' },
        output: { prefix: "o'brien [x]*?/" },
        row: z.object({ no: z.string(), name: z.string().nullable() }),
        entities: ({ id, first }) => ({
          people: { kind: 'keyed', id: id(idName), key: { no: 'no' }, columns: { [name]: first('name') } },
        }),
      }),
    );
  const driver = new Driver(made('person_id', 'name'));
  for (const [r, renamed] of [made('person_id', 'name'), made('id', 'Name')].entries()) {
    driver.environment = { ...driver.environment, pipelines: new Map([[renamed.name, renamed]]) };
    await driver.upload(
      `people/${r}/a.parquet`,
      writeTable([column('no', text, [`${r}`]), column('name', text, ['n'])]),
    );
    await driver.run(`r${r}`, `people/${r}/`);
  }
  const { folder, remove } = copyOut(driver.store);
  await duck.run(await askSql(driver.environment, { entity: 'people', engine: 'duckdb', at: folder }));
  const rows = await duck.rows('SELECT * FROM people ORDER BY no');
  remove();
  assert.deepEqual(
    rows.map((one) => Object.entries(one).map(([key, value]) => [key, String(value)])),
    [0, 1].map((r) => [
      ['id', `${r + 1}`],
      ['no', `${r}`],
      ['Name', 'n'],
    ]),
  );
});

test('a day without values leaves the types of a view as they are, whatever type its writer chose', async () => {
  const dues = pipeline({
    name: 'dues',
    source: { container: 'landing', prefix: 'dues/' },
    row: z.object({ n: z.int(), due: z.date().nullable(), price: z.string().nullable() }),
    entities: ({ id, ref, first }) => ({
      dues: {
        kind: 'rows',
        id: id('due_id'),
        columns: { n: 'n', due: 'due', price: 'price', day_id: ref('days', { day: 'due' }, { missing: 0 }) },
      },
      days: { kind: 'keyed', id: id('day_id'), key: { day: 'due' }, columns: { price: first('price') } },
    }),
  });
  const driver = new Driver(compile(dues));
  const judge = await Judge.open();
  for (const [r, values] of [
    'null as due, null as price',
    "date '2026-01-02' as due, 1.25::decimal(9, 2) as price",
    'null::timestamp as due, null::uuid as price',
  ].entries()) {
    await driver.upload(`dues/${r}/a.parquet`, await judge.write(`select ${r} as n, ${values}`));
    await driver.run(`r${r}`, `dues/${r}/`);
  }
  judge.close();
  const { folder, remove } = copyOut(driver.store);
  for (const entity of ['dues', 'days'])
    await duck.run(await askSql(driver.environment, { entity, engine: 'duckdb', at: folder }));
  const [shown] = await duck.rows(
    `SELECT list(due::VARCHAR ORDER BY n) AS due, typeof(any_value(due)) AS t, typeof(any_value(price)) AS p,
      (SELECT list(day::VARCHAR ORDER BY day_id) FROM days) AS days FROM dues`,
  );
  remove();
  assert.deepEqual(JSON.parse(JSON.stringify(shown)), {
    due: [null, '2026-01-02', null],
    t: 'DATE',
    p: 'DECIMAL(9,2)',
    days: [null, '2026-01-02'],
  });
  assert.match(await askSql(driver.environment, { entity: 'dues', engine: 'spark' }), /`due` DATE/);
});

test('what a pipeline does not know of a shared entity hides nothing that others say', async () => {
  const customers = shared('customers', {
    id: 'customer_id',
    key: { no: z.string() },
    columns: { name: type.string, city: type.string },
  });
  const feed = (name: string, known: 'name' | 'city') =>
    pipeline({
      name,
      source: { container: 'landing', prefix: `${name}/` },
      row: z.object({ no: z.string(), said: z.string().nullable() }),
      entities: ({ id, first, ref }) => ({
        customers: {
          kind: 'shared',
          entity: customers,
          key: { no: 'no' },
          columns: known === 'name' ? { name: first('said') } : { city: first('said') },
        },
        said: { kind: 'rows', id: id('said_id'), columns: { customer_id: ref('customers', { no: 'no' }) } },
      }),
    });
  const sim = new Sim(registerPipelines([feed('names', 'name'), feed('cities', 'city')]), { seed: 1 });
  await sim.store.ensureContainer('landing');
  for (const [r, [name, no, said]] of [
    ['names', 'a', 'Ann'],
    ['cities', 'a', 'Rome'],
    ['cities', 'b', 'Oslo'],
    ['names', 'b', 'Bob'],
  ].entries()) {
    const bytes = writeTable([column('no', text, [no]), column('said', text, [said])]);
    const { etag } = await sim.store.write('landing', `${name}/${r}/a.parquet`, bytes);
    sim.sources.set(etag, bytes);
    const one = await sim.run(`r${r}`, name!, `${name}/${r}/`);
    await sim.settle();
    assert.equal(one.status, 'Completed', one.error);
  }
  const { folder, remove } = copyOut(sim.store);
  for (const name of ['names', 'cities']) {
    await duck.run(await askSql(sim.environments[0]!, { entity: `${name}.customers`, engine: 'duckdb', at: folder }));
    assert.deepEqual(
      (await duck.rows('SELECT * FROM customers ORDER BY no')).map((one) => Object.values(one).map(String)),
      [
        ['1', 'a', 'Ann', 'Rome'],
        ['2', 'b', 'Bob', 'Oslo'],
      ],
    );
  }
  remove();
});

/** By member: what the club's sources said of it last, in the order in which its runs published. */
async function lastWords(sim: Sim, manifests: Manifest[]): Promise<Map<string, unknown[]>> {
  const said = new Map<string, unknown[]>();
  for (const { pipeline, inputs } of inOrderOfPublication(manifests)) {
    if (pipeline !== 'club') continue;
    for (const { etag } of inputs) {
      for (const { customer, product, quantity } of await readRows(sim.sources.get(etag)!)) {
        if (Number(quantity) >= 4 || customer === nobody) continue;
        said.set(customer as string, [product, Number(quantity) > 1 ? `${quantity} ${product}` : null]);
      }
    }
  }
  return said;
}

test('whatever dies or runs beside it, a view shows what manifests name, and the newest word on each key', async () => {
  const random = mulberry32(11);
  for (let seed = 1; seed <= seeds; seed++) {
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
    const expected = new Map<number, unknown[]>([[0, [null, null, null]]]);
    const said = await lastWords(
      sim,
      [...published.values()].map(({ manifest }) => manifest),
    );
    for (const { rows } of published.values()) {
      for (const { customer_id: id, name } of [...(rows.members ?? []), ...(rows.customers ?? [])])
        expected.set(Number(id), [name, ...(said.get(name as string) ?? [null, null])]);
    }
    const shown = await currentOf(duck, sim, 'club', 'members');
    assert.deepEqual(
      shown.map(({ customer_id, name, favourite, note }) => [Number(customer_id), [name, favourite, note]]),
      [...expected].sort(([a], [b]) => a - b),
    );
  }
});

/**
 * Keys that an older system numbered: they keep their IDs, in any order and with gaps; what contradicts is refused by
 * name, and nothing of it counts; an import counts whole or not at all, may be repeated, and outlives a rebuild. The file
 * is DuckDB's.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, test, vi } from 'vitest';
import { z } from 'zod';
import { publishedImports } from '../../src/documents/imports.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import type { OrdinalError } from '../../src/errors.ts';
import { pipeline, registerPipelines, sharedIndex } from '../../src/pipeline/index.ts';
import type { RefSettings } from '../../src/pipeline/words.ts';
import { prepareImport } from '../../src/upkeep/import/prepare.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../src/upkeep/orchestrations.ts';
import { rebuiltSequence } from '../../src/upkeep/rebuild-sequence.ts';
import { readKeyBook, States, verifyRun } from '../../src/verify/verify.ts';
import { verifyImport } from '../../src/verify/verify-import.ts';
import { Judge } from '../parquet/support/duckdb.ts';
import { readPublished } from '../run/support/published.ts';
import { type ShopRow, shopPipelines, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.open();
});
afterAll(() => judge.close());

const row = (customer: string, product: string, quantity: number): ShopRow => ({ customer, product, quantity });
const world = () => new Sim(shopPipelines, { orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
const environmentOf = (sim: Sim) => ({ ...sim.environments[0]!, store: sim.store });

/** A file of old customers: `select` gives columns `nr` and `mail`. */
async function file(select: string): Promise<string> {
  return judge.put('old.parquet', await judge.write(`select nr::bigint as nr, mail from (${select}) t(nr, mail)`));
}

let tries = 0;
/** The whole import. Gives the orchestration's answer. */
async function imported(sim: Sim, select: string, index = 'customers') {
  const request = { index, file: await file(select), columns: { id: 'nr', key: { name: 'mail' } } };
  const { importId, last, sequence, keys, known } = await prepareImport(environmentOf(sim), request);
  if (last === null) return { ok: true, value: { added: 0, known } };
  const add = { importId, last, sequence };
  const instance = sim.start(`import-${tries++}`, REBUILD_ORCHESTRATION, { index, add });
  await sim.settle();
  assert.ok(keys > 0);
  return instance.output as { ok: boolean; value?: object; error?: { code: string; message: string } };
}

async function ran(sim: Sim, pipeline: string, runId: string, rows: ShopRow[]) {
  await upload(sim, `${pipeline}/${runId}/`, [rows]);
  const run = await sim.run(runId, pipeline, `${pipeline}/${runId}/`);
  await sim.settle();
  assert.equal(run.status, 'Completed', run.error);
  return (await readPublished(sim.store)).get(runId)!;
}

async function withdrawn(sim: Sim, runId: string) {
  void sim.clients.ask('POST', `runs/${runId}/withdraw`);
  await sim.settle();
  let body: object = {};
  void sim.clients.ask('GET', `runs/${runId}/withdrawal`).then((answer) => {
    body = answer!.body;
  });
  await sim.settle();
  return body as { status: string; error?: { message: string } };
}

/** What `verify --all` finds. */
async function findings(sim: Sim): Promise<string[]> {
  const environment = environmentOf(sim);
  const all = await publishedManifests(environment);
  const book = await readKeyBook(environment, all);
  const states = new States(environment, all);
  const found: string[] = [];
  for (const one of book.imports) found.push(...(await verifyImport(environment, one, all, book)).findings);
  for (const manifest of all) {
    const report = await verifyRun(environment, manifest, all, book, { states });
    found.push(...report.findings, ...report.notes);
  }
  return found;
}

const old = `values (700, 'ann'), (12, 'bob'), (3000000000, 'cem')`;

test('imported keys keep their IDs, the sequence goes on above them, and verify finds nothing', async () => {
  const sim = world();
  assert.deepEqual(((await imported(sim, old)).value as { keys: number }).keys, 3);
  const web = await ran(sim, 'web', 'w1', [row('bob', 'tea', 2), row('dan', 'tea', 2), row('ann', 'tea', 4)]);
  assert.deepEqual(
    web.rows.visits!.map(({ customer_id }) => customer_id),
    [12n, 3000000001n, 700n],
  );
  assert.deepEqual(
    web.rows.people!.map(({ customer_id, name }) => [customer_id, name]),
    [[3000000001n, 'dan']],
  );
  // What the own feed says of imported keys is their description.
  const people = web.manifest.entities.find(({ entity }) => entity === 'people')!;
  assert.deepEqual([people.changes!.rows, people.keys!.partitions[0]!.undescribed], [2, 1]);
  assert.deepEqual(await findings(sim), []);
});

test('the same import again changes nothing; a larger one adds what is new', async () => {
  const sim = world();
  await imported(sim, old);
  const names = sim.store.names('ordinal', 'keys/').length;
  assert.deepEqual((await imported(sim, old)).value, { added: 0, known: 3 });
  assert.equal((await publishedImports(environmentOf(sim))).length, 1);
  assert.equal(sim.store.names('ordinal', 'keys/').length, names);
  const more = await imported(sim, `${old}, (5, 'eve')`);
  assert.deepEqual(more.value, { ...more.value, added: 1, keys: 4, next: '3000000001' });
  assert.deepEqual(await findings(sim), []);
});

const wrong: [string, string, RegExp][] = [
  ['a key twice', `values (1, 'x'), (2, 'y'), (3, 'x')`, /key "x" is in rows 0 and 2/],
  [
    'an ID twice',
    `values (1, 'x'), (2, 'y'), (2, 'z')`,
    /ID 2 of key "\w" of row \d and key "\w" of row \d is there twice/,
  ],
  [
    'a key with another ID in the index',
    `values (9, 'ann')`,
    /key "ann" of row 0 has ID 9 here, and ID 700 in the index/,
  ],
  ['an ID of another key', `values (700, 'zoe')`, /ID 700 of key "zoe" of row 0 is that of another key in the index/],
  [
    'an ID that a run has given',
    `values (3000000001, 'zoe')`,
    /ID 3000000001 of key "zoe" of row 0 was given by a run/,
  ],
  ['the ID of the unknown member', `values (0, 'zoe')`, /ID 0 of key "zoe" of row 0 is that of the unknown member/],
  ['a key that is null', `values (1, 'x'), (2, null)`, /row 1 .* column "mail": a key has no null/],
  ['an ID that is null', `values (null, 'x')`, /row 0 .* column "nr": there is no ID/],
  [
    'an ID above which there is none',
    `values (9223372036854775807, 'x')`,
    /ID 9223372036854775807 of key "x" of row 0 leaves sequence "customers" no ID to give/,
  ],
  ['an ID below zero', `values (-1, 'x')`, /-1 is no ID/],
];
for (const [name, select, message] of wrong) {
  test(`refused, and nothing counts: ${name}`, async () => {
    const sim = world();
    await imported(sim, old);
    await ran(sim, 'web', 'w1', [row('dan', 'tea', 2)]);
    const before = sim.store.names('published').filter((blob) => blob.endsWith('.json'));
    await assert.rejects(imported(sim, select), (thrown: OrdinalError) => message.test(thrown.message));
    assert.deepEqual(
      sim.store.names('published').filter((blob) => blob.endsWith('.json')),
      before,
    );
    assert.deepEqual(await findings(sim), []);
  });
}

test("an ID that a withdrawn run has given is nobody else's", async () => {
  const sim = world();
  const { rows } = await ran(sim, 'web', 'w1', [row('dan', 'tea', 2)]);
  const id = rows.people![0]!.customer_id as bigint;
  await withdrawn(sim, 'w1');
  await assert.rejects(imported(sim, `values (${id}, 'zoe')`), /of key "zoe" of row 0 was given by a run/);
  assert.equal((await imported(sim, `values (${id + 1n}, 'zoe')`)).ok, true);
  assert.deepEqual(await findings(sim), []);
});

test('a run is not withdrawn when an import has left out keys that it may have numbered', async () => {
  for (const isKnown of [true, false]) {
    const sim = world();
    const { rows } = await ran(sim, 'web', 'w1', [row('dan', 'tea', 2)]);
    const id = rows.people![0]!.customer_id as bigint;
    await imported(sim, isKnown ? `values (${id}, 'dan'), (900, 'zoe')` : `values (900, 'zoe')`);
    const { status, error } = await withdrawn(sim, 'w1');
    if (isKnown) assert.match(error?.message ?? '', /imported later from "old.parquet", and 1 of its keys were in/);
    else assert.equal(status, 'Withdrawn');
    assert.deepEqual(await findings(sim), []);
  }
});

test('two indexes that draw on one sequence have no imported ID in common', async () => {
  const party = { sequence: 'party' };
  const pipelines = registerPipelines([
    pipeline({
      name: 'firm',
      source: { container: 'landing', prefix: 'firm/' },
      row: z.object({ customer: z.string(), product: z.string() }),
      entities: ({ id }) => ({
        people: { kind: 'keyed', id: id('person_id', party), key: { name: 'customer' }, index: sharedIndex('people') },
        things: { kind: 'keyed', id: id('thing_id', party), key: { name: 'product' }, index: sharedIndex('things') },
      }),
    }),
  ]);
  const sim = new Sim(pipelines, { orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
  assert.equal((await imported(sim, `values (5, 'ann'), (9, 'bob')`, 'people')).ok, true);
  await assert.rejects(
    imported(sim, `values (8, 'tea'), (9, 'oil')`, 'things'),
    /ID 9 of key "oil" of row 1 is that of a key in index "people", which draws on the same sequence/,
  );
  assert.equal((await imported(sim, `values (8, 'tea')`, 'things')).ok, true);
  assert.deepEqual(await findings(sim), []);
  // One that got there all the same is found.
  const [people, things] = await publishedImports(environmentOf(sim));
  const bytes = (await sim.store.read('published', people!.file.blob))!;
  await sim.store.write('published', things!.file.blob, bytes);
  assert.ok((await findings(sim)).some((text) => /ID 5 is that of a key in index "\w+" too/.test(text)));
});

test('an imported file that is damaged is a finding', async () => {
  const sim = world();
  await imported(sim, old);
  const written = (await publishedImports(environmentOf(sim)))[0]!.file;
  await sim.store.write('published', written.blob, Buffer.from('PAR1 and nothing more'));
  const found = await findings(sim);
  assert.ok(
    found.some((text) => text === `${written.blob}: cannot be read`),
    found.join(),
  );
});

test('a preparation that is ended leaves nothing that counts, and no folder', async () => {
  const sim = world();
  const columns = { id: 'nr', key: { name: 'mail' } };
  const request = { index: 'customers', file: await file(old), columns, signal: AbortSignal.abort(new Error('ended')) };
  vi.stubEnv('TMPDIR', judge.directory);
  try {
    await assert.rejects(prepareImport(environmentOf(sim), request), /ended/);
    assert.deepEqual(
      readdirSync(judge.directory).filter((name) => name.startsWith('ordinal-import-')),
      [],
    );
  } finally {
    vi.unstubAllEnvs();
  }
  assert.equal((await imported(sim, old)).ok, true);
  assert.deepEqual(await findings(sim), []);
});

test('an index and a sequence that are rebuilt know what was imported', async () => {
  const sim = world();
  await imported(sim, old);
  await ran(sim, 'web', 'w1', [row('dan', 'tea', 2), row('ann', 'tea', 4)]);
  for (const name of sim.store.names('ordinal', 'keys/')) await sim.store.remove('ordinal', name);
  sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'customers' });
  await sim.settle();
  const web = await ran(sim, 'web', 'w2', [row('cem', 'tea', 2), row('dan', 'tea', 2), row('eve', 'tea', 2)]);
  assert.deepEqual(
    web.rows.visits!.map(({ customer_id }) => customer_id),
    [3000000000n, 3000000001n, 3000000002n],
  );
  assert.deepEqual(await findings(sim), []);
  const environment = environmentOf(sim);
  const { next, free, start, step } = sim.sequence('customers')!;
  const rebuilt = rebuiltSequence(
    'customers',
    { start, step },
    await publishedManifests(environment),
    await publishedImports(environment),
  );
  assert.deepEqual([rebuilt.next, rebuilt.free], [next, free]);
});

test('references to imported keys are known by their keys after a rebuild', async () => {
  const sim = world();
  await imported(sim, old);
  const rows = [row('ann', 'tea', 1), row('cem', 'oil', 4)];
  await ran(sim, 'club', 'c1', rows);
  for (const name of sim.store.names('ordinal', 'keys/')) await sim.store.remove('ordinal', name);
  for (const index of ['customers', 'club.goods']) {
    const instance = sim.start(`rebuild-${index}`, REBUILD_ORCHESTRATION, { index });
    await sim.settle();
    assert.equal((instance.output as { ok: boolean }).ok, true, JSON.stringify(instance.output));
  }
  const { manifest } = await ran(sim, 'club', 'c2', rows);
  const goods = manifest.entities.find(({ entity }) => entity === 'goods')!;
  assert.equal(goods.changes!.rows, 0, 'nothing has changed');
  assert.deepEqual(await findings(sim), []);
});

test('an unknown member that imported keys may have the ID of is refused by the first run', async () => {
  const visits = (missing?: RefSettings) =>
    registerPipelines([
      pipeline({
        name: 'visits',
        source: { container: 'landing', prefix: 'visits/' },
        row: z.object({ customer: z.string() }),
        entities: ({ id, ref }) => ({
          people: { kind: 'keyed', id: id('person_id'), key: { name: z.string() }, index: sharedIndex('customers') },
          visits: {
            kind: 'rows',
            id: id('visit_id'),
            columns: { person_id: ref('people', { name: 'customer' }, missing) },
          },
        }),
      }),
    ]);
  for (const [missing, error] of [
    [0, /^PipelineChanged: the unknown member of "people" would have ID 0, and keys .* have IDs from 0 on/],
    [-1, /^$/],
  ] as const) {
    const before = new Sim(visits(), { orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
    await before.store.ensureContainer('landing');
    assert.equal((await imported(before, `values (0, 'ann'), (9, 'bob')`)).ok, true);
    const after = new Sim(visits({ missing }), { store: before.store });
    for (const [id, state] of before.entities) after.entities.set(id, state);
    await upload(after, 'visits/v1/', [[row('ann', 'tea', 1)]]);
    const run = await after.run('v1', 'visits', 'visits/v1/');
    await after.settle();
    assert.match(run.error ?? '', error);
  }
});

test('an import that dies anywhere counts whole or not at all, and goes through when it is repeated', async () => {
  for (const point of ['keyIndex:write:before', 'keyIndex:write:after', 'other:write:before', 'other:write:after']) {
    const sim = world();
    let struck = 0;
    sim.onPoint = (at, { instance }) =>
      instance?.startsWith('import') && at.point === point && ++struck <= 2 ? 'die' : 'pass';
    await imported(sim, old);
    sim.onPoint = () => 'pass';
    await imported(sim, old);
    const web = await ran(sim, 'web', 'w1', [row('cem', 'tea', 2)]);
    assert.deepEqual(
      web.rows.visits!.map(({ customer_id }) => customer_id),
      [3000000000n],
      point,
    );
    assert.deepEqual(await findings(sim), [], point);
  }
});

test('IDs are whole numbers: a decimal with digits behind the point and a day are refused, others are read', async () => {
  const sim = world();
  const request = async (type: string, value: string) => {
    const bytes = await judge.write(`select ${value}::${type} as nr, 'ann' as mail`);
    return {
      index: 'customers',
      file: await judge.put('old.parquet', bytes),
      columns: { id: 'nr', key: { name: 'mail' } },
    };
  };
  for (const [type, value] of [
    ['decimal(18,2)', '12.00'],
    ['date', `'2026-01-01'`],
    ['timestamp', `'2026-01-01'`],
    ['double', '1'],
    ['varchar', `'1'`],
  ] as const) {
    const refused = prepareImport(environmentOf(sim), await request(type, value));
    await assert.rejects(refused, { code: 'ColumnTypeMismatch' }, type);
  }
  for (const type of ['decimal(18,0)', 'decimal(38,0)', 'integer', 'usmallint', 'ubigint']) {
    const { last } = await prepareImport(environmentOf(sim), await request(type, '12'));
    assert.equal(last, '12', type);
  }
  const refused = prepareImport(environmentOf(sim), await request('decimal(38,0)', '1e30'));
  await assert.rejects(refused, /old.parquet/);
});

test('beside runs, with workers that die and activities that run twice, no key has two IDs', async () => {
  const ends = { counted: 0, refused: 0 };
  for (let seed = 1; seed <= 16; seed++) {
    const sim = new Sim(shopPipelines, {
      seed,
      orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator },
      chaos: { duplicate: 0.15, die: 0.01, slow: 0.1, storage: 0.01 },
    });
    const pick = (count: number) => Math.floor(sim.random() * count);
    await ran(sim, 'web', 'w0', [row('zoe', 'tea', 2)]);
    for (const pipeline of ['web', 'club']) {
      await upload(sim, `${pipeline}/x/`, [[row('ann', 'tea', 1 + pick(4)), row(`new-${pipeline}`, 'oil', 2)]]);
    }
    const runs = ['web', 'club']
      .filter(() => pick(3) > 0)
      .map((pipeline) => sim.startRun(pipeline, pipeline, `${pipeline}/x/`));
    const [before, between] = [pick(150), pick(60)];
    for (let step = 0; step < before; step++) await sim.step();
    const columns = { id: 'nr', key: { name: 'mail' } };
    const request = { index: 'customers', file: await file(old), columns };
    const prepared = await prepareImport(environmentOf(sim), request).catch((thrown: OrdinalError) => thrown);
    for (let step = 0; step < between; step++) await sim.step();
    if ('last' in prepared && prepared.last !== null) {
      const { importId, last, sequence } = prepared;
      const add = { importId, last, sequence };
      const twice = ['import-a', 'import-b'].map((id) =>
        sim.start(id, REBUILD_ORCHESTRATION, { index: 'customers', add }),
      );
      await sim.settle();
      for (const { output } of twice) ends[(output as { ok: boolean }).ok ? 'counted' : 'refused']++;
    }
    await sim.settle();
    for (const run of runs) assert.notEqual(run.status, 'Running', run.error);
    assert.deepEqual(await findings(sim), [], `seed ${seed}`);
  }
  assert.ok(ends.counted > 0 && ends.refused > 0, JSON.stringify(ends));
});

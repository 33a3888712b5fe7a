/**
 * What a keyed entity publishes, run after run: its new keys, the known ones, late descriptions, changes and unknown
 * members. The real activities, over a store in memory; what each run must publish is written out.
 */
import assert from 'node:assert/strict';
import { parquetMetadata } from 'hyparquet';
import { test } from 'vitest';
import { z } from 'zod';
import { readBatch } from '../../src/documents/batch-blob.ts';
import { loadPlan, loadTally } from '../../src/documents/load.ts';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { pipeline, registerPipelines, shared, type } from '../../src/pipeline/index.ts';
import { resolveKeys } from '../../src/resolve/activity.ts';
import { Engine } from '../engine/support/drive.ts';
import { readRows } from '../run/support/published.ts';
import { type ShopRow, shopFile } from '../run/support/shop.ts';
import { withFaults } from '../support/faults.ts';
import { underLimits } from '../support/limits.ts';

const row = z.object({ customer: z.string(), product: z.string(), quantity: z.int() });
const of = (customer: string, product: string, quantity: number): ShopRow => ({ customer, product, quantity });
const person = shared('person', { id: 'person_id', key: { name: z.string() }, columns: { town: type.string } });

/**
 * Goods are published whenever they are seen, and their changes are reported. People are described by rows with a
 * quantity other than 1; of 3 they say nothing. Nobody says anything of payers. A customer "-" is missing.
 */
const all = registerPipelines([
  pipeline({
    name: 'shop',
    source: { container: 'landing', prefix: 'shop/' },
    row,
    entities: ({ id, ref, first, map, constant, where }) => {
      const known = map('customer', (name) => (name === '-' ? null : name), type.string);
      return {
        goods: {
          kind: 'keyed',
          id: id('good_id', { start: 0, step: 5 }),
          key: { name: 'product' },
          publish: 'seen',
          onChange: 'report',
          columns: {
            quantity: first('quantity'),
            // A name that ends as the column of another attribute is named in a key list.
            xvalue_quantity: map('quantity', (quantity) => (quantity === 3 ? null : `${quantity}`), type.string),
            by: ref('people', { name: known }, { missing: -1 }),
            house: constant('ours', type.string),
          },
        },
        people: {
          kind: 'keyed',
          id: id('person_id', { start: 0 }),
          key: { name: known },
          where: where(['quantity'], (quantity) => quantity !== 1),
          columns: { shown: map('quantity', (quantity) => (quantity === 3 ? null : quantity), type.int32) },
        },
        payers: { kind: 'shared', entity: person },
        lines: {
          kind: 'rows',
          id: id('line_id'),
          columns: {
            good_id: ref('goods', { name: 'product' }),
            person_id: ref('people', { name: known }, { missing: -1 }),
            payer_id: ref('payers', { name: 'customer' }),
          },
        },
      };
    },
  }),
  pipeline({
    name: 'town',
    source: { container: 'landing', prefix: 'town/' },
    readers: 'parquetjs-lite',
    row,
    entities: ({ id, ref, first, map }) => {
      const known = map('customer', (name) => (name === '-' ? null : name), type.string);
      return {
        people: { kind: 'keyed', id: id('person_id'), key: { name: known }, columns: { shown: first('quantity') } },
        visits: {
          kind: 'rows',
          id: id('visit_id'),
          columns: { person_id: ref('people', { name: known }, { missing: 0 }) },
        },
      };
    },
  }),
]);
const shop = all.get('shop')!;

/** One run over files of rows, in batches of about four rows. Gives what it published of an entity, row by row as text. */
async function run(engine: Engine, runId: string, files: ShopRow[][]) {
  for (const [f, rows] of files.entries()) await engine.upload(`shop/${runId}/${f}.parquet`, shopFile(rows));
  await engine.run(runId, `shop/${runId}/`);
  const manifest = (await publishedManifests(engine.environment)).find((one) => one.runId === runId)!;
  const read = async (blobs: readonly { blob: string }[] = []) => {
    const rows = await Promise.all(blobs.map(({ blob }) => readRows(engine.store.bytes('published', blob))));
    return rows.flat().map((one) => Object.values(one).map(String).join(' '));
  };
  return async (name: string) => {
    const { files, known, changes, unknown, keys } = manifest.entities.find(({ entity }) => entity === name)!;
    return {
      fresh: await read(files),
      known: await read(known?.files),
      changes: await read(changes?.files),
      unknown: await read(unknown?.files),
      undescribed: keys!.partitions[0]!.undescribed,
    };
  };
}

const nothing = { fresh: [], known: [], changes: [], unknown: [] };

test('new and known keys, late descriptions, changes and the unknown member: each is published once', async () => {
  const engine = new Engine(shop, { batchRows: 4 });
  const first = await run(engine, 'r0', [
    [
      ...[of('-', 'tea', 1), of('ann', 'tea', 2), of('bob', 'oil', 1), of('bob', 'jam', 3)],
      ...[of('cem', 'tea', 3), of('bob', 'oil', 4)],
    ],
  ]);
  assert.deepEqual(await first('goods'), {
    ...nothing,
    fresh: ['0 tea 1 1 -1 ours', '5 oil 1 1 1 ours', '10 jam 3 null 1 ours'],
    // What a later row of the same run says is a change already.
    changes: ['0 tea 3 null 2 ours shop/r0/0.parquet 4 r0 0', '5 oil 4 4 1 ours shop/r0/0.parquet 5 r0 0'],
    undescribed: 0,
  });
  // The first row of bob and of cem says nothing.
  const people = {
    ...nothing,
    fresh: ['0 ann 2', '1 bob null', '2 cem null'],
    unknown: ['-1 null null'],
    undescribed: 2,
  };
  assert.deepEqual(await first('people'), people);
  const payers = { ...nothing, fresh: ['1 - null', '2 ann null', '3 bob null', '4 cem null'], undescribed: undefined };
  assert.deepEqual(await first('payers'), payers);

  const second = await run(engine, 'r1', [
    [of('ann', 'tea', 3), of('bob', 'fig', 2), of('cem', 'fig', 2), of('dan', 'jam', 3), of('cem', 'tea', 0)],
    [of('-', 'jam', 1), of('bob', 'rye', 5)],
  ]);
  assert.deepEqual(await second('goods'), {
    ...nothing,
    fresh: ['15 fig 2 2 1 ours', '20 rye 5 5 1 ours'],
    known: ['0 tea 3 null 0 ours', '10 jam 3 null 3 ours'],
    changes: [
      '0 tea 0 0 2 ours shop/r1/0.parquet 4 r1 1',
      '15 fig 2 2 2 ours shop/r1/0.parquet 2 r1 1',
      '10 jam 1 1 -1 ours shop/r1/1.parquet 0 r1 1',
    ],
    undescribed: 0,
  });
  assert.deepEqual(await second('people'), {
    ...nothing,
    fresh: ['3 dan null'],
    changes: ['1 bob 2 shop/r1/0.parquet 1 r1 1', '2 cem 2 shop/r1/0.parquet 2 r1 1'],
    undescribed: 1,
  });
  assert.deepEqual(await second('payers'), { ...payers, fresh: ['5 dan null'] });

  // Nothing is new, and nothing is said that was not said before: the row of dan, whom nobody has described, says nothing.
  const third = await run(engine, 'r2', [
    [of('-', 'jam', 1), of('bob', 'fig', 1), of('dan', 'fig', 3), of('cem', 'fig', 2)],
  ]);
  const known = ['10 jam 1 1 -1 ours', '15 fig 1 1 1 ours'];
  assert.deepEqual(await third('goods'), { ...nothing, known, undescribed: 0 });
  assert.deepEqual(await third('people'), { ...nothing, undescribed: 1 });
  assert.deepEqual(await third('payers'), { ...payers, fresh: [] });

  // Nobody says anything of the only new key; and of goods none is known, so that nothing is staged of known ones.
  const fourth = await run(engine, 'r3', [[of('eve', 'gin', 1)]]);
  assert.deepEqual(await fourth('people'), { ...nothing, fresh: ['4 eve null'], undescribed: 2 });
  assert.deepEqual(await fourth('goods'), { ...nothing, fresh: ['25 gin 1 1 4 ours'], undescribed: 0 });
  const left = (runId: string) =>
    engine.store.names('work', `runs/${runId}/`).filter((name) => /goods.*known/.test(name));
  assert.equal(left('r2').length > 0, true);
  assert.deepEqual(left('r3'), []);
});

test('key lists are kept for the next reading while they are small, and otherwise read again', async () => {
  const of1 = { runId: 'r', life: 1 };
  const resolved = async (keptKeyListBytesMax: number) => {
    const engine = new Engine(all.get('town')!, { batchRows: 2 });
    await engine.upload('town/0.parquet', shopFile([of('ann', '', 1), of('bob', '', 2)]));
    await engine.upload('town/1.parquet', shopFile([of('bob', '', 3), of('cem', '', 4), of('dan', '', 5)]));
    await engine.run('r');
    let reads = 0;
    const counted = withFaults(engine.store, ({ point }) => {
      if (point === 'split:read:before') reads++;
    });
    engine.environment = { ...engine.environment, store: counted };
    const again = { ...of1, entity: 'people', term: 1 };
    await underLimits({ keptKeyListBytesMax }, () => engine.activity(resolveKeys, again));
    return { reads, engine };
  };
  const { engine } = await resolved(0);
  const planned = await loadPlan(engine.environment, of1);
  const tally = await loadTally(engine.environment, planned);
  const list = async (batch: number) =>
    (await readBatch(engine.environment, planned.pipeline, tally, batch, { keysOf: 'people' })).bytes.byteLength;
  const sizes = [await list(0), await list(1)];
  const both = sizes[0]! + sizes[1]!;
  assert.equal((await resolved(both)).reads, 2);
  assert.equal((await resolved(both - 1)).reads, 3);
  assert.equal((await resolved(Math.min(...sizes) - 1)).reads, 4);
});

test('the row of an unknown member is written for the readers that the pipeline names', async () => {
  const engines = [new Engine(shop), new Engine(all.get('town')!)];
  const encodings: boolean[] = [];
  for (const engine of engines) {
    const { name } = engine.pipeline;
    await engine.upload(`${name}/0.parquet`, shopFile([of('-', 'tea', 1), of('ann', 'tea', 2)]));
    await engine.run('r');
    const { buffer } = engine.store.bytes('published', `${name}/people/r-00000-unknown.parquet`).slice();
    const { columns } = parquetMetadata(buffer).row_groups[0]!;
    encodings.push(columns.some(({ meta_data }) => meta_data!.encodings.some((one) => /DICTIONARY/.test(one))));
  }
  assert.deepEqual(encodings, [true, false], 'parquetjs-lite reads no dictionaries');
});

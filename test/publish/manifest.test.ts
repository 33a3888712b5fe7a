import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { parquetMetadata } from 'hyparquet';
import { test } from 'vitest';
import { z } from 'zod';
import { crcOf, joinCrc } from '../../src/bytes/crc32.ts';
import { manifestSchema } from '../../src/documents/manifest.ts';
import { pipeline, registerPipelines } from '../../src/pipeline/index.ts';
import { shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';
import { MemoryStore } from '../support/memory-store.ts';

test('a checksum of parts is the checksum of the whole', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (a, b) => {
      const whole = crc32(Buffer.concat([a, b]));
      assert.equal(joinCrc(crcOf([a]), crcOf([b]), b.length), whole);
      assert.equal(crcOf([a, b]), whole);
    }),
  );
  const large = new Uint8Array(5_000_000).fill(7);
  assert.equal(joinCrc(crc32('x'), crc32(large), large.length), crc32(Buffer.concat([Buffer.from('x'), large])));
});

test('a manifest says what was read, given and written', async () => {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'shop/', [someRows(() => sim.random(), 5), someRows(() => sim.random(), 6)]);
  await sim.run('r1', 'shop');
  await sim.run('r2', 'shop', undefined, true);
  const read = (runId: string) =>
    manifestSchema.parse(
      JSON.parse(Buffer.from(sim.store.bytes('published', `shop/_manifests/${runId}.json`)).toString()),
    );
  const [one, two] = [read('r1'), read('r2')];
  assert.equal(one.outcome, 'published');
  assert.deepEqual(
    one.inputs.map(({ blob, rows }) => [blob, rows]),
    [
      ['shop/0000.parquet', 5],
      ['shop/0001.parquet', 6],
    ],
  );
  assert.deepEqual(
    one.phases.map(({ phase }) => phase),
    ['plan', 'split', 'resolve', 'reserve', 'seal', 'publish'],
  );
  const documents = ({ sequences }: typeof one) => [sequences.documents!.before, sequences.documents!.after];
  assert.deepEqual(documents(one), ['100', '111']);
  assert.deepEqual(documents(two), ['111', '122']);
  // The second run saw no new key: nothing is published of keyed entities, and no ID is drawn.
  const products = two.entities.find(({ entity }) => entity === 'products')!;
  assert.deepEqual([products.rows, products.files, products.ids.ranges], [0, [], []]);
  assert.deepEqual(
    products.keys?.partitions.map(({ rows, delta }) => [rows, delta]),
    [0, 1, 2].map(() => [0, null]),
  );
  const known = products.keys!.partitions.reduce((sum, { known: keys }) => sum + keys, 0);
  assert.equal(known, one.entities.find(({ entity }) => entity === 'products')!.rows);
  for (const marker of ['shop/_SUCCESS', 'shop/orders/_SUCCESS', 'shop/products/_SUCCESS']) {
    const said = JSON.parse(Buffer.from(sim.store.bytes('published', marker)).toString());
    assert.deepEqual(said, { version: 1, runId: 'r2', manifest: 'shop/_manifests/r2.json' });
  }
});

/** A store that notes the content types of what is committed. */
class Typed extends MemoryStore {
  readonly types = new Map<string, string | undefined>();

  override async commitBlocks(...given: Parameters<MemoryStore['commitBlocks']>) {
    this.types.set(given[1], given[3]?.contentType);
    return await super.commitBlocks(...given);
  }
}

test('files are Parquet by their content type; those of new keys are declared sorted, those of known keys are not', async () => {
  const store = new Typed();
  const sim = new Sim(shopPipelines, { store });
  for (const [run, products] of [
    ['r1', ['tea', 'oil', 'salt', 'rye']],
    ['r2', ['rye', 'salt', 'oil', 'tea']],
  ] as const) {
    const rows = products.map((product) => ({ customer: 'ann', product, quantity: 1 }));
    await upload(sim, `club/${run}/`, [rows]);
    const { status, error } = await sim.run(run, 'club', `club/${run}/`);
    await sim.settle();
    assert.equal(status, 'Completed', error);
  }
  const files = store.names('published', 'club/').filter((name) => name.endsWith('.parquet'));
  const isOfNewRows = (name: string) => !/\/_changes\/|-(known|unknown)\.parquet$/.test(name);
  assert.deepEqual([files.length, files.filter(isOfNewRows).length], [10, 5], files.join('\n'));
  for (const name of files) {
    assert.equal(store.types.get(name), 'application/vnd.apache.parquet', name);
    const { row_groups: groups, key_value_metadata: values } = parquetMetadata(
      store.bytes('published', name).slice().buffer,
    );
    const isNew = isOfNewRows(name);
    assert.equal(
      values!.some(({ key }) => key === 'ordinal.sequence'),
      isNew,
      name,
    );
    for (const group of groups) assert.equal(group.sorting_columns !== undefined, isNew, name);
  }
});

/** The log pipeline, which draws on another sequence than before. */
const changedLog = registerPipelines([
  pipeline({
    name: 'log',
    source: { container: 'landing', prefix: 'log/' },
    row: z.object({ customer: z.string() }),
    entities: ({ id }) => ({ lines: { kind: 'rows', id: id('line_id'), columns: { customer: 'customer' } } }),
  }),
]);

test('a pipeline that contradicts its earlier runs is refused, with every reason, before anything is done', async () => {
  for (const lost of [false, true]) {
    const sim = new Sim(shopPipelines);
    await upload(sim, 'log/', [someRows(() => sim.random(), 3)]);
    await sim.run('r1', 'log');
    if (lost) await sim.store.remove('ordinal', 'pipelines/log.json');
    for (const environment of sim.environments) environment.pipelines = changedLog;
    const run = await sim.run('r2', 'log');
    assert.match(
      run.error ?? '',
      /^PipelineChanged: .*entities\.lines\.id: the sequence was documents and is log\.lines: IDs could be given twice/,
    );
    assert.match(run.customStatus?.error?.remedy ?? '', /pipelines accept log/);
    assert.deepEqual(sim.store.names('ordinal', 'runs/r2/'), []);
  }
});

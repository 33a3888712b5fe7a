/** The plan's activity, asked by hand: what it answers when the run has published, was withdrawn or given up, or is planned already. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { manifestSchema } from '../../src/documents/manifest.ts';
import { planRun } from '../../src/plan/activity.ts';
import { work } from '../../src/storage/names.ts';
import { shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';

const name = 'shop/_manifests/r1.json';

/** A run over a folder with two files, and one that is none; and its plan as an app makes it that has not seen the run. */
async function world() {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'shop/a/', [someRows(() => sim.random(), 5), someRows(() => sim.random(), 6)]);
  await sim.store.write('landing', 'shop/a/notes.txt', new Uint8Array(3));
  const inputs: object[] = [];
  sim.onPoint = (_, { activity, input }) => {
    if (activity === 'planRun') inputs.push(input as object);
    return 'pass';
  };
  const run = await sim.run('r1', 'shop', 'shop/a/');
  assert.equal(run.status, 'Completed', run.error);
  const { store } = sim;
  const plan = async (changes: object = {}) =>
    await planRun.run({ ...sim.environments[0]!, store }, { ...inputs[0]!, ...changes } as never);
  const manifest = () => JSON.parse(Buffer.from(store.bytes('published', name)).toString());
  const put = (changes: object) =>
    store.write('published', name, Buffer.from(JSON.stringify({ ...manifest(), ...changes })));
  return { sim, store, plan, manifest, put };
}

describe('a run that is planned again', () => {
  it('has published: the answer is what it published, and no plan', async () => {
    const { plan } = await world();
    const answer = await plan();
    assert.ok(answer.ok && 'published' in answer.value);
    const { published, etag, batches, rows, files, parts, sealGroups } = answer.value;
    assert.deepEqual(published, { manifest: name, rows: 11, life: 1 });
    assert.deepEqual(
      { etag, batches, rows, files, parts, sealGroups },
      {
        ...{ etag: '', batches: 0, rows: 11, files: 2, parts: 0, sealGroups: 0 },
      },
    );
  });

  it('has published something else: its ID is used up', async () => {
    const { plan, put, manifest } = await world();
    const select = { by: 'glob', glob: 'shop/a/*' };
    for (const other of [{ prefix: 'shop/b/' }, { select }, { again: true }]) {
      const answer = await plan(other);
      assert.ok(!answer.ok, JSON.stringify(other));
      assert.equal(answer.error.code, 'RunIdConflict');
      assert.match(answer.error.message, /has published already/);
    }
    // A manifest that does not say what was asked for.
    const { asked: _, ...source } = manifest().source;
    await put({ source });
    assert.ok((await plan({ select })).ok);
    assert.ok(!(await plan({ prefix: 'shop/b/' })).ok);
  });

  it('was withdrawn, or given up: it plans nothing', async () => {
    const { plan, put } = await world();
    const at = '2026-01-01T00:00:00.000Z';
    await put({ outcome: 'withdrawn', withdrawn: { at, filesUntil: at } });
    const gone = await plan();
    assert.ok(!gone.ok && /was withdrawn: its ID is used up/.test(gone.error.message), JSON.stringify(gone));
    for (const life of [1, 2]) {
      await put({ outcome: 'abandoned', life, withdrawn: undefined });
      const answer = await plan();
      assert.ok(!answer.ok && answer.error.code === 'RunCanceled', `closed by life ${life}`);
    }
  });

  it('goes on after an earlier life that was given up; the plan that is there is the plan', async () => {
    const { sim, store, plan, put } = await world();
    await put({ outcome: 'abandoned', life: 0 });
    const before = store.bytes('ordinal', work.plan({ runId: 'r1', life: 1 })).slice();
    await upload(sim, 'shop/a/', [someRows(() => sim.random(), 9)]);
    const answer = await plan();
    assert.ok(answer.ok && 'batches' in answer.value, JSON.stringify(answer));
    const { published, rows, files, keyed, rowsEntities, etag, leftOut, sequences } = answer.value;
    assert.deepEqual([published, rows, files], [null, 11, 2]);
    assert.deepEqual([rowsEntities, leftOut], [['orders'], { read: 0, pending: 0 }]);
    assert.deepEqual(keyed, [
      { entity: 'products', index: 'shop.products', partitions: 3 },
      { entity: 'customers', index: 'customers', partitions: 1 },
    ]);
    assert.deepEqual(
      sequences.map(({ name: sequence, start, step, draws }) => [sequence, start, step, draws]),
      [
        ['shop.products', '10', '10', ['products']],
        ['customers', '1', '1', ['customers']],
        ['documents', '100', '1', ['orders']],
      ],
    );
    assert.equal(etag, (await store.head('ordinal', work.plan({ runId: 'r1', life: 1 })))!.etag);
    assert.deepEqual(store.bytes('ordinal', work.plan({ runId: 'r1', life: 1 })), before);
  });
});

it('the manifest says which names under the prefix were passed over', async () => {
  const { manifest } = await world();
  const { skipped, prefix } = manifestSchema.parse(manifest()).source;
  assert.deepEqual([prefix, skipped], ['shop/a/', { count: 1, blobs: ['shop/a/notes.txt'] }]);
});

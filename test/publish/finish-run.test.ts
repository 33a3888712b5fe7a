/**
 * The last activities of a run, executed again by hand: what they answer when the manifest is that of another life, when
 * the ledger cannot be reached, and when nothing is left to do.
 */
import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'vitest';
import { type Manifest, manifestSchema } from '../../src/documents/manifest.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { OrdinalError } from '../../src/errors.ts';
import { addVersions, putLedger, readLedger } from '../../src/ledger/ledger.ts';
import { emptyLedger, ledgerBlobs } from '../../src/ledger/ledger-documents.ts';
import { tableOf } from '../../src/ledger/versions.ts';
import { ledgerOf } from '../../src/plan/run-ledger.ts';
import { compactIndex, compactVersions, extendIndex } from '../../src/publish/extend-index-activity.ts';
import { finishRun } from '../../src/publish/manifest-activity.ts';
import { publishShort } from '../../src/run/short-way.ts';
import { work } from '../../src/storage/names.ts';
import { shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';
import { withFaults } from '../support/faults.ts';

const of = { runId: 'r1', life: 1 };
const manifestName = 'shop/_manifests/r1.json';

/** A run that has published, what its activities were given, and an app that has not seen it. */
async function published(short = false) {
  const sim = new Sim(shopPipelines, { short });
  await upload(sim, 'shop/', [someRows(() => sim.random(), 5), someRows(() => sim.random(), 6)]);
  const inputs = new Map<string, object>();
  sim.onPoint = (_, { activity, input }) => {
    inputs.set(activity, input as object);
    return 'pass';
  };
  const run = await sim.run('r1', 'shop');
  assert.equal(run.status, 'Completed', run.error);
  const { store } = sim;
  const environment: Environment = { ...sim.environments[0]!, store };
  const manifest = () => manifestSchema.parse(json(store.bytes('published', manifestName)));
  const putManifest = (changes: Partial<Manifest>) =>
    store.write('published', manifestName, Buffer.from(JSON.stringify({ ...manifest(), ...changes })));
  return { sim, store, inputs, environment, manifest, putManifest };
}

function json(bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes).toString());
}

let world: Awaited<ReturnType<typeof published>>;

describe('a run that is finished again', () => {
  beforeEach(async () => {
    world = await published();
  });
  const finish = (environment = world.environment, input = world.inputs.get('finishRun')!) =>
    finishRun.run(environment, input);

  it('says what it said: the manifest is its own', async () => {
    const before = world.manifest();
    const ids = Object.values(before.sequences).reduce((sum, { count }) => sum + count, 0);
    assert.deepEqual(await finish(), {
      ok: true,
      value: { manifest: manifestName, rows: 11, finishedAt: before.finishedAt, ids },
    });
    assert.deepEqual(world.manifest(), before);
  });

  it('is told that it was given up, and publishes nothing', async () => {
    await world.putManifest({ outcome: 'abandoned', life: 1 });
    const answer = await finish();
    assert.ok(!answer.ok);
    assert.deepEqual([answer.error.code, answer.error.where?.blob], ['StorageConflict', manifestName]);
    assert.match(answer.error.message, /was given up while it still worked/);
    assert.equal(answer.error.remedy, 'Start the run again.');
    assert.equal(world.manifest().outcome, 'abandoned');
  });

  it('is told that another life has published', async () => {
    await world.putManifest({ life: 2 });
    const answer = await finish();
    assert.ok(!answer.ok);
    assert.match(answer.error.message, /was published by another life/);
    assert.match(answer.error.remedy ?? '', /^Do nothing/);
    assert.equal(world.manifest().life, 2);
  });

  it('adds to the ledger what an old plan has read without a claim; what has a plan with a claim is there already', async () => {
    const at = ledgerOf(world.environment, shopPipelines.get('shop')!);
    const plan = json(world.store.bytes('ordinal', work.plan(of))) as { leftOut?: unknown };
    for (const old of [false, true]) {
      if (old) delete plan.leftOut;
      const { etag } = await world.store.write('ordinal', work.plan(of), Buffer.from(JSON.stringify(plan)));
      assert.ok(await putLedger(at, emptyLedger('shop'), await readLedger(at)));
      const answer = await finish(world.environment, { ...world.inputs.get('finishRun')!, plan: etag });
      assert.ok(answer.ok);
      const { entries } = (await readLedger(at))!.value;
      assert.deepEqual(
        entries.map(({ blob, keys }) => [blob.startsWith(ledgerBlobs.claims('shop', of)), keys]),
        old ? [[true, 2]] : [],
      );
    }
  });

  it('is tried again when the ledger is busy; one that is damaged fails no run that has published', async () => {
    for (const retryable of [true, false]) {
      const store = withFaults(world.store, ({ point }) => {
        if (point === 'ledger:read:before') throw new OrdinalError('StorageFailed', 'not now', { retryable });
      });
      const answer = await finish({ ...world.environment, store });
      assert.equal(answer.ok, !retryable);
      if (!answer.ok) assert.deepEqual([answer.error.message, answer.error.retryable], ['not now', true]);
    }
  });
});

describe('a short run that is published again', () => {
  beforeEach(async () => {
    world = await published(true);
  });
  const publish = () => publishShort.run(world.environment, world.inputs.get('publishShort')!);

  it('finds its manifest, makes nothing again, and tells the ledger if nobody has', async () => {
    const at = ledgerOf(world.environment, shopPipelines.get('shop')!);
    const { claim: name } = world.manifest().source;
    const { value: head, etag } = (await readLedger(at))!;
    const { ids: _, level: __, from: ___, to: ____, ...delta } = head.entries[0]!;
    assert.equal(delta.blob, name);
    // As it was before the ledger was told.
    const manifest = { container: 'published', name: manifestName };
    const claims = [{ ...of, manifest, delta, leftOut: { read: 0, pending: 0 } }];
    assert.ok(await putLedger(at, { ...head, entries: [], claims }, { etag }));
    const { finishedAt, sequences } = world.manifest();
    const ids = Object.values(sequences).reduce((sum, { count }) => sum + count, 0);
    assert.ok(ids > 0);
    assert.deepEqual(await publish(), { ok: true, value: { manifest: manifestName, rows: 11, finishedAt, ids } });
    const after = (await readLedger(at))!.value;
    assert.deepEqual([after.claims, after.entries.map(({ blob }) => blob)], [[], [name]]);
  });

  it('is told when the manifest is not its own', async () => {
    for (const changes of [{ life: 2 }, { outcome: 'abandoned', life: 1 }] as const) {
      await world.putManifest(changes);
      const answer = await publish();
      assert.ok(!answer.ok);
      assert.equal(answer.error.code, 'StorageConflict');
    }
  });
});

describe('what follows a publication', () => {
  it('counts the keys of all indexes', async () => {
    const { environment, inputs, manifest } = await published();
    const keys = manifest().entities.reduce((sum, { rows, keys: own }) => sum + (own ? rows : 0), 0);
    assert.ok(keys > 0);
    assert.deepEqual(await extendIndex.run(environment, inputs.get('extendIndex')!), {
      ok: true,
      value: { keys, crowded: [] },
    });
  });

  it('names the entities whose segments have become many, by their names, and merges them', async () => {
    const sim = new Sim(shopPipelines);
    let input: object | undefined;
    // The runs merge nothing themselves.
    sim.onPoint = (_, { activity, input: given }) => {
      if (activity === 'extendIndex') input = given as object;
      return activity === 'compactIndex' ? new OrdinalError('StorageFailed', 'not now') : 'pass';
    };
    for (let run = 0; run < 8; run++) {
      const rows = Array.from({ length: 12 }, (_, k) => ({
        customer: `c${run}`,
        product: `p${run}-${k}`,
        quantity: 1,
      }));
      await upload(sim, `shop/${run}/`, [rows]);
      const { status, error } = await sim.run(`r${run}`, 'shop', `shop/${run}/`);
      await sim.settle();
      assert.equal(status, 'Completed', error);
    }
    const environment: Environment = { ...sim.environments[0]!, store: sim.store };
    const extend = async () => await extendIndex.run(environment, input!);
    assert.deepEqual(await extend(), { ok: true, value: { keys: 8 * 13, crowded: ['customers', 'products'] } });
    for (const [entity, merges] of [
      ['customers', 1],
      ['products', 3],
      ['products', 0],
    ] as const)
      assert.deepEqual(await compactIndex.run(environment, { ...input!, entity }), { ok: true, value: { merges } });
    assert.deepEqual(await extend(), { ok: true, value: { keys: 8 * 13, crowded: [] } });
  });

  it('merges the segments of a crowded ledger, once', async () => {
    const { environment, inputs } = await published();
    const at = ledgerOf(environment, shopPipelines.get('shop')!);
    for (let life = 2; life <= 8; life++)
      await addVersions(at, { runId: 'other', life }, tableOf([{ blob: `b${life}`, etag: '1' }]));
    const merge = async () => await compactVersions.run(environment, inputs.get('finishRun')!);
    assert.deepEqual(await merge(), { ok: true, value: { merges: 1 } });
    const { entries } = (await readLedger(at))!.value;
    assert.deepEqual(
      entries.map(({ keys }) => keys),
      [2 + 7],
    );
    assert.deepEqual(await merge(), { ok: true, value: { merges: 0 } });
  });
});

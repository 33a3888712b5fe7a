/** What the undoing of one life removes, and what it answers: all of that life, and nothing of any other. */
import assert from 'node:assert/strict';
import { it } from 'vitest';
import { putLedger, readLedger } from '../../src/ledger/ledger.ts';
import { ledgerOf } from '../../src/plan/run-ledger.ts';
import { discardRun } from '../../src/run/discard-activity.ts';
import { work } from '../../src/storage/names.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { Sim } from './support/sim.ts';

/** A life that was ended before its manifest, when all its files were there; and another run that has published. */
async function ended() {
  const sim = new Sim(shopPipelines, { seed: 3 });
  await upload(sim, 'shop/b/', [someRows(() => sim.random(), 4)]);
  await sim.run('b', 'shop', 'shop/b/');
  await sim.settle();
  await upload(sim, 'shop/a/', [someRows(() => sim.random(), 6), someRows(() => sim.random(), 5)]);
  const others = new Set(all(sim));
  sim.onPoint = ({ point }, { instance }) => {
    if (instance !== 'a' || point !== 'manifest:write:before' || sim.status('a') !== 'Running') return 'pass';
    sim.terminate('a');
    // Nothing is left running.
    return 'hold';
  };
  await sim.run('a', 'shop', 'shop/a/');
  await sim.settle();
  return { sim, others, environment: { ...sim.environments[0]!, store: sim.store } };
}

const all = ({ store }: Sim) =>
  ['ordinal', 'published'].flatMap((at) => store.names(at).map((name) => `${at}/${name}`));

it('a life that is undone leaves its claim, its timeline and an abandoned manifest; others keep all that they have', async () => {
  const { sim, others, environment } = await ended();
  const of = { runId: 'a', life: 1 };
  const own = all(sim).filter((name) => !others.has(name));
  for (const name of [
    /\/keys\/customers\/.*delta-a\.keys$/,
    /\/ledger\/shop\/claims\/a\//,
    /\.parquet$/,
    /\/plan\.json$/,
  ])
    assert.ok(
      own.some((one) => name.test(one)),
      `${name} of ${own.join('\n')}`,
    );
  const answer = await discardRun.run(environment, of);
  assert.ok(answer.ok);
  const { removed, ...said } = answer.value;
  assert.deepEqual(said, {
    published: false,
    manifest: 'shop/_manifests/a.json',
    rows: 0,
    sequences: ['shop.products', 'customers', 'documents'],
    indexes: ['customers', 'shop.products'],
  });
  const left = all(sim).filter((name) => !others.has(name));
  const [claim, timeline, abandoned] = [
    `ordinal/${work.claim(of)}`,
    `ordinal/${work.timeline(of)}`,
    `published/${said.manifest}`,
  ];
  assert.deepEqual(left, [claim, timeline, abandoned]);
  // Of these three only the claim was there before.
  assert.equal(removed, own.length - 1);
  for (const name of others) assert.ok(all(sim).includes(name), `${name} stays`);
  // It may come any number of times.
  assert.deepEqual(await discardRun.run(environment, of), { ok: true, value: { ...said, removed: 0 } });
});

it('a claim of the ledger that an ended life has is free again', async () => {
  const { sim, environment } = await ended();
  const at = ledgerOf(environment, shopPipelines.get('shop')!);
  assert.deepEqual(
    (await readLedger(at))!.value.claims.map(({ runId }) => runId),
    ['a'],
  );
  await discardRun.run(environment, { runId: 'a', life: 1 });
  const { value: head, etag } = (await readLedger(at))!;
  assert.deepEqual(head.claims, []);
  assert.equal(head.entries.length, 1);
  // A late claim of a life whose own claim is gone: whoever finds it frees it.
  const { ids: _, level: __, from: ___, to: ____, ...delta } = head.entries[0]!;
  const late = { runId: 'a', life: 1, delta, leftOut: { read: 0, pending: 0 } };
  const manifest = { container: 'published', name: 'shop/_manifests/a.json' };
  assert.ok(await putLedger(at, { ...head, claims: [{ ...late, manifest }] }, { etag }));
  await sim.store.remove('ordinal', work.claim({ runId: 'a', life: 1 }));
  const answer = await discardRun.run(environment, { runId: 'a', life: 1 });
  assert.ok(answer.ok && !answer.value.published && answer.value.sequences.length > 0);
  assert.deepEqual((await readLedger(at))!.value.claims, []);
});

it('a life that has published is not undone, and says so', async () => {
  const { sim, others, environment } = await ended();
  const answer = await discardRun.run(environment, { runId: 'b', life: 1 });
  assert.ok(answer.ok);
  const { published, rows, removed, manifest } = answer.value;
  assert.deepEqual(
    { published, rows, removed, manifest },
    {
      published: true,
      rows: 4,
      removed: 0,
      manifest: 'shop/_manifests/b.json',
    },
  );
  for (const name of others) assert.ok(all(sim).includes(name), `${name} stays`);
  // Nor is it when its claim is gone.
  await sim.store.remove('ordinal', work.claim({ runId: 'b', life: 1 }));
  const again = await discardRun.run(environment, { runId: 'b', life: 1 });
  assert.ok(again.ok && again.value.published && again.value.removed === 0);
});

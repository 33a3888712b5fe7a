/** What was lost is rebuilt from manifests and published files, and what was damaged is found. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { publishedManifests } from '../../src/documents/manifests.ts';
import { indexSchema } from '../../src/keys/index-documents.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../src/upkeep/orchestrations.ts';
import { rebuiltSequence } from '../../src/upkeep/rebuild-sequence.ts';
import { readKeyBook, verifyRun } from '../../src/verify/verify.ts';
import { checkWorld } from '../run/support/check.ts';
import { shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';

async function lived(seed: number): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed, orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
  for (let run = 0; run < 12; run++) {
    const pipeline = sim.pick(['shop', 'web', 'log']);
    const prefix = `${pipeline}/${run}/`;
    await upload(sim, prefix, [someRows(() => sim.random(), 5, 10 + 4 * run)]);
    sim.startRun(`r${run}`, pipeline, prefix);
    for (let step = 0; step < 150; step++) await sim.step();
    // Some are ended, so that there are holes to remember.
    if (run % 4 === 1) sim.terminate(`r${run}`);
  }
  await sim.settle();
  await upload(sim, 'log/last/', [someRows(() => sim.random(), 1)]);
  await sim.run('last', 'log', 'log/last/');
  return sim;
}

const environmentOf = (sim: Sim) => ({ ...sim.environments[0]!, store: sim.store });

test('a sequence rebuilt from manifests has the same next ID and the same holes', async () => {
  for (const seed of [1, 2, 3]) {
    const sim = await lived(seed);
    const manifests = await publishedManifests(environmentOf(sim));
    const { start, step, next, free, open } = sim.sequence('documents')!;
    const rebuilt = rebuiltSequence('documents', { start, step }, manifests);
    assert.deepEqual(open, []);
    assert.deepEqual([rebuilt.next, rebuilt.free], [next, free], `seed ${seed}`);
  }
});

test('a key index rebuilt from published files knows every key, in as many partitions as the pipeline says', async () => {
  const sim = await lived(4);
  for (const name of sim.store.names('ordinal', 'keys/')) await sim.store.remove('ordinal', name);
  for (const index of ['customers', 'shop.products']) {
    const instance = sim.start(`rebuild-${index}`, REBUILD_ORCHESTRATION, { index });
    await sim.settle();
    assert.equal((instance.output as { ok: boolean }).ok, true, JSON.stringify(instance.output));
  }
  // All keys again: none may be new.
  await upload(sim, 'shop/all/', [someRows(() => sim.random(), 60, 60)]);
  await sim.run('again', 'shop', 'shop/all/');
  await sim.settle();
  await checkWorld(sim, { quiet: false });
  const document = JSON.parse(Buffer.from(sim.store.bytes('ordinal', 'keys/shop.products/index.json')).toString());
  assert.deepEqual([indexSchema.parse(document).partitions, document.epoch], [3, 1]);
});

test('an index of another number of partitions is refused, and rebuilt into it', async () => {
  const sim = await lived(5);
  const name = 'keys/shop.products/index.json';
  const before = indexSchema.parse(JSON.parse(Buffer.from(sim.store.bytes('ordinal', name)).toString()));
  await sim.store.write('ordinal', name, Buffer.from(JSON.stringify({ ...before, partitions: 2 })));
  await upload(sim, 'shop/more/', [someRows(() => sim.random(), 10, 60)]);
  const refused = await sim.run('refused', 'shop', 'shop/more/');
  assert.match(refused.error ?? '', /PipelineChanged.*2 partitions, and the pipeline says 3/);
  sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'shop.products' });
  await sim.settle();
  const run = await sim.run('more', 'shop', 'shop/more/');
  assert.equal(run.status, 'Completed', run.error);
  await sim.settle();
  await checkWorld(sim, { quiet: false });
});

test('a rebuild that goes on when it was ended, or was executed twice, hides no key that a run has published since', async () => {
  let nth = 0;
  for (let held = true; held; nth++) held = await heldUpAt(nth);
  assert.ok(nth > 5, `${nth} requests`);
});

/** False when a rebuild has not so many requests. */
async function heldUpAt(nth: number): Promise<boolean> {
  const sim = new Sim(shopPipelines, { seed: 4, orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
  for (const [at, keys] of [
    ['first', 20],
    ['more', 90],
  ] as const)
    await upload(sim, `shop/${at}/`, [someRows(() => sim.random(), 12, keys)]);
  await sim.run('first', 'shop', 'shop/first/');
  await sim.settle();
  let seen = 0;
  sim.onPoint = ({ point }, { activity }) => {
    if (activity !== 'rebuildIndex' || !point.endsWith(':before') || seen++ !== nth) return 'pass';
    sim.host.end('rebuild', 'ended by an operator');
    return 'hold';
  };
  sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'customers' });
  await sim.settle();
  if (seen <= nth) return false;
  const more = await sim.run('more', 'shop', 'shop/more/');
  // Once the old heads are closed, no run gets past the rebuild.
  if (more.status === 'Failed') assert.match(more.error!, /^LeaseConflict: .*closed meanwhile/, `request ${nth}`);
  sim.resume();
  await sim.settle();
  if (more.status === 'Failed') await sim.run('more', 'shop', 'shop/more/');
  // The same keys again: none is new.
  await upload(sim, 'shop/again/', [someRows(() => sim.random(), 40, 90)]);
  const again = await sim.run('again', 'shop', 'shop/again/');
  assert.equal(again.status, 'Completed', `request ${nth}: ${again.error}`);
  await sim.settle();
  await checkWorld(sim, { quiet: false, verify: false });
  return true;
}

test('a lease that has forgotten its grants refuses runs until the index is rebuilt, and goes on above them', async () => {
  const sim = await lived(4);
  const grants = () => JSON.parse(sim.entities.get('lease/customers') ?? '{"term":0}').term as number;
  const before = grants();
  assert.ok(before > 2, `${before} grants`);
  for (const name of [...sim.entities.keys()]) if (name.startsWith('lease/')) sim.entities.delete(name);
  await upload(sim, 'shop/more/', [someRows(() => sim.random(), 20, 90)]);
  const refused = await sim.run('more', 'shop', 'shop/more/');
  assert.match(refused.error ?? '', /^LeaseConflict: .*held by another run now/);
  await sim.settle();
  for (const index of ['customers', 'shop.products']) {
    const rebuilt = sim.start(`rebuild-${index}`, REBUILD_ORCHESTRATION, { index });
    await sim.settle();
    assert.equal((rebuilt.output as { ok: boolean }).ok, true, JSON.stringify(rebuilt.output));
  }
  assert.ok(grants() > before, `${grants()} grants, ${before} before`);
  const more = await sim.run('more', 'shop', 'shop/more/');
  assert.equal(more.status, 'Completed', more.error);
  await sim.settle();
  await checkWorld(sim, { quiet: false });
});

test('verify finds a file that was changed, one that is gone, IDs given twice and a key numbered twice', async () => {
  const sim = await lived(6);
  const environment = environmentOf(sim);
  const all = await publishedManifests(environment);
  const findingsOf = async (manifests: typeof all, runId: string) => {
    const book = await readKeyBook(environment, manifests);
    const manifest = manifests.find((one) => one.runId === runId)!;
    return (await verifyRun(environment, manifest, manifests, book)).findings.join('\n');
  };
  const run = all.find(({ entities }) => entities.some(({ entity, rows }) => entity === 'people' && rows > 0))!;
  assert.equal(await findingsOf(all, run.runId), '');
  const people = run.entities.find(({ entity }) => entity === 'people')!;
  const { blob } = people.files[0]!;
  const bytes = new Uint8Array(sim.store.bytes('published', blob));

  // The same rows as if another run had published them.
  const twin = structuredClone(run);
  twin.runId = 'twin';
  const doubled = await findingsOf([...all, twin], run.runId);
  assert.match(doubled, /sequence customers: IDs .* overlap those of run twin/);
  assert.match(doubled, /people: key .* has ID/);

  const changed = new Uint8Array(bytes);
  changed[changed.length >> 1]! ^= 1;
  await sim.store.write('published', blob, changed);
  assert.match(await findingsOf(all, run.runId), /has checksum/);
  await sim.store.write('published', blob, bytes.subarray(0, bytes.length - 9));
  assert.match(await findingsOf(all, run.runId), /bytes, not/);
  await sim.store.remove('published', blob);
  assert.match(await findingsOf(all, run.runId), /is gone/);
});

/** Short lives around a ledger that a planted bug must not survive: each throws when a guarantee is broken. */
import assert from 'node:assert/strict';
import { OrdinalError } from '../../../src/errors.ts';
import { rebuildLedger } from '../../../src/plan/run-ledger.ts';
import { REBUILD_ORCHESTRATION, rebuildOrchestrator } from '../../../src/upkeep/orchestrations.ts';
import { withFaults } from '../../support/faults.ts';
import { checkWorld } from './check.ts';
import { shopPipelines, someRows, upload } from './shop.ts';
import { Sim } from './sim.ts';

const log = shopPipelines.get('log')!;

/** Every run has succeeded, and together they have read so many blobs, each once. */
async function readOnce(sim: Sim, blobs: number): Promise<void> {
  for (const [id, { status, error, name }] of sim.instances) {
    if (name === 'run') assert.notEqual(status, 'Failed', `${id}: ${error}`);
  }
  const published = await checkWorld(sim, { verify: false });
  const read = [...published.values()].flatMap(({ manifest }) => manifest.inputs.map(({ blob }) => blob));
  assert.equal(read.length, blobs, `blobs that were read: ${read}`);
}

/** Runs over one source at the same time, that hold no lease; and one after them. */
export async function meet(): Promise<void> {
  for (let seed = 1; seed <= 12; seed++) {
    const sim = new Sim(shopPipelines, { seed });
    for (const at of ['a', 'b', 'c']) await upload(sim, `log/${at}/`, [someRows(() => sim.random(), 2)]);
    sim.startRun('all', 'log');
    sim.startRun('some', 'log', 'log/a/');
    sim.startRun('same', 'log');
    await sim.settle();
    await sim.run('after', 'log');
    await readOnce(sim, 3);
  }
}

/** A run is ended after its plan, and nobody settles it; the next one reads the same source. */
export async function takesOver(): Promise<void> {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'log/', [someRows(() => sim.random(), 3)]);
  sim.onPoint = ({ point }, { instance }) => {
    if (instance !== 'a' || point !== 'split:write:before') return 'pass';
    sim.terminate('a');
    return 'die';
  };
  await sim.run('a', 'log');
  await sim.run('b', 'log');
  await readOnce(sim, 1);
}

/** A run fails for good at a place; another one follows. */
export async function failsAt(place: string): Promise<void> {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'log/', [someRows(() => sim.random(), 3)]);
  let struck = false;
  sim.onPoint = ({ point }, { instance }) => {
    if (struck || instance !== 'a' || point !== place) return 'pass';
    struck = true;
    return new OrdinalError('StorageFailed', 'refused');
  };
  await sim.run('a', 'log');
  await sim.settle();
  await sim.run('b', 'log');
  const published = await checkWorld(sim, { verify: false });
  assert.equal(published.size, 1, `published: ${[...published.keys()]}`);
}

/** So many runs that segments are merged; then one over everything. */
export async function merges(): Promise<void> {
  const sim = new Sim(shopPipelines, { batchRows: 100 });
  for (let run = 0; run < 20; run++) {
    await upload(sim, `log/${run}/`, [someRows(() => sim.random(), 1)]);
    await sim.run(`r${run}`, 'log', `log/${run}/`);
  }
  await sim.run('last', 'log');
  await readOnce(sim, 20);
}

/** The ledger is rebuilt, and a run publishes when the manifests are listed already; another one is under way. */
export async function rebuilds(): Promise<void> {
  const sim = new Sim(shopPipelines);
  for (const id of ['a', 'b', 'c']) await upload(sim, `log/${id}/`, [someRows(() => sim.random(), 2)]);
  await sim.run('a', 'log', 'log/a/');
  const c = sim.startRun('c', 'log', 'log/c/');
  await sim.settle(() => c.customStatus?.phase === 'split');
  let listed = 0;
  const store = withFaults(sim.store, async ({ point }) => {
    if (point === 'manifest:list:after' && listed++ === 0) await sim.run('b', 'log', 'log/b/');
  });
  const { versions } = await rebuildLedger({ ...sim.environments[0]!, store }, log);
  assert.ok(versions > 0);
  await sim.settle();
  await sim.run('last', 'log');
  await readOnce(sim, 3);
}

/** Two runs that share keys; the first is to be withdrawn, which would take keys from under the second. */
export async function withdraws(): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  for (const at of ['a', 'b']) {
    await upload(sim, `shop/${at}/`, [someRows(() => sim.random(), 6, 6)]);
    await sim.run(at, 'shop', `shop/${at}/`);
  }
  void sim.clients.ask('POST', 'runs/a/withdraw');
  await sim.settle();
  await checkWorld(sim, { swept: false });
}

/** A withdrawal fails when the manifest says so and the index does not; a run over the same keys follows. */
export async function stopsWithdrawing(): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  await upload(sim, 'shop/a/', [someRows(() => sim.random(), 6, 6)]);
  await upload(sim, 'shop/b/', [someRows(() => sim.random(), 6, 6)]);
  await sim.run('a', 'shop', 'shop/a/');
  let struck = false;
  sim.onPoint = ({ point }, { instance }) => {
    if (struck || instance !== 'a~withdraw' || point !== 'manifest:write:after') return 'pass';
    struck = true;
    return new OrdinalError('StorageFailed', 'refused');
  };
  void sim.clients.ask('POST', 'runs/a/withdraw');
  await sim.settle();
  assert.ok(struck, 'it was stopped');
  await sim.run('b', 'shop', 'shop/b/');
  await sim.settle();
  void sim.clients.ask('POST', 'runs/a/withdraw');
  await sim.settle();
  await checkWorld(sim, { swept: false });
}

/** An operator ends a withdrawal that is about to close the manifest; a run over the same keys follows, and then that step. */
export async function endsWithdrawing(): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  for (const at of ['a', 'b']) await upload(sim, `shop/${at}/`, [someRows(() => sim.random(), 6, 6)]);
  await sim.run('a', 'shop', 'shop/a/');
  await goesOnLate(sim, 'closeWithdrawn', 'other:write:before', async () => {
    void sim.clients.ask('POST', 'runs/a/withdraw');
    await sim.settle();
    sim.host.end('a~withdraw', 'ended by an operator');
    await sim.run('b', 'shop', 'shop/b/');
  });
  await checkWorld(sim, { quiet: false });
}

/** The same, with the rebuild of a key index: the next run brings the keys again that the one before has published. */
export async function endsRebuilding(): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3, orchestrators: { [REBUILD_ORCHESTRATION]: rebuildOrchestrator } });
  for (const [i, at] of ['a', 'b', 'c'].entries())
    await upload(sim, `shop/${at}/`, [someRows(() => sim.random(), 6, 6 + 6 * Math.min(i, 1))]);
  await sim.run('a', 'shop', 'shop/a/');
  await sim.settle();
  await goesOnLate(sim, 'rebuildIndex', 'keyIndex:head:before', async () => {
    sim.start('rebuild', REBUILD_ORCHESTRATION, { index: 'customers' });
    await sim.settle();
    sim.host.end('rebuild', 'ended by an operator');
    await sim.run('b', 'shop', 'shop/b/');
  });
  await sim.run('c', 'shop', 'shop/c/');
  await sim.settle();
  await checkWorld(sim, { quiet: false });
}

/** An activity is held at a point while something is done, and then goes on. */
async function goesOnLate(sim: Sim, activity: string, point: string, meanwhile: () => Promise<void>): Promise<void> {
  let held = false;
  sim.onPoint = (at, execution) => {
    if (held || execution.activity !== activity || at.point !== point) return 'pass';
    held = true;
    return 'hold';
  };
  await meanwhile();
  assert.ok(held, `${activity} came to ${point}`);
  sim.resume();
  await sim.settle();
}

/**
 * One run ID, many lives: what is left of an ended life is let go while the next one does the same, starts race, and the
 * clock goes back. Nothing of an old life may touch a new one.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import type { Instance } from '../../src/durable/client.ts';
import { OrdinalError } from '../../src/errors.ts';
import { askForEnd } from '../../src/lives/end.ts';
import { TIDY_ORCHESTRATION } from '../../src/lives/names.ts';
import { startRun } from '../../src/lives/start.ts';
import { tidyOrchestrator } from '../../src/run/settle-terminated.ts';
import { sweep } from '../../src/upkeep/sweep.ts';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { mulberry32, Sim } from './support/sim.ts';

async function world(seed = 7): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed, orchestrators: { [TIDY_ORCHESTRATION]: tidyOrchestrator } });
  const random = mulberry32(3);
  await upload(sim, 'shop/a/', [someRows(random, 6, 8), someRows(random, 5, 8)]);
  await upload(sim, 'shop/b/', [someRows(random, 6, 16)]);
  await upload(sim, 'log/a/', [someRows(random, 6)]);
  return sim;
}

/** The simulation's instances as the app's durable client, and the store without the simulation's steps. */
function starterOf(sim: Sim) {
  const get = async (instanceId: string): Promise<Instance | undefined> => {
    const found = sim.instances.get(instanceId);
    if (!found) return undefined;
    const { name, status, input, customStatus, output } = found;
    const at = new Date(sim.now);
    return { instanceId, name, status, input, customStatus, output, createdAt: at, updatedAt: at };
  };
  const runs = {
    get,
    start: async (name: string, id: string, input: object) => {
      if (sim.instances.get(id)?.status === 'Running') return false;
      sim.start(id, name, input);
      return true;
    },
    terminate: async (id: string) => sim.terminate(id),
    list: async () => ({ instances: [] }),
    purge: async () => false,
    entity: async () => undefined,
  };
  return { environment: { ...sim.environments[0]!, store: sim.store }, runs, now: new Date(sim.now) };
}

/** Housekeeping, days after everything has ended. */
async function sweepLater(sim: Sim): Promise<void> {
  const { environment, runs } = starterOf(sim);
  const later = new Date(sim.now + 86_400_000);
  await sweep({ environment, runs, log: { info() {}, warn() {} }, now: () => later });
  await sim.settle();
}

/** An operator ends the first life of run `a`, whatever later ones there are. */
function endFirst(sim: Sim): void {
  const first = sim.instances.get('a')!;
  if (first.status === 'Running') first.status = 'Terminated';
}

/** Requests of a life that land when the next life has just made the same one: where they can do most harm. */
const late = [
  'plan:write:before',
  'split:write:before',
  'resolved:write:before',
  'keyDelta:write:before',
  'keyIndex:write:before',
  'ids:write:before',
  'part:stage:before',
  'sealed:write:before',
  'published:write:before',
  'part:commit:before',
  'manifest:write:before',
  'marker:write:before',
];

describe('a request of an ended life that lands after the same of the next life', () => {
  for (const place of late) {
    it(`does no harm: ${place}`, async () => {
      const sim = await world();
      const after = place.replace('before', 'after');
      let held = false;
      let landed = false;
      sim.onPoint = ({ point }, { instance }) => {
        if (instance === 'a' && !held && point === place) {
          held = true;
          endFirst(sim);
          return 'hold';
        }
        // The first one: what is published, and what is numbered, is still to come.
        if (instance === 'a~2' && !landed && point === after) {
          landed = true;
          sim.resume();
        }
        return 'pass';
      };
      await sim.run('a', 'shop', 'shop/a/');
      await sim.settle();
      // Another run takes the IDs that the ended one gave back.
      const other = await sim.run('b', 'shop', 'shop/b/');
      // What is read changes in between: nothing of the old plan may be used.
      if (place !== 'marker:write:before')
        await upload(sim, 'shop/a/', [someRows(mulberry32(9), 7, 20), someRows(mulberry32(10), 4, 20)]);
      const again = await sim.run('a', 'shop', 'shop/a/');
      await sim.settle();
      assert.ok(held, 'the place was reached');
      // A life that had published before it was ended is not run again.
      assert.ok(landed || place === 'marker:write:before', 'it landed late');
      assert.deepEqual([other.status, again.status], ['Completed', 'Completed'], again.error ?? other.error);
      if (!landed) sim.resume();
      await sim.settle();
      await checkWorld(sim, { swept: false });
      await sweepLater(sim);
      await checkWorld(sim);
    });
  }
});

it('a discard whose deletes are delayed removes nothing of the next life', async () => {
  const sim = await world();
  sim.onPoint = ({ point }, { instance }) => {
    if (instance !== 'a') return 'pass';
    if (point === 'manifest:write:before' && sim.status('a') === 'Running' && !sim.executed.includes('discardRun'))
      return new OrdinalError('StorageFailed', 'refused');
    if (!point.endsWith('remove:before')) return 'pass';
    endFirst(sim);
    return 'hold';
  };
  await sim.run('a', 'shop', 'shop/a/');
  const again = await sim.run('a', 'shop', 'shop/a/');
  assert.equal(again.status, 'Completed', again.error);
  await sim.settle();
  const before = sim.store.names('published');
  sim.resume();
  await sim.settle();
  assert.deepEqual(sim.store.names('published'), before);
  await checkWorld(sim);
});

it('a run that is started again while its old instance still works waits for nothing, and counts once', async () => {
  for (const phase of ['split', 'resolve', 'reserve', 'seal', 'publish'] as const) {
    const sim = await world();
    sim.startRun('a', 'shop', 'shop/a/');
    await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === phase);
    const starter = starterOf(sim);
    const input = { runId: 'a', pipeline: 'shop', prefix: 'shop/a/' };
    assert.equal((await startRun(starter, input, { restarts: true })).claim.life, 1, 'it goes on');
    // A terminate that takes its time: here it never comes.
    const runs = { ...starter.runs, terminate: async () => {} };
    await askForEnd({ ...starter, runs }, { runId: 'a', life: 1, reason: 'enough' });
    const { claim } = await startRun(starter, input, { restarts: true });
    assert.equal(claim.life, 2);
    assert.equal((await startRun(starter, input, { restarts: true })).claim.life, 2, 'the same life for all');
    await sim.settle(() => sim.status('a') !== 'Running');
    assert.equal(sim.status('a'), 'Completed', `${phase}: ${sim.instance('a')!.error}`);
    sim.instances.get('a')!.status = 'Terminated';
    await sim.settle();
    await sweepLater(sim);
    assert.equal((await checkWorld(sim)).size, 1, phase);
  }
});

it('a start finds a run that says that it failed, and begins its next life', async () => {
  const sim = await world();
  sim.onPoint = ({ point }) => (point === 'sealed:write:before' ? new OrdinalError('StorageFailed', 'no') : 'pass');
  sim.startRun('a', 'shop', 'shop/a/');
  await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === 'failed');
  sim.onPoint = () => 'pass';
  sim.instances.get('a')!.status = 'Running';
  const input = { runId: 'a', pipeline: 'shop', prefix: 'shop/a/' };
  const { claim } = await startRun(starterOf(sim), input, { restarts: true });
  assert.equal(claim.life, 2);
  sim.instances.get('a')!.status = 'Failed';
  await sim.settle();
  assert.equal(sim.status('a'), 'Completed');
  await checkWorld(sim);
});

describe('racing starts', () => {
  it('of other inputs: one is the run, the others are told so, whatever the durable client says', async () => {
    const sim = await world();
    const starter = starterOf(sim);
    // A client to which nothing exists yet, and every start succeeds.
    const started: object[] = [];
    const blind = async (_: string, id: string, input: object) => {
      started.push(input);
      if (!sim.instances.has(id)) sim.start(id, 'run', input);
      return true;
    };
    const runs = { ...starter.runs, get: async () => undefined, start: blind };
    const prefixes = ['shop/', 'shop/a/', 'shop/b/', 'shop/c/', 'shop/d/', 'shop/e/', 'shop/f/', 'shop/g/'];
    const all = await Promise.allSettled(
      prefixes.map((prefix) => startRun({ ...starter, runs }, { runId: 'r', pipeline: 'shop', prefix })),
    );
    const won = all.filter(({ status }) => status === 'fulfilled');
    assert.equal(won.length, 1);
    for (const each of all) {
      if (each.status === 'rejected') assert.equal((each.reason as OrdinalError).code, 'RunIdConflict');
    }
    assert.equal(started.length, 1, 'only the claimed input is ever started');
  });

  it('of one input: one life; after a failure, one more', async () => {
    const sim = await world();
    const input = { runId: 'r', pipeline: 'shop', prefix: 'shop/nothing/', failOnEmpty: true as const };
    const race = () =>
      Promise.all(Array.from({ length: 6 }, () => startRun(starterOf(sim), input, { restarts: true })));
    assert.deepEqual(new Set((await race()).map(({ claim }) => claim.life)), new Set([1]));
    await sim.settle();
    assert.equal(sim.status('r'), 'Failed');
    assert.deepEqual(new Set((await race()).map(({ claim }) => claim.life)), new Set([2]));
    await sim.settle();
    assert.deepEqual([...sim.instances.keys()], ['r', 'r~2']);
  });

  it('of an instance that is there already: the second execution does no harm', async () => {
    for (let seed = 1; seed <= 8; seed++) {
      const sim = await world(seed);
      const first = sim.startRun('a', 'shop', 'shop/a/');
      for (let step = 0; step < 40 * seed; step++) await sim.step();
      if (first.status !== 'Running') continue;
      // The host replaces the first execution: what its activities do goes on.
      first.status = 'Terminated';
      sim.start('a', 'run', first.input as object);
      await sim.settle();
      assert.equal(sim.status('a'), 'Completed', `seed ${seed}: ${sim.instance('a')!.error}`);
      await checkWorld(sim);
    }
  });
});

it('a clock that goes back between two lives changes nothing', async () => {
  const sim = await world();
  sim.onPoint = ({ point }, { instance }) => {
    if (instance !== 'a' || point !== 'sealed:write:before') return 'pass';
    endFirst(sim);
    return 'hold';
  };
  await sim.run('a', 'shop', 'shop/a/');
  sim.now -= 3_600_000;
  const again = await sim.run('a', 'shop', 'shop/a/');
  assert.equal(again.status, 'Completed', again.error);
  sim.resume();
  await sim.settle();
  await sweepLater(sim);
  await checkWorld(sim);
});

it('a run may have the name that helpers of another once had', async () => {
  const sim = await world();
  await upload(sim, 'log/tidy/', [someRows(() => sim.random(), 3)]);
  const starter = starterOf(sim);
  sim.startRun('j', 'log', 'log/a/');
  const other = sim.startRun('j-tidy', 'log', 'log/tidy/');
  await sim.settle(() => sim.instances.get('j')!.customStatus?.phase === 'seal');
  await askForEnd(starter, { runId: 'j', life: 1, reason: 'enough' });
  await sim.settle();
  assert.equal(other.status, 'Completed', other.error);
  assert.deepEqual([sim.status('j'), sim.status('j~tidy')], ['Terminated', 'Completed']);
  assert.deepEqual([...(await checkWorld(sim)).keys()], ['j-tidy']);
});

it('a run that failed ties its pipeline to nothing', async () => {
  const sim = await world();
  sim.onPoint = ({ point }) => (point === 'sealed:write:before' ? new OrdinalError('StorageFailed', 'no') : 'pass');
  await sim.run('a', 'shop', 'shop/a/');
  sim.onPoint = () => 'pass';
  const name = 'shop/_manifests/a.json';
  const manifest = JSON.parse(Buffer.from(sim.store.bytes('published', name)).toString());
  assert.equal(manifest.outcome, 'abandoned');
  // As if the pipeline had been another one then.
  manifest.identity.steps = { documents: '7' };
  await sim.store.write('published', name, Buffer.from(JSON.stringify(manifest)));
  const other = await sim.run('b', 'shop', 'shop/b/');
  assert.equal(other.status, 'Completed', other.error);
});

it('a list of blobs that is not the one of the claim is refused, and so is another input where the claim is lost', async () => {
  const sim = await world();
  const select = { by: 'list', document: 'selections/r/x.json', count: 1, sha256: 'f'.repeat(64) } as const;
  await sim.store.ensureContainer('ordinal');
  await sim.store.write(
    'ordinal',
    select.document,
    Buffer.from(JSON.stringify({ version: 1, blobs: ['shop/a/0000.parquet'] })),
  );
  const input = { runId: 'r', pipeline: 'shop', prefix: 'shop/' };
  await startRun(starterOf(sim), { ...input, select });
  await sim.settle();
  assert.match(sim.instance('r')!.error ?? '', /^CorruptFile: .* is not the list of blobs/);
  await startRun(starterOf(sim), { ...input, runId: 's', select: { by: 'glob', glob: 'shop/a/*' } });
  await sim.settle();
  assert.equal(sim.status('s'), 'Completed', sim.instance('s')!.error);
  await sim.store.remove('ordinal', 'lives/s/1.json');
  sim.instances.delete('s');
  await startRun(starterOf(sim), { ...input, runId: 's', select: { by: 'glob', glob: 'shop/b/*' } });
  await sim.settle();
  assert.match(sim.instance('s')!.error ?? '', /^RunIdConflict/);
});

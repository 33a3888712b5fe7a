/** Short lives that a planted bug must not survive: each throws when a guarantee is broken. */
import assert from 'node:assert/strict';
import { SHARD_ORCHESTRATION } from '../../../src/durable/fan-out.ts';
import { OrdinalError } from '../../../src/errors.ts';
import { settlePending } from '../../../src/keys/key-index.ts';
import { findIds } from '../../../src/keys/lookup.ts';
import { limits } from '../../../src/limits.ts';
import { IndexWorld, tableOf } from '../../keys/support.ts';
import { checkByVerify, checkWorld } from './check.ts';
import { crossingPipelines, shopPipelines, someRows, upload } from './shop.ts';
import { mulberry32, Sim, type Verdict } from './sim.ts';

async function world(seed = 7): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed });
  const random = mulberry32(3);
  await upload(sim, 'shop/a/', [someRows(random, 6, 8), someRows(random, 5, 8)]);
  await upload(sim, 'shop/b/', [someRows(random, 6, 16)]);
  await upload(sim, 'log/a/', [someRows(random, 4)]);
  await upload(sim, 'log/b/', [someRows(random, 4)]);
  return sim;
}

/**
 * A short run is ended during an activity, its source is changed, and it is started again: its plan is made by another process,
 * and all the rest by the one that had the first life in memory.
 */
export async function changesBetweenLives(during: string): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 7, short: true, workers: 2 });
  const random = mulberry32(3);
  let worker = 0;
  sim.workers.turn = () => worker;
  await upload(sim, 'shop/a/', [someRows(random, 6, 8), someRows(random, 5, 8)]);
  sim.onPoint = (_, { activity }) => {
    if (activity === during) sim.terminate('a');
    return 'pass';
  };
  await sim.run('a', 'shop', 'shop/a/');
  await sim.settle();
  await upload(sim, 'shop/a/', [someRows(random, 6, 8), someRows(random, 5, 8)]);
  worker = 1;
  sim.onPoint = ({ point }) => {
    if (point === 'plan:write:after') worker = 0;
    return 'pass';
  };
  await then(sim, 'a', 'shop', 'shop/a/');
  await checkWorld(sim);
}

function strikeAt(sim: Sim, place: string, verdict: () => Verdict): void {
  let struck = false;
  sim.onPoint = ({ point }, { instance }) => {
    if (struck || instance !== 'a' || point !== place) return 'pass';
    struck = true;
    return verdict();
  };
}

async function then(sim: Sim, id: string, pipeline: string, prefix: string, again = false): Promise<void> {
  const run = await sim.run(id, pipeline, prefix, again);
  await sim.settle();
  assert.equal(run.status, 'Completed', run.error);
}

/** The worker dies at a place; the run must not notice. */
export async function dies(place: string): Promise<void> {
  const sim = await world();
  strikeAt(sim, place, () => 'die');
  await then(sim, 'a', 'shop', 'shop/a/');
  await checkWorld(sim);
  await then(sim, 'b', 'shop', 'shop/b/');
  await checkWorld(sim);
}

/** An operator ends the run at a place; what it left running wakes up after its successor has published. */
export async function wakesLate(place: string): Promise<void> {
  const sim = await world();
  strikeAt(sim, place, () => {
    sim.terminate('a');
    return 'hold';
  });
  await sim.run('a', 'shop', 'shop/a/');
  await sim.settle();
  await then(sim, 'b', 'shop', 'shop/b/');
  sim.resume();
  await sim.settle();
  await checkWorld(sim, { swept: false });
  await then(sim, 'a', 'shop', 'shop/a/');
  await checkWorld(sim, { swept: false });
}

/** A request fails for good at a place; the run gives everything back. */
export async function fails(place: string): Promise<void> {
  const sim = await world();
  strikeAt(sim, place, () => new OrdinalError('StorageFailed', 'refused'));
  await sim.run('a', 'shop', 'shop/a/');
  await sim.settle();
  await checkWorld(sim);
  sim.onPoint = () => 'pass';
  await then(sim, 'b', 'shop', 'shop/b/');
  if (sim.status('a') !== 'Completed') await then(sim, 'a', 'shop', 'shop/a/');
  await checkWorld(sim);
}

/** The first run of a pipeline with an unknown member fails for good at a place; the next ones publish. */
export async function firstMember(place: string): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 7 });
  const random = mulberry32(3);
  for (const run of ['a', 'b', 'c']) await upload(sim, `club/${run}/`, [someRows(random, 6, 8)]);
  strikeAt(sim, place, () => new OrdinalError('StorageFailed', 'refused'));
  await sim.run('a', 'club', 'club/a/');
  await sim.settle();
  sim.onPoint = () => 'pass';
  for (const run of ['b', 'c']) await then(sim, run, 'club', `club/${run}/`);
  await checkWorld(sim);
}

/** A run without keyed entities is ended while it holds a reservation. */
export async function orphan(): Promise<void> {
  const sim = await world();
  strikeAt(sim, 'sealed:write:before', () => {
    sim.terminate('a');
    return 'die';
  });
  await sim.run('a', 'log', 'log/a/');
  await then(sim, 'b', 'log', 'log/b/');
  await checkWorld(sim);
}

export async function sideBySide(): Promise<void> {
  for (let seed = 1; seed <= 4; seed++) {
    const sim = await world(seed);
    sim.startRun('a', 'shop', 'shop/a/');
    sim.startRun('b', 'shop', 'shop/b/');
    await sim.settle();
    for (const [id, { status, error }] of sim.instances) assert.equal(status, 'Completed', `${id}: ${error}`);
    await checkWorld(sim);
  }
}

/** A run stands still while it seals; another that shares its keys must wait for it. */
export async function waitsForTheLease(): Promise<void> {
  const sim = await world();
  let paused = true;
  sim.onPoint = ({ point }, { instance }) =>
    instance === 'a' && paused && point === 'sealed:write:before' ? 'hold' : 'pass';
  sim.startRun('a', 'shop', 'shop/a/');
  await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === 'seal');
  const b = sim.startRun('b', 'shop', 'shop/b/');
  const until = sim.now + 120_000;
  await sim.settle(() => b.status !== 'Running' || sim.now > until);
  paused = false;
  sim.resume();
  await sim.settle();
  for (const [id, { status, error }] of sim.instances) assert.equal(status, 'Completed', `${id}: ${error}`);
  await checkWorld(sim);
}

/** Many runs in a row, so that segments are merged. */
export async function manyRuns(): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  for (let run = 0; run < 20; run++) {
    await upload(sim, `web/${run}/`, [someRows(() => sim.random(), 6, 20 + 4 * run)]);
    await then(sim, `r${run}`, 'web', `web/${run}/`);
  }
  await checkWorld(sim);
}

/**
 * A run is ended while it resolves; its activity wakes up when the successor has named its own new keys; the successor
 * is ended in turn right after its manifest, before the head was told.
 */
export async function lostLease(): Promise<void> {
  for (let seed = 1; seed <= 6; seed++) {
    const sim = await world(seed);
    let awake = false;
    let ended = false;
    sim.onPoint = ({ point }, { instance }) => {
      if (instance === 'a' && !awake && point === 'keyDelta:write:before') {
        sim.terminate('a');
        return 'hold';
      }
      if (instance === 'b' && !awake && point === 'sealed:write:before') {
        awake = true;
        sim.resume();
      }
      if (instance === 'b' && !ended && point === 'marker:write:before') {
        ended = true;
        sim.terminate('b');
        return 'die';
      }
      return 'pass';
    };
    await sim.run('a', 'shop', 'shop/a/');
    await sim.settle();
    await sim.run('b', 'shop', 'shop/b/');
    await sim.settle();
    // A run that finds nothing new settles nothing: this one reads the same again.
    await then(sim, 'c', 'shop', 'shop/b/', true);
    await checkWorld(sim, { swept: false });
  }
}

/** A run of the club that fails at a place; what is known of goods and members stays right. */
export async function clubFails(place: string): Promise<void> {
  await failsAmongOthers('club', place);
}

/** The same of the web: what is known of people, and which of them have been described, stays right. */
export async function webFails(place: string): Promise<void> {
  await failsAmongOthers('web', place);
}

async function failsAmongOthers(pipeline: string, place: string): Promise<void> {
  for (let seed = 1; seed <= 3; seed++) {
    const sim = new Sim(shopPipelines, { seed });
    const random = mulberry32(seed);
    const runs = ['before', 'a', 'next', 'last'];
    for (const run of runs) await upload(sim, `${pipeline}/${run}/`, [someRows(random, 8, 6)]);
    await then(sim, 'before', pipeline, `${pipeline}/before/`);
    strikeAt(sim, place, () => new OrdinalError('StorageFailed', 'refused'));
    await sim.run('a', pipeline, `${pipeline}/a/`);
    await sim.settle();
    sim.onPoint = () => 'pass';
    await then(sim, 'next', pipeline, `${pipeline}/next/`);
    await then(sim, 'last', pipeline, `${pipeline}/last/`);
    await checkWorld(sim);
  }
}

/** Many runs of the club, so that segments of digests are merged. */
export async function manyClubs(): Promise<void> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  // Rows of their own chance: what a run asks of the storage does not change them.
  const random = mulberry32(1);
  for (let run = 0; run < 12; run++) {
    await upload(sim, `club/${run}/`, [someRows(random, 6, 6), someRows(random, 3, 6)]);
    await then(sim, `r${run}`, 'club', `club/${run}/`);
  }
  await checkWorld(sim);
}

/** What is published is the same, to the byte, wherever a worker dies. */
export async function sameBytes(place: string): Promise<void> {
  const published = async (struck: boolean) => {
    const sim = await world();
    if (struck) strikeAt(sim, place, () => 'die');
    await then(sim, 'a', 'shop', 'shop/a/');
    const names = sim.store.names('published').filter((name) => name.endsWith('.parquet'));
    return names.map((name) => [name, Buffer.from(sim.store.bytes('published', name)).toString('hex')]);
  };
  assert.deepEqual(await published(true), await published(false));
}

/** A run that shares only sequences of rows with one that stands still is not kept by it. */
export async function neverWaits(): Promise<void> {
  const sim = await world();
  let paused = true;
  sim.onPoint = ({ point }, { instance }) =>
    instance === 'a' && paused && point === 'sealed:write:before' ? 'hold' : 'pass';
  sim.startRun('a', 'log', 'log/a/');
  await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === 'seal');
  const b = sim.startRun('b', 'log', 'log/b/');
  const until = sim.now + 60_000;
  await sim.settle(() => b.status !== 'Running' || sim.now > until);
  assert.equal(b.status, 'Completed', `${b.status} while another run stands still`);
  paused = false;
  sim.resume();
  await sim.settle();
  await checkWorld(sim);
}

/** An index that was made with another number of partitions is not read. */
export async function otherPartitions(): Promise<void> {
  const sim = await world();
  await then(sim, 'a', 'shop', 'shop/a/');
  const name = 'keys/shop.products/index.json';
  const document = JSON.parse(Buffer.from(sim.store.bytes('ordinal', name)).toString()) as object;
  await sim.store.write('ordinal', name, Buffer.from(JSON.stringify({ ...document, partitions: 2 })));
  const refused = await sim.run('b', 'shop', 'shop/b/');
  assert.match(refused.error ?? 'it went on', /PipelineChanged/);
}

/** One arriving key costs a small part of a large index. */
export async function readsLittle(): Promise<void> {
  const index = await new IndexWorld().open();
  const keys = Array.from({ length: 200_000 }, (_, i) => `key-${i}`);
  await index.resolve('r1', keys);
  index.publish('r1', 0, keys.length);
  const { entries } = await settlePending(index.at, index.published);
  index.store.reads.length = 0;
  await findIds(index.store, 'work', entries, tableOf(['key-77']));
  const read = index.store.reads.reduce((sum, { length }) => sum + length, 0);
  assert.ok(read < entries[0]!.bytes / 10, `${read} of ${entries[0]!.bytes} bytes`);
}

/** A run of more batches than an orchestration has tasks: no history holds more than the cap. */
export async function manyBatches(): Promise<void> {
  const sim = new Sim(shopPipelines, { batchRows: 1, partRows: 100_000 });
  const file = () => someRows(() => sim.random(), 1);
  await upload(sim, 'log/', Array.from({ length: limits.fanOutTasksMax + 2 }, file));
  await then(sim, 'big', 'log', 'log/');
  const shards = [...sim.instances.values()].filter(({ name }) => name === SHARD_ORCHESTRATION);
  assert.ok(shards.length > 0, 'all activities are in the history of one orchestration');
}

/** Runs of two pipelines that share two keyed entities, at once: none waits for another that waits for it. */
export async function crossing(): Promise<void> {
  for (let seed = 1; seed <= 4; seed++) {
    const sim = new Sim(crossingPipelines, { seed });
    const runs = ['left/a', 'right/a', 'left/b', 'right/b'];
    for (const run of runs) await upload(sim, `${run}/`, [someRows(() => sim.random(), 8)]);
    for (const run of runs) sim.startRun(run.replace('/', '-'), run.split('/')[0]!, `${run}/`);
    await sim.settle();
    for (const [id, { status, error }] of sim.instances) assert.equal(status, 'Completed', `${id}: ${error}`);
    await checkByVerify(sim);
  }
}

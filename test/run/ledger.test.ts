/** Only what is new: runs that meet over one source, whichever way they were started, and the ledger between them. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { readLedger } from '../../src/ledger/ledger.ts';
import { limits } from '../../src/limits.ts';
import { ledgerOf } from '../../src/plan/run-ledger.ts';
import type { WriteOptions } from '../../src/storage/store.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { checkWorld } from './support/check.ts';
import { rebuilds } from './support/ledger-scenarios.ts';
import { lifePipelines, shopPipelines, someRows, upload } from './support/shop.ts';
import { Sim } from './support/sim.ts';
import type { Answer } from './support/sim-clients.ts';

const rows = (sim: Sim, count: number) => someRows(() => sim.random(), count);

/** Asks the API, and lets the world go on until all is done. */
async function asked(sim: Sim, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  let answer: Answer | undefined;
  void sim.clients.ask(method, path, body).then((given) => {
    answer = given;
  });
  await sim.settle();
  assert.ok(answer, `${method} ${path} is answered`);
  return answer;
}

/** Starts a run, and gives it as users see it when it has ended. */
async function ran(sim: Sim, pipeline: string, body: { runId: string; [option: string]: unknown }) {
  const started = await asked(sim, 'POST', `pipelines/${pipeline}/runs`, body);
  assert.equal(started.status, 202, JSON.stringify(started.body));
  return (await asked(sim, 'GET', `runs/${body.runId}`)).body as {
    status: string;
    rows: { done: number; total: number };
    manifest?: string;
    leftOut?: { read: number; pending: number };
    error?: { code: string; line: string };
  };
}

async function inputsOf(sim: Sim, run: string): Promise<string[]> {
  return (
    (await checkWorld(sim, { verify: false, swept: false })).get(run)?.manifest.inputs.map(({ blob }) => blob) ?? []
  );
}

describe('a start without a word', () => {
  it('reads what no run has read, and succeeds with no rows when nothing is new', async () => {
    const sim = new Sim(shopPipelines);
    await upload(sim, 'shop/a/', [rows(sim, 6), rows(sim, 5)]);
    assert.equal((await ran(sim, 'shop', { runId: 'one' })).rows.done, 11);
    const two = await ran(sim, 'shop', { runId: 'two' });
    assert.equal(two.status, 'Completed');
    assert.deepEqual(two.rows, { done: 0, total: 0 });
    assert.deepEqual(two.leftOut, { read: 2, pending: 0 });
    assert.equal(two.manifest, undefined);
    assert.ok(sim.instance('two')!.customStatus?.finishedAt, 'it says when it has ended');
    const [fresh] = await upload(sim, 'shop/b/', [rows(sim, 3)]);
    assert.equal((await ran(sim, 'shop', { runId: 'three', glob: 'shop/**/*.parquet' })).rows.done, 3);
    // The same name, written again, is new.
    await upload(sim, 'shop/b/', [rows(sim, 4)]);
    assert.equal((await ran(sim, 'shop', { runId: 'four', prefix: 'shop/b/' })).rows.done, 4);
    assert.deepEqual(await inputsOf(sim, 'four'), [fresh]);
    assert.equal((await checkWorld(sim)).size, 3);
  });

  it('finds nothing in a folder without blobs, and fails there when it is asked to', async () => {
    const sim = new Sim(shopPipelines);
    await sim.store.ensureContainer('landing');
    assert.equal((await ran(sim, 'log', { runId: 'none' })).status, 'Completed');
    const failed = await ran(sim, 'log', { runId: 'must', failOnEmpty: true });
    assert.equal(failed.error?.code, 'SourceEmpty');
    await upload(sim, 'log/', [rows(sim, 2)]);
    assert.equal((await ran(sim, 'log', { runId: 'some', failOnEmpty: true })).rows.done, 2);
    const again = await ran(sim, 'log', { runId: 'more', failOnEmpty: true });
    assert.match(again.error?.line ?? '', /nothing new under "landing\/log\/": 1 blobs were read/);
    await checkWorld(sim);
  });

  it('reads many files as it reads few', async () => {
    const each = limits.filesPerDocumentMax;
    Object.assign(limits, { filesPerDocumentMax: 2 });
    try {
      const sim = new Sim(shopPipelines);
      await upload(sim, 'log/a/', [rows(sim, 2), rows(sim, 2), rows(sim, 2)]);
      await ran(sim, 'log', { runId: 'one' });
      await upload(sim, 'log/b/', [rows(sim, 1), rows(sim, 1), rows(sim, 1), rows(sim, 1), rows(sim, 1)]);
      const two = await ran(sim, 'log', { runId: 'two' });
      assert.deepEqual([two.rows.done, two.leftOut], [5, { read: 3, pending: 0 }]);
      assert.equal((await ran(sim, 'log', { runId: 'three' })).rows.done, 0);
      await checkWorld(sim);
    } finally {
      Object.assign(limits, { filesPerDocumentMax: each });
    }
  });
});

describe('a start that asks for all, or for blobs by name', () => {
  it('is refused when some were read; with `again` their rows are published again', async () => {
    const sim = new Sim(shopPipelines);
    const blobs = await upload(sim, 'log/', [rows(sim, 3), rows(sim, 4)]);
    await ran(sim, 'log', { runId: 'one', blobs: [blobs[0]!] });
    const all = await ran(sim, 'log', { runId: 'all', versions: 'all' });
    assert.equal(all.error?.code, 'AlreadyRead');
    assert.match(all.error!.line, /"log\/0000.parquet"/);
    assert.equal((await ran(sim, 'log', { runId: 'named', blobs })).error?.code, 'AlreadyRead');
    assert.deepEqual(await inputsOf(sim, 'named'), []);
    const rest = await ran(sim, 'log', { runId: 'rest', blobs, versions: 'new' });
    assert.deepEqual([rest.rows.done, rest.leftOut], [4, { read: 1, pending: 0 }]);
    sim.again.add('again');
    assert.equal((await ran(sim, 'log', { runId: 'again', again: true })).rows.done, 7);
    const published = await checkWorld(sim);
    assert.equal(
      [...published.values()].reduce((sum, run) => sum + run.rows.lines!.length, 0),
      14,
    );
  });

  it('is refused beside a run that reads some of it', async () => {
    const sim = new Sim(shopPipelines);
    const blobs = await upload(sim, 'log/', [rows(sim, 3)]);
    let paused = true;
    sim.onPoint = ({ point }, { instance }) =>
      instance === 'a' && paused && point === 'sealed:write:before' ? 'hold' : 'pass';
    sim.startRun('a', 'log');
    await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === 'seal');
    const answer = sim.clients.ask('POST', 'pipelines/log/runs', { runId: 'b', blobs });
    await sim.settle(() => sim.status('b') === 'Failed');
    assert.equal((await answer)?.status, 202);
    assert.match(sim.instance('b')!.error ?? '', /^AlreadyRead: run "a" is reading "log\/0000.parquet"/);
    paused = false;
    sim.resume();
    await sim.settle();
    await checkWorld(sim);
  });

  it('says what contradicts itself', async () => {
    const sim = new Sim(shopPipelines);
    const both = await asked(sim, 'POST', 'pipelines/log/runs', { again: true, versions: 'new' });
    assert.deepEqual([both.status, both.body.code], [400, 'InvalidRequest']);
    assert.equal((await asked(sim, 'POST', 'pipelines/log/runs', { versions: 'old' })).status, 400);
  });
});

describe('runs that meet', () => {
  it('never read one version twice, also where they hold no lease', async () => {
    for (let seed = 1; seed <= 25; seed++) {
      const sim = new Sim(shopPipelines, { seed, chaos: { duplicate: 0.1, slow: 0.05, die: 0.005 } });
      await upload(sim, 'log/', [rows(sim, 2), rows(sim, 1), rows(sim, 3)]);
      for (const id of ['a', 'b', 'c']) sim.startRun(id, 'log');
      await sim.settle();
      for (const [id, { status, error }] of sim.instances) assert.equal(status, 'Completed', `${id}: ${error}`);
      const published = await checkWorld(sim, { verify: false });
      const read = [...published.values()].flatMap(({ manifest }) => manifest.inputs.map(({ blob }) => blob));
      assert.equal(read.length, 3, `seed ${seed}: ${read}`);
    }
  });

  it('leave to a living one what it has claimed, and say so', async () => {
    const sim = new Sim(shopPipelines);
    await upload(sim, 'log/a/', [rows(sim, 3)]);
    let paused = true;
    sim.onPoint = ({ point }, { instance }) =>
      instance === 'a' && paused && point === 'sealed:write:before' ? 'hold' : 'pass';
    sim.startRun('a', 'log');
    await sim.settle(() => sim.instances.get('a')!.customStatus?.phase === 'seal');
    await upload(sim, 'log/b/', [rows(sim, 2)]);
    const b = sim.startRun('b', 'log');
    await sim.settle(() => b.status !== 'Running');
    assert.equal(b.status, 'Completed', b.error);
    assert.deepEqual(b.customStatus?.leftOut, { read: 0, pending: 1 });
    paused = false;
    sim.resume();
    await sim.settle();
    assert.deepEqual(await inputsOf(sim, 'b'), ['log/b/0000.parquet']);
    await checkWorld(sim);
  });

  it('take over what a dead one has claimed', async () => {
    const sim = new Sim(shopPipelines);
    await upload(sim, 'log/', [rows(sim, 3)]);
    sim.onPoint = ({ point }, { instance }) => {
      if (instance !== 'a' || point !== 'split:write:before') return 'pass';
      sim.terminate('a');
      return 'die';
    };
    await sim.run('a', 'log');
    const at = ledgerOf(sim.environments[0]!, shopPipelines.get('log')!);
    assert.equal((await readLedger({ ...at, store: sim.store }))?.value.claims.length, 1);
    await sim.run('b', 'log');
    assert.deepEqual(await inputsOf(sim, 'b'), ['log/0000.parquet']);
    await checkWorld(sim);
  });

  it('read what a failed one gave back; what it published before it died stays read', async () => {
    for (const [place, by] of [
      ['sealed:write:before', 'b'],
      ['manifest:write:after', 'a'],
      ['ledger:write:after', 'b'],
    ] as const) {
      const sim = new Sim(shopPipelines);
      await upload(sim, 'shop/', [rows(sim, 5)]);
      let struck = false;
      sim.onPoint = ({ point }, { instance }) => {
        if (struck || instance !== 'a' || point !== place) return 'pass';
        struck = true;
        return new OrdinalError('StorageFailed', 'refused');
      };
      await sim.run('a', 'shop');
      await sim.settle();
      await sim.run('b', 'shop');
      await sim.settle();
      assert.deepEqual(await inputsOf(sim, by), ['shop/0000.parquet'], place);
      await checkWorld(sim);
    }
  });

  it('a dry run claims nothing', async () => {
    const sim = new Sim(shopPipelines);
    await upload(sim, 'shop/', [rows(sim, 5)]);
    assert.equal((await ran(sim, 'shop', { runId: 'dry', dryRun: true })).status, 'Completed');
    const at = { ...ledgerOf(sim.environments[0]!, shopPipelines.get('shop')!), store: sim.store };
    assert.equal(await readLedger(at), undefined);
    assert.equal((await ran(sim, 'shop', { runId: 'run' })).rows.done, 5);
    const dry = await ran(sim, 'shop', { runId: 'dry-again', dryRun: true });
    assert.equal(dry.status, 'Completed', dry.error?.line);
    assert.deepEqual(dry.leftOut, { read: 1, pending: 0 });
    await checkWorld(sim);
  });
});

describe('arrivals and the API share one ledger', () => {
  it('a blob that a run has read starts none, and a burst leaves it out', async () => {
    const sim = new Sim(lifePipelines);
    for (const pipeline of ['mail', 'post']) {
      const old = await upload(sim, `${pipeline}/old/`, [rows(sim, 2), rows(sim, 3)]);
      await sim.run(`http-${pipeline}`, pipeline);
      const fresh = await upload(sim, `${pipeline}/new/`, [rows(sim, 4)]);
      for (const blob of [...old, ...fresh]) sim.clients.arrive(pipeline, blob);
      await sim.settle();
      const published = await checkWorld(sim);
      const runs = [...published.values()].filter(({ manifest }) => manifest.pipeline === pipeline);
      assert.deepEqual(
        runs.map(({ manifest }) => manifest.inputs.map(({ blob }) => blob)).sort(),
        [fresh, old],
        `${pipeline}: the old blobs are in one run, the new one is in another`,
      );
    }
    // Of single blobs only the new one has a run at all.
    const started = [...sim.instances.keys()].filter((id) => id.startsWith('arrival-'));
    assert.equal(started.length, 1);
  });
});

/** A store that notes how the ledgers are written. */
class Watched extends MemoryStore {
  /** Of each put: the blob, and whether it had a condition. */
  puts: { name: string; isConditional: boolean }[] = [];

  override async write(container: string, name: string, bytes: Uint8Array, options: WriteOptions = {}) {
    const isConditional = options.ifAbsent === true || options.ifMatch !== undefined;
    if (name.startsWith('ledger/')) this.puts.push({ name, isConditional });
    return await super.write(container, name, bytes, options);
  }
}

describe('what a run costs its ledger', () => {
  it('are two conditional puts of the head, whatever was before it; every eighth run merges, by one more', async () => {
    for (const short of [false, true]) {
      const store = new Watched();
      const sim = new Sim(shopPipelines, { store, short });
      const puts: number[] = [];
      for (let run = 0; run < 17; run++) {
        const pipeline = run % 2 === 0 ? 'log' : 'shop';
        await upload(sim, `${pipeline}/${run}/`, [rows(sim, 2), rows(sim, 1)]);
        store.puts = [];
        assert.equal((await ran(sim, pipeline, { runId: `r${run}` })).status, 'Completed');
        const head = `ledger/${pipeline}/head.json`;
        assert.deepEqual(
          [...new Set(store.puts.filter(({ name }) => name.endsWith('.json')).map(({ name }) => name))],
          [head],
        );
        assert.ok(store.puts.every(({ name, isConditional }) => isConditional || name.includes('/merged-')));
        puts.push(store.puts.filter(({ name }) => name === head).length);
      }
      // Of each pipeline the eighth run: the 15th and the 16th of all.
      assert.deepEqual(puts, [...Array(14).fill(2), 3, 3, 2], short ? 'the short way' : 'the long way');
    }
  });

  it('is nothing for a dry run and for a run that finds nothing new; a run that fails gives back by its second put', async () => {
    const store = new Watched();
    const sim = new Sim(shopPipelines, { store });
    await upload(sim, 'log/', [rows(sim, 2)]);
    sim.onPoint = ({ point }) => (point === 'sealed:write:before' ? new OrdinalError('StorageFailed', 'no') : 'pass');
    assert.equal((await ran(sim, 'log', { runId: 'fails' })).status, 'Failed');
    sim.onPoint = () => 'pass';
    const heads = () => store.puts.splice(0).filter(({ name }) => name.endsWith('head.json')).length;
    assert.equal(heads(), 2, 'a claim, and its end');
    await ran(sim, 'log', { runId: 'reads' });
    assert.equal(heads(), 2);
    await ran(sim, 'log', { runId: 'nothing' });
    await ran(sim, 'log', { runId: 'dry', dryRun: true });
    assert.equal(heads(), 0, 'nothing new, and a dry run');
  });
});

describe('a ledger that is gone', () => {
  it('is made of manifests by the next run', async () => {
    const sim = new Sim(shopPipelines);
    await upload(sim, 'log/a/', [rows(sim, 3), rows(sim, 2)]);
    await sim.run('a', 'log');
    for (const name of sim.store.names('ordinal', 'ledger/')) await sim.store.remove('ordinal', name);
    await upload(sim, 'log/b/', [rows(sim, 1)]);
    await sim.run('b', 'log');
    assert.deepEqual(await inputsOf(sim, 'b'), ['log/b/0000.parquet']);
    await checkWorld(sim);
  });

  it('is rebuilt beside runs that go on: none is forgotten, and none counts that has not published', rebuilds);
});

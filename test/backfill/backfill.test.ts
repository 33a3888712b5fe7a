/** Backfills in the simulation: in order, a few at once, and on after whatever stopped them. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { backfillInstanceId } from '../../src/backfill/backfill-documents.ts';
import { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { checkWorld } from '../run/support/check.ts';
import { lifePipelines, someRows, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';
import type { Answer } from '../run/support/sim-clients.ts';
import { lifeOf } from '../run/support/sim-host.ts';
import { calm } from '../run/support/sim-workers.ts';

async function world(folders: number, options: ConstructorParameters<typeof Sim>[1] = {}): Promise<Sim> {
  const sim = new Sim(lifePipelines, options);
  for (let day = 1; day <= folders; day++) {
    const rows = () => someRows(() => sim.random(), 2);
    await upload(sim, `log/2001/${String(day).padStart(2, '0')}/`, [rows(), rows()]);
  }
  return sim;
}

async function asked(
  sim: Sim,
  method: 'GET' | 'POST',
  path: string,
  body?: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  let answer: Answer | undefined;
  void sim.clients.ask(method, path, body, headers).then((given) => {
    answer = given;
  });
  for (let step = 0; !answer && step < 20_000; step++) await sim.step();
  assert.ok(answer, `${method} ${path} is answered`);
  return answer;
}

interface View {
  status: string;
  runs: { done: number; total: number; going: string[] };
  files: { done: number; total: number };
  rows: number;
  error?: { code: string; runId?: string };
}

const view = async (sim: Sim) => (await asked(sim, 'GET', 'backfills/all')).body as unknown as View;
const start = (sim: Sim, more: object = {}, headers: Record<string, string> = {}) =>
  asked(sim, 'POST', 'pipelines/log/backfill', { backfillId: 'all', ...more }, headers);

/** The folders that runs read, in the order in which they were started. */
function foldersOf(sim: Sim, published: Awaited<ReturnType<typeof checkWorld>>): string[] {
  const started = [...sim.instances.keys()].filter((id) => /^all-\d{5}$/.test(id));
  return started.map((id) => {
    const folders = published.get(id)?.manifest.inputs.map(({ blob }) => blob.slice(0, blob.lastIndexOf('/')));
    return [...new Set(folders)].join(' ');
  });
}

describe('backfills', () => {
  it('are listed, the newest first, with how they are cut and who asked first', async () => {
    const sim = await world(3);
    assert.deepEqual((await asked(sim, 'GET', 'backfills')).body, { backfills: [], total: 0 });
    const ann = { 'x-ms-client-principal-name': 'ann@example.com' };
    await start(sim, { by: 'size', files: 2 }, ann);
    await sim.settle();
    sim.now += 60_000;
    await start(sim, { backfillId: 'later', prefix: 'log/none/' });
    await sim.settle();
    const listed = async (query = '') =>
      (await asked(sim, 'GET', `backfills${query}`)).body as {
        backfills: { backfillId: string; status: string; cut: object; startedBy?: { who?: string } }[];
        total: number;
      };
    const { backfills, total } = await listed();
    assert.equal(total, 2);
    assert.deepEqual(
      backfills.map(({ backfillId, status }) => [backfillId, status]),
      [
        ['later', 'Completed'],
        ['all', 'Completed'],
      ],
    );
    assert.deepEqual(backfills[1]!.cut, { by: 'size', bytes: 16 * 1024 ** 3, files: 2 });
    assert.equal(backfills[1]!.startedBy?.who, 'ann@example.com');
    assert.deepEqual(backfills[1], (await asked(sim, 'GET', 'backfills/all')).body);
    assert.equal((await listed('?limit=1')).backfills[0]!.backfillId, 'later');
    assert.equal((await asked(sim, 'GET', 'backfills?limit=0')).status, 400);
  });
});

describe('a backfill', () => {
  it('reads the whole source once, folder by folder, a few at once', async () => {
    const sim = await world(9);
    assert.equal((await start(sim, { atOnce: 3 })).status, 202);
    let most = 0;
    await sim.settle(() => {
      const going = [...sim.instances.values()].filter(({ name, status }) => name === 'run' && status === 'Running');
      most = Math.max(most, going.length);
      return false;
    });
    assert.equal(most, 3, 'three at once');
    const published = await checkWorld(sim);
    assert.deepEqual(
      foldersOf(sim, published),
      Array.from({ length: 9 }, (_, i) => `log/2001/0${i + 1}`),
    );
    const { status, runs, files, rows } = await view(sim);
    assert.deepEqual(
      [status, runs, files, rows],
      ['Completed', { done: 9, total: 9, going: [] }, { done: 18, total: 18 }, 36],
    );
    // Its runs say whose they are, in lists too.
    const { runs: listed } = (await asked(sim, 'GET', 'runs?limit=100')).body as { runs: { startedBy: unknown }[] };
    assert.equal(listed.length, 9);
    for (const { startedBy } of listed) assert.deepEqual(startedBy, { by: 'backfill', who: 'all' });
    // The same start again is the same backfill, whoever asks; another one under its ID is refused.
    const bob = { 'x-ms-client-principal-name': 'bob@example.com' };
    assert.equal((await start(sim, { atOnce: 3 }, bob)).status, 202);
    assert.deepEqual((await start(sim, { atOnce: 2 })).body.code, 'RunIdConflict');
    await sim.settle();
    assert.equal((await checkWorld(sim)).size, 9);
  });

  it('one at a time numbers rows in the order of the source', async () => {
    const sim = await world(4);
    await start(sim, { atOnce: 1, by: 'size', files: 3 });
    await sim.settle();
    const published = await checkWorld(sim);
    const ids = [...published.values()]
      .sort((a, b) => (a.manifest.runId < b.manifest.runId ? -1 : 1))
      .flatMap(({ rows }) => rows.lines!.map(({ line_id: id }) => Number(id)));
    assert.deepEqual(
      ids,
      Array.from({ length: 16 }, (_, i) => 100 + i),
    );
  });

  it('leaves out what was read, and takes nothing twice from runs beside it', async () => {
    const sim = await world(4);
    await sim.run('before', 'log', 'log/2001/02/');
    await start(sim, { glob: 'log/2001/0{1,2,3}/*' });
    sim.startRun('beside', 'log');
    await sim.settle();
    const published = await checkWorld(sim);
    assert.equal((await view(sim)).runs.total, 2, 'folder 2 was read before');
    const read = [...published.values()].flatMap(({ manifest }) => manifest.inputs.map(({ blob }) => blob));
    assert.equal(read.length, 8);
  });

  it('stops when a run fails, and goes on from there', async () => {
    const sim = await world(6);
    let bad = true;
    sim.onPoint = ({ point }, { instance }) =>
      bad && instance === 'all-00003' && point === 'split:write:before'
        ? new OrdinalError('InvalidValue', 'a bad row')
        : 'pass';
    await start(sim, { atOnce: 2 });
    await sim.settle();
    const stopped = await view(sim);
    assert.equal(stopped.status, 'Failed');
    assert.equal(stopped.error?.runId, 'all-00003');
    assert.ok(!sim.instances.has('all-00005'), 'no further run was started');
    bad = false;
    assert.equal((await start(sim, { atOnce: 2 })).status, 202);
    await sim.settle();
    const done = await view(sim);
    assert.deepEqual([done.status, done.runs.done, done.rows], ['Completed', 6, 24]);
    assert.equal(lifeOf([...sim.instances.keys()].filter((id) => id.startsWith('all-00003')).at(-1)!), 2);
    assert.equal((await checkWorld(sim)).size, 6);
  });

  it('ends when those beside the failed run have ended, and not before', async () => {
    const sim = await world(6);
    let held = true;
    sim.onPoint = ({ point }, { instance }) => {
      if (instance === 'all-00001' && point === 'split:write:before')
        return new OrdinalError('InvalidValue', 'a bad row');
      return instance === 'all-00002' && held && point === 'sealed:write:before' ? 'hold' : 'pass';
    };
    await start(sim, { atOnce: 2 });
    const since = sim.now;
    await sim.settle(() => sim.status('all-00001') === 'Failed' && sim.now > since + 120_000);
    const now = await view(sim);
    assert.deepEqual([now.status, now.runs.going], ['Running', ['all-00002']]);
    held = false;
    sim.resume();
    await sim.settle();
    const { status, runs, error } = await view(sim);
    assert.deepEqual([status, runs.going, error?.runId], ['Failed', [], 'all-00001']);
    assert.ok(!sim.instances.has('all-00003'), 'no further run was started');
  });

  it('is canceled, and goes on later', async () => {
    const sim = await world(6);
    await start(sim, { atOnce: 2 });
    await sim.settle(() => sim.instances.has('all-00003'));
    assert.equal((await asked(sim, 'POST', 'backfills/all/cancel')).status, 202);
    await sim.settle();
    assert.equal((await view(sim)).status, 'Terminated');
    assert.ok((await checkWorld(sim)).size < 6);
    await start(sim, { atOnce: 2 });
    await sim.settle();
    assert.equal((await view(sim)).runs.done, 6);
    assert.equal((await checkWorld(sim)).size, 6);
  });

  it('survives workers that die and activities that run twice; a long one begins its history anew', async () => {
    const steps = limits.backfillStepsMax;
    Object.assign(limits, { backfillStepsMax: 3, backfillPartsPerDocument: 2, backfillChunkBlobs: 3 });
    try {
      for (let seed = 1; seed <= 8; seed++) {
        const sim = await world(7, { seed });
        await start(sim, { atOnce: 2 });
        Object.assign(sim.chaos, { duplicate: 0.1, die: 0.01, slow: 0.05 });
        await sim.settle();
        Object.assign(sim.chaos, calm);
        assert.ok(sim.instances.get(backfillInstanceId('all'))!.life > 1, 'its history began anew');
        const { status, runs, rows } = await view(sim);
        assert.deepEqual([status, runs.done, rows], ['Completed', 7, 28], `seed ${seed}`);
        assert.equal((await checkWorld(sim, { verify: false })).size, 7);
      }
    } finally {
      Object.assign(limits, { backfillStepsMax: steps, backfillPartsPerDocument: 500, backfillChunkBlobs: 50_000 });
    }
  });

  it('of nothing succeeds; one that nobody started is not found', async () => {
    const sim = await world(0);
    await sim.store.ensureContainer('landing');
    await start(sim);
    await sim.settle();
    assert.deepEqual((await view(sim)).runs, { done: 0, total: 0, going: [] });
    assert.equal((await asked(sim, 'GET', 'backfills/none')).body.code, 'UnknownBackfill');
    assert.equal((await asked(sim, 'GET', 'backfills/no~ne')).status, 404);
    assert.equal((await start(sim, { backfillId: 'x', prefix: 'other/' })).body.code, 'InvalidRequest');
  });
});

/** A published run is taken back: what it read is new again, its keys are forgotten, its IDs are given to nobody. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { type Manifest, manifestSchema } from '../../src/documents/manifest.ts';
import { numberedManifests, publishedManifests } from '../../src/documents/manifests.ts';
import { OrdinalError } from '../../src/errors.ts';
import { replaysOf } from '../../src/storage/names.ts';
import { rebuiltSequence } from '../../src/upkeep/rebuild-sequence.ts';
import { checkWorld } from '../run/support/check.ts';
import { shopPipelines, someRows, upload } from '../run/support/shop.ts';
import { Sim } from '../run/support/sim.ts';
import type { Answer } from '../run/support/sim-clients.ts';

async function asked(sim: Sim, method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
  let answer: Answer | undefined;
  void sim.clients.ask(method, path, body, { 'x-ms-client-principal-name': 'ann@example.com' }).then((given) => {
    answer = given;
  });
  await sim.settle();
  assert.ok(answer, `${method} ${path} is answered`);
  return answer;
}

async function manifestOf(sim: Sim, run: string): Promise<Manifest> {
  return manifestSchema.parse(
    JSON.parse(Buffer.from(sim.store.bytes('published', `shop/_manifests/${run}.json`)).toString()),
  );
}

/** Through the API, so that it is in lists. */
async function startByApi(sim: Sim, run: string): Promise<void> {
  await upload(sim, `shop/${run}/`, [someRows(() => sim.random(), 4, 24)]);
  const { status } = await asked(sim, 'POST', 'pipelines/shop/runs', { runId: run, prefix: `shop/${run}/` });
  assert.equal(status, 202);
  await sim.settle();
  assert.equal(sim.status(run), 'Completed');
}

/** Asks for a withdrawal, and gives what it came to. */
async function withdraw(sim: Sim, run: string, reason = 'the wrong file') {
  const answer = await asked(sim, 'POST', `runs/${run}/withdraw`, { reason });
  assert.equal(answer.status, 202, JSON.stringify(answer.body));
  return (await asked(sim, 'GET', `runs/${run}/withdrawal`)).body as {
    status: string;
    error?: { code: string; message: string };
  };
}

async function world(): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed: 3 });
  for (const [i, at] of ['shop/a/', 'shop/b/', 'log/a/'].entries())
    await upload(sim, at, [someRows(() => sim.random(), 6, 6 + 6 * i)]);
  await sim.run('one', 'shop', 'shop/a/');
  await sim.run('two', 'shop', 'shop/b/');
  return sim;
}

/**
 * A withdrawal is ended at one of the requests of its closing step, which goes on when a run over the same keys has
 * published; or, if they `meet`, when that run is about to say so in the index. False when there are not so many requests.
 */
async function endedAt(nth: number, meets: boolean): Promise<boolean> {
  const sim = await world();
  await upload(sim, 'shop/c/', [someRows(() => sim.random(), 6, 12)]);
  let seen = 0;
  let arrived = false;
  sim.onPoint = ({ point }, { activity, instance }) => {
    if (instance === 'three' && meets && !arrived && point === 'resolved:write:before') arrived = true;
    if (activity !== 'closeWithdrawn' || !point.endsWith(':before') || seen++ !== nth) return 'pass';
    sim.host.end('two~withdraw', 'ended by an operator');
    return 'hold';
  };
  void sim.clients.ask('POST', 'runs/two/withdraw');
  await sim.settle();
  if (seen <= nth) return false;
  const three = sim.startRun('three', 'shop', 'shop/c/');
  await sim.settle(() => arrived || three.status !== 'Running');
  sim.resume();
  await sim.settle();
  const place = `request ${nth}, ${meets ? 'side by side' : 'afterwards'}`;
  if (three.status === 'Failed') assert.match(three.error!, /^LeaseConflict: /, place);
  await checkWorld(sim, { quiet: false, verify: false });
  // The sweep ends what was begun, or finds that the run is in use by now.
  for (const hours of [2, 2]) {
    sim.now += hours * 3_600_000;
    void sim.clients.sweep();
    await sim.settle();
  }
  const four = await sim.run('four', 'shop');
  assert.equal(four.status, 'Completed', `${place}: ${four.error}`);
  await sim.settle();
  await checkWorld(sim);
  return true;
}

describe('a withdrawn run', () => {
  it('gives back what it read, but no ID; the next run reads it under new IDs', async () => {
    const sim = await world();
    const before = sim.sequence('documents')!.next;
    assert.equal((await withdraw(sim, 'two')).status, 'Withdrawn');
    const view = (await asked(sim, 'GET', 'runs/two')).body;
    const { reason, by, filesUntil } = view.withdrawn as { reason: string; by: string; filesUntil: string };
    assert.deepEqual([reason, by], ['the wrong file', 'ann@example.com']);
    assert.ok(Date.parse(filesUntil) > sim.now);
    assert.equal(view.entities, undefined);
    // Its IDs are said, all of them: those that it drew from each sequence.
    const { sequences } = await manifestOf(sim, 'two');
    assert.deepEqual(
      view.retired,
      Object.entries(sequences)
        .filter(([, { count }]) => count > 0)
        .map(([sequence, { count, ranges }]) => ({ sequence, count, ranges })),
    );
    assert.ok((view.retired as { sequence: string }[]).some(({ sequence }) => sequence === 'documents'));
    assert.deepEqual([...(await checkWorld(sim)).keys()], ['one']);
    await sim.run('three', 'shop');
    const published = await checkWorld(sim);
    const { manifest, rows } = published.get('three')!;
    assert.deepEqual(
      manifest.inputs.map(({ blob }) => blob),
      ['shop/b/0000.parquet'],
    );
    assert.equal(rows.orders![0]!.order_id, BigInt(before), 'IDs go on where they were');
  });

  it('is withdrawn in lists, and not completed', async () => {
    const sim = await world();
    await startByApi(sim, 'three');
    await withdraw(sim, 'three');
    const listed = async (query: string) => {
      const { runs } = (await asked(sim, 'GET', `runs${query}`)).body as { runs: Record<string, unknown>[] };
      return runs.map(({ runId, withdrawn }) => [runId, (withdrawn as { by?: string } | undefined)?.by]);
    };
    assert.deepEqual(await listed(''), [['three', 'ann@example.com']]);
    assert.deepEqual(await listed('?status=Withdrawn,Failed'), [['three', 'ann@example.com']]);
    assert.deepEqual(await listed('?status=Completed'), []);
  });

  it('is a spent ID: it is not started again, whatever is left of it', async () => {
    const sim = await world();
    await withdraw(sim, 'two');
    const again = await asked(sim, 'POST', 'pipelines/shop/runs', { runId: 'two', prefix: 'shop/b/' });
    assert.ok(again.status < 300, 'the same start is the same run, which is withdrawn');
    assert.deepEqual([...(await checkWorld(sim)).keys()], ['one']);
    for (const id of [...sim.instances.keys()]) if (id.startsWith('two')) sim.instances.delete(id);
    for (const name of sim.store.names('ordinal', 'lives/two/')) await sim.store.remove('ordinal', name);
    const run = sim.startRun('two', 'shop', 'shop/b/');
    await sim.settle();
    assert.match(run.error ?? '', /^RunIdConflict: run "two" was withdrawn/);
    await checkWorld(sim);
  });

  it('keeps its files for a while, and then they go', async () => {
    const sim = await world();
    const mine = () => sim.store.names('published').filter((name) => /\/two-\d+\.parquet$/.test(name));
    await withdraw(sim, 'two');
    assert.ok(mine().length > 0);
    sim.now += 6 * 86_400_000;
    void sim.clients.sweep();
    await sim.settle();
    assert.ok(mine().length > 0, 'who lists folders may be reading them');
    sim.now += 2 * 86_400_000;
    void sim.clients.sweep();
    await sim.settle();
    assert.deepEqual(mine(), []);
    assert.deepEqual(sim.store.names('ordinal', 'withdrawals/'), []);
    await checkWorld(sim);
  });

  it('has its IDs in a sequence that is rebuilt', async () => {
    const sim = await world();
    await withdraw(sim, 'two');
    const environment = { ...sim.environments[0]!, store: sim.store };
    const { start, step, next, free } = sim.sequence('documents')!;
    const rebuilt = rebuiltSequence('documents', { start, step }, await numberedManifests(environment));
    assert.deepEqual([rebuilt.next, rebuilt.free], [next, free]);
    assert.equal((await publishedManifests(environment)).length, 1);
  });
});

describe('a withdrawal', () => {
  it('is refused while a later run may use the keys, and taken from the newest on', async () => {
    const sim = await world();
    const refused = await withdraw(sim, 'one');
    assert.deepEqual([refused.status, refused.error?.code], ['Failed', 'RunInUse']);
    assert.match(refused.error!.message, /run "two" has published later and shares key index/);
    assert.equal((await checkWorld(sim)).size, 2);
    assert.equal((await withdraw(sim, 'two')).status, 'Withdrawn');
    assert.equal((await withdraw(sim, 'one')).status, 'Withdrawn');
    assert.equal((await checkWorld(sim)).size, 0);
    await sim.run('all', 'shop');
    assert.equal((await checkWorld(sim)).get('all')!.manifest.inputs.length, 2);
  });

  it('is refused while rows that the run refused are published by a replay, which goes first', async () => {
    const sim = await world();
    await sim.run('lines', 'log');
    const rows = [someRows(() => sim.random(), 2)];
    await upload(sim, `log/_replayed/${replaysOf('lines')}0123456789abcdef-`, rows);
    await sim.run('back', 'log');
    const refused = await withdraw(sim, 'lines');
    assert.deepEqual([refused.status, refused.error?.code], ['Failed', 'RunInUse']);
    assert.match(refused.error!.message, /^run "back" has published rows that run "lines" refused/);
    assert.equal((await withdraw(sim, 'back')).status, 'Withdrawn');
    assert.equal((await withdraw(sim, 'lines')).status, 'Withdrawn');
    await checkWorld(sim);
  });

  it('of a run without keys is refused for no later run', async () => {
    const sim = await world();
    await sim.run('lines', 'log');
    await upload(sim, 'log/b/', [someRows(() => sim.random(), 2)]);
    await sim.run('more', 'log');
    assert.equal((await withdraw(sim, 'lines')).status, 'Withdrawn');
    assert.deepEqual([...(await checkWorld(sim)).keys()].sort(), ['more', 'one', 'two']);
  });

  it('waits for a run that is using the index, and is then refused or not, as that run ends', async () => {
    for (const fails of [false, true]) {
      const sim = await world();
      await upload(sim, 'shop/c/', [someRows(() => sim.random(), 4, 24)]);
      sim.onPoint = ({ point }, { instance }) =>
        fails && instance === 'three' && point === 'sealed:write:before'
          ? new OrdinalError('StorageFailed', 'refused')
          : 'pass';
      const three = sim.startRun('three', 'shop');
      await sim.settle(() => three.customStatus?.phase === 'resolve');
      const { status } = await withdraw(sim, 'two');
      assert.equal(status, fails ? 'Withdrawn' : 'Failed');
      await checkWorld(sim);
    }
  });

  it('that stops anywhere goes on when it is asked for again, or by the sweep; nobody resolves meanwhile', async () => {
    for (const place of [
      'keyIndex:write:before',
      'manifest:write:before',
      'manifest:write:after',
      'ledger:write:before',
    ]) {
      for (const sweeps of [false, true]) {
        const sim = await world();
        let struck = false;
        sim.onPoint = ({ point }, { instance }) => {
          if (struck || instance !== 'two~withdraw' || point !== place) return 'pass';
          struck = true;
          return new OrdinalError('StorageFailed', 'refused');
        };
        assert.equal((await withdraw(sim, 'two')).status, 'Failed', place);
        await upload(sim, 'shop/c/', [someRows(() => sim.random(), 4, 24)]);
        const run = await sim.run('three', 'shop', 'shop/c/');
        if (run.status === 'Failed') assert.match(run.error!, /^LeaseConflict: .*withdrawn run "two"/, place);
        await sim.settle();
        if (sweeps) {
          sim.now += 2 * 3_600_000;
          void sim.clients.sweep();
          await sim.settle();
        } else await withdraw(sim, 'two');
        const published = await checkWorld(sim, { verify: false });
        // Where it stopped before anything was closed, the later run came first, and it is refused.
        assert.equal(published.has('two'), run.status === 'Completed' && published.has('two'), place);
        const four = await sim.run('four', 'shop');
        assert.equal(four.status, 'Completed', `${place}: ${four.error}`);
        await checkWorld(sim);
      }
    }
  });

  it('that is ended while it closes the index takes no key from a run that publishes meanwhile, at any request', async () => {
    for (const meets of [false, true]) {
      let [nth, held] = [0, true];
      for (; held; nth++) held = await endedAt(nth, meets);
      assert.ok(nth > 8, `${nth} requests`);
    }
  });

  it('is not of a run that has not published', async () => {
    const sim = await world();
    for (const run of ['none', 'no~ne']) {
      assert.equal((await asked(sim, 'POST', `runs/${run}/withdraw`)).status, 404);
      assert.equal((await asked(sim, 'GET', `runs/${run}/withdrawal`)).status, 404);
    }
    assert.equal((await asked(sim, 'GET', 'runs/one/withdrawal')).status, 404);
    assert.equal((await asked(sim, 'POST', 'runs/one/withdraw', { why: 'x' })).status, 400);
  });
});

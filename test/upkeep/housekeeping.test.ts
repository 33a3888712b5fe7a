/** Housekeeping: what it removes, and above all what it leaves. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { pipelines } from '../../pipelines/index.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { type Claim, putClaim } from '../../src/lives/claims.ts';
import { type Swept, sweep } from '../../src/upkeep/sweep.ts';
import { ClockedStore } from '../http/support/clocked-store.ts';
import { StandingRuns } from '../http/support/runs.ts';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const start = Date.parse('2026-01-01T00:00:00Z');

class House {
  readonly store = new ClockedStore();
  readonly runs = new StandingRuns();
  readonly environment: Environment;
  now = start;

  constructor(settings: Record<string, string> = {}) {
    const config = parseConfig({ AzureWebJobsStorage: 'x', ORDINAL_KEEP_DAYS: '30', ...settings });
    this.environment = { store: this.store, config, pipelines };
  }

  async put(name: string, container = 'ordinal', at = start): Promise<void> {
    await this.store.ensureContainer(container);
    this.store.now = at;
    await this.store.write(container, name, Buffer.from('x'));
  }

  /** A claim of a life, as if it had been made at the start. */
  async claim(runId: string, life = 1, change: Partial<Claim> = {}): Promise<void> {
    const claimedAt = new Date(start).toISOString();
    const input = { runId, pipeline: 'flights', prefix: 'flights/' };
    await putClaim(this.environment, { version: 1, runId, life, input, claimedAt, state: 'open', ...change });
  }

  async names(container = 'ordinal'): Promise<string[]> {
    const found: string[] = [];
    for await (const blob of this.store.list(container, '')) found.push(blob.name);
    return found;
  }

  /** A manifest that says no more than which life of a run published. */
  async manifest(runId: string, life: number): Promise<void> {
    const { output, source, name } = pipelines.get('flights')!;
    const at = new Date(start).toISOString();
    const document = {
      ...{ version: 1, outcome: 'published', runId, life, pipeline: name, pipelineHash: '' },
      ...{ identity: { entities: {}, steps: {} }, startedAt: at, finishedAt: at, phases: [] },
      source: { container: source.container, prefix: '', rows: 1 },
      ...{ inputs: [], output, entities: [], sequences: {} },
    };
    await this.store.ensureContainer('published');
    await this.store.write('published', `flights/_manifests/${runId}.json`, Buffer.from(JSON.stringify(document)));
  }

  sweep(): Promise<Swept> {
    const log = { info: () => {}, warn: () => {} };
    return sweep({ environment: this.environment, runs: this.runs, log, now: () => new Date(this.now) });
  }
}

describe('a sweep', () => {
  it('forgets ended runs in pages, with what they left, and nothing that a manifest names', async () => {
    const house = new House();
    for (let i = 0; i < 250; i++) {
      const runId = `old-${String(i).padStart(3, '0')}`;
      house.runs.put(runId);
      await house.put(`runs/${runId}/1/plan.json`);
      await house.put(`keys/flights/airports/${runId}.parquet`);
    }
    await house.put('flights/_manifests/old-000.json', 'published');
    await house.put('flights/flights/old-000-00000.parquet', 'published');
    await house.put('keys/index/flights.airports.json');
    house.runs.put('old-000-split-0', { name: 'runShard' });
    house.runs.put('young', { updatedAt: new Date(start + 20 * DAY), createdAt: new Date(start + 20 * DAY) });
    await house.put('runs/young/1/plan.json', 'ordinal', start + 39.5 * DAY);
    house.now = start + 40 * DAY;
    const swept = await house.sweep();
    assert.deepEqual([swept.purged, swept.complete], [251, true]);
    assert.deepEqual([...house.runs.instances.keys()], ['young']);
    const left = await house.names();
    assert.deepEqual(
      left.filter((name) => name.startsWith('runs/')),
      ['runs/young/1/plan.json'],
    );
    assert.equal(left.filter((name) => name.startsWith('keys/')).length, 251);
    assert.equal((await house.names('published')).length, 2);
  });

  it('settles a dead run before it forgets it', async () => {
    const house = new House();
    house.runs.put('dead', { status: 'Terminated' });
    house.runs.put('dead~2', { status: 'Failed' });
    house.runs.put('failed', { status: 'Failed' });
    await house.claim('dead');
    await house.claim('dead', 2);
    await house.claim('failed', 1, { state: 'swept' });
    await house.put('runs/dead/1/plan.json');
    await house.put('runs/dead/2/plan.json');
    await house.put('runs/remains/2/split/000001.bin');
    house.now = start + 40 * DAY;
    const swept = await house.sweep();
    assert.deepEqual(
      house.runs.started.map(({ name, instanceId }) => [name, instanceId]),
      [
        ['tidyRun', 'dead~tidy'],
        ['tidyRun', 'dead~2~tidy'],
      ],
    );
    assert.ok(house.runs.instances.has('dead') && house.runs.instances.has('dead~2'), 'not yet');
    assert.ok(!house.runs.instances.has('failed'), 'it is settled: nothing needs it any more');
    assert.deepEqual(await house.names(), [
      'lives/dead/1.json',
      'lives/dead/2.json',
      'lives/failed/1.json',
      'runs/dead/1/plan.json',
      'runs/dead/2/plan.json',
    ]);
    assert.deepEqual([swept.settling, swept.removed], [2, 1]);
  });

  it('removes what comes late of a settled life, for eight days, and nothing of another life or run', async () => {
    const house = new House();
    const over = { state: 'over' as const, overAt: new Date(start).toISOString() };
    await house.claim('r', 1, over);
    await house.claim('r', 2, over);
    await house.claim('r', 3);
    house.runs.put('r~3');
    const others = ['r-00000', 'r~3-00000', 'r-1-00000', 'r~20-00000', 's-00000'];
    for (const name of others) await house.put(`flights/airports/${name}.parquet`, 'published');
    const late = ['flights/airports/r~2-00000.parquet', 'flights/airports/r~2-00003-known.parquet'];
    late.push('flights/_quarantine/r~2-00000.parquet', 'flights/_changes/airports/r~2-00001.parquet');
    for (const name of late) await house.put(name, 'published');
    await house.put('keys/flights.airports/1/000/delta-r~2.keys');
    await house.put('keys/flights.airports/1/000/delta-r~3.keys');
    await house.put('runs/r/2/sealed/g000000.json');
    // Life 1 published what is there; life 2 was started all the same.
    await house.manifest('r', 1);
    house.now = start + DAY;
    assert.equal((await house.sweep()).removed, late.length + 2);
    const published = (await house.names('published')).filter((name) => name.endsWith('.parquet'));
    assert.deepEqual(published, others.map((name) => `flights/airports/${name}.parquet`).sort());
    assert.deepEqual(
      (await house.names()).filter((name) => !name.startsWith('lives/')),
      ['keys/flights.airports/1/000/delta-r~3.keys'],
    );
    await house.put(late[0]!, 'published');
    house.now = start + DAY + HOUR;
    await house.sweep();
    assert.ok((await house.names('published')).includes(late[0]!), 'not every hour');
    house.now = start + 7.9 * DAY;
    assert.equal((await house.sweep()).removed, 1);
    house.now = start + 9 * DAY;
    await house.sweep();
    house.now = start + 10 * DAY;
    await house.sweep();
    const claims = (await house.names()).filter((name) => name.startsWith('lives/'));
    assert.deepEqual(claims, ['lives/r/3.json'], 'the highest claim stays');
  });

  it('starts what was claimed and not started, ends what did not end, and leaves what has just been claimed', async () => {
    const house = new House();
    const input = (runId: string, hours: number) => ({
      runId,
      pipeline: 'flights',
      prefix: 'flights/',
      deadline: new Date(start + hours * HOUR).toISOString(),
    });
    const just = new Date(start + HOUR - 10_000).toISOString();
    await house.claim('forgotten', 1, { input: input('forgotten', 24) });
    await house.claim('late', 1, { input: input('late', 0.5) });
    await house.claim('new', 1, { claimedAt: just, input: input('new', 24) });
    await house.claim('ends', 1, { state: 'ending', reason: 'enough' });
    house.runs.put('ends', { status: 'Running' });
    await house.claim('lower');
    await house.claim('lower', 2);
    house.runs.put('lower~2');
    house.now = start + HOUR;
    const swept = await house.sweep();
    assert.deepEqual(
      house.runs.started.map(({ name, instanceId }) => [name, instanceId]),
      [
        ['tidyRun', 'ends~tidy'],
        ['run', 'forgotten'],
        ['tidyRun', 'late~tidy'],
        ['tidyRun', 'lower~tidy'],
      ],
    );
    assert.deepEqual(house.runs.terminated, [{ instanceId: 'ends', reason: 'enough' }]);
    assert.deepEqual([swept.started, swept.settling], [1, 2]);
  });

  it('leaves runs that go on alone, whatever their age, and ends those beyond their deadline', async () => {
    const house = new House();
    const input = (runId: string, deadline: number) => ({
      runId,
      pipeline: 'flights',
      prefix: 'flights/',
      deadline: new Date(deadline).toISOString(),
      callBackUri: 'https://x.datafactory.azure.com/cb',
    });
    house.now = start + 40 * DAY;
    house.runs.put('slow', { status: 'Running', input: input('slow', house.now - 60_000) });
    house.runs.put('hangs', { status: 'Running', input: input('hangs', house.now - 600_000) });
    await house.put('runs/slow/1/plan.json');
    await house.put('runs/hangs/1/plan.json');
    const swept = await house.sweep();
    assert.equal(swept.ended, 1);
    assert.deepEqual(
      house.runs.terminated.map(({ instanceId }) => instanceId),
      ['hangs'],
    );
    assert.match(house.runs.terminated[0]!.reason, /^DeadlineExceeded: /);
    assert.deepEqual(house.runs.started, [
      {
        name: 'tidyRun',
        instanceId: 'hangs~tidy',
        input: {
          runId: 'hangs',
          life: 1,
          reason: house.runs.terminated[0]!.reason,
          callBackUri: 'https://x.datafactory.azure.com/cb',
        },
      },
    ]);
    assert.equal((await house.names()).length, 2);
  });

  it('removes work in progress of ended runs earlier than the runs themselves', async () => {
    const house = new House({ ORDINAL_KEEP_WORK_HOURS: '10' });
    house.runs.put('done', { createdAt: new Date(start + DAY), updatedAt: new Date(start + DAY) });
    await house.put('runs/done/1/plan.json', 'ordinal', start + DAY);
    house.now = start + DAY + 9 * 3_600_000;
    assert.equal((await house.sweep()).removed, 0);
    house.now = start + DAY + 11 * 3_600_000;
    assert.equal((await house.sweep()).removed, 1);
    assert.ok(house.runs.instances.has('done'));
  });

  it('removes receipts and lists that nobody asks for any more, in an account of any layout', async () => {
    const house = new House();
    await house.put('arrivals/flights/received/old');
    await house.put('selections/old.json');
    await house.put('arrivals/flights/received/new', 'ordinal', start + 35 * DAY);
    await house.put('keys/flights/airports/x.parquet');
    house.now = start + 40 * DAY;
    await house.sweep();
    assert.deepEqual(await house.names(), ['arrivals/flights/received/new', 'keys/flights/airports/x.parquet']);
    // Outputs that lie where runs work, in a folder of that very name.
    const shared = new House({ ORDINAL_WORK_CONTAINER: 'published' });
    const flights = pipelines.get('flights')!;
    const moved = { ...flights, output: { container: 'published', prefix: 'arrivals/' } };
    Object.assign(shared.environment, { pipelines: new Map([['flights', moved]]) });
    await shared.put('arrivals/flights/run-00000.parquet', 'published');
    shared.now = start + 40 * DAY;
    await shared.sweep();
    assert.deepEqual(await shared.names('published'), ['arrivals/flights/run-00000.parquet']);
  });
});

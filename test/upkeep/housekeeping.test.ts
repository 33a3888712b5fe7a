/** Housekeeping: what it removes, and above all what it leaves. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { pipelines } from '../../pipelines/index.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { type Swept, sweep } from '../../src/upkeep/sweep.ts';
import { ClockedStore } from '../http/support/clocked-store.ts';
import { StandingRuns } from '../http/support/runs.ts';

const DAY = 86_400_000;
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

  async names(container = 'ordinal'): Promise<string[]> {
    const found: string[] = [];
    for await (const blob of this.store.list(container, '')) found.push(blob.name);
    return found;
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
      await house.put(`runs/${runId}/plan.json`);
      await house.put(`keys/flights/airports/${runId}.parquet`);
    }
    await house.put('flights/_manifests/old-000.json', 'published');
    await house.put('flights/flights/old-000-00000.parquet', 'published');
    await house.put('keys/index/flights.airports.json');
    house.runs.put('old-000-split-0', { name: 'runShard' });
    house.runs.put('young', { updatedAt: new Date(start + 20 * DAY), createdAt: new Date(start + 20 * DAY) });
    await house.put('runs/young/plan.json', 'ordinal', start + 39.5 * DAY);
    house.now = start + 40 * DAY;
    const swept = await house.sweep();
    assert.deepEqual([swept.purged, swept.complete], [251, true]);
    assert.deepEqual([...house.runs.instances.keys()], ['young']);
    const left = await house.names();
    assert.deepEqual(
      left.filter((name) => name.startsWith('runs/')),
      ['runs/young/plan.json'],
    );
    assert.equal(left.filter((name) => name.startsWith('keys/')).length, 251);
    assert.equal((await house.names('published')).length, 2);
  });

  it('settles a dead run before it forgets it', async () => {
    const house = new House();
    house.runs.put('dead', { status: 'Terminated' });
    house.runs.put('failed', { status: 'Failed' });
    await house.put('runs/dead/plan.json');
    await house.put('runs/nobody/plan.json');
    await house.put('runs/remains/split/000001.bin');
    house.now = start + 40 * DAY;
    const swept = await house.sweep();
    assert.deepEqual(
      house.runs.started.map(({ name, instanceId }) => [name, instanceId]),
      [
        ['tidyRun', 'dead-tidy'],
        ['tidyRun', 'nobody-tidy'],
      ],
    );
    assert.ok(house.runs.instances.has('dead'), 'not yet');
    assert.ok(!house.runs.instances.has('failed'), 'a run that has given back everything has no plan any more');
    assert.deepEqual(await house.names(), ['runs/dead/plan.json', 'runs/nobody/plan.json']);
    assert.deepEqual([swept.settling, swept.removed], [2, 1]);
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
    await house.put('runs/slow/plan.json');
    await house.put('runs/hangs/plan.json');
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
        instanceId: 'hangs-tidy',
        input: {
          runId: 'hangs',
          reason: house.runs.terminated[0]!.reason,
          before: house.now,
          callBackUri: 'https://x.datafactory.azure.com/cb',
        },
      },
    ]);
    assert.equal((await house.names()).length, 2);
  });

  it('removes work in progress of ended runs earlier than the runs themselves', async () => {
    const house = new House({ ORDINAL_KEEP_WORK_HOURS: '10' });
    house.runs.put('done', { createdAt: new Date(start + DAY), updatedAt: new Date(start + DAY) });
    await house.put('runs/done/plan.json', 'ordinal', start + DAY);
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

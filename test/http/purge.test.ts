/**
 * Housekeeping for real: the app on the local host, its durable instances through the SDK, its blobs in Azurite. Runs
 * of today; then the host starts again on the same state, and by its clock forty days have passed.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { startAzurite } from '../support/azurite.ts';
import { type App, startApp } from './support/app.ts';
import { flightsFile } from './support/flights.ts';
import { holdIndex } from './support/held-index.ts';

type Azurite = Awaited<ReturnType<typeof startAzurite>>;

const later = { NODE_OPTIONS: `--import=${new URL('./support/later.mjs', import.meta.url)}`, LATER_DAYS: '40' };
let folder: string;
let azurite: Azurite;
let app: App;

async function open(env: Record<string, string> = {}): Promise<void> {
  // Half a year from now: the host makes up for a sweep that it missed, and this test counts its own.
  const schedule = `0 0 0 1 ${((new Date().getUTCMonth() + 6) % 12) + 1} *`;
  const settings = {
    ORDINAL_BATCH_ROWS: '100',
    ORDINAL_ARRIVAL: 'flights=blob',
    ORDINAL_SWEEP_SCHEDULE: schedule,
    ...env,
  };
  app = await startApp(settings, [], { azurite, state: path.join(folder, 'host.sqlite') });
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-purge-'));
  azurite = await startAzurite();
  await open();
});
afterAll(async () => {
  await app?.stop();
  await azurite?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

async function durable(method: string, of: string): Promise<unknown> {
  const response = await fetch(`${app.url}/runtime/webhooks/durabletask/instances${of}`, { method });
  const text = await response.text();
  assert.ok(response.ok, `${method} ${of}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

const instances = async () =>
  ((await durable('GET', '?top=1000')) as { instanceId: string }[]).map(({ instanceId }) => instanceId).sort();

interface Swept {
  ended: number;
  settling: number;
  purged: number;
  removed: number;
  complete: boolean;
}

/** Runs the timer by hand, and gives what it logged. */
async function sweep(): Promise<Swept> {
  const lines = () => app.log.filter((line) => line.includes('\\"event\\":\\"swept\\"'));
  const before = lines().length;
  const response = await fetch(`${app.url}/admin/functions/housekeeping`, { method: 'POST', body: '{}' });
  assert.equal(response.status, 202);
  while (lines().length === before) {
    const failed = app.log.find((line) => line.includes('"category":"trigger"') && line.includes('housekeeping: '));
    assert.equal(failed, undefined);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return JSON.parse((JSON.parse(lines().at(-1)!) as { message: string }).message) as Swept;
}

const work = async () => (await app.names('ordinal')).filter((name) => /^(runs|selections|arrivals)\//.test(name));

describe('a sweep, forty days later', () => {
  let published: string[];
  let view: unknown;
  let keys: string[];

  it('has something to forget', async () => {
    const start = (body: object) => app.ask('POST', 'pipelines/flights/runs', body);
    await app.upload('landing', 'flights/a.parquet', flightsFile(150));
    await start({ runId: 'old' });
    view = (await app.ended('old')).body;
    await start({ runId: 'dry', dryRun: true });
    await start({ runId: 'failed', blobs: Array.from({ length: 300 }, (_, i) => `flights/none-${i}.parquet`) });
    assert.deepEqual([(await app.ended('dry')).status, (await app.ended('failed')).status], [200, 500]);
    await app.upload('landing', 'flights/bad.parquet', Buffer.from('no Parquet at all'));
    await fetch(`${app.url}/runtime/webhooks/blobs?functionName=Host.Functions.arrive-flights`, {
      method: 'POST',
      body: JSON.stringify([
        {
          eventType: 'Microsoft.Storage.BlobCreated',
          data: { url: 'https://a/landing/flights/bad.parquet', eTag: 'x' },
        },
      ]),
    });
    while (!(await work()).some((name) => name.includes('/refused/'))) await new Promise((r) => setTimeout(r, 50));
    // One that hangs, and does not hear its own deadline: it waits for a key index when it is suspended.
    const letGo = await holdIndex({ url: app.url }, 'flights.airports', 'holder');
    await start({ runId: 'hangs', prefix: 'flights/a', again: true, deadline: 'PT1H' });
    while ((await app.ask('GET', 'runs/hangs')).body.waiting === undefined) await new Promise((r) => setTimeout(r, 50));
    await durable('POST', '/hangs/suspend');
    await letGo();
    // It takes a breath of what it was doing before it is suspended.
    let before: string[];
    do {
      before = await work();
      await new Promise((resolve) => setTimeout(resolve, 300));
    } while (JSON.stringify(before) !== JSON.stringify(await work()));
    const had = await instances();
    assert.ok(['dry', 'failed', 'hangs', 'old'].every((id) => had.includes(id)));
    published = await app.names('published');
    keys = (await app.names('ordinal')).filter((name) => name.startsWith('keys/') || name.startsWith('pipelines/'));
    assert.ok(published.length >= 4 && keys.length > 0);
    for (const part of ['selections/failed', 'arrivals/flights/refused/', 'runs/old/', 'runs/dry/']) {
      assert.ok(
        (await work()).some((name) => name.startsWith(part)),
        part,
      );
    }
  });

  it('forgets ended instances and what they left, and ends what hangs', async () => {
    await app.stop();
    await open(later);
    const first = await sweep();
    assert.deepEqual([first.ended, first.complete], [1, true]);
    assert.ok(first.purged >= 3 && first.removed > 0, JSON.stringify(first));
    assert.equal((await app.ask('GET', 'runs/old')).status, 404);
    const hung = await app.ended('hangs');
    assert.deepEqual([hung.status, hung.body.code], [500, 'DeadlineExceeded']);
    // What it held is given back, by an orchestration of its own.
    while ((await app.names('ordinal', 'runs/hangs/')).length > 0) await new Promise((r) => setTimeout(r, 50));
    await sweep();
    assert.deepEqual(await work(), []);
    const left = await instances();
    assert.deepEqual(
      left.filter((id) => !id.startsWith('@')),
      ['hangs', 'hangs~tidy'],
      'what has ended just now is kept',
    );
  });

  it('leaves what manifests name, the key indexes and the sequences', async () => {
    // What was ended from outside was closed to whatever it left under way.
    const abandoned = 'flights/_manifests/hangs.json';
    assert.deepEqual(await app.names('published'), [...published, abandoned].sort());
    const now = (await app.names('ordinal')).filter(
      (name) => name.startsWith('keys/') || name.startsWith('pipelines/'),
    );
    assert.deepEqual(now, keys);
    assert.equal((await app.ask('GET', 'sequences/flights.flights')).body.next, '151');
    assert.deepEqual(
      await app.names('ordinal', 'lives/'),
      ['dry', 'failed', 'hangs', 'old'].map((runId) => `lives/${runId}/1.json`),
      'no number of a life is given twice',
    );
    // A run that was forgotten is still the same run under its ID: it finds its manifest, and takes no IDs.
    await app.ask('POST', 'pipelines/flights/runs', { runId: 'old' });
    const again = (await app.ended('old')).body;
    assert.deepEqual(again.entities, (view as { entities: object[] }).entities, JSON.stringify(again));
    assert.equal((await app.ask('GET', 'sequences/flights.flights')).body.next, '151');
  });
});

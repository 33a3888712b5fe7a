/** The blob door, from outside: events as Event Grid posts them, and blobs that the local host finds by itself. */
import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { type App, copyOfApp, startApp } from '../http/support/app.ts';
import { flightsFile } from '../http/support/flights.ts';

let app: App | undefined;
let folder: string | undefined;
afterEach(async () => {
  await app?.stop();
  app = undefined;
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  folder = undefined;
});

/** `flights` with one entity and no keys: two hundred batches of it are soon done. */
const plain = `import { z } from 'zod';
import { pipeline } from '../src/pipeline/index.js';

export default pipeline({
  name: 'flights',
  source: { container: 'landing', prefix: 'flights/' },
  row: z.object({ delay: z.int() }),
  entities: ({ id }) => ({ flights: { kind: 'rows', id: id('flight_id'), columns: { delay: 'delay' } } }),
});
`;

/** The app as it is built, but for one line in the definition of `flights`, or in another one in its place. */
async function withLine(line: string, definition?: string): Promise<string> {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-arrival-'));
  const copy = await copyOfApp(path.join(folder, 'app'));
  const file = path.join(copy, 'dist/pipelines/flights.js');
  const built = definition ?? (await readFile(file, 'utf8'));
  const changed = built.replace("name: 'flights',", (name) => `${name} ${line},`);
  assert.notEqual(changed, built);
  await writeFile(file, changed);
  return copy;
}

interface Listed {
  runId: string;
  status: string;
  error?: { code: string };
}

async function runs(of: App): Promise<Listed[]> {
  return (await of.ask('GET', 'runs?limit=100')).body.runs as Listed[];
}

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 450; look++) {
    if (await holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error(`did not happen: ${what}`);
}

/** Posts what Event Grid posts for a blob that was created by the Blob API or, `dfs`, by the Data Lake API. */
async function created(of: App, container: string, name: string, endpoint: 'blob' | 'dfs' = 'blob'): Promise<number> {
  const response = await fetch(`${of.url}/runtime/webhooks/blobs?functionName=Host.Functions.arrive-flights`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'aeg-event-type': 'Notification' },
    body: JSON.stringify([
      {
        eventType: 'Microsoft.Storage.BlobCreated',
        subject: `/blobServices/default/containers/${container}/blobs/${name}`,
        data: { url: `https://account.${endpoint}.core.windows.net/${container}/${name}`, eTag: '0x1' },
      },
    ]),
  });
  await response.arrayBuffer();
  return response.status;
}

/** Verdicts that the app logged for a blob. */
function verdicts(of: App, name: string): string[] {
  return of.log.flatMap((line) => {
    const message = String((JSON.parse(line) as { message?: string }).message ?? '');
    if (!message.startsWith('{"event":"arrival"')) return [];
    const { blob, verdict } = JSON.parse(message) as { blob: string; verdict: string };
    return blob === name ? [verdict] : [];
  });
}

describe('arrivals', () => {
  it('by Event Grid: one run for a version, however often it is announced', async () => {
    app = await startApp({ ORDINAL_ARRIVAL: 'flights=blob' }, ['--blob-poll', '50']);
    const one = app;
    await one.upload('landing', 'flights/a.parquet', flightsFile(20));
    await one.upload('landing', 'flights/notes.parquet', Buffer.from('this is not a Parquet file'));
    for (const name of ['a', 'notes', 'a', 'gone', 'a'])
      assert.equal(await created(one, 'landing', `flights/${name}.parquet`), 202);
    await until('three events are handled', async () => verdicts(one, 'flights/a.parquet').length === 3);
    assert.equal(verdicts(one, 'flights/a.parquet').filter((verdict) => verdict === 'started').length >= 1, true);
    await until('the run ends', async () => (await runs(one)).every(({ status }) => status === 'Completed'));
    assert.equal((await runs(one)).length, 1);

    // Reported, once, and not tried again.
    assert.deepEqual(verdicts(one, 'flights/notes.parquet'), ['refused']);
    assert.equal((await one.names('ordinal', 'arrivals/flights/refused/')).length, 1);

    // A new version is a new run; the old one's late event is not.
    await one.upload('landing', 'flights/a.parquet', flightsFile(30, 1));
    await created(one, 'landing', 'flights/a.parquet', 'dfs');
    await created(one, 'landing', 'flights/a.parquet', 'dfs');
    await until('a second run', async () => (await runs(one)).length === 2);
    await until('it ends', async () => (await runs(one)).every(({ status }) => status === 'Completed'));
    await until('all events are handled', async () => verdicts(one, 'flights/a.parquet').length === 5);

    // What runs publish starts nothing.
    const published = await one.names('published');
    assert.ok(published.length >= 6);
    for (const name of published) await created(one, 'published', name);
    await created(one, 'landing', 'sales/x.parquet');
    await created(one, 'landing', 'flights/_temporary/x.parquet');
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.equal((await runs(one)).length, 2);
    const { body } = await one.ask('GET', 'sequences/flights.flights');
    assert.equal(body.next, '51');
  });

  it('that come in a burst become one run, by a line of the pipeline', async () => {
    app = await startApp({ ORDINAL_ARRIVAL_SOURCE: 'LogsAndContainerScan' }, ['--blob-poll', '400'], {
      scriptRoot: await withLine("arrival: { on: 'quiet', seconds: 5 }", plain),
    });
    const one = app;
    const names = Array.from({ length: 200 }, (_, i) => `flights/in/${String(i).padStart(3, '0')}.parquet`);
    await Promise.all(names.map((name, i) => one.upload('landing', name, flightsFile(2, i))));
    await until('a run', async () => (await runs(one)).length > 0);
    await until('it ends', async () =>
      (await runs(one)).every(({ status }) => status !== 'Pending' && status !== 'Running'),
    );
    const [first, ...others] = await runs(one);
    assert.deepEqual([first?.status, others], ['Completed', []]);
    const outcome = await one.ended(first!.runId);
    assert.deepEqual(outcome.body.rows, { done: 400, total: 400 });
    const manifest = JSON.parse(String(await one.download('published', String(outcome.body.manifest)))) as {
      inputs: { blob: string }[];
    };
    assert.deepEqual(
      manifest.inputs.map(({ blob }) => blob),
      names,
    );

    // Later ones, and one of them again in a new version, are a run of their own.
    await one.upload('landing', names[0]!, flightsFile(7, 50));
    await one.upload('landing', 'flights/in/200.parquet', flightsFile(4, 60));
    await until('a second run', async () => (await runs(one)).length === 2);
    const second = (await runs(one)).find(({ runId }) => runId !== first!.runId)!;
    assert.deepEqual((await one.ended(second.runId)).body.rows, { done: 11, total: 11 });
  });

  it('are switched off in one environment by its setting', async () => {
    app = await startApp({ ORDINAL_ARRIVAL: 'flights=never' }, [], {
      scriptRoot: await withLine("arrival: { on: 'blob' }"),
    });
    const { body } = await app.ask('GET', 'pipelines/flights');
    assert.equal(body.arrival, undefined);
    // There is no function that would hear of it.
    await app.upload('landing', 'flights/a.parquet', flightsFile(2));
    assert.equal(await created(app, 'landing', 'flights/a.parquet'), 400);
  });

  it('with a marker start a run of its folder', async () => {
    app = await startApp({ ORDINAL_ARRIVAL: 'flights=marker:_DONE' }, ['--blob-poll', '50']);
    const one = app;
    for (const name of ['day1/a', 'day1/b', 'day2/a'])
      await one.upload('landing', `flights/${name}.parquet`, flightsFile(4));
    for (const name of ['day1/a', 'day2/a']) await created(one, 'landing', `flights/${name}.parquet`);
    await one.upload('landing', 'flights/day1/_DONE', new Uint8Array(0));
    for (let i = 0; i < 3; i++) await created(one, 'landing', 'flights/day1/_DONE');
    await until('the marker is handled', async () => verdicts(one, 'flights/day1/_DONE').length === 3);
    const [run, ...others] = await runs(one);
    assert.deepEqual(others, []);
    assert.deepEqual((await one.ended(run!.runId)).body.rows, { done: 8, total: 8 });
  });
});

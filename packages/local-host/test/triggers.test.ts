/** Timer and blob triggers against a real Azurite. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, test } from 'vitest';
import { startAzurite } from '../../../test/support/azurite.ts';
import type { RunningAzurite } from '../src/azurite.ts';
import { type StartedHost, startHost } from '../src/start-host.ts';
import { parseConnectionString, QueueClient } from '../src/triggers/queue-client.ts';

const folder = mkdtempSync(join(tmpdir(), 'triggers-'));
let azurite: RunningAzurite;
let host: StartedHost;
let service: BlobServiceClient;

const start = () =>
  startHost({
    scriptRoot: fileURLToPath(new URL('./fixtures/triggers', import.meta.url)),
    workers: 1,
    state: join(folder, 'host.sqlite'),
    args: ['--blob-poll', '100'],
    env: { AzureWebJobsStorage: azurite.connectionString, 'AzureWebJobs.off.Disabled': 'true' },
  });

beforeAll(async () => {
  azurite = await startAzurite();
  service = BlobServiceClient.fromConnectionString(azurite.connectionString);
  for (const name of ['landing', 'bad', 'events']) await service.getContainerClient(name).create();
  host = await start();
});
afterAll(async () => {
  await host.stop();
  await azurite.stop();
  rmSync(folder, { recursive: true });
});

async function seen(key: string): Promise<unknown[]> {
  const response = await fetch(`${host.url}/runtime/webhooks/durabletask/entities/seen/${key}`);
  return response.status === 404 ? [] : ((await response.json()) as unknown[]);
}

async function seenAtLeast(key: string, count: number): Promise<unknown[]> {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    const found = await seen(key);
    if (found.length >= count) return found;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${key} was not seen ${count} times`);
}

const upload = (container: string, name: string, text: string, metadata: Record<string, string> = {}) =>
  service.getContainerClient(container).getBlockBlobClient(name).upload(text, Buffer.byteLength(text), { metadata });

test('a blob fires once for each version, with the trigger metadata of the contract, also across a restart', async () => {
  await upload('landing', 'in/123.csv', 'first', { owner: 'me' });
  await upload('landing', 'elsewhere/x.csv', 'not mine');
  const [first] = (await seenAtLeast('blobs', 1)) as Record<string, unknown>[];
  assert.deepEqual(first, {
    text: 'first',
    blobTrigger: 'landing/in/123.csv',
    uri: `${azurite.blobUrl}/landing/in/123.csv`,
    // A parameter that looks like a number becomes one on its way, as in Azure.
    name: 123,
    ext: 'csv',
    length: 5,
    metadata: { owner: 'me' },
  });
  await host.stop();
  missOccurrence();
  await upload('landing', 'in/while-away.csv', 'second');
  host = await start();
  await seenAtLeast('blobs', 2);
  await upload('landing', 'in/123.csv', 'third');
  await seenAtLeast('blobs', 3);
  await new Promise((resolve) => setTimeout(resolve, 400));
  const texts = ((await seen('blobs')) as { text: string }[]).map((each) => each.text);
  assert.deepEqual(texts, ['first', 'second', 'third']);
});

/** Writes into the state file that the yearly timer last ran years ago. */
function missOccurrence(): void {
  const db = new DatabaseSync(join(folder, 'host.sqlite'));
  const last = Date.parse('2020-06-01T00:00:00Z');
  const status = { last, next: Date.parse('2021-01-01T00:00:00Z'), lastUpdated: last };
  const { changes } = db.prepare('UPDATE timers SET status = ? WHERE name = ?').run(JSON.stringify(status), 'yearly');
  db.close();
  assert.equal(changes, 1, 'the first host has remembered the timer');
}

test('a timer whose occurrence was missed fires when the host starts, and says so', async () => {
  const [run] = (await seenAtLeast('yearly', 1)) as { pastDue: boolean; status: Record<string, string> }[];
  assert.equal(run?.pastDue, true);
  assert.deepEqual(
    Object.values(run?.status ?? {}).map((time) => time.slice(0, 10)),
    ['2020-06-01', '2020-06-01', '2021-01-01'],
  );
});

test('after its tries a blob goes to the poison queue', async () => {
  await upload('bad', 'apple', 'x');
  const queue = new QueueClient(parseConnectionString(azurite.connectionString), 'webjobs-blobtrigger-poison');
  let poison: { text: string } | undefined;
  for (const end = Date.now() + 15_000; poison === undefined && Date.now() < end; ) {
    [poison] = await queue.take(1, 60);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const { Type, FunctionId, ContainerName, BlobName } = JSON.parse(poison?.text ?? '{}') as Record<string, string>;
  assert.deepEqual(
    [Type, FunctionId, ContainerName, BlobName],
    ['BlobTrigger', 'Host.Functions.poisoned', 'bad', 'apple'],
  );
  assert.deepEqual(await seen('tries'), ['apple', 'apple', 'apple']);
});

test('Event Grid: the validation is echoed, a created blob is delivered', async () => {
  await upload('events', 'e.txt', 'by event');
  const url = `${host.url}/runtime/webhooks/blobs?functionName=Host.Functions.delivered`;
  const post = (events: unknown) => fetch(url, { method: 'POST', body: JSON.stringify(events) });
  const validation = await post([
    { eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent', data: { validationCode: 'v' } },
  ]);
  assert.deepEqual(await validation.json(), { validationResponse: 'v' });
  const created = { eventType: 'Microsoft.Storage.BlobCreated', data: { url: `${azurite.blobUrl}/events/e.txt` } };
  assert.equal((await post([created])).status, 202);
  assert.deepEqual(await seenAtLeast('events', 1), ['by event']);
  assert.equal((await post('not events')).status, 202);
});

test('timers fire on schedule and by hand; a failing one is retried', async () => {
  const ticks = await seenAtLeast('ticks', 2);
  assert.deepEqual(ticks[0], { pastDue: false, status: 'not monitored' });
  assert.deepEqual((await seenAtLeast('retries', 3)).slice(0, 3), [0, 1, 2]);
  const before = (await seen('ticks')).length;
  const byHand = await fetch(`${host.url}/admin/functions/ticks`, { method: 'POST', body: '{}' });
  assert.equal(byHand.status, 202);
  await seenAtLeast('ticks', before + 1);
  assert.equal((await fetch(`${host.url}/admin/functions/nope`, { method: 'POST' })).status, 404);
});

test('a disabled function is not there', async () => {
  assert.equal((await fetch(`${host.url}/api/off`)).status, 404);
});

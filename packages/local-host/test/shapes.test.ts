/**
 * Apps of the shapes that the public samples of durable-functions have, on a real host with a real Azurite: activities that
 * write through blob outputs, critical sections, a challenge that is answered by events, functions whose settings are missing.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, test } from 'vitest';
import { startAzurite } from '../../../test/support/azurite.ts';
import type { RunningAzurite } from '../src/azurite.ts';
import { type StartedHost, startHost } from '../src/start-host.ts';

let azurite: RunningAzurite;
let host: StartedHost;
const log: string[] = [];

beforeAll(async () => {
  azurite = await startAzurite();
  host = await startHost({
    scriptRoot: fileURLToPath(new URL('./fixtures/shapes', import.meta.url)),
    workers: 2,
    env: { AzureWebJobsStorage: azurite.connectionString, CopiesStorage: azurite.connectionString },
    onLine: (line) => log.push(line),
  });
});
afterAll(async () => {
  await host.stop();
  await azurite.stop();
});

async function post(path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${host.url}/api/${path}`, { method: 'POST', body: JSON.stringify(body) });
  return { status: response.status, body: await response.json() };
}

async function copies(): Promise<Record<string, string>> {
  const client = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('copies');
  const found: Record<string, string> = {};
  for await (const { name } of client.listBlobsFlat()) {
    found[name] = (await client.getBlobClient(name).downloadToBuffer()).toString();
  }
  return found;
}

test('what activities and HTTP functions give to a blob output is in its blob', async () => {
  const input = { folder: 'may', texts: { one: 'first', two: 'zwölf', none: '' } };
  assert.deepEqual(await post('wait/backup', input), { status: 200, body: { bytes: 11 } });
  assert.deepEqual(await copies(), { 'may/one.txt': 'first', 'may/two.txt': 'zwölf' });
  const put = await fetch(`${host.url}/api/notes/7`, { method: 'PUT', body: 'hello' });
  assert.equal(put.status, 201);
  assert.equal((await copies())['notes/7.json'], '{"said":"hello"}');
});

test('a blob output that cannot be written fails its activity', async () => {
  const { status, body } = await post('wait/losing', {});
  assert.equal(status, 500);
  assert.match(JSON.stringify(body), /Activity function 'lose' failed: .*has the parameter 'nobody'/);
});

test('a missing app setting takes out its function, with a message, and no other', async () => {
  assert.equal(await (await fetch(`${host.url}/api/here`)).text(), 'here');
  assert.equal((await fetch(`${host.url}/api/elsewhere`)).status, 404);
  const text = log.join('\n');
  assert.match(text, /The 'text' function is in error and does not run: the app setting 'NoSuchNumber' is not set/);
  assert.match(text, /The 'elsewhere' function is in error .*'NoSuchStorage'/);
});

for (const name of ['transferFinally', 'transferUsing']) {
  test(`${name}: transfers that cross neither lose nor make money, and give their locks back`, async () => {
    const [a, b] = [`${name}-a`, `${name}-b`];
    const entity = `${host.url}/runtime/webhooks/durabletask/entities/account`;
    const headers = { 'content-type': 'application/json' };
    for (const key of [a, b]) await fetch(`${entity}/${key}?op=add`, { method: 'POST', headers, body: '10' });
    const crossing = [1, 2, 3].flatMap((amount) => [
      post(`wait/${name}`, { from: a, to: b, amount }),
      post(`wait/${name}`, { from: b, to: a, amount }),
    ]);
    for (const { status, body } of await Promise.all(crossing)) {
      assert.equal(status, 200);
      assert.equal((body as { moved: boolean }).moved, true);
    }
    const { body } = await post(`wait/${name}`, { from: a, to: b, amount: 100 });
    assert.equal((body as { moved: boolean }).moved, false);
    const balances = await Promise.all([a, b].map(async (key) => (await fetch(`${entity}/${key}`)).json()));
    assert.deepEqual(balances, [10, 10]);
  });
}

test('a challenge is answered by events, the second of them right; the timer that lost is cancelled', async () => {
  const { status, body } = await post('start/verify', { phone: '1' });
  assert.equal(status, 202);
  const { sendEventPostUri, statusQueryGetUri } = body as Record<string, string>;
  const headers = { 'content-type': 'application/json' };
  const uri = (sendEventPostUri ?? '').replace('{eventName}', 'Answer');
  for (const body of ['1', '4711']) assert.equal((await fetch(uri, { method: 'POST', headers, body })).status, 202);
  let found = (await (await fetch(statusQueryGetUri ?? '')).json()) as { runtimeStatus: string; output: unknown };
  while (found.runtimeStatus === 'Pending' || found.runtimeStatus === 'Running') {
    await new Promise((resolve) => setTimeout(resolve, 20));
    found = (await (await fetch(statusQueryGetUri ?? '')).json()) as typeof found;
  }
  assert.deepEqual(found.output, { verified: true });
});

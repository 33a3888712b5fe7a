/** An app that streams HTTP bodies (`app.setup({ enableHttpStream: true })`), through the real SDK and a real worker. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type AddressInfo, createServer, Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';
import { type StartedHost, startHost } from '../src/start-host.ts';
import { onLoopback } from '../src/worker/loopback.ts';

const limit = 8 * 1024 * 1024;
let host: StartedHost;

beforeAll(async () => {
  host = await startHost({
    scriptRoot: fileURLToPath(new URL('./fixtures/stream', import.meta.url)),
    workers: 1,
    args: ['--enable-auth'],
    env: {
      Host__Keys__default: 'h',
      AzureFunctionsJobHost__functionTimeout: '00:00:03',
      FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: String(limit),
    },
  });
});
afterAll(() => host.stop());

const api = (path: string, init?: RequestInit) => fetch(`${host.url}/api/${path}`, init);
const post = (path: string, body: RequestInit['body'], headers: Record<string, string> = {}) =>
  api(path, { method: 'POST', body: body ?? null, headers, duplex: 'half' } as RequestInit);

test('body, route parameters, query, headers, cookies and URL go through, byte for byte', async () => {
  const bytes = Buffer.from(Array.from({ length: 100_000 }, (_, n) => n % 256));
  const response = await post('echo/12/x%20y?q=a%20b', bytes, { 'X-Mine': 'seen' });
  assert.equal(response.status, 201);
  assert.deepEqual(Buffer.from(await response.arrayBuffer()), bytes);
  assert.deepEqual(JSON.parse(response.headers.get('x-params') ?? ''), { id: '12', name: 'x y' });
  assert.deepEqual(
    ['x-query', 'x-mine', 'x-url', 'x-ms-invocation-id'].map((name) => response.headers.get(name)),
    ['a b', 'seen', `${host.url}/api/echo/12/x%20y?q=a%20b`, null],
  );
  assert.deepEqual(response.headers.getSetCookie(), ['c=v; Path=/']);
  assert.equal((await post('echo/notanumber', bytes)).status, 404);
});

test('a function reads a request that has not ended', async () => {
  let end: (() => void) | undefined;
  const body = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('early'));
      end = () => controller.close();
    },
  });
  const response = await post('first', body);
  assert.equal(await response.text(), 'early');
  end?.();
});

test('a caller reads an answer that has not ended', async () => {
  const response = await api('gated');
  const reader = response.body?.getReader();
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first,');
  await post('open/gated', '');
  assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'second');
  assert.equal((await reader?.read())?.done, true);
});

test('a large body goes both ways without being held', async () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  const pieces = limit / piece.length;
  let sent = 0;
  const body = new ReadableStream({
    pull(controller) {
      if (sent++ < pieces) controller.enqueue(piece);
      else controller.close();
    },
  });
  const [hash, expected] = [createHash('sha256'), createHash('sha256').update(Buffer.alloc(limit, 'x'))];
  const response = await post('echo/1', body);
  for await (const chunk of response.body ?? []) hash.update(chunk);
  assert.equal(hash.digest('hex'), expected.digest('hex'));
});

const answers: [string, number, string | undefined, string?][] = [
  ['nothing', 204, ''],
  ['no-content', 204, ''],
  ['throws', 500, ''],
  ['no-object', 500, ''],
  ['hangs', 504, ''],
  ['keyed', 401, ''],
  ['keyed?code=wrong', 401, ''],
  ['keyed?code=h', 200, 'in'],
  ['dies', 502, '', 'POST'],
  ['keyed?code=h', 200, 'in'],
];

for (const [path, status, body, method = 'GET'] of answers) {
  test(`${method} ${path} is answered with ${status}`, async () => {
    const response = await api(path, { method });
    assert.deepEqual([response.status, await response.text()], [status, body]);
  });
}

for (const path of ['throws-late', 'dies-late']) {
  test(`${path}: the caller sees that the answer is not whole, and the next request is answered`, async () => {
    const response = await api(path);
    assert.equal(response.status, 200);
    const reader = response.body?.getReader();
    assert.equal(Buffer.from((await reader?.read())?.value ?? []).toString(), 'first,');
    await post(`open/${path}`, '').catch(() => {});
    await assert.rejects(async () => reader?.read());
    assert.equal(await (await api('keyed?code=h')).text(), 'in');
  });
}

test('a body above the limit: 413, and the next request is answered', async () => {
  const response = await post('count', Buffer.alloc(limit + 1));
  assert.equal(response.status, 413);
  assert.deepEqual(await (await post('count', Buffer.alloc(limit))).json(), { bytes: limit });
});

test('a caller that goes away holds nothing up', async () => {
  const leaving = new AbortController();
  const request = api('gated', { signal: leaving.signal });
  await (await request).body?.getReader().read();
  leaving.abort();
  assert.equal(await (await api('keyed?code=h')).text(), 'in');
});

test('a durable client in a function that streams', async () => {
  const response = await post('start/run', JSON.stringify({ n: 21 }));
  assert.deepEqual([response.status, await response.json()], [200, { n: 42 }]);
});

test("the SDK's proxy listens on loopback only", async () => {
  const { listen } = Server.prototype;
  const server = createServer();
  await onLoopback(() => new Promise<void>((resolve) => void server.listen(resolve)));
  assert.equal((server.address() as AddressInfo).address, '127.0.0.1');
  server.close();
  assert.equal(Server.prototype.listen, listen);
});

/** The whole host as a process: HTTP, the SDK's client, worker processes. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';
import { type StartedHost, startHost } from '../src/start-host.ts';

const scriptRoot = fileURLToPath(new URL('./fixtures/basic', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'host-'));
let host: StartedHost;
const lines: string[] = [];
/** Somebody else's service, and beside it an endpoint that gives tokens as App Service does. */
const server = createServer((request, response) => {
  const { method, url, headers } = request;
  request.resume().on('end', () => {
    if (url?.startsWith('/token')) response.end(JSON.stringify({ access_token: 'abc', expires_on: '9999999999' }));
    else response.writeHead(203).end(`${method} ${headers['content-type']} ${headers.authorization}`);
  });
});
let outside = '';

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  outside = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  host = await startHost({
    scriptRoot,
    workers: 2,
    args: ['--enable-auth'],
    env: {
      IDENTITY_ENDPOINT: `${outside}/token`,
      IDENTITY_HEADER: 'secret',
      Host__Keys__master: 'm',
      languageWorkers__node__arguments: '--max-semi-space-size=8  --single-threaded-gc',
      Host__Keys__default: 'h',
      Host__Keys__durabletask: 'd',
      Host__Keys__function__keyed: 'k',
      AzureFunctionsJobHost__functionTimeout: '00:00:05',
      AzureFunctionsJobHost__extensions__durableTask__defaultVersion: '2.0',
      AzureFunctionsJobHost__extensions__durableTask__versionFailureStrategy: 'Fail',
    },
    onLine: (line) => lines.push(line),
  });
});
afterAll(async () => {
  await host.stop();
  server.close();
  rmSync(folder, { recursive: true });
});

const api = (path: string, init?: RequestInit) => fetch(`${host.url}/api/${path}`, init);
const durable = (path: string, init: RequestInit = {}) =>
  fetch(`${host.url}/runtime/webhooks/durabletask/${path}`, {
    ...init,
    headers: { 'x-functions-key': 'd', ...(init.headers as Record<string, string>) },
  });
test('pages of other sites, and names that others make mean this machine, are refused before anything is done', async () => {
  const ask = (headers: Record<string, string>) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(host.url);
      request({ hostname, port, path: '/api/hello', headers }, (response) => {
        response.resume().on('end', () => resolve(response.statusCode ?? 0));
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await ask({ host: 'evil.example' }), 403);
  assert.equal(await ask({ origin: 'https://evil.example' }), 403);
  assert.notEqual(await ask({ origin: host.url }), 403);
});

test('workers are started with the arguments that a setting names', async () => {
  const given = (await (await api('arguments')).json()) as string[];
  assert.deepEqual(given.slice(-2), ['--max-semi-space-size=8', '--single-threaded-gc']);
});

const json = { 'content-type': 'application/json' };

interface ClientAnswer {
  result?: unknown;
  error?: string;
}

/** Calls a method of the SDK's durable client inside the app. */
async function client(method: string, ...args: unknown[]): Promise<ClientAnswer> {
  const response = await api(`client/${method}`, { method: 'POST', body: JSON.stringify(args) });
  return (await response.json()) as ClientAnswer;
}

async function run(name: string, input: unknown): Promise<{ status: number; body: unknown }> {
  const response = await durable(`orchestrators/${name}?timeout=20&pollingInterval=1`, {
    method: 'POST',
    body: JSON.stringify(input),
  });
  return { status: response.status, body: await response.json() };
}

async function until<T>(probe: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + 15_000; Date.now() < end; ) {
    const found = await probe();
    if (found !== undefined) return found;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`it did not come true\n${lines.slice(-5).join('\n')}`);
}

test('an HTTP function: route parameter, query, headers, body, status', async () => {
  const response = await api('echo/12?a=1&b=x%20y', { method: 'POST', headers: { 'X-Mine': 'seen' }, body: 'text' });
  assert.equal(response.status, 201);
  assert.equal(response.headers.get('x-seen'), 'seen');
  assert.deepEqual(await response.json(), {
    method: 'POST',
    params: { id: '12' },
    query: { a: '1', b: 'x y' },
    body: 'text',
  });
});

const answers: { path: string; init?: RequestInit; status: number; body?: string }[] = [
  { path: 'echo/notanumber', status: 404 },
  { path: 'echo', init: { method: 'DELETE' }, status: 404 },
  { path: 'unknown', status: 404 },
  { path: 'nothing', status: 204, body: '' },
  { path: 'throws', status: 500, body: '' },
  { path: 'hooked', status: 200, body: '{"answer":"hooked","from":"pre","started":true}' },
  { path: 'hook-throws', status: 500, body: '' },
  { path: 'ITEMS/ALL', status: 200, body: 'specific' },
  { path: 'items/one', status: 200, body: 'general one' },
  { path: 'items/1/2', status: 200, body: 'rest 1/2' },
  { path: 'keyed', status: 401 },
  { path: 'keyed?code=wrong', status: 401 },
  { path: 'keyed?code=k', status: 200, body: 'in' },
  { path: 'keyed', init: { headers: { 'x-functions-key': 'h' } }, status: 200, body: 'in' },
  { path: 'keyed?code=k', init: { headers: { 'x-functions-key': 'wrong' } }, status: 401 },
  { path: 'only-admin?code=h', status: 401 },
  { path: 'only-admin?code=m', status: 200, body: 'in' },
];

for (const { path, init, status, body } of answers) {
  test(`${init?.method ?? 'GET'} ${path} ${init?.headers ? '(with a key) ' : ''}is answered with ${status}`, async () => {
    const response = await api(path, init);
    assert.equal(response.status, status);
    if (body !== undefined) assert.equal(await response.text(), body);
  });
}

test('a log hook sees what a function logs, and may change it', async () => {
  await api('hooked');
  await until(async () => lines.some((line) => line.includes('"message":"seen, by a hook"')) || undefined);
});

test('cookies and bytes', async () => {
  const response = await api('cookies');
  assert.deepEqual(response.headers.getSetCookie(), ['c=v%201; path=/; httponly; samesite=lax']);
  const bytes = Buffer.from([0, 255, 10, 13, 128]);
  const echoed = await api('bytes', { method: 'POST', body: bytes });
  assert.deepEqual(Buffer.from(await echoed.arrayBuffer()), bytes);
});

test('the webhooks ask for their key', async () => {
  assert.equal((await fetch(`${host.url}/runtime/webhooks/durabletask/instances/`)).status, 401);
  assert.equal((await durable('instances/')).status, 200);
  assert.equal((await durable('nonsense')).status, 404);
});

test("client: start, status, history, check-status answer with the request's origin", async () => {
  assert.deepEqual(await client('startNew', 'chain', { instanceId: 'c1', input: { a: 1 } }), { result: 'c1' });
  await until(async () =>
    ((await client('getStatus', 'c1')).result as { runtimeStatus: string }).runtimeStatus === 'Completed'
      ? true
      : undefined,
  );
  const { result } = await client('getStatus', 'c1', { showHistory: true, showHistoryOutput: true, showInput: true });
  const status = result as Record<string, unknown>;
  assert.deepEqual(status.output, ['Hello Tokyo', 'Hello Seattle', 'Hello London']);
  assert.deepEqual(status.input, { a: 1 });
  const response = await durable('instances/c1?showHistory=true&showHistoryOutput=true');
  const { historyEvents } = (await response.json()) as { historyEvents: Record<string, unknown>[] };
  assert.deepEqual(
    historyEvents.map((event) => event.EventType),
    ['ExecutionStarted', 'TaskCompleted', 'TaskCompleted', 'TaskCompleted', 'ExecutionCompleted'],
  );
  assert.deepEqual([historyEvents[1]?.FunctionName, historyEvents[1]?.Result], ['hello', '"Hello Tokyo"']);
  const started = await api('start/chain', { method: 'POST' });
  assert.equal(started.status, 202);
  assert.equal(started.headers.get('retry-after'), '10');
  assert.ok(started.headers.get('location')?.startsWith(`${host.url}/runtime/webhooks/durabletask/instances/`));
  assert.match(String(started.headers.get('location')), /[?&]code=d$/);
});

test("client: a start with a version, and one that is not this host's", async () => {
  const ends = async (instanceId: string, options: object) => {
    await client('startNew', 'version', { instanceId, ...options });
    return await until(async () => {
      const { runtimeStatus, output } = (await client('getStatus', instanceId)).result as Record<string, unknown>;
      return runtimeStatus === 'Completed' || runtimeStatus === 'Failed' ? output : undefined;
    });
  };
  assert.deepEqual(await ends('v0', {}), { version: '2.0' });
  assert.deepEqual(await ends('v1', { version: '1.5' }), { version: '1.5' });
  assert.match(String(await ends('v3', { version: '3.0' })), /^VersionMismatch: /);
});

test('client: a second start is refused with 409, an unknown function is let in', async () => {
  await client('startNew', 'event', { instanceId: 'dup' });
  assert.match((await client('startNew', 'event', { instanceId: 'dup' })).error ?? '', /unexpected status code: 409/);
  assert.equal((await client('startNew', 'noSuch', {})).error, undefined);
});

test('client: events, terminate, suspend, resume, rewind, purge', async () => {
  const status = async (id: string) =>
    ((await client('getStatus', id)).result as { runtimeStatus: string }).runtimeStatus;
  const reach = (id: string, wanted: string) => until(async () => ((await status(id)) === wanted ? true : undefined));
  await client('startNew', 'event', { instanceId: 'steer' });
  await reach('steer', 'Running');
  await client('suspend', 'steer', 'because');
  await reach('steer', 'Suspended');
  await client('raiseEvent', 'steer', 'go', { x: 1 });
  await client('resume', 'steer', 'go on');
  await reach('steer', 'Completed');
  assert.deepEqual(await client('raiseEvent', 'steer', 'go', {}), { result: null });
  assert.deepEqual(await client('terminate', 'steer', 'x'), { result: null });
  assert.match((await client('terminate', 'unknown', 'x')).error ?? '', /No instance with ID 'unknown' found/);
  assert.match((await client('rewind', 'steer', 'x')).error ?? '', /410|cannot be rewound|completed/i);
  assert.deepEqual(await client('purgeInstanceHistory', 'steer'), { result: { instancesDeleted: 1 } });
  assert.deepEqual(await client('purgeInstanceHistory', 'steer'), { result: { instancesDeleted: 0 } });
  assert.match((await client('getStatus', 'steer')).error ?? '', /404/);
  await client('startNew', 'event', { instanceId: 'victim' });
  await client('terminate', 'victim', 'enough');
  await reach('victim', 'Terminated');
});

test('client: lists follow continuation tokens; filters by time and status', async () => {
  for (let n = 0; n < 120; n++) await client('startNew', 'event', { instanceId: `page-${n}` });
  const { result } = await client('getStatusAll');
  const ids = (result as { instanceId: string }[]).map((each) => each.instanceId);
  assert.equal(ids.filter((id) => id.startsWith('page-')).length, 120);
  assert.equal(new Set(ids).size, ids.length);
  const page = await durable('instances/?instanceIdPrefix=page-&top=100');
  assert.equal(((await page.json()) as unknown[]).length, 100);
  const token = page.headers.get('x-ms-continuation-token') ?? '';
  const rest = await durable('instances/?instanceIdPrefix=page-&top=100', {
    headers: { 'x-ms-continuation-token': token },
  });
  assert.equal(((await rest.json()) as unknown[]).length, 20);
  assert.equal(rest.headers.get('x-ms-continuation-token'), null);
  const none = await client('getStatusBy', { runtimeStatus: ['Canceled'], createdTimeFrom: { date: '2020-01-01' } });
  assert.deepEqual(none.result, []);
  assert.equal((await durable('instances/', { method: 'DELETE' })).status, 400);
  const ignored = (await (await durable('instances/?runtimeStatus=Nonsense&top=7')).json()) as unknown[];
  assert.equal(ignored.length, 7);
});

test('client: entities', async () => {
  const entity = { entity: ['Counter', 'http'] };
  assert.deepEqual((await client('readEntityState', entity)).result, { entityExists: false });
  await client('signalEntity', entity, 'add', 5);
  await until(
    async () =>
      ((await client('readEntityState', entity)).result as { entityExists: boolean }).entityExists || undefined,
  );
  const { result } = await client('readEntityState', entity);
  assert.deepEqual((result as { entityState: unknown }).entityState, { n: 5 });
  const list = await (await durable('entities/counter?fetchState=true')).json();
  assert.deepEqual((list as { entityId: object; state: object }[])[0]?.entityId, { name: 'counter', key: 'http' });
  assert.equal((await durable('entities/counter/none')).status, 404);
});

test('raise event: 404, 400 for what is no JSON, 410', async () => {
  const raise = (id: string, init: RequestInit) =>
    durable(`instances/${id}/raiseEvent/go`, { method: 'POST', ...init });
  await client('startNew', 'event', { instanceId: 'strict' });
  assert.equal((await raise('nobody', { headers: json, body: '1' })).status, 404);
  assert.equal((await raise('strict', { headers: { 'content-type': 'text/plain' }, body: '1' })).status, 400);
  assert.equal((await raise('strict', { headers: json })).status, 400);
  assert.equal((await raise('strict', { headers: json, body: '{' })).status, 400);
  assert.equal((await raise('strict', { headers: json, body: '1' })).status, 202);
  await until(async () => ((await durable('instances/strict')).status === 200 ? true : undefined));
  assert.equal((await raise('strict', { headers: json, body: '1' })).status, 410);
});

test('a failed instance: 200 with its text, 500 when asked', async () => {
  await client('startNew', 'uncaught', { instanceId: 'bad' });
  await until(async () => ((await durable('instances/bad')).status === 200 ? true : undefined));
  assert.equal((await durable('instances/bad?returnInternalServerErrorOnFailure=true')).status, 500);
  const failed = await api('waitFor', {
    method: 'POST',
    body: JSON.stringify({ name: 'uncaught', timeoutInMilliseconds: 9000 }),
  });
  assert.equal(failed.status, 500);
  const done = await api('waitFor', {
    method: 'POST',
    body: JSON.stringify({ name: 'chain', timeoutInMilliseconds: 9000 }),
  });
  assert.deepEqual([done.status, await done.json()], [200, ['Hello Tokyo', 'Hello Seattle', 'Hello London']]);
  const late = await api('waitFor', {
    method: 'POST',
    body: JSON.stringify({ name: 'event', timeoutInMilliseconds: 200 }),
  });
  assert.equal(late.status, 202);
});

test('busy activities run side by side and do not hold up anything else', async () => {
  const busy = run('busy', { count: 4, ms: 400 });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const chain = await run('chain', {});
  assert.equal(chain.status, 200);
  const pids = ((await busy).body as { pid: number }[]).map((each) => each.pid);
  assert.equal(new Set(pids).size, 2);
});

test('a worker that dies under an activity is replaced, and the activity is delivered again', async () => {
  assert.deepEqual(await run('crashes', { file: join(folder, 'crashed') }), { status: 200, body: { survived: true } });
});

test('a worker that dies under an HTTP request: 502, then all is well', async () => {
  assert.equal((await api('crash', { method: 'POST' })).status, 502);
  assert.equal((await api('items/all')).status, 200);
});

test('an activity beyond functionTimeout is ended and fails', async () => {
  const { body } = await run('hanging', {});
  assert.deepEqual(body, {
    error: "Activity function 'hangs' failed: Timeout value of 5 s was exceeded by function: Functions.hangs.",
  });
});

test("a durable HTTP request, with a managed identity's token from the app settings' endpoint", async () => {
  const { body } = await run('http', { url: `${outside}/x` });
  assert.deepEqual(body, { status: 203, content: 'POST text/plain undefined' });
  const { body: known } = await run('http', { url: `${outside}/x`, resource: 'https://vault.azure.net' });
  assert.deepEqual(known, { status: 203, content: 'POST text/plain Bearer abc' });
});

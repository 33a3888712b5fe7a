/** Durable HTTP requests (`context.df.callHttp`) through the real SDK: polling, tokens of a managed identity, failures. */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import './app.ts';
import { managedIdentity } from '../src/http/identity.ts';
import { df, orchestrator, World } from './harness.ts';

type Handler = (request: IncomingMessage, response: ServerResponse) => void;
let handler: Handler = () => {};
const requests: { method: string; path: string; headers: IncomingMessage['headers']; body: string }[] = [];
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk: Buffer) => (body += chunk));
  request.on('end', () => {
    requests.push({ method: request.method ?? '', path: request.url ?? '', headers: request.headers, body });
    handler(request, response);
  });
});
let url = '';
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());
beforeEach(async () => {
  await requests.splice(0);
});

const call = orchestrator(function* (c) {
  const { options, tokens } = c.getInput() as { options: Parameters<typeof c.callHttp>[0]; tokens?: string };
  const source = tokens === undefined ? {} : { tokenSource: new df.ManagedIdentityTokenSource(tokens) };
  try {
    const { statusCode, content, headers } = yield c.callHttp({ ...options, ...source });
    const after: unknown = yield c.callActivity('same', 'after');
    return { statusCode, content, kind: headers['X-Kind'] ?? headers['x-kind'], after };
  } catch (error) {
    return { error: (error as Error).message };
  }
});

/** A world whose durable HTTP requests take their tokens from `env`. */
function worldOf(env: Record<string, string> = {}): World {
  const token = managedIdentity(env, () => Date.now());
  return new World({ dispatchOptions: { token } });
}

test('method, body, headers and answer', async () => {
  handler = (_, response) => response.writeHead(201, { 'x-kind': 'json' }).end('done');
  const headers = { 'x-functions-key': 'k' };
  const output = await worldOf().output(call, {
    options: { method: 'POST', url: `${url}/a?b=c`, body: { n: 1 }, headers },
  });
  assert.deepEqual(output, { statusCode: 201, content: 'done', kind: 'json', after: 'after' });
  const [request] = requests;
  assert.deepEqual([request?.method, request?.path, request?.body], ['POST', '/a?b=c', '{"n":1}']);
  assert.deepEqual([request?.headers['content-type'], request?.headers['x-functions-key']], ['text/plain', 'k']);
});

test('202 with a Location: polled by GET without the function key, with the token, until it is something else', async () => {
  handler = (request, response) => {
    if (request.url?.startsWith('/token'))
      response.end(JSON.stringify({ access_token: 'abc', expires_on: '9999999999' }));
    else if (requests.filter(({ path }) => path === '/poll').length === 3) response.end('ready');
    else response.writeHead(202, { location: '/poll', 'retry-after': '1' }).end();
  };
  const world = worldOf({ IDENTITY_ENDPOINT: `${url}/token`, IDENTITY_HEADER: 's3' });
  const options = { method: 'POST', url: `${url}/begin`, headers: { 'x-functions-key': 'k', 'x-mine': 'v' } };
  const output = await world.output(call, { options, tokens: 'https://vault.azure.net' });
  assert.deepEqual(output, { statusCode: 200, content: 'ready', after: 'after' });
  const polls = requests.filter(({ path }) => path === '/poll');
  assert.deepEqual(
    polls.map(({ method, headers }) => [method, headers['x-functions-key'], headers['x-mine'], headers.authorization]),
    Array.from({ length: 3 }, () => ['GET', undefined, 'v', 'Bearer abc']),
  );
});

test('enablePolling false: the 202 itself is the answer', async () => {
  handler = (_, response) => response.writeHead(202, { location: '/poll' }).end('later');
  const output = await worldOf().output(call, { options: { method: 'GET', url, enablePolling: false } });
  assert.deepEqual([(output as { statusCode: number }).statusCode, requests.length], [202, 1]);
});

test("a managed identity's token: asked for as App Service gives it, once, and sent as a bearer token", async () => {
  handler = (request, response) => {
    if (request.url?.startsWith('/token'))
      response.end(JSON.stringify({ access_token: 'abc', expires_on: '9999999999' }));
    else response.end('in');
  };
  const world = worldOf({ IDENTITY_ENDPOINT: `${url}/token`, IDENTITY_HEADER: 's3' });
  const input = { options: { method: 'GET', url }, tokens: 'https://management.core.windows.net' };
  for (let n = 0; n < 2; n++) assert.equal(((await world.output(call, input)) as { content: string }).content, 'in');
  const [token, first, second] = requests;
  assert.equal(requests.length, 3, 'the token is kept');
  const query = new URL(token?.path ?? '', url).searchParams;
  assert.deepEqual(
    [query.get('resource'), query.get('api-version'), token?.headers['x-identity-header']],
    ['https://management.core.windows.net', '2019-08-01', 's3'],
  );
  assert.deepEqual(
    [first, second].map((each) => each?.headers.authorization),
    ['Bearer abc', 'Bearer abc'],
  );
});

test('a token that is about to end is asked for again', async () => {
  const soon = Math.floor(Date.now() / 1000) + 60;
  handler = (_, response) => response.end(JSON.stringify({ access_token: `t${requests.length}`, expires_on: soon }));
  const token = managedIdentity({ IDENTITY_ENDPOINT: url, IDENTITY_HEADER: 's' }, () => Date.now());
  assert.deepEqual([await token('r'), await token('r')], ['t1', 't2']);
});

const failures: { name: string; env: () => Record<string, string>; answer: Handler; reason: RegExp }[] = [
  {
    name: 'no identity here',
    env: () => ({}),
    answer: () => {},
    reason:
      /managed identity's token for 'https:\/\/x\.net'.*set the app settings IDENTITY_ENDPOINT and IDENTITY_HEADER/,
  },
  {
    name: 'an endpoint that refuses',
    env: () => ({ IDENTITY_ENDPOINT: `${url}/token?secret=1`, IDENTITY_HEADER: 's' }),
    answer: (_, response) => response.writeHead(403).end('not you'),
    reason: /identity endpoint \S+\/token gave no token for 'https:\/\/x\.net': 403 not you/,
  },
  {
    name: 'an endpoint that answers nonsense',
    env: () => ({ IDENTITY_ENDPOINT: url, IDENTITY_HEADER: 's' }),
    answer: (_, response) => response.end('{"token":1}'),
    reason: /holds no access_token/,
  },
  {
    name: 'an endpoint that is not there',
    env: () => ({ IDENTITY_ENDPOINT: 'http://127.0.0.1:1/', IDENTITY_HEADER: 's' }),
    answer: () => {},
    reason: /identity endpoint http:\/\/127\.0\.0\.1:1\/ cannot be reached/,
  },
];

for (const { name, env, answer, reason } of failures) {
  test(`a token cannot be had (${name}): the task fails and says why; nothing is sent without it`, async () => {
    handler = answer;
    const output = await worldOf(env()).output(call, {
      options: { method: 'GET', url: `${url}/open` },
      tokens: 'https://x.net',
    });
    assert.match((output as { error: string }).error, reason);
    assert.deepEqual(
      requests.filter(({ path }) => path === '/open'),
      [],
    );
  });
}

test('a host that is not there fails the task', async () => {
  const output = await worldOf().output(call, { options: { method: 'GET', url: 'http://127.0.0.1:1/' } });
  assert.match((output as { error: string }).error, /The durable HTTP request to http:\/\/127\.0\.0\.1:1\/ failed/);
});

/**
 * What the durable client and the HTTP API answer, request by request, on one running host: statuses, headers, bodies. The
 * answers are those of the durable task extension 3.19.0, which was asked most of the same; the others follow its source.
 * An SDK or a host that changes one of them fails here.
 */
import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, test } from 'vitest';
import { type StartedHost, startHost } from '../src/start-host.ts';

let host: StartedHost;
const base = () => `${host.url}/runtime/webhooks/durabletask`;

beforeAll(async () => {
  host = await startHost({
    scriptRoot: fileURLToPath(new URL('./fixtures/basic', import.meta.url)),
    workers: 1,
    env: { Host__Keys__durabletask: 'the-key' },
  });
  for (const [name, id] of Object.entries({ chain: 'done', uncaught: 'failed', event: 'waits', other: 'stopped' })) {
    await request('POST', `orchestrators/${name === 'other' ? 'event' : name}/${id}`, '{"a":1}');
  }
  await request('POST', 'instances/stopped/terminate?reason=enough');
  await request('POST', 'orchestrators/event/paused', '');
  await request('POST', 'instances/paused/suspend?reason=lunch');
  for (const [id, wanted] of Object.entries(statuses)) {
    while ((await status(id)).runtimeStatus !== wanted) await new Promise((resolve) => setTimeout(resolve, 10));
  }
  for (const key of ['a', 'b', 'c']) await request('POST', `entities/Counter/${key}?op=add`, '1');
  while ((await entities('entities/counter')).length < 3) await new Promise((resolve) => setTimeout(resolve, 10));
});
afterAll(() => host.stop());

/** The instances that rows may ask for; no row changes one. */
const statuses = { done: 'Completed', failed: 'Failed', waits: 'Running', stopped: 'Terminated', paused: 'Suspended' };

interface Answer {
  status: number;
  body: unknown;
  headers: Headers;
}

async function request(
  method: string,
  path: string,
  body?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const response = await fetch(`${base()}/${path}`, {
    method,
    headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
    ...(body !== undefined && body !== '' && { body }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text), headers: response.headers };
}
const status = async (id: string) => (await request('GET', `instances/${id}`)).body as Record<string, unknown>;
const entities = async (path: string) => (await request('GET', path)).body as { entityId: { key: string } }[];

interface Row {
  request: string;
  body?: string;
  headers?: Record<string, string>;
  status: number;
  /** Matched against the answer's body. */
  answer?: RegExp;
}

const rows: Row[] = [
  {
    request: 'POST orchestrators/noSuch',
    body: '{}',
    status: 202,
    answer: /statusQueryGetUri/,
  },
  {
    request: 'POST orchestrators/noSuch?timeout=20&pollingInterval=1',
    body: '{}',
    status: 200,
    answer: /"runtimeStatus":"Failed".*'noSuch' doesn't exist.*known orchestrator functions/,
  },
  { request: 'POST orchestrators/chain', body: '{', status: 500, answer: /went wrong.*JsonSerializationException/ },
  { request: 'POST orchestrators/chain', body: '{"a"', status: 500, answer: /JsonSerializationException/ },
  { request: 'POST orchestrators/chain', body: '{a}', status: 400, answer: /Invalid JSON content/ },
  { request: 'POST orchestrators/chain', body: '{"a', status: 400, answer: /Invalid JSON content/ },
  { request: 'POST orchestrators/chain/@entity@id', body: '{}', status: 202, answer: /"id":"@entity@id"/ },
  { request: 'GET instances/@entity@id', status: 200, answer: /"runtimeStatus":"Failed"/ },
  { request: 'POST orchestrators/chain/a%2Fb', body: '{}', status: 404 },
  { request: 'GET instances/a%2Fb', status: 404 },
  { request: 'POST orchestrators/CHAIN', body: '{}', status: 202, answer: /statusQueryGetUri/ },
  {
    request: 'POST orchestrators/event/waits',
    body: '{}',
    status: 409,
    answer: /^\{"Message":"[^"]*instance with the status Running already exists[^"]*"\}$/,
  },
  { request: 'POST orchestrators/event/paused', body: '{}', status: 409, answer: /status Suspended already exists/ },
  {
    request: 'POST orchestrators/chain?timeout=20&pollingInterval=1',
    body: '{}',
    status: 200,
    answer: /^\["Hello Tokyo"/,
  },
  {
    request: 'POST orchestrators/uncaught?timeout=20&pollingInterval=1',
    body: '{}',
    status: 200,
    answer: /"runtimeStatus":"Failed"/,
  },
  { request: 'POST orchestrators/event?timeout=0.05&pollingInterval=0.01', body: '{}', status: 202, answer: /"id":/ },
  { request: 'GET orchestrators/chain', status: 404 },
  { request: 'GET instances/done', status: 200, answer: /"output":\["Hello Tokyo".*"createdTime":"[\d-]+T[\d:]+Z"/ },
  { request: 'GET instances/done?showInput=false', status: 200, answer: /"input":null/ },
  {
    request: 'GET instances/waits',
    status: 202,
    answer: /"runtimeStatus":"Running","input":\{"a":1\},"customStatus":null,"output":null/,
  },
  { request: 'GET instances/paused', status: 202, answer: /"runtimeStatus":"Suspended","input":null/ },
  {
    request: 'GET instances/failed',
    status: 200,
    answer:
      /Orchestrator function 'uncaught' failed: Activity function 'fail' failed: boom .*\\"InnerException\\":\{.*RpcException/,
  },
  {
    request: 'GET instances/failed?returnInternalServerErrorOnFailure=true',
    status: 500,
    answer: /"runtimeStatus":"Failed"/,
  },
  { request: 'GET instances/stopped', status: 200, answer: /"output":"enough"/ },
  { request: 'GET instances/nobody', status: 404 },
  { request: 'GET instances/done/nonsense', status: 404 },
  { request: 'PUT instances/done', status: 404 },
  { request: 'POST instances/nobody/terminate', status: 404 },
  { request: 'POST instances/done/terminate?reason=x', status: 410 },
  { request: 'POST instances/stopped/suspend', status: 410 },
  { request: 'POST instances/paused/suspend', status: 500, answer: /Cannot suspend .* in the Suspended state/ },
  { request: 'POST instances/waits/resume', status: 500, answer: /Cannot resume .* in the Running state/ },
  { request: 'POST instances/nobody/rewind', status: 404 },
  { request: 'POST instances/done/rewind', status: 412, answer: /^"Only failed .*Completed\."$/ },
  { request: 'POST instances/stopped/rewind', status: 412, answer: /Terminated/ },
  { request: 'POST instances/waits/rewind', status: 412, answer: /Running/ },
  {
    request: 'POST instances/nobody/restart',
    status: 400,
    answer: /No instance with ID 'nobody' was found\. \(Parameter 'instanceId'\)/,
  },
  { request: 'POST instances/done/restart', status: 202, answer: /"id":"(?!done)/ },
  { request: 'POST instances/waits/restart?restartWithNewInstanceId=false', status: 409 },
  { request: 'POST instances/nobody/raiseEvent/go', body: '1', status: 404 },
  { request: 'POST instances/done/raiseEvent/go', body: '1', status: 410 },
  {
    request: 'POST instances/waits/raiseEvent/go',
    body: 'x',
    headers: { 'content-type': 'text/plain' },
    status: 400,
    answer: /application\/json/,
  },
  { request: 'POST instances/waits/raiseEvent/go', body: '', status: 400, answer: /Invalid JSON content/ },
  { request: 'POST instances/waits/raiseEvent/go', body: '{', status: 400, answer: /Invalid JSON content/ },
  { request: 'POST instances/waits/raiseEvent', body: '1', status: 404 },
  {
    request: 'GET instances/?runtimeStatus=Suspended,Terminated',
    status: 200,
    answer: /^\[\{[^[\]]*"paused"[^[\]]*"stopped"[^[\]]*\}\]$/,
  },
  { request: 'GET instances?instanceIdPrefix=don', status: 200, answer: /^\[\{[^{}]*"instanceId":"done"/ },
  { request: 'GET instances/?createdTimeFrom=2999-01-01', status: 200, answer: /^\[\]$/ },
  { request: 'GET instances/?createdTimeFrom=soon', status: 200, answer: /"instanceId":"done"/ },
  { request: 'GET instances/?runtimeStatus=Nonsense', status: 200, answer: /"instanceId":"done"/ },
  { request: 'GET instances/?top=x', status: 200, answer: /"instanceId":"done"/ },
  {
    request: 'GET instances/',
    headers: { 'x-ms-continuation-token': 'forged' },
    status: 200,
    answer: /^\[\]$/,
  },
  { request: 'DELETE instances/', status: 400, answer: /Please provide value for 'createdTimeFrom' parameter/ },
  { request: 'DELETE instances/?createdTimeFrom=2999-01-01', status: 404 },
  { request: 'DELETE instances/nobody', status: 404 },
  { request: 'DELETE instances/waits', status: 412 },
  { request: 'DELETE instances/?createdTimeFrom=soon', status: 400, answer: /Please provide value/ },
  { request: 'GET entities/counter/a', status: 200, answer: /^\{"n":1\}$/ },
  { request: 'GET entities/COUNTER/a', status: 200 },
  { request: 'GET entities/counter/A', status: 404 },
  { request: 'GET entities/counter/none', status: 404 },
  {
    request: 'GET entities',
    status: 200,
    answer: /"entityId":\{"name":"counter","key":"a"\},"lastOperationTime":"[^"]+","state":null\}/,
  },
  { request: 'GET entities/counter?fetchState=true', status: 200, answer: /"state":\{"n":1\}/ },
  { request: 'GET entities/counter?lastOperationTimeFrom=2999-01-01', status: 200, answer: /^\[\]$/ },
  { request: 'POST entities/noSuch/k?op=add', body: '1', status: 400, answer: /known entity functions: 'counter'/ },
  { request: 'POST entities/counter/k?op=add', body: '{', status: 400 },
  { request: 'POST makeprimary', status: 200 },
  { request: 'GET makeprimary', status: 200 },
  { request: 'GET nonsense', status: 404 },
];

for (const row of rows) {
  const [method = '', path = ''] = row.request.split(' ');
  const what = row.body === undefined ? '' : ` with ${row.body === '' ? 'no body' : row.body}`;
  test(`${row.request}${what} is answered with ${row.status}`, async () => {
    const { status: found, body } = await request(method, path, row.body, row.headers);
    assert.equal(found, row.status, JSON.stringify(body));
    if (row.answer) assert.match(JSON.stringify(body), row.answer);
  });
}

test('headers of answers that ask to come again', async () => {
  const started = await request('POST', 'orchestrators/event', '{}');
  const { id, ...urls } = started.body as Record<string, string>;
  assert.deepEqual(Object.keys(urls).sort(), [
    'purgeHistoryDeleteUri',
    'restartPostUri',
    'resumePostUri',
    'sendEventPostUri',
    'statusQueryGetUri',
    'suspendPostUri',
    'terminatePostUri',
  ]);
  assert.equal(urls.statusQueryGetUri, `${base()}/instances/${id}?taskHub=BasicHub&connection=Storage&code=the-key`);
  assert.deepEqual(
    [started.headers.get('location'), started.headers.get('retry-after')],
    [urls.statusQueryGetUri, '10'],
  );
  const running = await request('GET', 'instances/waits?showInput=false');
  assert.deepEqual(
    [running.headers.get('location'), running.headers.get('retry-after')],
    [`${base()}/instances/waits?showInput=false`, '5'],
  );
});

test('the async HTTP pattern: 202 at once, then the Location until it is 200 with the output', async () => {
  const started = await fetch(`${host.url}/api/start/chain/polled`, { method: 'POST', body: '{}' });
  assert.deepEqual([started.status, started.headers.get('retry-after')], [202, '10']);
  const location = started.headers.get('location') ?? '';
  assert.equal(location, ((await started.json()) as Record<string, string>).statusQueryGetUri);
  let answer = await fetch(location);
  while (answer.status === 202) {
    assert.match(answer.headers.get('location') ?? '', /\/instances\/polled\?/);
    await answer.body?.cancel();
    answer = await fetch(location);
  }
  const { runtimeStatus, output } = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual(
    [answer.status, runtimeStatus, output],
    [200, 'Completed', ['Hello Tokyo', 'Hello Seattle', 'Hello London']],
  );
});

test('pages of entities and of instances end where they began', async () => {
  for (const [path, keyOf] of [
    ['entities/counter?top=2', (each: unknown) => (each as { entityId: { key: string } }).entityId.key],
    ['instances?top=2', (each: unknown) => (each as { instanceId: string }).instanceId],
  ] as const) {
    const all = (await request('GET', path.replace('top=2', 'top=1000'))).body as unknown[];
    const keys: string[] = [];
    let token: string | null = '';
    while (token !== null) {
      const page = await request('GET', path, undefined, token === '' ? {} : { 'x-ms-continuation-token': token });
      keys.push(...(page.body as unknown[]).map(keyOf));
      token = page.headers.get('x-ms-continuation-token');
    }
    assert.deepEqual(keys, all.map(keyOf));
  }
});

/** Calls a method of the SDK's client inside the app. */
async function client(method: string, ...args: unknown[]): Promise<{ result?: unknown; error?: string }> {
  const response = await fetch(`${host.url}/api/client/${method}`, { method: 'POST', body: JSON.stringify(args) });
  return (await response.json()) as { result?: unknown; error?: string };
}

const calls: { name: string; call: [string, ...unknown[]]; result?: unknown; error?: RegExp }[] = [
  { name: 'start under an ID in use', call: ['startNew', 'event', { instanceId: 'waits' }], error: /status code: 409/ },
  { name: 'status of nobody', call: ['getStatus', 'nobody'], error: /404/ },
  { name: 'an event without a value', call: ['raiseEvent', 'waits', 'go', '$undefined'], error: /400/ },
  { name: 'an event for one that has ended', call: ['raiseEvent', 'done', 'go', 1], result: null },
  { name: 'an event for nobody', call: ['raiseEvent', 'nobody', 'go', 1], error: /No instance with ID 'nobody' found/ },
  { name: 'terminate one that has ended', call: ['terminate', 'done', 'x'], result: null },
  { name: 'terminate nobody', call: ['terminate', 'nobody', 'x'], error: /^No instance with ID 'nobody' found/ },
  { name: 'suspend nobody', call: ['suspend', 'nobody', 'x'], error: /No instance with ID 'nobody' found/ },
  { name: 'suspend one that is suspended', call: ['suspend', 'paused', 'x'], error: /500/ },
  { name: 'resume nobody', call: ['resume', 'nobody', 'x'], error: /No instance with ID 'nobody' found/ },
  { name: 'rewind one that completed', call: ['rewind', 'done', 'x'], error: /^Only failed orchestrations/ },
  {
    name: 'rewind nobody',
    call: ['rewind', 'nobody', 'x'],
    error: /^No orchestration with instance ID "\$nobody" found\.$/,
  },
  { name: 'purge one that runs', call: ['purgeInstanceHistory', 'waits'], error: /412/ },
  { name: 'purge nobody', call: ['purgeInstanceHistory', 'nobody'], result: { instancesDeleted: 0 } },
  {
    name: 'purge by a filter that nothing fits',
    call: ['purgeInstanceHistoryBy', { createdTimeFrom: { date: '2999-01-01' } }],
    result: { instancesDeleted: 0 },
  },
  {
    name: 'state of an entity that is not there',
    call: ['readEntityState', { entity: ['counter', 'none'] }],
    result: { entityExists: false },
  },
];

for (const {
  name,
  call: [method, ...args],
  result,
  error,
} of calls) {
  test(`client: ${name}`, async () => {
    const answer = await client(method, ...args);
    if (error) assert.match(answer.error ?? '', error);
    else assert.deepEqual(answer.result, result, answer.error);
  });
}

test('client: IDs that the SDK does not encode arrive whole, an input of none as an empty text', async () => {
  assert.deepEqual(await client('startNew', 'event', { instanceId: 'a b%c' }), { result: 'a b%c' });
  const found = (await client('getStatus', 'a b%c')).result as { instanceId: string; input: unknown; history: unknown };
  assert.deepEqual([found.instanceId, found.input], ['a b%c', '']);
  await client('terminate', 'a b%c', 'not needed');
});

test('client: purge by time and status removes what it names and nothing else', async () => {
  const start = async (instanceId: string) => {
    await client('startNew', 'event', { instanceId });
    await client('terminate', instanceId, 'for the purge');
    while ((await status(instanceId)).runtimeStatus !== 'Terminated')
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  for (const id of ['purged-1', 'purged-2']) await start(id);
  const before = (await client('getStatusAll')).result as { instanceId: string; runtimeStatus: string }[];
  const filter = {
    createdTimeFrom: { date: '2020-01-01' },
    createdTimeTo: { date: '2999-01-01' },
    runtimeStatus: ['Canceled'],
  };
  assert.deepEqual((await client('purgeInstanceHistoryBy', filter)).result, { instancesDeleted: 0 });
  const terminated = before.filter((each) => each.runtimeStatus === 'Terminated').length;
  const purged = await client('purgeInstanceHistoryBy', { ...filter, runtimeStatus: ['Terminated', 'Running'] });
  assert.deepEqual(purged.result, { instancesDeleted: terminated });
  const after = (await client('getStatusAll')).result as unknown[];
  assert.equal(after.length, before.length - terminated);
  assert.equal((await request('GET', 'instances/purged-1')).status, 404);
});

test('client: an orchestrator that is not there is started, and fails with the text of the extension', async () => {
  const id = String((await client('startNew', 'noSuch')).result);
  let found = await status(id);
  while (found.runtimeStatus !== 'Failed') found = await status(id);
  assert.match(String(found.output), /^Orchestrator function 'noSuch' failed: The function 'noSuch' doesn't exist/);
});

test('terminate is answered with 202 at once, and the instance goes on for a moment', async () => {
  await request('POST', 'orchestrators/event/going', '{}');
  while ((await status('going')).runtimeStatus !== 'Running') await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await request('POST', 'instances/going/terminate?reason=enough')).status, 202);
  assert.equal((await request('GET', 'instances/going')).status, 202);
  while ((await status('going')).runtimeStatus !== 'Terminated')
    await new Promise((resolve) => setTimeout(resolve, 10));
});

test('entities: delete, raw text, the empty key', async () => {
  const until = async (path: string, wanted: (answer: Answer) => boolean) => {
    while (!wanted(await request('GET', path))) await new Promise((resolve) => setTimeout(resolve, 10));
  };
  // On reading `$` is the empty key, on writing it is a key like another: what is written under it cannot be read.
  assert.equal((await request('POST', 'entities/counter/$?op=add', '7')).status, 202);
  await until('entities/counter', ({ body }) => JSON.stringify(body).includes('"key":"$"'));
  assert.equal((await request('GET', 'entities/counter/$')).status, 404);
  assert.equal(
    (await request('POST', 'entities/counter/text?op=add', 'five', { 'content-type': 'text/plain' })).status,
    202,
  );
  await until('entities/counter/text', ({ body }) => JSON.stringify(body) === '{"n":"0five"}');
  assert.equal((await request('DELETE', 'entities/counter/text')).status, 202);
});

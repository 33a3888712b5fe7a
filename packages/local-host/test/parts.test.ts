/** Small parts on their own: routes, schedules, blob paths, settings, the command line, the log. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { parseCli, UsageError } from '../src/cli.ts';
import { Agenda } from '../src/engine/agenda.ts';
import { FunctionTable } from '../src/functions.ts';
import { compareRoutes, matchRoute, parseRoute } from '../src/http/route-template.ts';
import { createLogger } from '../src/logging.ts';
import { readAppSettings, readHostJson } from '../src/settings.ts';
import { parseBlobPath } from '../src/triggers/blob-path.ts';
import { parseSchedule } from '../src/triggers/cron.ts';
import { retryDelayMs } from '../src/triggers/invocation.ts';
import { parseConnectionString } from '../src/triggers/queue-client.ts';
import { unsupported } from '../src/unsupported.ts';

const folder = mkdtempSync(join(tmpdir(), 'parts-'));
afterAll(() => rmSync(folder, { recursive: true }));

const routes: [string, string, Record<string, string> | undefined][] = [
  ['api/a/{id}', '/api/a/1', { id: '1' }],
  ['api/a/{id}', '/API/A/x%20y', { id: 'x y' }],
  ['api/a/{id}', '/API/A/x%2Fy%20z', { id: 'x%2Fy z' }],
  ['api/a/{*id}', '/api/a/x%2fy/z', { id: 'x%2fy/z' }],
  ['api/a/{id}', '/api/a', undefined],
  ['api/a/{id?}', '/api/a', {}],
  ['api/a/{id=7}', '/api/a', { id: '7' }],
  ['api/a/{id}', '/api/a/1/2', undefined],
  ['{id:int}', '/-5', { id: '-5' }],
  ['{id:int}', '/2147483648', undefined],
  ['{id:long}', '/2147483648', { id: '2147483648' }],
  ['{id:guid}', '/0f8fad5b-d9cb-469f-a165-70867728950e', { id: '0f8fad5b-d9cb-469f-a165-70867728950e' }],
  ['{id:bool}', '/TRUE', { id: 'TRUE' }],
  ['{id:decimal}', '/1.5e3', { id: '1.5e3' }],
  ['{id:datetime}', '/2024-02-30x', undefined],
  ['{id:alpha:length(2,3)}', '/abc', { id: 'abc' }],
  ['{id:alpha:length(2,3)}', '/ab1', undefined],
  ['{id:minlength(2)}', '/a', undefined],
  ['{id:maxlength(2)}', '/abc', undefined],
  ['{id:range(1,10)}', '/10', { id: '10' }],
  ['{id:range(1,10)}', '/11', undefined],
  ['{id:regex(^\\d{{2}}/?$)}', '/12', { id: '12' }],
  ['{name}.json', '/x.json', { name: 'x' }],
  ['{name}.json', '/x.xml', undefined],
  ['files/{*path}', '/files/a/b%20c', { path: 'a/b c' }],
  ['files/{*path}', '/files', {}],
];

for (const [template, path, expected] of routes) {
  test(`route ${template} and ${path}`, () => assert.deepEqual(matchRoute(parseRoute(template), path), expected));
}

test('routes: the more specific one comes first', () => {
  const texts = ['{*x}', 'a/{b}', '{a}', 'a/{b:int}', 'a/b', 'a/{b}-c'];
  const sorted = texts.map(parseRoute).sort(compareRoutes);
  assert.deepEqual(
    sorted.map((route) => route.text),
    ['a/b', 'a/{b}-c', 'a/{b:int}', 'a/{b}', '{a}', '{*x}'],
  );
});

for (const template of ['{a', '{1a}', '{a:nonsense}']) {
  test(`route ${template} is refused`, () => assert.throws(() => parseRoute(template)));
}

const schedules: [string, string, string | undefined][] = [
  ['0 */5 * * * *', '2024-01-01T00:00:00Z', '2024-01-01T00:05:00.000Z'],
  ['*/5 * * * *', '2024-01-01T00:01:30Z', '2024-01-01T00:05:00.000Z'],
  ['30 0 9 * * MON-FRI', '2024-01-05T09:00:30Z', '2024-01-08T09:00:30.000Z'],
  ['0 0 0 29 2 *', '2023-01-01T00:00:00Z', '2024-02-29T00:00:00.000Z'],
  ['0 0 12 1,15 jan *', '2024-01-01T12:00:00Z', '2024-01-15T12:00:00.000Z'],
  ['0 59 23 31 12 7', '2023-12-31T23:59:00Z', '2028-12-31T23:59:00.000Z'],
  ['0 0 0 30 2 *', '2024-01-01T00:00:00Z', undefined],
  ['00:00:10', '2024-01-01T00:00:00Z', '2024-01-01T00:00:10.000Z'],
  ['1.00:00:00', '2024-01-01T00:00:00Z', '2024-01-02T00:00:00.000Z'],
];

for (const [text, from, expected] of schedules) {
  test(`schedule ${text} after ${from}`, () => {
    const next = parseSchedule(text).next(Date.parse(from));
    assert.equal(next === undefined ? undefined : new Date(next).toISOString(), expected);
  });
}

for (const text of ['', '* * *', '61 * * * * *', '* * * * * * *', '* 5-1 * * * *', '*/0 * * * * *', '00:00:00']) {
  test(`schedule '${text}' is refused`, () => assert.throws(() => parseSchedule(text)));
}

const paths: [string, string, Record<string, string> | undefined][] = [
  ['c/in/{name}.csv', 'in/a.csv', { name: 'a' }],
  ['c/in/{name}.csv', 'in/deep/a.csv', { name: 'deep/a' }],
  ['c/in/{name}.csv', 'in/a.txt', undefined],
  ['c/{name}.{ext}', 'a.b.c', { name: 'a', ext: 'b.c' }],
  ['c/{date}/{name}', '2024/x/y', { date: '2024', name: 'x/y' }],
  ['c', 'anything', {}],
  ['c/a(b).txt', 'a(b).txt', {}],
];

for (const [path, blob, expected] of paths) {
  test(`blob path ${path} and ${blob}`, () => assert.deepEqual(parseBlobPath(path).match(blob), expected));
}

function hostJson(text: string): () => unknown {
  writeFileSync(join(folder, 'host.json'), text);
  return () => readHostJson(folder, 2, {});
}

test('host.json: limits that are none, and choices in any case', () => {
  const http = { maxOutstandingRequests: -1, maxConcurrentRequests: 7 };
  const durableTask = { versionMatchStrategy: 'strict', versionFailureStrategy: 'FAIL', defaultVersion: '1.0' };
  writeFileSync(join(folder, 'host.json'), JSON.stringify({ functionTimeout: -1, extensions: { http, durableTask } }));
  const settings = readHostJson(folder, 2, { AzureFunctionsJobHost__extensions__durableTask__defaultVersion: '2' });
  assert.deepEqual(
    [settings.functionTimeoutMs, settings.maxOutstandingRequests, settings.maxConcurrentRequests],
    [undefined, undefined, 7],
  );
  assert.deepEqual([settings.defaultVersion, settings.versionMatch, settings.versionFailure], ['2', 'Strict', 'Fail']);
  writeFileSync(join(folder, 'host.json'), '{}');
  const plain = readHostJson(folder, 2, { AzureFunctionsJobHost__functionTimeout: '-1' });
  assert.deepEqual(
    [plain.functionTimeoutMs, plain.versionMatch, plain.versionFailure, plain.maxConcurrentRequests],
    [undefined, 'CurrentOrOlder', 'Reject', undefined],
  );
});

test('host.json: defaults, values, and what does nothing', () => {
  const durableTask = { hubName: 'Hub1', useAppLease: false };
  const extensions = { http: { routePrefix: '/v1/' }, durableTask, queues: { a: 1 } };
  writeFileSync(
    join(folder, 'host.json'),
    JSON.stringify({ version: '2.0', functionTimeout: '1.02:03:04.5', extensions }),
  );
  const settings = readHostJson(folder, 2, {
    AzureFunctionsJobHost__extensions__durableTask__maxConcurrentActivityFunctions: '3',
  });
  assert.equal(settings.functionTimeoutMs, ((24 + 2) * 3600 + 3 * 60 + 4.5) * 1000);
  assert.deepEqual([settings.routePrefix, settings.hubName], ['v1', 'Hub1']);
  assert.deepEqual([settings.maxConcurrentActivityFunctions, settings.maxEntityOperationBatchSize], [3, 5000]);
  assert.deepEqual(settings.ignored, ['extensions.durableTask.useAppLease', 'extensions.queues.a']);
});

const hubStorage = (name: string, value: string) =>
  JSON.stringify({ extensions: { durableTask: { storageProvider: { [name]: value } } } });

for (const [text, reason] of [
  ['{', /not valid JSON/],
  ['[]', /not valid JSON: it is not an object/],
  ['{"version":"1.0"}', /"version" must be "2.0"/],
  ['{"functionTimeout":"soon"}', /functionTimeout must be a time span/],
  ['{"logging":{"logLevel":{"default":"Loud"}}}', /logLevel\.default must be one of trace, debug/],
  ['{"extensions":{"durableTask":{"versionMatchStrategy":"Newest"}}}', /must be one of CurrentOrOlder, Strict, None/],
  ['{"extensions":{"durableTask":{"versionFailureStrategy":1}}}', /versionFailureStrategy must be a text/],
  [
    '{"extensions":{"durableTask":{"overridableExistingInstanceStates":"x"}}}',
    /must be one of NonRunningStates, AnyState/,
  ],
  ['{"extensions":{"durableTask":{"storeInputsInOrchestrationHistory":1}}}', /must be true or false/],
  [hubStorage('controlQueueVisibilityTimeout', '00:00:59'), /between "00:01:00" and "01:00:00"/],
  [hubStorage('workItemQueueVisibilityTimeout', '01:00:01'), /between "00:01:00" and "01:00:00"/],
  [hubStorage('workItemQueueVisibilityTimeout', 'soon'), /between "00:01:00" and "01:00:00"/],
  ['{"extensions":{"http":{"maxConcurrentRequests":0}}}', /must be a whole number above 0/],
  ['{"extensions":{"durableTask":{"hubName":"a-b"}}}', /hubName must be 3 to 45/],
  ['{"extensions":{"durableTask":{"maxConcurrentActivityFunctions":0}}}', /must be a whole number above 0/],
] as const) {
  test(`host.json ${text} is refused with a reason`, () => assert.throws(hostJson(text), reason));
}

test('app settings: the environment wins over the file', () => {
  writeFileSync(join(folder, 'local.settings.json'), '\uFEFF{"Values":{"A":"file","B":"file","N":1}}');
  const { values } = readAppSettings(folder, { A: 'environment' });
  assert.deepEqual(values, { A: 'environment', B: 'file', N: '1' });
});

test('the command line', () => {
  assert.equal(parseCli(['--port', '0', '--workers', '3']).workers, 3);
  for (const args of [['--port', 'x'], ['--port', '70000'], ['--nonsense'], ['--workers', '0'], ['stray']]) {
    assert.throws(() => parseCli(args), UsageError);
  }
});

test('the log: one line of text, or JSON', () => {
  const written: string[] = [];
  const options = { level: 'information', write: (text: string) => written.push(text), now: () => 0 } as const;
  createLogger({ ...options, json: false, colour: false }).log('warning', 'here', 'watch out');
  createLogger({ ...options, json: false, colour: true }).log('error', 'here', 'oh');
  createLogger({ ...options, json: true, colour: false }).log('error', 'here', 'oh', { code: 1 });
  createLogger({ ...options, json: false, colour: false }).log('debug', 'here', 'unseen');
  assert.deepEqual(written, [
    '[1970-01-01T00:00:00.000Z] here: watch out\n',
    '\u001b[31m[1970-01-01T00:00:00.000Z] here: oh\u001b[0m\n',
    '{"event":"log","time":"1970-01-01T00:00:00.000Z","level":"error","category":"here","message":"oh","code":1}\n',
  ]);
});

test('the log: levels by category, as host.json gives them', () => {
  const written: string[] = [];
  const write = (text: string) => written.push(text.split(': ')[1]!.trim());
  const logger = createLogger({ level: 'information', write, now: () => 0, json: false, colour: false });
  const logLevel = {
    default: 'Warning',
    Function: 'Error',
    'Function.loud': 'Debug',
    'Host.Triggers.DurableTask': 'Trace',
  };
  writeFileSync(
    join(folder, 'host.json'),
    JSON.stringify({ version: '2.0', logging: { logLevel: { ...logLevel, Other: 'None' } } }),
  );
  const settings = readHostJson(folder, 2, {});
  assert.deepEqual(settings.ignored, ['logging.logLevel.Other']);
  logger.setLevels(settings.logLevels);
  logger.log('information', 'http', 'unseen');
  logger.log('warning', 'http', 'http warning');
  logger.log('debug', 'durable', 'durable debug');
  const user = { type: 'log', category: 'user' } as const;
  logger.fromWorker({ ...user, level: 'warning', functionName: 'quiet', message: 'unseen' });
  logger.fromWorker({ ...user, level: 'debug', functionName: 'loud', message: 'loud debug' });
  logger.setLevels(readHostJson(folder, 2, { AzureFunctionsJobHost__logging__logLevel__default: 'None' }).logLevels);
  logger.log('critical', 'http', 'unseen');
  assert.deepEqual(written, ['http warning', 'durable debug', 'loud debug']);
});

test('what an app asks for and this host does not do is said', () => {
  const bindings = (type: string, more: Record<string, object> = {}) => ({
    t: { type, name: 't', direction: 'in' },
    ...(more as Record<string, { type: string; name: string; direction: string }>),
  });
  const queue = { type: 'queue', name: 'q', direction: 'out' };
  const table = { type: 'table', name: 'i', direction: 'in' };
  const functions = new FunctionTable(
    [
      { name: 'good', bindings: bindings('httpTrigger', { $return: { type: 'http', name: 'h', direction: 'out' } }) },
      { name: 'never', bindings: bindings('queueTrigger', { q: queue }) },
      { name: 'partly', bindings: bindings('timerTrigger', { q: queue, i: table }) },
    ],
    {},
  );
  assert.deepEqual(unsupported(functions), [
    "Function 'never': 'queueTrigger' is no trigger of this host; it never runs.",
    "Function 'partly': the output binding 'queue' does nothing in this host; what it is given is dropped.",
    "Function 'partly': the input binding 'table' does nothing in this host; the function is given nothing for it.",
  ]);
});

test('functions: twins by case, no trigger, a missing app setting, a disabled one', () => {
  const metadata = (name: string, type = 'httpTrigger', route = 'x') => ({
    name,
    bindings: { b: { type, name: 'b', direction: 'in', route } },
  });
  assert.throws(
    () => new FunctionTable([metadata('a'), metadata('A')], {}),
    /Two functions have one name: 'a' and 'A'/,
  );
  assert.throws(() => new FunctionTable([metadata('a', 'blob')], {}), /has no trigger/);
  const partly = new FunctionTable(
    [metadata('a', 'httpTrigger', '%R%'), metadata('b'), metadata('c', 'blobTrigger')],
    {},
  );
  assert.deepEqual(
    partly.all.map((each) => each.name),
    ['b'],
  );
  assert.deepEqual(partly.broken, [
    "The 'a' function is in error and does not run: the app setting 'R' is not set.",
    "The 'c' function is in error and does not run: the app setting 'AzureWebJobsStorage' (a storage connection string) is not set.",
  ]);
  const table = new FunctionTable([metadata('a', 'httpTrigger', '%R%'), metadata('b')], {
    R: 'there',
    'AzureWebJobs.b.Disabled': 'true',
  });
  assert.deepEqual(
    table.all.map((each) => [each.name, each.trigger.route]),
    [['a', 'there']],
  );
});

test('the agenda wakes in order of time, whatever the order of adding', () => {
  let now = 0;
  const alarms: { at: number; action: () => void }[] = [];
  const woken: string[] = [];
  const timers = {
    after: (delayMs: number, action: () => void) => {
      const alarm = { at: now + delayMs, action };
      alarms.push(alarm);
      return () => void alarms.splice(alarms.indexOf(alarm), 1);
    },
  };
  const agenda = new Agenda(
    () => now,
    timers,
    (target) => woken.push(target),
  );
  for (const at of [50, 10, 40, 20, 30, 10]) agenda.add(`t${at}`, at);
  while (alarms.length > 0) {
    const next = alarms.reduce((a, b) => (b.at < a.at ? b : a));
    alarms.splice(alarms.indexOf(next), 1);
    now = next.at;
    next.action();
  }
  assert.deepEqual(woken, ['t10', 't10', 't20', 't30', 't40', 't50']);
});

test('retry delays of triggers', () => {
  const fixed = { retryStrategy: 'fixedDelay', delayInterval: { seconds: 3 } } as const;
  assert.deepEqual(
    [0, 1].map((n) => retryDelayMs(fixed, n)),
    [3000, 3000],
  );
  const growing = {
    retryStrategy: 'exponentialBackoff',
    minimumInterval: { seconds: 1 },
    maximumInterval: { seconds: 5 },
  } as const;
  assert.deepEqual(
    [0, 1, 2, 3].map((n) => retryDelayMs(growing, n)),
    [1000, 2000, 4000, 5000],
  );
});

test('connection strings', () => {
  assert.equal(parseConnectionString('UseDevelopmentStorage=true').account, 'devstoreaccount1');
  const cloud = parseConnectionString(
    'DefaultEndpointsProtocol=https;AccountName=a;AccountKey=aa==;EndpointSuffix=x.net',
  );
  assert.deepEqual(cloud, { account: 'a', key: 'aa==', endpoint: 'https://a.queue.x.net' });
  assert.throws(() => parseConnectionString('nonsense'));
});

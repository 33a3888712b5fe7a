/** What a user sees when the host cannot start, and when it can. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, test } from 'vitest';
import { startAzurite } from '../src/azurite.ts';
import { startChild } from '../src/child.ts';
import { compileCacheEnvironment } from '../src/compile-cache.ts';
import { startHost } from '../src/start-host.ts';
import { repositoryRoot } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'startup-'));
symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'));
afterAll(() => rmSync(folder, { recursive: true }));
const main = join(repositoryRoot, 'packages/local-host/src/main.ts');

let apps = 0;
/** An app of these files, in a folder of its own. */
function appOf(files: Record<string, string>): string {
  const root = join(folder, `app${++apps}`);
  const all: Record<string, string> = {
    'package.json': '{"main":"dist/*.js","type":"module"}',
    'host.json': '{"version":"2.0"}',
    ...files,
  };
  for (const [name, text] of Object.entries(all)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

/** Runs the host until it ends. */
function run(args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const defaults = ['--disable-warning=ExperimentalWarning', main, '--state', ':memory:', '--workers', '1'];
  const options = { env: { ...process.env, ...compileCacheEnvironment(process.env), NO_COLOR: '1' }, timeout: 30_000 };
  return new Promise((resolve) => {
    execFile(process.execPath, [...defaults, ...args], options, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code ?? -1), stdout, stderr }),
    );
  });
}

const anyPorts = ['--blob-port', '0', '--queue-port', '0', '--table-port', '0'];
const http = `import { app } from '@azure/functions'; app.http('one', { handler: async () => ({}) });`;

const failures: { name: string; files: Record<string, string>; reason: RegExp }[] = [
  { name: 'a missing build', files: {}, reason: /no file matches "main": "dist\/\*\.js".*npm run build/ },
  {
    name: 'a bad host.json',
    files: { 'dist/a.js': http, 'host.json': '{"version":' },
    reason: /host\.json is not valid JSON/,
  },
  {
    name: 'two functions of one name',
    files: { 'dist/a.js': http, 'dist/b.js': http },
    reason: /A function with id "one" has already been registered/,
  },
  {
    name: 'an app that throws',
    files: { 'dist/a.js': `throw new Error('cannot begin')` },
    reason: /unable to load entry point.*a\.js": cannot begin/,
  },
  { name: 'an app without functions', files: { 'dist/a.js': 'export {};' }, reason: /registers no function/ },
  {
    name: 'a malformed schedule',
    files: { 'dist/a.js': `import { app } from '@azure/functions'; app.timer('t', { schedule: 'x', handler() {} });` },
    reason: /Function 't': 'x' is no schedule/,
  },
];

for (const { name, files, reason } of failures) {
  test(`${name} is said in a sentence`, async () => {
    const { code, stderr } = await run(['--port', '0', '--script-root', appOf(files)]);
    assert.equal(code, 1);
    assert.match(stderr, reason);
  });
}

test('a pipeline that is refused is said with its remedy and without a stack', async () => {
  const module = pathToFileURL(join(repositoryRoot, 'dist/src/pipeline/index.js')).href;
  const app = `import { registerPipelines } from '${module}'; registerPipelines([{ name: 'UPPER' }]);`;
  const { code, stderr } = await run(['--port', '0', '--script-root', appOf({ 'dist/a.js': app })]);
  assert.equal(code, 1);
  assert.match(stderr, /InvalidPipeline: name: 'UPPER' is not a name\nUse a lower-case letter, then up to 62 of/);
  assert.doesNotMatch(stderr, /^ +at /m);
});

test('a port in use', async () => {
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as AddressInfo;
  const { code, stderr } = await run(['--port', String(port), '--script-root', appOf({ 'dist/a.js': http })]);
  taken.close();
  assert.equal(code, 1);
  assert.match(stderr, new RegExp(`^Port ${port} is in use\\. .*--port`));
});

test('a wrong option prints the usage', async () => {
  const { code, stderr } = await run(['--wrong']);
  assert.equal(code, 2);
  assert.match(stderr, /--wrong[\s\S]*Usage: local-host \[options\]/);
});

/** Starts a script of the host as a child, sends SIGINT when it is ready, and waits for its end. */
async function startAndInterrupt(script: string, args: string[]): Promise<{ code: number | string; text: string }> {
  const lines: string[] = [];
  const child = startChild({
    module: join(repositoryRoot, 'packages/local-host/src', script),
    args: ['--workers', '1', '--port', '0', ...args],
    env: { NO_COLOR: '1' },
    execArgv: ['--disable-warning=ExperimentalWarning'],
    onLine: (line) => {
      lines.push(line);
      if (line.startsWith('Ready at')) child.process.kill('SIGINT');
    },
  });
  return { code: await child.ended, text: lines.join('\n') };
}

test('functions and their URLs are printed as Core Tools prints them', async () => {
  const root = appOf({
    'dist/a.js': `import { app } from '@azure/functions';
      app.http('one', { route: 'x/{id}', methods: ['GET'], handler: async () => ({}) });
      app.timer('two', { schedule: '0 0 0 1 1 *', handler() {} });`,
  });
  const { code, text } = await startAndInterrupt('main.ts', ['--state', ':memory:', '--script-root', root]);
  assert.equal(code, 0, text);
  assert.match(text, /Functions:\n\n\tone: \[GET\] http:\/\/localhost:\d+\/api\/x\/\{id\}\n\n\ttwo: timerTrigger\n/);
});

test('an app that says what to do next has that printed, last, in place of its functions', async () => {
  const ready = ['', 'See it: {url}/page', 'Then ask: curl {url}/api/one'];
  const root = appOf({
    'package.json': JSON.stringify({ main: 'dist/*.js', type: 'module', 'local-host': { ready } }),
    'dist/a.js': http,
  });
  const { code, text } = await startAndInterrupt('main.ts', ['--state', ':memory:', '--script-root', root]);
  assert.equal(code, 0, text);
  assert.doesNotMatch(text, /Functions:/);
  assert.match(text, /^1 HTTP functions and 0 others/m);
  assert.match(text, /^Ready at (http:\/\/localhost:\d+) .*\n\nSee it: \1\/page\nThen ask: curl \1\/api\/one$/m);
  const listed = await startAndInterrupt('main.ts', ['--state', ':memory:', '--script-root', root, '--functions']);
  assert.match(listed.text, /Functions:\n\n\tone: /);
});

test('requests above maxOutstandingRequests are answered with 429; those above maxConcurrentRequests wait', async () => {
  const extensions = { http: { maxOutstandingRequests: 3, maxConcurrentRequests: 1 } };
  const host = await startHost({
    scriptRoot: appOf({
      'host.json': JSON.stringify({ version: '2.0', extensions }),
      'dist/a.js': `import { app } from '@azure/functions';
        let running = 0;
        app.http('one', { handler: async () => {
          const alone = ++running === 1;
          await new Promise((resolve) => setTimeout(resolve, 50));
          running--;
          return { status: alone ? 200 : 500 };
        } });`,
    }),
    workers: 1,
  });
  const statuses = await Promise.all([1, 2, 3, 4, 5].map(async () => (await fetch(`${host.url}/api/one`)).status));
  assert.deepEqual(statuses.toSorted(), [200, 200, 200, 429, 429]);
  assert.equal((await fetch(`${host.url}/api/one`)).status, 200);
  await host.stop();
});

/** A `func` that writes down how it was called and ends with code 7. */
const fakeFunc = `#!${process.execPath}
import { writeFileSync } from 'node:fs';
if (process.argv[2] === '--version') console.log('4.9.9');
else {
  const { AzureWebJobsStorage, EXTRA } = process.env;
  writeFileSync('called.json', JSON.stringify({ argv: process.argv.slice(2), AzureWebJobsStorage, EXTRA }));
  fetch(/BlobEndpoint=([^;]+)/.exec(AzureWebJobsStorage)[1]).then(() => process.exit(7), () => process.exit(8));
}
`;

test('local-host func: func runs with Azurite beside it, its own arguments and the same settings', {
  skip: process.platform === 'win32',
}, async () => {
  const root = appOf({
    'bin/func': fakeFunc,
    'local.settings.sample.json': '{"Values":{"A":"sample"}}',
  });
  chmodSync(join(root, 'bin', 'func'), 0o755);
  const startFunc = (env: Record<string, string>) => {
    const args = ['--dir', 'data', ...anyPorts, '--port', '7199', '--verbose'];
    const options = { cwd: root, encoding: 'utf8', env: { ...process.env, ...env }, timeout: 60_000 } as const;
    return spawnSync(
      process.execPath,
      [join(repositoryRoot, 'packages/local-host/src/start-func.ts'), ...args],
      options,
    );
  };
  const { status, stdout, stderr } = startFunc({ PATH: join(root, 'bin'), EXTRA: 'kept' });
  assert.equal(status, 7, stdout + stderr);
  const called = JSON.parse(readFileSync(join(root, 'called.json'), 'utf8')) as Record<string, unknown>;
  assert.deepEqual([called.argv, called.EXTRA], [['start', '--port', '7199', '--verbose'], 'kept']);
  const [, url = ''] = /^Azurite: (http\S+)/m.exec(stdout) ?? [];
  assert.ok(String(called.AzureWebJobsStorage).includes(`BlobEndpoint=${url};`), stdout);
  assert.match(stdout, /Core Tools 4\.9\.9/);
  await assert.rejects(fetch(url), 'Azurite is still there');
  assert.equal(readFileSync(join(root, 'local.settings.json'), 'utf8'), '{"Values":{"A":"sample"}}');
  const without = startFunc({ PATH: join(root, 'nothing') });
  assert.deepEqual([without.status, without.stdout], [1, '']);
  assert.match(without.stderr, /Core Tools are not installed.*npm start/);
});

test('a folder belongs to one Azurite at a time; the next one waits for the one that is ending', async () => {
  const dir = join(folder, 'shared');
  const first = await startAzurite({ dir });
  const lines: string[] = [];
  const second = startAzurite({ dir, onLine: (line) => lines.push(line) });
  while (!lines.some((line) => line === `Waiting for the Azurite that uses ${dir} to end.`)) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await first.stop();
  await (await second).stop();
});

test('npm start: Azurite and the host on one folder, both gone after Ctrl-C', async () => {
  const dir = join(folder, 'state');
  const root = appOf({ 'dist/a.js': http });
  const { code, text } = await startAndInterrupt('start.ts', ['--dir', dir, ...anyPorts, '--script-root', root]);
  assert.equal(code, 0, text);
  const url = /^Azurite: (http\S+)/m.exec(text)?.[1] ?? '';
  await assert.rejects(fetch(url), 'Azurite is still there');
  assert.ok(existsSync(join(dir, 'host.sqlite')));
  assert.ok(existsSync(join(dir, 'azurite')));
});

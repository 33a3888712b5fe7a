/** What a user sees when the host cannot start, and when it can. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { startChild } from '../../local/child.ts';
import { compileCacheEnvironment } from '../../local/compile-cache.ts';
import { repositoryRoot } from './harness.ts';

const folder = mkdtempSync(join(tmpdir(), 'startup-'));
symlinkSync(join(repositoryRoot, 'node_modules'), join(folder, 'node_modules'));
after(() => rmSync(folder, { recursive: true }));
const main = join(repositoryRoot, 'local', 'main.ts');

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
  assert.match(stderr, /--wrong[\s\S]*Usage: node local\/main\.ts/);
});

/** Starts a script of the host as a child, sends SIGINT when it is ready, and waits for its end. */
async function startAndInterrupt(script: string, args: string[]): Promise<{ code: number | string; text: string }> {
  const lines: string[] = [];
  const child = startChild({
    module: join(repositoryRoot, 'local', script),
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

test('npm start: Azurite and the host on one folder, both gone after Ctrl-C', async () => {
  const dir = join(folder, 'state');
  const root = appOf({ 'dist/a.js': http });
  const ports = ['--blob-port', '0', '--queue-port', '0', '--table-port', '0'];
  const { code, text } = await startAndInterrupt('start.ts', ['--dir', dir, ...ports, '--script-root', root]);
  assert.equal(code, 0, text);
  const url = /^Azurite: (http\S+)/m.exec(text)?.[1] ?? '';
  await assert.rejects(fetch(url), 'Azurite is still there');
  assert.ok(existsSync(join(dir, 'host.sqlite')));
  assert.ok(existsSync(join(dir, 'azurite')));
});

/**
 * Nobody gets in without a key: every HTTP function that the app registers, and every other door of the host, is tried with
 * no key, with a wrong one, and with one that is for another door. A function that is to be open has to be named here.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { core } from '../../packages/local-host/test/harness.ts';
import { type App, startApp } from './support/app.ts';

/** Functions that answer without a key, and why. */
const open: Record<string, string> = {
  monitor: 'the page holds no data: it asks the API, with the key that its user gives',
};

await import('../../functions/ordinal.ts');
const doors = [...core.functions.values()].flatMap(({ metadata: { name, bindings } }) =>
  Object.values(bindings)
    .filter(({ type }) => type === 'httpTrigger')
    .map((binding) => {
      const { route, methods, authLevel } = binding as { route?: string; methods?: string[]; authLevel?: string };
      const path = (route ?? name).replace(/\{[^}]*\}/g, 'x');
      return { name, path: `api/${path}`, methods: methods ?? ['GET', 'POST'], authLevel };
    }),
);
const keys = {
  Host__Keys__default: 'of-functions',
  Host__Keys__durabletask: 'of-webhooks',
  Host__Keys__master: 'master',
};

let app: App;
beforeAll(async () => {
  app = await startApp(keys, ['--enable-auth']);
});
afterAll(() => app.stop());

async function statusOf(method: string, path: string, key?: string): Promise<number> {
  const headers = key === undefined ? {} : { 'x-functions-key': key };
  const body = method === 'GET' || method === 'HEAD' ? {} : { body: '{}' };
  const response = await fetch(`${app.url}/${path}`, { method, headers, ...body });
  await response.body?.cancel();
  return response.status;
}

test('the app has HTTP functions, and none of them is anonymous by its own words', () => {
  assert.ok(doors.length >= 10, String(doors.length));
  const anonymous = doors.filter(({ authLevel }) => authLevel !== 'function' && authLevel !== 'admin');
  assert.deepEqual(
    anonymous.map(({ name }) => name).filter((name) => open[name] === undefined),
    [],
  );
});

for (const { name, path, methods } of doors.filter((door) => open[door.name] === undefined)) {
  for (const method of methods) {
    test(`${method} ${path} (${name}) refuses who has no key, or another one`, async () => {
      for (const key of [undefined, 'wrong', keys.Host__Keys__durabletask]) {
        assert.equal(await statusOf(method, path, key), 401, key);
      }
      assert.equal(await statusOf(method, `${path}?code=wrong`), 401);
      assert.notEqual(await statusOf(method, path, keys.Host__Keys__default), 401);
    });
  }
}

for (const [method, path] of [
  ['GET', 'runtime/webhooks/durabletask/instances'],
  ['DELETE', 'runtime/webhooks/durabletask/instances/x'],
  ['POST', 'runtime/webhooks/durabletask/orchestrators/run/x'],
  ['POST', 'runtime/webhooks/durabletask/instances/x/terminate'],
  ['POST', 'runtime/webhooks/durabletask/entities/sequence/x?op=raiseTo'],
  ['GET', 'runtime/webhooks/durabletask/entities/sequence/x'],
  ['POST', 'runtime/webhooks/blobs?functionName=Host.Functions.x'],
  ['POST', 'admin/functions/housekeeping'],
  ['GET', 'admin/host/status'],
] as const) {
  test(`${method} ${path} refuses who has no key, or another one`, async () => {
    for (const key of [undefined, 'wrong', keys.Host__Keys__default]) {
      assert.equal(await statusOf(method, path, key), 401, key);
    }
    assert.notEqual(await statusOf(method, path, keys.Host__Keys__master), 401);
  });
}

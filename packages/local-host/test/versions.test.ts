/** Versions of orchestrations: which instances a host takes, through the real SDK. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import './app.ts';
import type { EngineSettings } from '../src/engine/engine.ts';
import { compareVersions } from '../src/engine/version.ts';
import { df, orchestrator, World, type WorldOptions } from './harness.ts';

const versioned = orchestrator(function* (c) {
  yield c.callActivity('nothing');
  return { version: c.version };
});

const begin = (world: World, version: string | undefined) =>
  world.client.start({ name: versioned, instanceId: undefined, input: null, version });

type Match = EngineSettings['versionMatch'];
const cases: { own: string; match: Match; version: string | undefined; runs: boolean }[] = [
  { own: '2.0', match: 'CurrentOrOlder', version: undefined, runs: true },
  { own: '2.0', match: 'CurrentOrOlder', version: '1.9', runs: true },
  { own: '2.0', match: 'CurrentOrOlder', version: '2.0', runs: true },
  { own: '2.0', match: 'CurrentOrOlder', version: '2.1', runs: false },
  { own: '2.0', match: 'CurrentOrOlder', version: '10.0', runs: false },
  { own: '', match: 'CurrentOrOlder', version: undefined, runs: true },
  { own: '', match: 'CurrentOrOlder', version: '1.0', runs: false },
  { own: '2.0', match: 'Strict', version: undefined, runs: true },
  { own: '2.0', match: 'Strict', version: '1.9', runs: false },
  { own: '2.0', match: 'Strict', version: '2.0.0', runs: false },
  { own: '2.0', match: 'None', version: '99.0', runs: true },
  { own: '', match: 'None', version: '99.0', runs: true },
];

for (const { own, match, version, runs } of cases) {
  const what = `version ${version ?? '(none given)'} on a host of '${own}', ${match}`;
  const settings = { defaultVersion: own, versionMatch: match };

  test(`${what}: ${runs ? 'runs' : 'waits'} under Reject`, async () => {
    const world = new World({ settings: { ...settings, versionFailure: 'Reject' } });
    const id = begin(world, version);
    if (runs) {
      const record = await world.finish(id);
      assert.deepEqual([record.status, record.output], ['Completed', JSON.stringify({ version: version ?? own })]);
      return;
    }
    await world.advance(3_600_000);
    assert.equal(world.client.get(id).status, 'Pending');
    assert.deepEqual(world.history(id), []);
    assert.equal(world.log.filter((line) => line.includes(`has version '${version}'`)).length, 1);
  });

  if (runs) continue;
  test(`${what}: fails under Fail`, async () => {
    const world = new World({ settings: { ...settings, versionFailure: 'Fail' } });
    const record = await world.finish(begin(world, version));
    assert.deepEqual(
      [record.status, record.output],
      ['Failed', 'VersionMismatch: Orchestration version did not comply with Worker Versioning'],
    );
  });
}

test('an instance that one version leaves waiting is taken up by the next one, where it stopped', async () => {
  const name = orchestrator(function* (c) {
    const first: unknown = yield c.callActivity('same', 1);
    const event: unknown = yield c.waitForExternalEvent('go');
    return { first, event, version: c.version };
  });
  const options = (defaultVersion: string): WorldOptions => ({
    settings: { defaultVersion, versionMatch: 'CurrentOrOlder' },
  });
  const newer = new World(options('2.0'));
  const id = newer.start(name);
  await newer.settle();
  assert.equal(newer.client.get(id).status, 'Running');

  const older = new World({ ...options('1.0'), store: newer.store });
  older.raise(id, 'go', 'there');
  await older.settle();
  assert.equal(older.client.get(id).status, 'Running');

  const again = new World({ ...options('2.1'), store: newer.store });
  assert.equal((await again.finish(id)).output, '{"first":1,"event":"there","version":"2.0"}');
});

test('an instance that waits for another version can be terminated', async () => {
  const world = new World({ settings: { defaultVersion: '1.0', versionMatch: 'Strict' } });
  const id = begin(world, '2.0');
  await world.settle();
  world.client.terminate(id, 'enough');
  await world.settle();
  assert.equal(world.client.get(id).status, 'Terminated');
});

const parentOf = (version: string | undefined) =>
  orchestrator(function* (c) {
    try {
      return yield c.callSubOrchestrator(versioned, {}, undefined, version);
    } catch (error) {
      const { name, message } = error as Error;
      return { name, message, details: (error as { failureDetails?: unknown }).failureDetails !== undefined };
    }
  });

test("sub-orchestrations: the host's version when none is given, the given one else; a misfit fails the task", async () => {
  const settings = { defaultVersion: '2.0', versionMatch: 'CurrentOrOlder', versionFailure: 'Fail' } as const;
  assert.deepEqual(await new World({ settings }).output(parentOf(undefined)), { version: '2.0' });
  assert.deepEqual(await new World({ settings }).output(parentOf('1.5')), { version: '1.5' });
  assert.deepEqual(await new World({ settings }).output(parentOf('3.0')), {
    name: 'TaskFailedError',
    message: 'VersionMismatch: Orchestration version did not comply with Worker Versioning',
    details: true,
  });
});

test('continue-as-new keeps the version', async () => {
  const name = orchestrator(function* (c) {
    yield c.callActivity('nothing');
    const { round } = c.getInput() as { round: number };
    if (round === 0) c.continueAsNew({ round: 1 });
    return { version: c.version };
  });
  const world = new World({ settings: { defaultVersion: '2.0' } });
  const id = world.client.start({ name, instanceId: undefined, input: '{"round":0}', version: '1.0' });
  assert.equal((await world.finish(id)).output, '{"version":"1.0"}');
});

const comparisons: [string, string, number][] = [
  ['', '', 0],
  ['', '1', -1],
  ['1', ' ', 1],
  ['1.0', '1.0', 0],
  ['1.0', '1.0.0', -1],
  ['1.10', '1.9', 1],
  ['1.2.3.4', '1.2.3.5', -1],
  ['10', '9', -1],
  ['1.0-beta', '1.0-BETA', 0],
  ['1.0.0.0.1', '1.0.0.0.0', 1],
  ['v2', 'v1', 1],
];

for (const [a, b, expected] of comparisons) {
  test(`versions: '${a}' and '${b}' compare as ${expected}`, () => {
    assert.equal(compareVersions(a, b), expected);
    assert.equal(compareVersions(b, a), 0 - expected);
  });
}

test('entities have no version', async () => {
  const world = new World({ settings: { defaultVersion: '2.0', versionMatch: 'Strict', versionFailure: 'Fail' } });
  const output = await world.output(
    orchestrator(function* (c) {
      return { n: yield c.callEntity(new df.EntityId('counter', 'versions'), 'add', 1) };
    }),
  );
  assert.deepEqual(output, { n: 1 });
});

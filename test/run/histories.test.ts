/**
 * Orchestrators are replayed by the code of today, whatever code they began under. Histories of earlier versions are kept in
 * `histories/VERSION/` (written by `npm run histories`); today's orchestrators must go along with each of them, or their
 * yields have changed, and with them the version in host.json has to change.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'vitest';
import { createDispatch } from '../../packages/local-host/src/dispatch.ts';
import { compareVersions } from '../../packages/local-host/src/engine/version.ts';
import { FunctionTable } from '../../packages/local-host/src/functions.ts';
import '../../packages/local-host/test/app.ts';
import {
  type Body,
  core,
  type DurableContext,
  df,
  localInvoker,
  orchestrator,
  World,
} from '../../packages/local-host/test/harness.ts';
import { historyText, keptHistory, parseHistory, partingOf } from './support/histories.ts';

const before = new Set(core.functions.keys());
await import('../../functions/ordinal.ts');
const metadata = () => [...core.functions.values()].map((each) => each.metadata);
const ours = metadata().filter(({ name, bindings }) => {
  return !before.has(name) && Object.values(bindings).some(({ type }) => type === 'orchestrationTrigger');
});
/** Runs the orchestrators that are registered at the moment of asking. */
const today = () =>
  createDispatch({ pool: localInvoker, functions: new FunctionTable(metadata(), {}), timeoutMs: undefined });

const hostJson = JSON.parse(readFileSync(new URL('../../host.json', import.meta.url), 'utf8')) as {
  extensions: { durableTask: { defaultVersion: string; versionMatchStrategy: string } };
};
const { defaultVersion, versionMatchStrategy } = hostJson.extensions.durableTask;
const folder = new URL('./histories/', import.meta.url);
const versions = existsSync(folder) ? readdirSync(folder).sort() : [];

const filesOf = (version: string) => readdirSync(new URL(`${version}/`, folder)).sort();
const read = (version: string, file: string) =>
  parseHistory(readFileSync(new URL(`${version}/${file}`, folder), 'utf8'));

for (const version of versions) {
  for (const file of filesOf(version)) {
    test(`version ${version}, ${file}: today's code goes along with what was recorded`, async () => {
      const kept = read(version, file);
      assert.equal(kept.record.version, version);
      const parting = await partingOf(kept, today());
      const advice =
        version === defaultVersion
          ? `The yields of '${kept.record.name}' have changed, and the version has not. Raise defaultVersion in host.json, ` +
            `let the code ask context.df.version where runs of ${version} have to go on, and run npm run histories.`
          : `Runs that began under version ${version} cannot go on with this code. Let it ask context.df.version, or give ` +
            'the version up: drain it before the deployment, and remove its folder.';
      assert.equal(parting, undefined, `${parting}\n${advice}`);
    });
  }
}

test('hosts take runs of their own version and of older ones; no kept version is newer', () => {
  assert.match(defaultVersion, /^\d+\.\d+$/);
  assert.equal(versionMatchStrategy, 'CurrentOrOlder');
  for (const version of versions) assert.ok(compareVersions(version, defaultVersion) <= 0, version);
});

test('every orchestrator has a history of the current version, once any are kept', () => {
  assert.ok(ours.length > 0);
  if (versions.length === 0) return;
  assert.ok(versions.includes(defaultVersion), `no histories of ${defaultVersion}: npm run histories`);
  const recorded = new Set(filesOf(defaultVersion).map((file) => read(defaultVersion, file).record.name));
  assert.deepEqual(
    ours.map(({ name }) => name).filter((name) => !recorded.has(name)),
    [],
  );
});

/** What the planted changes start from: an activity, a fan-out, an entity, a timer. */
function* original(c: DurableContext): Generator<unknown, unknown, never> {
  const first: { got: string } = yield c.callActivity('echo', 'a');
  yield c.Task.all([c.callActivity('same', 1), c.callActivity('echo', 2)]);
  yield c.callEntity(new df.EntityId('Counter', 'histories'), 'add', 1);
  yield c.createTimer(new Date(c.currentUtcDateTime.getTime() + 1000));
  return { first: first.got };
}
const changes: { what: string; body: Body; parting: RegExp | undefined }[] = [
  { what: 'nothing', body: original, parting: undefined },
  {
    what: 'an input, and the output',
    body: function* (c) {
      yield c.callActivity('echo', 'another');
      yield c.Task.all([c.callActivity('same', 1), c.callActivity('echo', 2)]);
      yield c.callEntity(new df.EntityId('Counter', 'histories'), 'add', 1);
      yield c.createTimer(new Date(c.currentUtcDateTime.getTime() + 1000));
      return 'another';
    },
    parting: undefined,
  },
  {
    what: 'the order of two tasks',
    body: function* (c) {
      yield c.callActivity('echo', 'a');
      yield c.Task.all([c.callActivity('echo', 2), c.callActivity('same', 1)]);
      return yield c.callActivity('echo', 'b');
    },
    parting:
      /history has TaskScheduled 'same' with sequence ID 1, but the orchestrator now asks for TaskScheduled 'echo'/,
  },
  {
    what: 'a task more at the end',
    body: function* (c) {
      yield* original(c) as Generator<unknown, unknown, unknown>;
      return yield c.callActivity('echo', 'late');
    },
    parting: /it asks for more than the history has: activity echo/,
  },
  {
    what: 'a task less at the end',
    body: function* (c) {
      yield c.callActivity('echo', 'a');
      return 'early';
    },
    parting: /it asks for 1 tasks, where the history has 5/,
  },
  {
    what: 'its end',
    body: function* (c) {
      yield* original(c) as Generator<unknown, unknown, unknown>;
      throw new Error('in the end');
    },
    parting: /it is Failed at the end, where the history has Completed \(in the end\)/,
  },
];
const recorded = orchestrator(original, 'recorded');

for (const [index, { what, body, parting }] of changes.entries()) {
  test(`a replay notices what was changed: ${what}`, async () => {
    const world = new World({ settings: { defaultVersion: '1.0' } });
    const record = await world.finish(world.start(recorded));
    const kept = parseHistory(historyText(keptHistory(record, world.history(record.instanceId))));
    assert.equal(kept.record.version, '1.0');
    const name = orchestrator(body, `changed${index}`);
    const found = await partingOf({ ...kept, record: { ...kept.record, name } }, today());
    if (parting === undefined) assert.equal(found, undefined);
    else assert.match(found ?? '', parting);
  });
}

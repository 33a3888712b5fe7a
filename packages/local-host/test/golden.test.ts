/**
 * Every trigger that the host sends and every reply that the SDKs give for a few orchestrations, as they were when they
 * were last looked at by a person: a change of the host or an upgrade of an SDK that changes the protocol fails here.
 * `UPDATE_GOLDEN=1 npx vitest run packages/local-host/test/golden.test.ts` writes them anew; read the difference before committing it.
 */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { test } from 'vitest';
import type { Dispatch } from '../src/engine/runtime.ts';
import { counter } from './app.ts';
import { df, orchestrator, World } from './harness.ts';

orchestrator(function* (c) {
  const input = c.getInput() as { city: string };
  const greeting: { got: string } = yield c.callActivity('echo', input.city);
  c.signalEntity(counter('golden'), 'add', 1);
  const total: number = yield c.callEntity(counter('golden'), 'add', 2);
  c.setCustomStatus({ total });
  return { greeting: greeting.got, total };
}, 'goldenCalls');

orchestrator(function* (c) {
  const retry = new df.RetryOptions(5000, 2);
  retry.backoffCoefficient = 2;
  const timer = c.createTimer(new Date(c.currentUtcDateTime.getTime() + 60_000));
  const event = c.waitForExternalEvent('approval');
  yield c.Task.any([event, timer]);
  timer.cancel();
  try {
    yield c.Task.all([c.callActivityWithRetry('failFast', retry, { a: 1 }), c.callActivity('same', [1, 'two'])]);
  } catch {
    c.continueAsNew({ again: true });
  }
  return c.getInput();
}, 'goldenWaits');
df.app.activity('failFast', {
  handler: () => {
    // Without a stack, the text does not depend on where this file lies.
    throw Object.assign(new Error('fast'), { stack: 'Error: fast' });
  },
});

orchestrator(function* (c) {
  yield c.callSubOrchestrator('goldenChild', { n: 1 }, `${c.instanceId}-child`, '1.0' as never);
  const lock: { release(): void } = yield c.lock(counter('one'), counter('two'));
  yield c.callEntity(counter('two'), 'add', 1);
  lock.release();
  throw new Error('in the end');
}, 'goldenFails');
orchestrator(function* (c) {
  yield c.createTimer(c.currentUtcDateTime);
  return { version: c.version, id: c.newGuid('x') };
}, 'goldenChild');

interface Exchange {
  function: string;
  trigger: unknown;
  reply: unknown;
}

/** Runs an orchestration on the virtual clock and writes down what passes between the host and the SDKs. */
async function exchanges(name: string, drive: (world: World, id: string) => Promise<void>): Promise<Exchange[]> {
  const list: Exchange[] = [];
  const wrap = (dispatch: Dispatch): Dispatch => ({
    ...dispatch,
    async orchestrator(function_, trigger) {
      const reply = await dispatch.orchestrator(function_, trigger);
      list.push({
        function: function_,
        trigger: JSON.parse(trigger),
        reply: reply.ok ? reply.state : reply.error.message,
      });
      return reply;
    },
    async entity(function_, trigger) {
      const reply = await dispatch.entity(function_, trigger);
      const results = reply.results.map((each) => ({ ...each, duration: 0, startTime: 0 }));
      list.push({ function: function_, trigger: JSON.parse(trigger), reply: { ...reply, results } });
      return reply;
    },
  });
  const world = new World({ wrap });
  const id = world.start(name, { city: 'Oslo' }, name);
  await drive(world, id);
  return list;
}

const scenarios: [string, (world: World, id: string) => Promise<void>][] = [
  ['goldenCalls', async (world, id) => void (await world.finish(id))],
  [
    'goldenWaits',
    async (world, id) => {
      await world.settle();
      world.raise(id, 'approval', { ok: true });
      await world.advance(30_000);
      world.client.terminate(id, 'enough');
      await world.settle();
    },
  ],
  ['goldenFails', async (world, id) => void (await world.finish(id))],
];

for (const [name, drive] of scenarios) {
  test(`golden: ${name}`, async () => {
    const file = fileURLToPath(new URL(`./golden/${name}.jsonl`, import.meta.url));
    const found = JSON.parse(JSON.stringify(await exchanges(name, drive))) as Exchange[];
    if (process.env.UPDATE_GOLDEN === '1') {
      writeFileSync(file, found.map((each) => `${JSON.stringify(each)}\n`).join(''));
    }
    const lines = readFileSync(file, 'utf8').trim().split('\n');
    assert.deepEqual(
      found,
      lines.map((line) => JSON.parse(line) as Exchange),
    );
  });
}

/** The application patterns of the public Durable Functions documentation, each as an orchestration of its own. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import './app.ts';
import { df, orchestrator, World } from './harness.ts';

const later = (time: Date, ms: number) => new Date(time.getTime() + ms);
const hourMs = 3_600_000;

test('function chaining', async () => {
  df.app.activity('plus', { handler: ({ a, b }: { a: number; b: number }) => ({ n: a + b }) });
  const output = await new World().output(
    orchestrator(function* (c) {
      const first: { n: number } = yield c.callActivity('plus', { a: 1, b: 2 });
      const second: { n: number } = yield c.callActivity('plus', { a: first.n, b: 10 });
      return yield c.callActivity('plus', { a: second.n, b: 100 });
    }),
  );
  assert.deepEqual(output, { n: 113 });
});

test('fan-out and fan-in: results in the order of the calls, whatever the order of completion', async () => {
  df.app.activity('size', { handler: ({ file }: { file: number }) => ({ bytes: file * 100 }) });
  const output = await new World({ maxConcurrentActivities: 7 }).output(
    orchestrator(function* (c) {
      const files: { files: number[] } = yield c.callActivity('same', {
        files: Array.from({ length: 50 }, (_, n) => n),
      });
      const sizes: { bytes: number }[] = yield c.Task.all(files.files.map((file) => c.callActivity('size', { file })));
      return { sizes: sizes.map((each) => each.bytes) };
    }),
  );
  assert.deepEqual(output, { sizes: Array.from({ length: 50 }, (_, n) => n * 100) });
});

for (const answers of [1, 2, 3, 0]) {
  const right = answers > 0;
  test(`a person answers ${answers} times against one timer, ${right ? 'rightly in the end' : 'and is too late'}`, async () => {
    const verify = orchestrator(function* (c) {
      const over = c.createTimer(later(c.currentUtcDateTime, hourMs));
      for (let tries = 0; tries < 3; tries++) {
        const answer = c.waitForExternalEvent('answer');
        if ((yield c.Task.any([answer, over])) === over) return 'late';
        if (answer.result === answers) {
          over.cancel();
          return 'right';
        }
      }
    });
    const world = new World();
    const id = world.start(verify);
    for (let answer = 1; answer <= answers; answer++) {
      await world.settle();
      world.raise(id, 'answer', answer);
    }
    const { output } = await world.finish(id);
    assert.equal(output, right ? '"right"' : '"late"');
    assert.equal(world.clock.time >= Date.parse('2030-01-01T01:00:00Z'), !right);
  });
}

test('a wrong answer, and then the timer that was awaited twice runs out', async () => {
  const verify = orchestrator(function* (c) {
    const over = c.createTimer(later(c.currentUtcDateTime, hourMs));
    for (;;) {
      const answer = c.waitForExternalEvent('answer');
      if ((yield c.Task.any([answer, over])) === over) return 'late';
    }
  });
  const world = new World();
  const id = world.start(verify);
  await world.settle();
  world.raise(id, 'answer', 1);
  assert.equal((await world.finish(id)).output, '"late"');
});

test('monitor: polls with growing pauses until the condition holds', async () => {
  let polls = 0;
  df.app.activity('probe', { handler: () => ({ ready: ++polls === 4 }) });
  const monitor = orchestrator(function* (c) {
    const expiry = later(c.currentUtcDateTime, 24 * hourMs);
    let pauseMs = 60_000;
    while (c.currentUtcDateTime < expiry) {
      const { ready }: { ready: boolean } = yield c.callActivity('probe', {});
      if (ready) return { ready, at: c.currentUtcDateTime.getTime() };
      yield c.createTimer(later(c.currentUtcDateTime, pauseMs));
      pauseMs *= 2;
    }
    return { ready: false };
  });
  const world = new World();
  const startedAt = world.clock.time;
  assert.deepEqual(await world.output(monitor), { ready: true, at: startedAt + 7 * 60_000 });
});

const approval = orchestrator(function* (c) {
  const timeout = c.createTimer(later(c.currentUtcDateTime, 72 * hourMs));
  const decision = c.waitForExternalEvent('approval');
  const winner: unknown = yield c.Task.any([decision, timeout]);
  if (winner !== decision) return { result: 'escalated' };
  timeout.cancel();
  return { result: (decision.result as { approved: boolean }).approved ? 'approved' : 'rejected' };
}, 'approval');

test('human interaction: the decision in time', async () => {
  const world = new World();
  const id = world.start(approval);
  await world.advance(71 * hourMs);
  assert.equal(world.client.get(id).status, 'Running');
  world.raise(id, 'approval', { approved: true });
  assert.equal((await world.finish(id)).output, '{"result":"approved"}');
});

test('human interaction: escalation after three days without a decision', async () => {
  const world = new World();
  assert.deepEqual(await world.output(approval), { result: 'escalated' });
});

test('aggregator: an entity collects events of many senders, whatever their order', async () => {
  df.app.entity<{ by: Record<string, number> }>('aggregate', (context) => {
    const state = context.df.getState(() => ({ by: {} })) ?? { by: {} };
    const { sender, amount } = context.df.getInput<{ sender: string; amount: number }>() ?? { sender: '', amount: 0 };
    state.by[sender] = (state.by[sender] ?? 0) + amount;
    context.df.setState(state);
  });
  const world = new World({ entityBatchSizeMax: 4 });
  for (let n = 0; n < 30; n++) {
    world.client.signalEntity('aggregate', 'x', 'add', JSON.stringify({ sender: `s${n % 3}`, amount: n }));
  }
  await world.settle();
  assert.deepEqual(JSON.parse(world.client.readEntity('aggregate', 'x')), { by: { s0: 135, s1: 145, s2: 155 } });
});

test('eternal orchestration: a hundred rounds leave a history of one', async () => {
  const eternal = orchestrator(function* (c) {
    const { round } = c.getInput() as { round: number };
    if (round === 100) return { round };
    yield c.callActivity('same', { round });
    yield c.createTimer(later(c.currentUtcDateTime, hourMs));
    c.continueAsNew({ round: round + 1 });
  });
  const world = new World();
  const id = world.start(eternal, { round: 0 });
  const record = await world.finish(id);
  assert.equal(record.output, '{"round":100}');
  assert.ok(world.history(id).length < 10);
});

test('singleton: one instance of an ID at a time', async () => {
  const world = new World();
  world.start(approval, {}, 'the-one');
  assert.throws(() => world.start(approval, {}, 'the-one'), /already exists/);
  world.raise('the-one', 'approval', { approved: false });
  assert.equal((await world.finish('the-one')).output, '{"result":"rejected"}');
  world.start(approval, {}, 'the-one');
});

test('error handling with compensation: what was done is undone, in reverse', async () => {
  const done: string[] = [];
  df.app.activity('act', {
    handler: ({ step, fails }: { step: string; fails?: boolean }) => {
      if (fails) throw new Error(`${step} is impossible`);
      done.push(step);
      return { step };
    },
  });
  const saga = orchestrator(function* (c) {
    const undo: string[] = [];
    try {
      for (const [index, step] of ['flight', 'hotel', 'car'].entries()) {
        yield c.callActivity('act', { step: `book ${step}`, fails: index === 2 });
        undo.unshift(`cancel ${step}`);
      }
    } catch (error) {
      for (const step of undo) yield c.callActivityWithRetry('act', new df.RetryOptions(1000, 3), { step });
      return { undone: undo, because: (error as Error).message.includes('book car is impossible') };
    }
  });
  const output = await new World().output(saga);
  assert.deepEqual(output, { undone: ['cancel hotel', 'cancel flight'], because: true });
  assert.deepEqual(done, ['book flight', 'book hotel', 'cancel hotel', 'cancel flight']);
});

test('versioned sub-orchestrations: the caller chooses', async () => {
  orchestrator(function* (c) {
    yield c.callActivity('nothing');
    return { version: c.version };
  }, 'versioned');
  const output = await new World({ settings: { defaultVersion: '1.0' } }).output(
    orchestrator(function* (c) {
      const old: unknown = yield c.callSubOrchestrator('versioned', {}, undefined);
      const chosen: unknown = yield (
        c.callSubOrchestrator as (name: string, input: unknown, id: undefined, version: string) => never
      ).call(c, 'versioned', {}, undefined, '2.0');
      return { old, chosen };
    }),
  );
  assert.deepEqual(output, { old: { version: '1.0' }, chosen: { version: '2.0' } });
});

test('a race of activities: the first result counts, the others are waited for and dropped', async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      const tasks = [c.callActivity('same', 'a'), c.callActivity('same', 'b')];
      const winner: { result: string } = yield c.Task.any(tasks);
      return { winner: tasks.includes(winner as never) };
    }),
  );
  assert.deepEqual(output, { winner: true });
});

test('a fan-out of sub-orchestrations of sub-orchestrations', async () => {
  orchestrator(function* (c) {
    const { depth } = c.getInput() as { depth: number };
    if (depth === 0) return { leaves: 1 };
    const parts: { leaves: number }[] = yield c.Task.all(
      [0, 1, 2].map((k) => c.callSubOrchestrator('tree', { depth: depth - 1 }, `${c.instanceId}.${k}`)),
    );
    return { leaves: parts.reduce((sum, each) => sum + each.leaves, 0) };
  }, 'tree');
  assert.deepEqual(await new World().output('tree', { depth: 3 }), { leaves: 27 });
});

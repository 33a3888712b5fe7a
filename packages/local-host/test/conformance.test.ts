/**
 * Facts of the contract between the host and the SDKs that no other test holds, as tables: entity batches, failure texts,
 * deliveries that are repeated or reordered, delays of retries, what scheduling events say. Through the real SDKs.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { seededRandom } from '../src/chaos.ts';
import type { Change } from '../src/engine/model.ts';
import { type Dispatch, EntityTimeout, Interrupted } from '../src/engine/runtime.ts';
import { MemoryStore } from '../src/store/memory.ts';
import { counter } from './app.ts';
import { type Body, df, orchestrator, VirtualClock, World } from './harness.ts';

/** Keeps the answers that entities send to the instance `caller`. */
class AnswerStore extends MemoryStore {
  readonly answers: { result: string | null; exceptionType?: string }[] = [];

  override commit(changes: readonly Change[]) {
    for (const change of changes) {
      if (change.type !== 'send' || change.target !== 'caller' || change.message.kind !== 'event') continue;
      this.answers.push(JSON.parse(change.message.input ?? ''));
    }
    return super.commit(changes);
  }
}

/** Operations in one batch, `!` before a signal's name; what the calls are answered, `error` for an error. */
const batches: { name: string; operations: [string, number?][]; answers: unknown[]; state: string | undefined }[] = [
  {
    name: 'signals and calls mixed',
    operations: [['!add', 1], ['add', 2], ['!add', 3], ['get']],
    answers: [3, 6],
    state: '{"n":6}',
  },
  {
    name: 'an operation that throws, between others: its change stays',
    operations: [['add', 1], ['throwAfterSet'], ['add', 5]],
    answers: [1, 'error', 4],
    state: '{"n":4}',
  },
  {
    name: 'two returns shift the answers that follow',
    operations: [['add', 2], ['returnTwice'], ['get'], ['get']],
    answers: [2, 'first', 'second', 2],
    state: '{"n":2}',
  },
  {
    name: 'deleted and created again',
    operations: [['add', 4], ['!delete'], ['add', 1]],
    answers: [4, 1],
    state: '{"n":1}',
  },
  { name: 'deleted at the end', operations: [['add', 4], ['!delete']], answers: [4], state: undefined },
  {
    name: 'signals alone are not answered',
    operations: [
      ['!add', 1],
      ['!add', 1],
    ],
    answers: [],
    state: '{"n":2}',
  },
];

for (const { name, operations, answers, state } of batches) {
  test(`entity batch: ${name}`, async () => {
    const store = new AnswerStore();
    let batch = 0;
    const wrap = (dispatch: Dispatch): Dispatch => ({
      ...dispatch,
      entity(function_, trigger) {
        batch = Math.max(batch, (JSON.parse(trigger) as { batch: unknown[] }).batch.length);
        return dispatch.entity(function_, trigger);
      },
    });
    const world = new World({ store, wrap });
    world.runtime.commit(
      operations.map(([text, input], index): Change => {
        const [op, signal] = [text.replace('!', ''), text.startsWith('!')];
        const request = {
          id: `id-${index}`,
          op,
          ...(input !== undefined && { input: JSON.stringify(input) }),
          ...(signal ? { signal: true } : { parent: 'caller', parentExecution: 'e' }),
        };
        return { type: 'send', target: '@counter@one', visibleAt: 0, message: { kind: 'operation', request } };
      }),
    );
    await world.settle();
    assert.equal(batch, operations.length, 'one batch');
    const found = store.answers.map(({ result, exceptionType }) =>
      exceptionType ? 'error' : JSON.parse(result ?? 'null'),
    );
    assert.deepEqual(found, answers);
    assert.equal(store.entity('@counter@one')?.state ?? undefined, state);
  });
}

test('an entity function that runs out of its time: every caller of the batch is told, nothing is changed', async () => {
  let first = true;
  const world = new World({
    wrap: (dispatch) => ({
      ...dispatch,
      entity: async (name, trigger) => {
        if (!first) return await dispatch.entity(name, trigger);
        first = false;
        throw new EntityTimeout('Timeout value of 5 s was exceeded by function: Functions.counter.');
      },
    }),
  });
  const output = await world.output(
    orchestrator(function* (c) {
      try {
        yield c.callEntity(counter('slow'), 'add', 1);
      } catch (error) {
        return [(error as Error).message, yield c.callEntity(counter('slow'), 'get')];
      }
    }),
  );
  assert.deepEqual(output, ['Timeout value of 5 s was exceeded by function: Functions.counter.', 0]);
});

df.app.activity('bigint', { handler: () => 1n as never });
df.app.activity('throwsText', {
  handler: () => {
    throw 'only text';
  },
});
df.app.activity('throwsObject', {
  handler: () => {
    throw { code: 7 };
  },
});
orchestrator(function* (c) {
  yield c.callActivity('boom', 'below');
}, 'failingChild');

const below = "Activity function 'boom' failed: below";
const failures: { name: string; body: Body; text: RegExp }[] = [
  {
    name: 'an activity',
    body: (c) => one(c.callActivity('boom', 'bang')),
    text: /^Activity function 'boom' failed: bang \n \{.*"Message":"Result: Failure\\nException: bang\\nStack: /,
  },
  {
    name: 'an activity that throws a text',
    body: (c) => one(c.callActivity('throwsText')),
    text: /failed: only text \n /,
  },
  {
    name: 'an activity that throws an object',
    body: (c) => one(c.callActivity('throwsObject')),
    text: /failed: \{"code":7\} \n /,
  },
  {
    name: 'an activity whose result is no JSON',
    body: (c) => one(c.callActivity('bigint')),
    text: /failed: .*BigInt/,
  },
  {
    name: 'an activity whose text holds a credential',
    body: (c) => one(c.callActivity('boom', 'at ?sig=abc" end')),
    text: /failed: at \[Hidden Credential\]" end/,
  },
  {
    name: 'a sub-orchestration',
    body: (c) => one(c.callSubOrchestrator('failingChild', {})),
    text: new RegExp(
      `^Orchestrator function 'failingChild' failed: ${below}[\\s\\S]* \n Message: Orchestrator function 'failingChild' failed: ${below}`,
    ),
  },
];

function* one(task: unknown): Generator<unknown, unknown, never> {
  try {
    yield task;
  } catch (error) {
    return (error as Error).message;
  }
}

for (const { name, body, text } of failures) {
  test(`failure text: ${name}`, async () => assert.match(String(await new World().output(orchestrator(body))), text));
}

const delays: {
  name: string;
  set: Partial<InstanceType<typeof df.RetryOptions>>;
  attempts: number;
  seconds: number[];
}[] = [
  { name: 'the same', set: {}, attempts: 3, seconds: [0, 10, 20] },
  { name: 'growing', set: { backoffCoefficient: 2 }, attempts: 4, seconds: [0, 10, 30, 70] },
  {
    name: 'capped',
    set: { backoffCoefficient: 3, maxRetryIntervalInMilliseconds: 15_000 },
    attempts: 4,
    seconds: [0, 10, 25, 40],
  },
];

for (const { name, set, attempts, seconds } of delays) {
  test(`delays between retries: ${name}`, async () => {
    const clock = new VirtualClock();
    const start = clock.time;
    const at: number[] = [];
    const wrap = (dispatch: Dispatch): Dispatch => ({
      ...dispatch,
      activity(work) {
        at.push((clock.time - start) / 1000);
        return dispatch.activity(work);
      },
    });
    const options = Object.assign(new df.RetryOptions(10_000, attempts), set);
    await new World({ clock, wrap }).output(orchestrator((c) => one(c.callActivityWithRetry('boom', options, 'x'))));
    assert.deepEqual(at, seconds);
  });
}

/** The result of a run is lost after it ran, or the run never began: either way the activity is delivered again. */
const losses: { name: string; lose: (run: () => Promise<unknown>) => Promise<void>; runs: number }[] = [
  { name: 'before it ran', lose: async () => {}, runs: 1 },
  { name: 'after it ran', lose: async (run) => void (await run()), runs: 2 },
];

for (const { name, lose, runs } of losses) {
  for (const kind of ['activity', 'orchestrator', 'entity'] as const) {
    test(`${kind}: a delivery that is lost ${name} is made again; the outcome is that of one`, async () => {
      const ran = { activity: 0, orchestrator: 0, entity: 0 };
      let lost = false;
      const wrap = (dispatch: Dispatch): Dispatch => {
        const lossy = async <T>(which: keyof typeof ran, run: () => Promise<T>): Promise<T> => {
          const counted = async () => {
            ran[which]++;
            return await run();
          };
          if (which !== kind || lost) return await counted();
          lost = true;
          await lose(counted);
          throw new Interrupted('the worker died');
        };
        return {
          activity: (work) => lossy('activity', () => dispatch.activity(work)),
          orchestrator: (...args) => lossy('orchestrator', () => dispatch.orchestrator(...args)),
          entity: (...args) => lossy('entity', () => dispatch.entity(...args)),
        };
      };
      const world = new World({ wrap });
      const output = await world.output(
        orchestrator(function* (c) {
          const five: number = yield c.callActivity('same', 5);
          return { n: yield c.callEntity(counter(`lost-${kind}`), 'add', five) };
        }),
      );
      assert.deepEqual(output, { n: 5 });
      const once = { activity: 1, orchestrator: 3, entity: 1 };
      assert.deepEqual(ran, { ...once, [kind]: once[kind] + runs - 1 });
    });
  }
}

test('completions in any order: the output does not depend on it', async () => {
  const name = orchestrator(function* (c) {
    const parts: number[] = yield c.Task.all(Array.from({ length: 12 }, (_, n) => c.callActivity('same', n)));
    const pairs: number[][] = yield c.Task.all(
      [0, 1, 2].map((n) => c.Task.all([c.callActivity('same', n), c.callEntity(counter('any'), 'get')])),
    );
    return { parts, pairs };
  });
  const orders = new Set<string>();
  for (let seed = 1; seed <= 20; seed++) {
    const [clock, random] = [new VirtualClock(), seededRandom(seed)];
    const order: number[] = [];
    const wrap = (dispatch: Dispatch): Dispatch => ({
      ...dispatch,
      async activity(work) {
        const completion = await dispatch.activity(work);
        await new Promise<void>((resolve) => void clock.after(random() * 1000, resolve));
        order.push(work.taskId);
        return completion;
      },
    });
    const output = await new World({ clock, wrap }).output(name);
    assert.deepEqual(output, {
      parts: Array.from({ length: 12 }, (_, n) => n),
      pairs: [0, 1, 2].map((n) => [n, 0]),
    });
    orders.add(order.join());
  }
  assert.equal(orders.size, 20);
});

for (const storeInputs of [false, true]) {
  test(`scheduling events ${storeInputs ? 'carry' : 'do not carry'} inputs`, async () => {
    const world = new World({ settings: { storeInputs } });
    const id = world.start(
      orchestrator(function* (c) {
        yield c.callActivity('same', { a: 1 });
        yield c.callSubOrchestrator('inputChild', { b: 2 });
      }),
    );
    await world.finish(id);
    const inputs = world.history(id).filter(({ EventType }) => EventType === 4 || EventType === 7);
    const expected = storeInputs ? ['[{"a":1}]', '[{"b":2}]'] : [null, null];
    assert.deepEqual(
      inputs.map(({ Input }) => Input),
      expected,
    );
  });
}
orchestrator(function* (c) {
  yield c.callActivity('nothing');
}, 'inputChild');

const big = 'x'.repeat(200);
const payloads: { what: string; body: Body }[] = [
  { what: "the input of activity 'same'", body: (c) => one(c.callActivity('same', big)) },
  { what: "the input of sub-orchestration 'inputChild'", body: (c) => one(c.callSubOrchestrator('inputChild', big)) },
  { what: "the request 'add' to @counter@big", body: (c) => one(c.callEntity(counter('big'), 'add', big)) },
  { what: "the result of activity 'bigResult'", body: (c) => bare(c.callActivity('bigResult')) },
  {
    what: 'the output',
    body: function* (c) {
      yield c.callActivity('nothing');
      return big;
    },
  },
];
function* bare(task: unknown): Generator<unknown, unknown, never> {
  yield task;
  return {};
}
df.app.activity('bigResult', { handler: () => big });

for (const { what, body } of payloads) {
  test(`a limit of payloads is kept: ${what}`, async () => {
    const name = orchestrator(body);
    const limited = { payloadBytesMax: 190 };
    const world = new World({ settings: limited, dispatchOptions: limited });
    const { output } = await world.finish(world.start(name));
    assert.ok(output?.includes(`PayloadTooLarge: ${what} has `), String(output));
    const free = new World();
    assert.doesNotMatch((await free.finish(free.start(name))).output ?? '', /PayloadTooLarge/);
  });
}

test('a text called Timestamp inside an input is a date for the orchestrator, as the SDK makes it', async () => {
  const output = await new World().output(
    orchestrator(function* (c) {
      yield c.callActivity('nothing');
      const { inner } = c.getInput() as { inner: { Timestamp: unknown; other: unknown } };
      return { isDate: inner.Timestamp instanceof Date, other: typeof inner.other };
    }),
    { inner: { Timestamp: '2024-01-01T00:00:00Z', other: '2024-01-01T00:00:00Z' } },
  );
  assert.deepEqual(output, { isDate: true, other: 'string' });
});

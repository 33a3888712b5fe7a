/** The calls that orchestrators make, put to the real entities through the SDK's own classes. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import type { OrchestrationHandler, Task } from 'durable-functions';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { leaseEntity, sequenceEntity } from '../../src/sequence/adapter.ts';
import {
  askAll,
  askEntity,
  type EntitiesCaller,
  type EntityCall,
  type EntityCaller,
  onLease,
  onSequence,
} from '../../src/sequence/calls.ts';
import type { SequenceResult } from '../../src/sequence/operations.ts';
import type { SequenceState } from '../../src/sequence/state.ts';
import { type BatchOutcome, deliver } from './entity.ts';

interface Action {
  instanceId: string;
  operation: string;
  input: object;
}
const require = createRequire(import.meta.url);
const { CallEntityAction } = require('durable-functions/lib/src/actions/CallEntityAction.js') as {
  CallEntityAction: new (entity: object, operation: string, input: unknown) => Action;
};

/** Plays an orchestrator against entities that keep their state between calls. Gives what the orchestrator returns. */
class Host {
  readonly entities = new Map<string, BatchOutcome>();
  readonly called: string[] = [];

  async run<R>(orchestrator: (df: EntityCaller) => Generator<Task, R, unknown>): Promise<R> {
    const df: EntityCaller = {
      callEntity: (...call) => new CallEntityAction(...(call as [object, string, unknown])) as never,
    };
    const generator = orchestrator(df);
    let next = generator.next();
    while (!next.done) next = generator.next(await this.call(next.value as never));
    return next.value;
  }

  private async call({ instanceId, operation, input }: Action): Promise<unknown> {
    this.called.push(instanceId);
    const handler = instanceId.startsWith('@lease@') ? leaseEntity : sequenceEntity;
    const outcome = await deliver(
      handler as typeof sequenceEntity,
      [[operation, input]],
      this.entities.get(instanceId),
    );
    this.entities.set(instanceId, outcome);
    return outcome.answers[0];
  }
}

test('a run reserves and commits, another releases, and what is shown adds up', async () => {
  const host = new Host();
  const shown = await host.run(function* (df) {
    const name = 'flights.flight_id';
    const [start, step] = ['1', '1'];
    const mine = yield* askEntity(
      df,
      onSequence('reserve', name, { owner: 'run-1', attempt: 1, count: '10', start, step }),
    );
    const reservation = { ok: true, owner: 'run-1', count: '10', ranges: [{ first: '1', count: '10' }] };
    assert.deepEqual(mine, { ...reservation, before: '1', after: '11' });
    yield* askEntity(df, onSequence('reserve', name, { owner: 'run-2', count: 5, start, step }));
    assert.deepEqual(yield* askEntity(df, onSequence('commit', name, { owner: 'run-1', attempt: 1 })), reservation);
    yield* askEntity(df, onSequence('release', name, { owner: 'run-2' }));
    const refused = yield* askEntity(df, onSequence('release', name, { owner: 'run-1', attempt: 1 }));
    assert.ok(!refused.ok);
    assert.equal(refused.error.message, 'sequence orders: run-1 has committed its reservation');
    yield* askEntity(df, {
      entity: { name: 'sequence', key: name },
      operation: 'raiseTo',
      input: { value: '99' },
    } as EntityCall<SequenceResult>);
    return yield* askEntity(df, onSequence('show', name, { owner: 'run-1' }));
  });
  assert.ok(shown.ok);
  assert.deepEqual([shown.next, shown.openOwners, shown.reservation?.outcome], ['100', [], 'committed']);
  assert.deepEqual(new Set(host.called), new Set(['@sequence@flights.flight_id']));
});

test('a sequence moves to another host as its state', async () => {
  const from = new Host();
  await from.run(function* (df) {
    yield* askEntity(df, onSequence('reserve', 'orders', { owner: 'run-1', count: 7, start: '5', step: '2' }));
  });
  const state = JSON.parse(from.entities.get('@sequence@orders')!.state!) as SequenceState;
  const restore: EntityCall<SequenceResult> = {
    entity: { name: 'sequence', key: 'orders' },
    operation: 'restore',
    input: { state },
  };
  const to = new Host();
  await to.run(function* (df) {
    assert.deepEqual(yield* askEntity(df, restore), { ok: true, next: '19' });
  });
  assert.deepEqual(JSON.parse(to.entities.get('@sequence@orders')!.state!), state);
});

test('two runs take turns at a lease', async () => {
  const host = new Host();
  const key = 'flights.airports';
  const grants = await host.run(function* (df) {
    const answers = [];
    answers.push(yield* askEntity(df, onLease('acquire', key, { owner: 'run-1', attempt: 1 })));
    answers.push(yield* askEntity(df, onLease('acquire', key, { owner: 'run-2', attempt: 1 })));
    answers.push(yield* askEntity(df, onLease('evict', key, { holder: 'run-1', attempt: 1, owner: 'run-2' })));
    answers.push(yield* askEntity(df, onLease('release', key, { owner: 'run-2', attempt: 1 })));
    answers.push(
      yield* askEntity(df, { ...onLease('acquire', key, { owner: 'run-1' }), operation: 'show', input: {} }),
    );
    return answers.map((answer) => answer.ok && answer.granted);
  });
  assert.deepEqual(grants, [true, false, true, false, false]);
  assert.deepEqual(new Set(host.called), new Set(['@lease@flights.airports']));
});

test('an entity that gives no answer is a defect, by name', () => {
  const df: EntityCaller = { callEntity: () => ({}) as Task };
  for (const answer of [undefined, null, 'done', {}]) {
    const asking = askEntity(df, onSequence('show', 'orders', {}));
    asking.next();
    assert.throws(
      () => asking.next(answer),
      (error) => error instanceof OrdinalError && /sequence orders gave no answer to show/.test(error.message),
    );
  }
});

test('the calls fit the orchestrators of the SDK', () => {
  const orchestrator: OrchestrationHandler = function* ({ df }) {
    const answer = yield* askEntity(df, onSequence('show', 'orders', {}));
    return { next: answer.ok ? answer.next : answer.error.code };
  };
  assert.equal(orchestrator.length, 1);
});

test('several sequences are asked at once: each answers, or the first refusal is thrown when all have', async () => {
  const asked: string[] = [];
  const df = {
    callEntity: ({ key }: { key: string }) => key,
    Task: { all: (keys: string[]) => keys },
  } as unknown as EntitiesCaller;
  const refused = { ok: false, error: { code: 'SequenceConflict', message: 'no', retryable: false } };
  const run = (keys: string[], refuses: string) => {
    const work = askAll(
      df,
      keys.map((key) => onSequence('show', key, {})),
    );
    let step = work.next();
    while (!step.done) {
      const wave = step.value as unknown as string[];
      asked.push(wave.join());
      step = work.next(wave.map((key) => (key === refuses ? refused : { ok: true, next: key })));
    }
    return step.value;
  };
  assert.deepEqual(run([], ''), []);
  assert.deepEqual(asked, [], 'of none nothing is asked');
  assert.deepEqual(run(['a', 'b'], ''), [
    { ok: true, next: 'a' },
    { ok: true, next: 'b' },
  ]);
  assert.deepEqual(asked, ['a,b']);
  assert.throws(() => run(['a', 'b'], 'b'), { code: 'SequenceConflict', message: 'no' });
});

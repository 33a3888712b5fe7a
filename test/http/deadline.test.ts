/** A run that hangs, driven by hand: whatever it waits for, its deadline ends it. */
import assert from 'node:assert/strict';
import type { Task } from 'durable-functions';
import { describe, it } from 'vitest';
import type { Orchestration } from '../../src/durable/context.ts';
import { withDeadline } from '../../src/durable/deadline.ts';
import { OrdinalError } from '../../src/errors.ts';

interface FakeTask {
  name: string;
  canceled: boolean;
  cancel(): void;
  of?: FakeTask[];
}

function world() {
  const tasks: FakeTask[] = [];
  const make = (name: string, of?: FakeTask[]): FakeTask => {
    const task: FakeTask = { name, canceled: false, cancel: () => (task.canceled = true), ...(of && { of }) };
    tasks.push(task);
    return task;
  };
  const df = {
    currentUtcDateTime: new Date('2025-12-31T23:00:00Z'),
    createTimer: () => make('timer'),
    Task: { any: (of: FakeTask[]) => make('any', of) },
  } as unknown as Orchestration;
  return { df, tasks, task: (name: string) => make(name) as unknown as Task };
}

const deadline = '2026-01-01T00:00:00.000Z';

describe('a deadline', () => {
  it('lets what comes in time through, results and errors, and leaves no timer behind', () => {
    const { df, tasks, task } = world();
    function* body(): Generator<Task, string, unknown> {
      const first = yield task('a');
      try {
        yield task('b');
      } catch (thrown) {
        return `${first} ${(thrown as Error).message}`;
      }
      return 'no error';
    }
    const run = withDeadline(df, body(), deadline, () => 'race');
    let race = run.next().value as unknown as FakeTask;
    assert.deepEqual(
      race.of?.map(({ name }) => name),
      ['a', 'timer'],
    );
    assert.equal((run.next(race.of![0]).value as unknown as FakeTask).name, 'a', 'yielded itself for its value');
    race = run.next('A').value as unknown as FakeTask;
    run.next(race.of![0]);
    assert.deepEqual(run.throw(new Error('B')), { done: true, value: 'A B' });
    assert.ok(tasks.filter(({ name }) => name === 'timer').every(({ canceled }) => canceled));
    const raced = tasks.flatMap(({ of }) => of ?? []);
    assert.equal(new Set(raced).size, raced.length, 'no task is in two races');
  });

  it('is an error in the body, which may still tidy up', () => {
    const { df, task } = world();
    const seen: string[] = [];
    function* body(): Generator<Task, string, unknown> {
      try {
        yield task('hangs');
        return 'done';
      } catch (thrown) {
        seen.push((thrown as OrdinalError).code);
        throw thrown;
      }
    }
    const run = withDeadline(df, body(), deadline, () => 'race');
    const race = run.next().value as unknown as FakeTask;
    assert.throws(
      () => run.next(race.of![1]),
      (thrown) => thrown instanceof OrdinalError && /2026-01-01/.test(thrown.message),
    );
    assert.deepEqual(seen, ['DeadlineExceeded']);
  });

  it('is looked up on the clock in polls, and leaves the tidying after it alone', () => {
    const { df, tasks, task } = world();
    const clock = df as { currentUtcDateTime: Date };
    function* body(): Generator<Task, unknown, unknown> {
      try {
        for (;;) yield task('poll');
      } catch (thrown) {
        yield task('tidy');
        return (thrown as OrdinalError).code;
      }
    }
    const run = withDeadline(df, body(), deadline, () => 'clock');
    for (let poll = 0; poll < 3; poll++) assert.equal((run.next({}).value as unknown as FakeTask).name, 'poll');
    clock.currentUtcDateTime = new Date('2026-01-01T00:00:01Z');
    assert.equal((run.next({}).value as unknown as FakeTask).name, 'tidy');
    assert.deepEqual(run.next({}), { done: true, value: 'DeadlineExceeded' });
    assert.equal(tasks.filter(({ name }) => name === 'timer').length, 0);
  });

  it('does not end what may not be ended', () => {
    const { df, tasks, task } = world();
    function* body(): Generator<Task, unknown, unknown> {
      return yield task('publishes');
    }
    const run = withDeadline(df, body(), deadline, () => 'none');
    assert.equal((run.next().value as unknown as FakeTask).name, 'publishes');
    assert.deepEqual(run.next('there'), { done: true, value: 'there' });
    assert.equal(tasks.length, 1);
  });
});

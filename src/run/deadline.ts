/** A run's deadline: whatever its orchestrator waits for is raced with a durable timer. */
import type { Task } from 'durable-functions';
import { OrdinalError } from '../errors.ts';
import type { Orchestration } from './orchestration.ts';

/**
 * Drives a generator of tasks; when one is still pending at the deadline, `DeadlineExceeded` is thrown into it.
 *
 * @param deadline ISO time; undefined for none.
 * @param mayEnd asked before each wait; while false, waits have no end.
 */
export function* withDeadline<T>(
  df: Orchestration,
  body: Generator<Task, T, unknown>,
  deadline: string | undefined,
  mayEnd: () => boolean,
): Generator<Task, T, unknown> {
  if (deadline === undefined) return yield* body;
  const at = new Date(deadline);
  let step = body.next();
  while (!step.done) {
    if (!mayEnd()) {
      step = yield* pass(body, step.value);
      continue;
    }
    const task = step.value;
    // A timer of its own for each wait: a task must not be part of two races.
    const timer = df.createTimer(at);
    const winner = yield df.Task.any([task, timer]);
    if (winner === timer) {
      step = body.throw(
        new OrdinalError('DeadlineExceeded', `the run had not ended by ${deadline}`, {
          remedy: 'Give it more time, or see in its phase and batches what holds it up.',
        }),
      );
    } else {
      timer.cancel();
      step = yield* pass(body, task);
    }
  }
  return step.value;
}

/** Waits for a task and hands its result, or its error, to the body. */
function* pass<T>(body: Generator<Task, T, unknown>, task: Task): Generator<Task, IteratorResult<Task, T>, unknown> {
  let value: unknown;
  try {
    value = yield task;
  } catch (thrown) {
    return body.throw(thrown);
  }
  return body.next(value);
}

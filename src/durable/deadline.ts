/**
 * Holds an orchestration to its deadline: every wait is raced with a durable timer, or the clock is checked before it.
 * `src/run/orchestrator.ts` calls it. It must not start a race for each poll of a long wait, because that would triple
 * the history.
 */
import type { Task } from 'durable-functions';
import { OrdinalError } from '../errors.ts';
import type { Orchestration } from './context.ts';

/**
 * How a wait is held to the deadline. `race`: the wait is given up when the deadline comes. `clock`: the wait is short
 * and part of a poll, so the clock is checked before it; a race would triple the history of a run that polls for hours.
 * `none`: the wait has no deadline.
 */
export type Guard = 'race' | 'clock' | 'none';

/**
 * Runs a generator of tasks until it ends. When the deadline comes, `DeadlineExceeded` is thrown into it.
 *
 * @param deadline ISO time; undefined for none.
 * @param guard asked before each wait.
 */
export function* withDeadline<T>(
  df: Orchestration,
  body: Generator<Task, T, unknown>,
  deadline: string | undefined,
  guard: () => Guard,
): Generator<Task, T, unknown> {
  if (deadline === undefined) return yield* body;
  const at = new Date(deadline);
  let told = false;
  const exceeded = (): IteratorResult<Task, T> => {
    told = true;
    return body.throw(
      new OrdinalError('DeadlineExceeded', `the run had not ended by ${deadline}`, {
        remedy: 'Give the run more time, or find in its phase and batches what delays it.',
      }),
    );
  };
  let step = body.next();
  while (!step.done) {
    const task = step.value;
    const how = told ? 'none' : guard();
    if (how !== 'none' && df.currentUtcDateTime.getTime() > at.getTime()) {
      step = exceeded();
    } else if (how !== 'race') {
      step = yield* pass(body, task);
    } else {
      // Each wait has its own timer, because a task must not be part of two races.
      const timer = df.createTimer(at);
      const winner = yield df.Task.any([task, timer]);
      if (winner === timer) {
        step = exceeded();
      } else {
        timer.cancel();
        step = yield* pass(body, task);
      }
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

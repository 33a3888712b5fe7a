/**
 * Issues calls with retries as the Durable Task Framework does (`DT/RetryInterceptor.cs`). `tasks.ts` calls it. It must
 * make the same timers in the same order, because the SDK counts them when it replays.
 */
import type { Action } from './actions.ts';
import type { ActionCursor } from './cursor.ts';
import { diagnostic, OrchestrationFault } from './diagnostics.ts';
import type { HistoryEvent, RetryMarks } from './model.ts';
import { finish, isFailure, newTask, type Task } from './task.ts';

/** The extension's default for the longest delay between two attempts. */
const maxRetryIntervalMs = 6 * 24 * 3600 * 1000;

/**
 * A call with retries (`DT/RetryInterceptor.cs`): a timer after every failed attempt, also after the last one, because
 * the SDK gives the error to user code only when that timer has fired (`DF/task/RetryableTask.js`).
 */
export function startWithRetry(cursor: ActionCursor, action: Action, issue: (marks: RetryMarks) => number): Task {
  const task = newTask();
  const options = action.retryOptions;
  if (options === undefined) throw new OrchestrationFault(diagnostic('Unsupported', 'a retry without retry options'));
  const startedAt = cursor.time;
  let attempt = 1;

  const run = (marks: RetryMarks = {}) => {
    const taskId = issue(marks);
    cursor.await(taskId, (event) => settled(event, taskId));
  };
  const settled = (event: HistoryEvent, taskId: number) => {
    if (!isFailure(event)) {
      finish(task, false);
      return;
    }
    refuseSilentHang(event);
    refuseDivergence();
    const last = attempt >= options.maxNumberOfAttempts;
    const timerId = cursor.issueTimer(cursor.time + (last ? 0 : delayMs(attempt)), { RetryFor: taskId });
    cursor.await(timerId, () => {
      attempt++;
      if (last) finish(task, true);
      else {
        refuseDivergence();
        run({ RetryAfter: timerId });
      }
    });
  };

  const delayMs = (failedAttempt: number): number => {
    const delay = options.firstRetryIntervalInMilliseconds * (options.backoffCoefficient || 1) ** (failedAttempt - 1);
    return Math.min(delay, options.maxRetryIntervalInMilliseconds || maxRetryIntervalMs);
  };

  /** Azure makes no timer here, and the SDK waits for one for ever. */
  const refuseSilentHang = (event: HistoryEvent) => {
    const timeout = options.retryTimeoutInMilliseconds;
    const expired = timeout !== undefined && timeout > 0 && cursor.time - startedAt >= timeout;
    const details = event.FailureDetails as { IsNonRetriable?: boolean } | null | undefined;
    if (!expired && details?.IsNonRetriable !== true) return;
    const why = expired ? 'its retryTimeoutInMilliseconds is over' : 'its error says it is not retriable';
    throw new OrchestrationFault(
      diagnostic(
        'RetryNeverResumes',
        `${action.functionName} failed and ${why}; in Azure the orchestration would wait for ever. ` +
          'Limit retries by maxNumberOfAttempts.',
      ),
    );
  };

  /**
   * The SDK's Task.all ends at the first failure, and the host's waits for all tasks. IDs that are taken now would
   * differ.
   */
  const refuseDivergence = () => {
    if (task.isStale?.() !== true || !cursor.hasLaterTasks()) return;
    throw new OrchestrationFault(
      diagnostic(
        'RetryInsideTaskAll',
        `${action.functionName} is retried inside a Task.all that has failed while the orchestrator went on; ` +
          'in Azure its task IDs would be mixed up. Return errors as values from fanned-out activities.',
      ),
    );
  };

  run();
  return task;
}

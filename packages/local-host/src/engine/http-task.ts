/**
 * Issues durable HTTP requests (`callHttp`), with polling while the answer is 202. `tasks.ts` calls it. It must take
 * the task IDs in the same order as the SDK.
 */
import type { Action, DurableHttpRequest } from './actions.ts';
import type { ActionCursor } from './cursor.ts';
import { eventType, type HistoryEvent } from './model.ts';
import { finish, isFailure, newTask, type Task } from './task.ts';

/** The name under which the host itself runs durable HTTP requests as activities. */
export const httpActivityName = 'BuiltIn::HttpActivity';

interface HttpResult {
  statusCode: number;
  headers: Record<string, string>;
  content: string | null;
}

/**
 * `callHttp`, with polling while the answer is 202 with a Location. The SDK takes the IDs of the next timer and the
 * next request together when a 202 arrives (`DF/task/CallHttpWithPollingTask.js`), so both are taken together here.
 */
export function startHttpCall(cursor: ActionCursor, action: Action): Task {
  const task = newTask();
  const original = action.httpRequest ?? { method: 'GET', uri: '' };

  const settle = (event: HistoryEvent) => {
    const result = isFailure(event) ? undefined : (JSON.parse(event.Result ?? 'null') as HttpResult | null);
    const location = result?.statusCode === 202 ? header(result, 'location') : undefined;
    if (result == null || location === undefined || original.asynchronousPatternEnabled === false) {
      finish(task, isFailure(event));
      return;
    }
    const retryAfter = Number(header(result, 'retry-after'));
    const delayMs = retryAfter > 0 ? retryAfter * 1000 : cursor.options.httpPollDelayMs;
    const timerId = cursor.issueTimer(cursor.time + delayMs);
    // The poll's ID is taken now; the request itself goes out when the timer fires.
    const pollId = issueRequest(cursor, pollRequest(original, location), cursor.time + delayMs);
    cursor.await(timerId, () => {});
    cursor.await(pollId, settle);
  };

  cursor.await(issueRequest(cursor, original), settle);
  return task;
}

function issueRequest(cursor: ActionCursor, request: DurableHttpRequest, notBefore?: number): number {
  const { taskId } = cursor.issue(eventType.taskScheduled, httpActivityName, (id) => ({
    fields: { Name: httpActivityName, Version: '', Input: null },
    outgoing: {
      kind: 'activity',
      taskId: id,
      name: httpActivityName,
      input: JSON.stringify({ request }),
      ...(notBefore !== undefined && { notBefore }),
    },
  }));
  return taskId;
}

function pollRequest(original: DurableHttpRequest, location: string): DurableHttpRequest {
  const headers = Object.entries(original.headers ?? {}).filter(([name]) => name.toLowerCase() !== 'x-functions-key');
  return {
    method: 'GET',
    uri: new URL(location, original.uri).href,
    headers: Object.fromEntries(headers),
    ...(original.tokenSource !== undefined && { tokenSource: original.tokenSource }),
  };
}

function header(result: HttpResult, name: string): string | undefined {
  return Object.entries(result.headers).find(([key]) => key.toLowerCase() === name)?.[1];
}

/**
 * Runs a durable HTTP request (`callHttp`) in the host itself, as the extension does. `dispatch.ts` calls it. A request
 * that fails is the activity's failure and must not stop the host.
 */
import type { DurableHttpRequest } from '../engine/actions.ts';
import { type ActivityWork, type Completion, eventType } from '../engine/model.ts';
import type { TokenSource } from './identity.ts';

/** As long as .NET's HttpClient waits for an answer. */
const answerMsMax = 100_000;

/** Runs a durable HTTP request (`context.df.callHttp`) in the host, as the extension does. */
export async function runHttpActivity(work: ActivityWork, token: TokenSource): Promise<Completion> {
  const { request } = JSON.parse(work.input ?? '{}') as { request: DurableHttpRequest };
  try {
    return { EventType: eventType.taskCompleted, TaskScheduledId: work.taskId, Result: await send(request, token) };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      EventType: eventType.taskFailed,
      TaskScheduledId: work.taskId,
      Reason: `The durable HTTP request to ${request.uri} failed: ${reason}`,
      Details: '',
      FailureDetails: null,
    };
  }
}

async function send(request: DurableHttpRequest, token: TokenSource): Promise<string> {
  const headers = new Headers(request.headers ?? {});
  const { tokenSource } = request;
  if (tokenSource != null) headers.set('authorization', `Bearer ${await token(tokenSource.resource)}`);
  const hasBody = request.content !== undefined && request.content !== null && !/^(get|head)$/i.test(request.method);
  if (hasBody && !headers.has('content-type')) headers.set('content-type', 'text/plain');
  const response = await fetch(request.uri, {
    method: request.method,
    headers,
    redirect: 'manual',
    signal: AbortSignal.timeout(answerMsMax),
    ...(hasBody && { body: request.content as string }),
  });
  const content = await response.text();
  const received = Object.fromEntries([...response.headers].map(([name, value]) => [titleCase(name), value]));
  return JSON.stringify({ statusCode: response.status, headers: received, content });
}

/** .NET keeps the usual spelling of header names; the SDK looks them up without case. */
function titleCase(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase());
}

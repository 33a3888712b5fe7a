/**
 * Activity `callBackRun`: tells whoever waits for a run, such as the Webhook activity of a Data Factory pipeline, that
 * the run has ended. A run's orchestration calls it, and so does `notify-caller.ts`. It may run twice: the receiver
 * accepts the first call and refuses later ones, and such a refusal counts as success here.
 */

import { z } from 'zod';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { errorLine, OrdinalError } from '../errors.ts';
import { publishedView } from '../view/run-view.ts';
import { errorSchema } from '../view/run-view-schema.ts';
import { checkCallBack } from './allowed-address.ts';

const callBackInputSchema = z.object({
  runId: z.string(),
  callBackUri: z.url(),
  pipeline: z.string().exactOptional(),
  /** Absent when the run succeeded. */
  error: errorSchema.exactOptional(),
});
type CallBackInput = z.infer<typeof callBackInputSchema>;

/** Milliseconds in which the receiver must answer. */
const ANSWER_MS_MAX = 30_000;

/**
 * Activity `callBackRun`. Input: the run, the address, and the error if the run failed. Output: the receiver's HTTP
 * status.
 */
export const callBackRun = defineActivity({ name: 'callBackRun', input: callBackInputSchema, work: callBackActivity });

/**
 * Tells one caller how a run ended.
 *
 * @returns the HTTP status of the receiver's answer.
 * @throws OrdinalError `CallBackFailed`, retryable when the receiver may work again later; `InvalidRequest` for an
 * address
 *   that is not allowed.
 */
export async function callBackActivity(environment: Environment, input: CallBackInput): Promise<{ status: number }> {
  const { callBackUri } = input;
  // Checked again here, because the input may not have come through the HTTP API.
  checkCallBack(environment.config.callBack, callBackUri);
  const body = JSON.stringify(await callBackBody(environment, input));
  let status: number;
  try {
    const response = await fetch(callBackUri, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    });
    await response.body?.cancel();
    status = response.status;
  } catch (cause) {
    throw new OrdinalError('CallBackFailed', `${new URL(callBackUri).host} was not reached`, {
      retryable: true,
      cause,
    });
  }
  // 404, 409 and 410 mean that nobody waits any more, or that the receiver was told before.
  if ((status >= 200 && status < 300) || [404, 409, 410].includes(status)) return { status };
  throw new OrdinalError('CallBackFailed', `${new URL(callBackUri).host} answered ${status}`, {
    retryable: status === 408 || status === 429 || status >= 500,
  });
}

/** The body that a Webhook activity with `reportStatusOnCallBack` reads: a status of 400 or above fails it. */
async function callBackBody(environment: Environment, { runId, pipeline, error }: CallBackInput): Promise<object> {
  if (error) {
    return {
      Output: { runId, ...(pipeline && { pipeline }), status: 'Failed', error },
      Error: { ErrorCode: error.code, Message: errorLine(error) },
      StatusCode: '500',
    };
  }
  const published = pipeline === undefined ? {} : await publishedView(environment, pipeline, runId);
  return { Output: { runId, ...(pipeline && { pipeline }), status: 'Completed', ...published }, StatusCode: '200' };
}

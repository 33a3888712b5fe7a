/**
 * HTTP handlers for runs: show one run and its outcome, and cancel or restart a run. `routes.ts` lists
 * them. A run that is publishing must not be cancelled, because part of its output may already be visible.
 */

import type { HttpRequest } from '@azure/functions';
import { z } from 'zod';
import { runIdSchema, runInputSchema } from '../documents/documents.ts';
import { hasEnded, type Instance } from '../durable/client.ts';
import { OrdinalError } from '../errors.ts';
import { askForEnd } from '../lives/end.ts';
import { newestInstance } from '../lives/newest.ts';
import { startRun } from '../lives/start.ts';
import { summarizeRun, viewRun } from '../view/run-view.ts';
import { deadlineOf } from './deadline.ts';
import { json, parseBody, parseQuery, problemBody } from './problem.ts';
import { type Door, type Handler, rootOf } from './request-context.ts';
import { reasonBodySchema } from './schemas.ts';
import { RETRY_AFTER_S, started, startedByOf } from './start.ts';
import { resourceUrl } from './urls.ts';

/** `GET /api/runs/{runId}`: the run as it is now. */
export const getRun: Handler = async (door, request) => {
  const instance = await runOf(door, request);
  return json(200, await viewRun(door.environment, instance));
};

export const outcomeQuerySchema = z.looseObject({
  failOnError: z.enum(['true', 'false']).default('true'),
  started: z.coerce.number().int().nonnegative().optional(),
});

/** Milliseconds after a start in which an instance that does not exist yet counts as pending. */
const START_GRACE_MS = 120_000;

/**
 * `GET /api/runs/{runId}/outcome`, for callers that follow a 202. It answers 202 with `Location` while the run goes on,
 * and 200 once the run has succeeded. For a run that failed or was ended it answers 500 with the error, so that a
 * caller who looks only at status codes fails too; with `failOnError=false` it answers 200 with the run.
 */
export const getOutcome: Handler = async (door, request) => {
  const query = parseQuery(outcomeQuerySchema, request);
  const here = () => {
    const path = `runs/${request.params.runId}/outcome`;
    const url = resourceUrl(rootOf(door, request, 3), request, path, {
      failOnError: query.failOnError,
      ...(query.started !== undefined && { started: String(query.started) }),
    });
    return { location: url, 'retry-after': String(RETRY_AFTER_S) };
  };
  let instance: Instance;
  try {
    instance = await runOf(door, request);
  } catch (thrown) {
    const justStarted = query.started !== undefined && door.now.getTime() - query.started < START_GRACE_MS;
    if (!justStarted || !(thrown instanceof OrdinalError && thrown.code === 'UnknownRun')) throw thrown;
    return json(202, { runId: request.params.runId, status: 'Pending' }, here());
  }
  if (!hasEnded(instance)) return json(202, summarizeRun(instance)!, here());
  const view = await viewRun(door.environment, instance);
  if (!view.error || query.failOnError === 'false') return json(200, view);
  return json(500, { ...problemBody(view.error, 500), run: view }, { 'content-type': 'application/problem+json' });
};

/**
 * `POST /api/runs/{runId}/cancel`: ends a run from outside. A second orchestration gives back what the run holds and
 * tells its caller. A run that is publishing is not ended, because part of it may already be visible. Cancelling a run
 * again is a success.
 */
export const cancelRun: Handler = async (door, request) => {
  const instance = await runOf(door, request);
  const { reason = 'canceled by request' } = await parseBody(reasonBodySchema, request, 'Allowed fields: reason.');
  const { runId, life, phase } = summarizeRun(instance)!;
  if (!hasEnded(instance)) {
    if (phase === 'publish') {
      throw new OrdinalError('RunIsPublishing', `run "${runId}" is publishing and will end soon`, {
        remedy: 'Wait for its end. What it has published can then be taken back: POST /api/runs/RUN/withdraw.',
      });
    }
    const { callBackUri } = runInputSchema.parse(instance.input);
    await askForEnd(door, { runId, life, reason, ...(callBackUri !== undefined && { callBackUri }) });
  }
  const after = (await door.runs.get(instance.instanceId)) ?? instance;
  const statusUrl = resourceUrl(rootOf(door, request, 3), request, `runs/${runId}`);
  return json(hasEnded(after) ? 200 : 202, { runId, status: summarizeRun(after)!.status, statusUrl });
};

/**
 * `POST /api/runs/{runId}/restart`: starts a run that failed or was ended again, with its own input. It also works for
 * a run that an arriving blob started. A run that goes on or has succeeded is left as it is, and the answer is a
 * success.
 */
export const restartRun: Handler = async (door, request) => {
  const instance = await runOf(door, request);
  const { deadline: _, callBackUri: __, startedBy: ___, ...given } = runInputSchema.parse(instance.input);
  const deadline = deadlineOf(undefined, door.now, door.environment.config.runHoursMax);
  const input = { ...given, deadline, startedBy: startedByOf(request) };
  const begun = await startRun(door, input, { restarts: true });
  return await started(door, request, begun);
};

/** The run that a request names. @throws OrdinalError `UnknownRun`. */
export async function runOf(door: Door, request: HttpRequest): Promise<Instance> {
  const runId = request.params.runId ?? '';
  // A text that is not a run ID names no run, so the backend is not asked.
  const instance = runIdSchema.safeParse(runId).success ? await newestInstance(door, runId) : undefined;
  if (instance && summarizeRun(instance)) return instance;
  throw new OrdinalError('UnknownRun', `there is no run "${runId.slice(0, 100)}"`, {
    where: { field: 'runId' },
    remedy: 'Use the statusUrl of the answer to the start, or find the run in the list of runs.',
  });
}

/** `POST /api/pipelines/{pipeline}/runs` and `GET /api/runs/{runId}`. */
import type { HttpRequest, HttpResponseInit } from '@azure/functions';
import { z } from 'zod';
import { OrdinalError } from '../errors.ts';
import { type DurableRuns, hasEnded, type Instance } from '../run/client.ts';
import { type RunInput, runIdSchema, runInputSchema } from '../run/documents.ts';
import { type Environment, pipelineOf } from '../run/environment.ts';
import { RUN_ORCHESTRATION } from '../run/orchestrator.ts';
import { viewRun } from '../run/view.ts';
import { answer, badRequest, json } from './problem.ts';

const startBodySchema = z.strictObject({
  /** Makes the start idempotent: the same ID is the same run. */
  runId: runIdSchema.optional(),
  /** Source blobs by name prefix, within the pipeline's own. */
  prefix: z.string().min(1).max(1024).optional(),
});

/** Seconds that a poller should wait. */
const RETRY_AFTER = '2';

export interface RunHandlers {
  start(request: HttpRequest, runs: DurableRuns): Promise<HttpResponseInit>;
  get(request: HttpRequest, runs: DurableRuns): Promise<HttpResponseInit>;
}

export function runHandlers(environment: () => Environment, newRunId: () => string): RunHandlers {
  return {
    start: (request, runs) => answer(() => start(environment(), newRunId, request, runs)),
    get: (request, runs) => answer(() => get(environment(), request, runs)),
  };
}

async function start(
  environment: Environment,
  newRunId: () => string,
  request: HttpRequest,
  runs: DurableRuns,
): Promise<HttpResponseInit> {
  const pipeline = pipelineOf(environment, request.params.pipeline ?? '');
  const body = await parseBody(request);
  const input: RunInput = {
    runId: body.runId ?? newRunId(),
    pipeline: pipeline.name,
    prefix: body.prefix ?? pipeline.source.prefix,
  };
  if (!input.prefix.startsWith(pipeline.source.prefix)) {
    throw badRequest(
      `prefix "${input.prefix}" is outside the pipeline's source "${pipeline.source.prefix}"`,
      'prefix',
      "Give a prefix that begins with the pipeline's own, or leave it out.",
    );
  }
  const existing = await runs.get(input.runId);
  if (existing) sameRun(existing, input);
  // A run that failed or was ended may be started again under its ID; one that completed stays what it is.
  if (!existing || (hasEnded(existing) && existing.status !== 'Completed')) {
    // A racing start of the same ID is the same run.
    await runs.start(RUN_ORCHESTRATION, input.runId, input);
  }
  const statusUrl = new URL(`runs/${input.runId}`, apiRoot(request)).href;
  return json(
    202,
    { runId: input.runId, pipeline: pipeline.name, prefix: input.prefix, statusUrl },
    { location: statusUrl, 'retry-after': RETRY_AFTER },
  );
}

async function get(environment: Environment, request: HttpRequest, runs: DurableRuns): Promise<HttpResponseInit> {
  const runId = request.params.runId ?? '';
  const instance = await runs.get(runId);
  if (!instance || instance.name !== RUN_ORCHESTRATION) {
    throw new OrdinalError('UnknownRun', `there is no run "${runId}"`, {
      where: { field: 'runId' },
      remedy: 'Use the statusUrl that the start answered with.',
    });
  }
  return json(200, await viewRun(environment, instance));
}

/** Throws `RunIdConflict` when the ID is that of a run of something else. */
function sameRun(existing: Instance, input: RunInput): void {
  const was = runInputSchema.safeParse(existing.input);
  if (was.success && was.data.pipeline === input.pipeline && was.data.prefix === input.prefix) return;
  throw new OrdinalError('RunIdConflict', `run "${input.runId}" exists and is of another pipeline or prefix`, {
    where: { field: 'runId' },
    remedy: 'Give another runId, or none.',
  });
}

async function parseBody(request: HttpRequest): Promise<z.infer<typeof startBodySchema>> {
  const text = await request.text();
  let value: unknown = {};
  try {
    if (text.trim() !== '') value = JSON.parse(text);
  } catch {
    throw badRequest('the body is not JSON', 'body', 'Send a JSON object, or no body at all.');
  }
  const parsed = startBodySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const field = issue?.path.join('.') || 'body';
  throw badRequest(`${field}: ${issue?.message}`, field, 'Allowed fields: runId, prefix.');
}

/** `https://host/api/` of this request, whatever the route prefix is. */
function apiRoot(request: HttpRequest): URL {
  const url = new URL(request.url);
  const path = url.pathname.replace(/pipelines\/[^/]*\/runs\/?$/, '');
  return new URL(path, url.origin);
}

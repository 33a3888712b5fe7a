/**
 * `POST /api/pipelines/{pipeline}/runs`: starts a run. `routes.ts` lists it. It answers at once, however large the
 * source is, because the run itself lists the blobs. A second request with the same run ID joins the same run; if that
 * run failed, it is started again under its ID.
 */

import { createHash } from 'node:crypto';
import type { HttpRequest } from '@azure/functions';
import { checkCallBack } from '../callback/allowed-address.ts';
import { TELL_ORCHESTRATION, type TellInput, tellInstanceId } from '../callback/notify-caller.ts';
import type { RunInput, StartedBy } from '../documents/documents.ts';
import {
  checkBlobInSource,
  checkGlobInSource,
  checkPrefixInSource,
  globPrefix,
  type Selection,
} from '../documents/selection.ts';
import { hasEnded } from '../durable/client.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type Started, startRun as startLife } from '../lives/start.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { writeJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';
import { viewRun } from '../view/run-view.ts';
import { deadlineOf } from './deadline.ts';
import { json, parseBody, wrongField } from './problem.ts';
import { type Door, type Handler, rootOf } from './request-context.ts';
import { type StartBody, startBodySchema } from './schemas.ts';
import { resourceUrl } from './urls.ts';

/** Seconds that a poller should wait. */
export const RETRY_AFTER_S = 2;

const REMEDY =
  'Allowed fields: runId, prefix or blobs or glob, versions, again, failOnEmpty, deadline, callBackUri, dryRun.';

export const startRun: Handler = async (door, request) => {
  const { environment, runs } = door;
  const pipeline = pipelineOf(environment, request.params.pipeline ?? '');
  const body = await parseBody(startBodySchema, request, REMEDY);
  const identity = identify(door, request, pipeline, body);
  const { input: asked, list } = toInput(door, pipeline, body, identity.runId);
  const input = { ...asked, startedBy: startedByOf(request) };
  if (list) await keepList(environment, input, list);
  const begun = await begin(door, input, identity);
  const { claim, claimed, instance } = begun;
  const { callBackUri, runId } = input;
  // The run itself calls the caller who started it. Every other caller is notified by `notify-caller.ts`.
  const calls = claimed || (claim.input.callBackUri === callBackUri && !(instance && hasEnded(instance)));
  if (callBackUri !== undefined && !calls) {
    const tell: TellInput = { runId, callBackUri };
    await runs.start(TELL_ORCHESTRATION, tellInstanceId(tell), tell);
  }
  return await started(door, request, begun, callBackUri !== undefined);
};

/** @throws OrdinalError `RunIdConflict` or `IdempotencyKeyReused` when the ID belongs to a run of other work. */
async function begin(door: Door, input: RunInput, { key, restarts }: RunIdentity): Promise<Started> {
  try {
    return await startLife(door, input, { restarts });
  } catch (thrown) {
    if (key === undefined || !(thrown instanceof OrdinalError && thrown.code === 'RunIdConflict')) throw thrown;
    throw new OrdinalError('IdempotencyKeyReused', 'this idempotency key was used for another request before', {
      where: { field: 'Idempotency-Key' },
      remedy: 'Send the earlier request again, or send this request with a new key.',
    });
  }
}

interface RunIdentity {
  runId: string;
  /** Whether a run of this ID that failed is started again. */
  restarts: boolean;
  /** The idempotency key that the ID is made of. */
  key?: string;
}

/** The run's ID: the request's own, one made of its idempotency key, or a new one. */
function identify(door: Door, request: HttpRequest, pipeline: CompiledPipeline, body: StartBody): RunIdentity {
  // A caller who names the run may start it again after a failure.
  if (body.runId !== undefined) return { runId: body.runId, restarts: true };
  const key = request.headers.get('idempotency-key');
  if (key === null) return { runId: door.newRunId(), restarts: false };
  if (key === '' || key.length > 255) {
    const remedy = 'Send a new key for each new run, such as a UUID.';
    throw wrongField('Idempotency-Key', 'must have 1 to 255 characters', remedy);
  }
  // When the same request is sent again, the answer is its run, whatever its result was.
  const digest = createHash('sha256').update(`${pipeline.name}\n${key}`).digest('hex');
  return { runId: `key-${digest.slice(0, 40)}`, restarts: false, key };
}

function toInput(
  { environment, now }: Door,
  pipeline: CompiledPipeline,
  body: StartBody,
  runId: string,
): { input: RunInput; list: string[] | undefined } {
  const { source } = pipeline;
  if (body.prefix !== undefined) checkPrefixInSource(source, body.prefix, 'prefix');
  if (body.glob !== undefined) checkGlobInSource(source, body.glob, 'glob');
  body.blobs?.forEach((blob, i) => {
    checkBlobInSource(source, blob, `blobs.${i}`);
  });
  const { config } = environment;
  if (body.callBackUri !== undefined) checkCallBack(config.callBack, body.callBackUri);
  const blobs = body.blobs && [...new Set(body.blobs)].sort();
  const inline = blobs && Buffer.byteLength(JSON.stringify(blobs)) <= limits.selectionBytesMax;
  const select = selectionOf(runId, body.glob, blobs, inline === true);
  const input: RunInput = {
    runId,
    pipeline: pipeline.name,
    prefix: body.prefix ?? (body.glob === undefined ? source.prefix : globPrefix(body.glob)),
    ...(select && { select }),
    deadline: deadlineOf(body.deadline, now, config.runHoursMax),
    ...(body.callBackUri !== undefined && { callBackUri: body.callBackUri }),
    ...(body.dryRun && { dryRun: true }),
    ...(body.versions && { versions: body.versions }),
    ...(body.again && { again: true }),
    ...(body.failOnEmpty && { failOnEmpty: true }),
  };
  return { input, list: blobs && !inline ? blobs : undefined };
}

function selectionOf(
  runId: string,
  glob: string | undefined,
  blobs: string[] | undefined,
  inline: boolean,
): Selection | undefined {
  if (glob !== undefined) return { by: 'glob', glob };
  if (blobs === undefined) return undefined;
  if (inline) return { by: 'blobs', blobs };
  const sha256 = createHash('sha256').update(JSON.stringify(blobs)).digest('hex');
  return { by: 'list', document: work.selection(runId, sha256), count: blobs.length, sha256 };
}

/**
 * Stores the list before the run is claimed, so that whoever starts the claim finds it. Another list has another name.
 */
async function keepList({ store, config }: Environment, { select }: RunInput, list: string[]): Promise<void> {
  invariant(select?.by === 'list', 'a run of a list');
  await store.ensureContainer(config.workContainer);
  await writeJson(store, config.workContainer, select.document, { version: 1, blobs: list });
}

/** Who asks, for people to read: the name that App Service authentication gives, or else the caller's program. */
export function startedByOf(request: HttpRequest): StartedBy {
  const said = request.headers.get('x-ms-client-principal-name') ?? request.headers.get('user-agent')?.split(/[/ ]/)[0];
  return { by: 'request', ...(said && { who: said.slice(0, 200) }) };
}

/**
 * The answer to a start. Both routes that start have three segments. 202 while there is something to follow, whoever
 * started it: a caller that follows a 202 then sees how the run ended, and a caller that is called back is told it. 200,
 * with the run, when it has succeeded before.
 */
export async function started(
  door: Door,
  request: HttpRequest,
  { claim, claimed, instance }: Started,
  callsBack = false,
) {
  const root = rootOf(door, request, 3);
  const { runId, input } = claim;
  const path = `runs/${runId}`;
  const outcome = (failOnError: 'true' | 'false') =>
    // `started` tells the outcome route that the backend may not show the new instance yet.
    resourceUrl(root, request, `${path}/outcome`, { failOnError, started: String(door.now.getTime()) });
  const over = instance?.status === 'Completed' && !callsBack;
  const succeeded = over ? await viewRun(door.environment, instance) : undefined;
  const answer = {
    runId,
    pipeline: input.pipeline,
    prefix: input.prefix,
    created: claimed,
    life: claim.life,
    statusUrl: resourceUrl(root, request, path),
    outcomeUrl: outcome('true'),
    cancelUrl: resourceUrl(root, request, `${path}/cancel`),
  };
  if (succeeded) return json(200, { ...succeeded, ...answer });
  return json(202, answer, { location: outcome('true'), 'retry-after': String(RETRY_AFTER_S) });
}

/**
 * HTTP handlers for backfills: start one (or let it go on), show how far it is, and stop it. `routes.ts` lists them. A
 * backfill that is stopped starts no further runs; those that are under way are not ended.
 */
import type { HttpRequest } from '@azure/functions';
import type { z } from 'zod';
import {
  BACKFILL_ORCHESTRATION,
  type BackfillRequest,
  backfillBlobs,
  backfillIdSchema,
  backfillInstanceId,
  backfillRequestSchema,
  backfillStatusSchema,
} from '../backfill/backfill-documents.ts';
import { checkGlobInSource, checkPrefixInSource, globPrefix } from '../documents/selection.ts';
import type { Instance } from '../durable/client.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson, readVersioned, writeJson } from '../storage/json.ts';
import { unlessConflict } from '../storage/write-once.ts';
import { json, parseBody, parseQuery } from './problem.ts';
import { type Door, type Handler, rootOf } from './request-context.ts';
import { backfillBodySchema, backfillListQuerySchema, type backfillSchema } from './schemas.ts';
import { startedByOf } from './start.ts';
import { resourceUrl } from './urls.ts';

const REMEDY = 'Allowed fields: backfillId, prefix or glob, by, depth, bytes, files, atOnce.';

/** `POST /api/pipelines/{pipeline}/backfill`. A backfill that stopped or was canceled goes on. */
export const startBackfill: Handler = async (door, request) => {
  const { environment, runs } = door;
  const pipeline = pipelineOf(environment, request.params.pipeline ?? '');
  const body = await parseBody(backfillBodySchema, request, REMEDY);
  const { source } = pipeline;
  if (body.prefix !== undefined) checkPrefixInSource(source, body.prefix, 'prefix');
  if (body.glob !== undefined) checkGlobInSource(source, body.glob, 'glob');
  const wanted: BackfillRequest = {
    version: 1,
    backfillId: body.backfillId ?? `backfill-${door.newRunId()}`,
    pipeline: pipeline.name,
    prefix: body.prefix ?? (body.glob === undefined ? source.prefix : globPrefix(body.glob)),
    ...(body.glob !== undefined && { glob: body.glob }),
    by: body.by,
    ...(body.depth !== undefined && { depth: body.depth }),
    bytes: body.bytes,
    files: body.files,
    atOnce: body.atOnce,
    startedBy: startedByOf(request),
  };
  await keepRequest(environment, wanted);
  const { backfillId } = wanted;
  const there = await runs.get(backfillInstanceId(backfillId));
  if (there?.status !== 'Completed') {
    await runs.start(BACKFILL_ORCHESTRATION, backfillInstanceId(backfillId), { backfillId });
  }
  return begun(door, request, wanted, 3);
};

/** Writes down what is asked for. @throws OrdinalError `RunIdConflict` when the ID was asked for something else. */
async function keepRequest({ store, config }: Environment, wanted: BackfillRequest): Promise<void> {
  const name = backfillBlobs.request(wanted.backfillId);
  await store.ensureContainer(config.workContainer);
  if (await unlessConflict(writeJson(store, config.workContainer, name, wanted, { ifAbsent: true }))) return;
  const there = await readJson(store, config.workContainer, name, backfillRequestSchema);
  if (there && askedOf(there) === askedOf(backfillRequestSchema.parse(wanted))) return;
  throw new OrdinalError('RunIdConflict', `backfill "${wanted.backfillId}" exists and was asked for something else`, {
    where: { field: 'backfillId' },
    remedy: 'Give another backfillId, or leave it out.',
  });
}

/** What makes two requests the same backfill: not who asks. */
function askedOf({ startedBy: _, ...asked }: BackfillRequest): string {
  return JSON.stringify(asked);
}

/** `GET /api/backfills/{backfillId}`: how far it is. */
export const getBackfill: Handler = async (door, request) => {
  const { asked, instance } = await backfillOf(door, request);
  return json(200, viewOf(asked, instance));
};

/** `GET /api/backfills`: the newest first. There are few: each reads a large source. */
export const listBackfills: Handler = async (door, request) => {
  const { store, config } = door.environment;
  const { limit } = parseQuery(backfillListQuerySchema, request);
  const found: { name: string; id: string; at: string }[] = [];
  for await (const { name, lastModified: at } of store.list(config.workContainer, backfillBlobs.prefix)) {
    const id = backfillBlobs.idOf(name);
    if (id !== undefined) found.push({ name, id, at });
  }
  found.sort((a, b) => Date.parse(b.at) - Date.parse(a.at) || (a.id < b.id ? -1 : 1));
  const shown = await mapBounded(found.slice(0, limit), config.requestsInFlight, async ({ name, id }) => {
    const [asked, instance] = await Promise.all([
      readVersioned(store, config.workContainer, name, backfillRequestSchema),
      door.runs.get(backfillInstanceId(id)),
    ]);
    return asked && instance ? [viewOf(asked.value, instance)] : [];
  });
  return json(200, { backfills: shown.flat(), total: found.length });
};

function viewOf(asked: BackfillRequest, instance: Instance): z.infer<typeof backfillSchema> {
  const said =
    backfillStatusSchema.safeParse(instance.customStatus).data ?? backfillStatusSchema.parse({ phase: 'plan' });
  const { backfillId, pipeline, prefix, glob, by, depth, bytes, files, atOnce, startedBy } = asked;
  return {
    backfillId,
    pipeline,
    status: instance.status,
    phase: said.phase,
    prefix,
    ...(glob !== undefined && { glob }),
    atOnce,
    cut: { by, ...(depth !== undefined && { depth }), bytes, files },
    ...(startedBy && { startedBy }),
    runs: { done: said.done, total: said.runs, going: said.going },
    files: { done: said.filesDone, total: said.files },
    bytes: { done: said.bytesDone, total: said.bytes },
    rows: said.rows,
    startedAt: instance.createdAt.toISOString(),
    updatedAt: instance.updatedAt.toISOString(),
    ...(said.error && { error: said.error }),
  };
}

/** `POST /api/backfills/{backfillId}/cancel`. Sent again, it is a success. */
export const cancelBackfill: Handler = async (door, request) => {
  const { asked, instance } = await backfillOf(door, request);
  await door.runs.terminate(instance.instanceId, 'canceled by request');
  return begun(door, request, asked, 3);
};

async function backfillOf(
  { environment, runs }: Door,
  request: HttpRequest,
): Promise<{ asked: BackfillRequest; instance: Instance }> {
  const given = request.params.backfillId ?? '';
  const id = backfillIdSchema.safeParse(given).data;
  const { store, config } = environment;
  const name = id === undefined ? undefined : backfillBlobs.request(id);
  const [asked, instance] = await Promise.all([
    name === undefined ? undefined : readVersioned(store, config.workContainer, name, backfillRequestSchema),
    id === undefined ? undefined : runs.get(backfillInstanceId(id)),
  ]);
  if (asked && instance) return { asked: asked.value, instance };
  throw new OrdinalError('UnknownBackfill', `there is no backfill "${given.slice(0, 100)}"`, {
    where: { field: 'backfillId' },
    remedy: 'Use the statusUrl of the answer to its start.',
  });
}

function begun(door: Door, request: HttpRequest, { backfillId, pipeline }: BackfillRequest, segments: number) {
  const root = rootOf(door, request, segments);
  const statusUrl = resourceUrl(root, request, `backfills/${backfillId}`);
  const cancelUrl = resourceUrl(root, request, `backfills/${backfillId}/cancel`);
  // No `Location`: who follows a 202 would take the first answer, a 200, for the end.
  return json(202, { backfillId, pipeline, statusUrl, cancelUrl });
}

/**
 * HTTP handlers for withdrawals: take a published run back, and show how far that is. `routes.ts` lists them. The run may
 * be of any age: its manifest is looked for, and not its instance.
 */
import type { HttpRequest } from '@azure/functions';
import { z } from 'zod';
import type { Manifest } from '../documents/manifest.ts';
import { manifestOfRun } from '../documents/manifests.ts';
import { hasEnded } from '../durable/client.ts';
import { type ErrorValue, OrdinalError } from '../errors.ts';
import { newestInstance } from '../lives/newest.ts';
import {
  WITHDRAW_ORCHESTRATION,
  type WithdrawInput,
  withdrawalSchema,
  withdrawInstanceId,
} from '../lives/withdraw-names.ts';
import { readJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';
import { json, parseBody } from './problem.ts';
import { type Door, type Handler, rootOf } from './request-context.ts';
import { reasonBodySchema } from './schemas.ts';
import { startedByOf } from './start.ts';
import { resourceUrl } from './urls.ts';

/** `POST /api/runs/{runId}/withdraw`. Sent again, it is the same withdrawal. */
export const withdrawRun: Handler = async (door, request) => {
  const manifest = await manifestOf(door, request);
  const { reason } = await parseBody(reasonBodySchema, request, 'Allowed fields: reason.');
  const { runId, pipeline } = manifest;
  const instance = await newestInstance(door, runId);
  if (instance && !hasEnded(instance)) {
    throw new OrdinalError('RunInUse', `run "${runId}" has not ended`, {
      where: { field: 'runId' },
      remedy: 'Wait for its end, then withdraw it.',
    });
  }
  const indexes = [...new Set(manifest.entities.flatMap(({ keys }) => (keys ? [keys.index] : [])))].sort();
  const { who: by } = startedByOf(request);
  const said = { ...(by !== undefined && { by }), ...(reason !== undefined && { reason }) };
  const input: WithdrawInput = { runId, pipeline, indexes, ...said };
  await door.runs.start(WITHDRAW_ORCHESTRATION, withdrawInstanceId(runId), input);
  const root = rootOf(door, request, 3);
  const statusUrl = resourceUrl(root, request, `runs/${runId}/withdrawal`);
  return json(202, { runId, pipeline, statusUrl });
};

const errorSchema = z.custom<ErrorValue>((value) => typeof value === 'object');
const outcomeSchema = z.union([
  z.object({ ok: z.literal(true), value: z.object({ filesUntil: z.string(), tables: errorSchema.exactOptional() }) }),
  z.object({ ok: z.literal(false), error: errorSchema }),
]);

/**
 * `GET /api/runs/{runId}/withdrawal`: `Withdrawn` once the manifest says so and index and ledger are put right. `tables`
 * says what keeps a view or a table behind.
 */
export const getWithdrawal: Handler = async (door, request) => {
  const { runId, pipeline, withdrawn } = await manifestOf(door, request);
  const instance = await door.runs.get(withdrawInstanceId(runId));
  if (!instance && !withdrawn) {
    throw new OrdinalError('UnknownRun', `nobody has asked to withdraw run "${runId}"`, { where: { field: 'runId' } });
  }
  const said = { runId, pipeline, ...(withdrawn && { withdrawn }) };
  if (instance && !hasEnded(instance)) return json(200, { ...said, status: 'Running' });
  const outcome = outcomeSchema.safeParse(instance?.output).data;
  const { store, config } = door.environment;
  const left = await readJson(store, config.workContainer, work.withdrawal(runId), withdrawalSchema);
  // What was done stays done, however the orchestration ended after that.
  if (withdrawn && left?.done !== false) {
    const tables = outcome?.ok ? outcome.value.tables : undefined;
    return json(200, { ...said, status: 'Withdrawn', ...(tables && { tables }) });
  }
  if (outcome?.ok === false) return json(200, { ...said, status: 'Failed', error: outcome.error });
  // Ended from outside, half-way: the sweep starts it again.
  return json(200, { ...said, status: 'Stopped' });
};

/** The manifest of a run that has published. @throws OrdinalError `UnknownRun` when there is none. */
async function manifestOf({ environment }: Door, request: HttpRequest): Promise<Manifest> {
  const given = request.params.runId ?? '';
  const manifest = await manifestOfRun(environment, given);
  if (manifest && manifest.outcome !== 'abandoned') return manifest;
  throw new OrdinalError('UnknownRun', `no run "${given.slice(0, 100)}" has published`, {
    where: { field: 'runId' },
    remedy: 'Give the ID of a run that has succeeded with rows.',
  });
}

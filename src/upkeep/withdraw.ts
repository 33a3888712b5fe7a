/**
 * Takes a published run back. The manifest becomes a withdrawn one, the run's keys leave their indexes, the versions that
 * it had read are new again, and its files go after a while. Its IDs are given to nobody else. The HTTP API starts the
 * orchestration, and the sweep starts it again where it stopped. It must never withdraw a run whose keys a later run may
 * use: it holds the leases of all its key indexes, so that no run is between its resolve and its publication meanwhile.
 */
import type { Task } from 'durable-functions';
import { z } from 'zod';
import { runIdSchema } from '../documents/documents.ts';
import { type ImportManifest, publishedImports } from '../documents/imports.ts';
import { type Manifest, manifestSchema, withdrawnSchema } from '../documents/manifest.ts';
import { withdrawManifest } from '../documents/manifest-state.ts';
import { publishedManifests } from '../documents/manifests.ts';
import { type ActivityResult, defineActivity, shortened } from '../durable/activity.ts';
import type { Orchestration } from '../durable/context.ts';
import { call, patienceUntil } from '../durable/fan-out.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { type ErrorValue, OrdinalError, toErrorValue } from '../errors.ts';
import { indexBlobs, indexSchema } from '../keys/index-documents.ts';
import { markWithdrawing, unmarkWithdrawing } from '../keys/key-index.ts';
import { limits } from '../limits.ts';
import { noteWithdrawn } from '../lives/starts.ts';
import { type Withdrawal, type WithdrawInput, withdrawalSchema, withdrawInputSchema } from '../lives/withdraw-names.ts';
import { rebuildLedger } from '../plan/run-ledger.ts';
import { acquireLeases, type LeaseHolder } from '../run/leases.ts';
import { releaseLeases } from '../run/settle.ts';
import { removeBlobs } from '../storage/in-flight.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { output, replaysOf, work } from '../storage/names.ts';
import { updateTables } from '../tables/activity.ts';
import { rebuildHeld } from './orchestrations.ts';

const DAY_MS = 86_400_000;

/**
 * The orchestrator of a withdrawal.
 *
 * @param context the orchestration; its input is a `WithdrawInput`.
 * @returns when the run's files go, and what keeps a table behind; or the error as a value. It may be started again at
 *   any time.
 */
export function* withdrawOrchestrator(context: {
  df: Orchestration;
}): Generator<Task, ActivityResult<{ filesUntil: string; tables?: ErrorValue }>, unknown> {
  const { df } = context;
  const holder: LeaseHolder = { owner: df.instanceId, leases: [], terms: {} };
  try {
    const input = withdrawInputSchema.parse(df.getInput<unknown>());
    yield* acquireLeases(df, input.indexes, holder, {
      onWait: (waiting) => df.setCustomStatus({ phase: 'wait', waiting }),
      minutesMax: limits.waitMinutesMax,
    });
    df.setCustomStatus({ phase: 'withdraw' });
    const at = df.currentUtcDateTime;
    // Once it has begun, runs of these indexes wait for its end.
    const until = new Date(at.getTime() + limits.waitMinutesMax * 60_000).toISOString();
    const patience = patienceUntil(df, until, () => undefined);
    const filesUntil = new Date(at.getTime() + limits.withdrawnFilesDays * DAY_MS).toISOString();
    const asked = { ...input, terms: holder.terms, at: at.toISOString(), filesUntil };
    const { withdrawn } = yield* call(df, closeWithdrawn, asked, patience);
    for (const index of input.indexes) yield* rebuildHeld(df, index, holder, patience);
    yield* call(df, endWithdrawal, { runId: input.runId }, patience);
    yield* releaseLeases(df, holder.leases, holder.owner);
    // The run is taken back, whatever keeps a table behind: the sweep makes up for it before the files go.
    const tables = yield* tablesOf(df, input);
    return { ok: true, value: { filesUntil: withdrawn.filesUntil, ...(tables && { tables }) } };
  } catch (thrown) {
    yield* releaseLeases(df, holder.leases, holder.owner);
    return { ok: false, error: shortened(toErrorValue(thrown)) };
  }
}

/** Takes the run out of views and tables. What fails is given as a value. */
function* tablesOf(
  df: Orchestration,
  { runId, pipeline }: WithdrawInput,
): Generator<Task, ErrorValue | undefined, unknown> {
  try {
    yield* call(df, updateTables, { runId, life: 1, pipeline });
    return undefined;
  } catch (thrown) {
    return shortened(toErrorValue(thrown));
  }
}

const activityInputSchema = withdrawInputSchema.extend({
  /** The grants of the leases of its key indexes. */
  terms: z.record(z.string(), z.int().nonnegative()),
  at: z.iso.datetime(),
  filesUntil: z.iso.datetime(),
});

/**
 * Activity `closeWithdrawn`: refuses a run whose keys may be in use (`RunInUse`), closes its key indexes until they are
 * rebuilt, and makes its manifest a withdrawn one. Called again, it changes nothing. It may go on when the withdrawal was
 * ended, beside a run that has the leases by then: one of the two finds the other at the heads, and fails.
 */
export const closeWithdrawn = defineActivity({
  name: 'closeWithdrawn',
  input: activityInputSchema,
  work: async (environment: Environment, input): Promise<{ withdrawn: z.infer<typeof withdrawnSchema> }> => {
    const { store, config } = environment;
    const { runId, indexes, terms, at, filesUntil, by, reason } = input;
    const pipeline = pipelineOf(environment, input.pipeline);
    const read = () => readJson(store, pipeline.output.container, output.manifest(pipeline, runId), manifestSchema);
    const there = await read();
    if (there?.outcome === 'withdrawn') return { withdrawn: withdrawnSchema.parse(there.withdrawn) };
    const place = { store, container: config.workContainer };
    const imports = await publishedImports(environment);
    const refused = there && whyUsed(there, await publishedManifests(environment), imports);
    if (refused) {
      // An execution that was held up: the run was withdrawn before the later one came, and its note must stay.
      const now = await read();
      if (now?.outcome === 'withdrawn') return { withdrawn: withdrawnSchema.parse(now.withdrawn) };
      // An earlier try may have begun, before the later run came.
      for (const index of indexes) await unmarkWithdrawing(place, index, runId, terms[index] ?? 0);
      await store.remove(config.workContainer, work.withdrawal(runId));
      throw refused;
    }
    // From here on the sweep sees to it that what was begun is ended.
    const withdrawal: Withdrawal = { ...withdrawInputSchema.parse(input), version: 1, at, filesUntil, done: false };
    await writeJson(store, config.workContainer, work.withdrawal(runId), withdrawal);
    for (const index of indexes) await markWithdrawing(place, index, runId, terms[index] ?? 0);
    const said = { at, ...(by !== undefined && { by }), ...(reason !== undefined && { reason }), filesUntil };
    const { withdrawn } = await withdrawManifest(environment, pipeline, runId, said);
    return { withdrawn: withdrawnSchema.parse(withdrawn) };
  },
});

/**
 * `RunInUse` when rows that it refused were published by a replay, when a run that published later shares a key index, or
 * when an import has left its keys out.
 */
function whyUsed(
  manifest: Manifest,
  all: readonly Manifest[],
  imports: readonly ImportManifest[],
): OrdinalError | undefined {
  const replayed = `/${replaysOf(manifest.runId)}`;
  const replay = all.find(({ inputs }) => inputs.some(({ blob }) => `/${blob}`.includes(replayed)));
  if (replay) {
    return inUse(
      manifest,
      `run "${replay.runId}" has published rows that run "${manifest.runId}" refused: they would come twice when its source is read again`,
      `Withdraw run "${replay.runId}" first, or publish a correction by a new run.`,
    );
  }
  for (const { keys } of manifest.entities) {
    const term = keys?.partitions[0]?.term ?? 0;
    const later = all.find(
      ({ runId, entities }) =>
        runId !== manifest.runId &&
        entities.some((other) => other.keys?.index === keys?.index && (other.keys?.partitions[0]?.term ?? 0) >= term),
    );
    const imported = imports.find((one) => one.index === keys?.index && one.known > 0 && one.term >= term);
    if (keys && imported) {
      return inUse(
        manifest,
        `keys were imported later from "${imported.from}", and ${imported.known} of its keys were in key index "${keys.index}" already: run "${manifest.runId}" may have numbered them`,
        'Publish a correction by a new run: an import is not taken back.',
      );
    }
    if (!keys || !later) continue;
    return inUse(
      manifest,
      `run "${later.runId}" has published later and shares key index "${keys.index}": it may use keys of "${manifest.runId}"`,
      `Withdraw run "${later.runId}" first, or publish a correction by a new run.`,
    );
  }
  return undefined;
}

function inUse({ pipeline }: Manifest, why: string, remedy: string): OrdinalError {
  return new OrdinalError('RunInUse', why, { where: { pipeline, field: 'runId' }, remedy });
}

/**
 * Activity `endWithdrawal`: the run's versions are new again, and lists say that it is withdrawn; then the withdrawal is
 * noted as done.
 */
export const endWithdrawal = defineActivity({
  name: 'endWithdrawal',
  input: z.object({ runId: runIdSchema }),
  work: async (environment: Environment, { runId }): Promise<{ versions: number }> => {
    const { store, config } = environment;
    const name = work.withdrawal(runId);
    const withdrawal = await readJson(store, config.workContainer, name, withdrawalSchema);
    // Its files are gone already, and so is what was left to do.
    if (!withdrawal) return { versions: 0 };
    const pipeline = pipelineOf(environment, withdrawal.pipeline);
    const { versions } = await rebuildLedger(environment, pipeline);
    for (const index of withdrawal.indexes) await removeOldEpochs(environment, index);
    const manifest = await readJson(store, pipeline.output.container, output.manifest(pipeline, runId), manifestSchema);
    if (manifest?.withdrawn) await noteWithdrawn(environment, manifest, manifest.withdrawn);
    await writeJson(store, config.workContainer, name, { ...withdrawal, done: true });
    return { versions };
  },
});

/** What was before an index was rebuilt still holds the keys of the withdrawn run. */
async function removeOldEpochs({ store, config }: Environment, index: string): Promise<void> {
  const container = config.workContainer;
  const document = await readJson(store, container, indexBlobs.index(index), indexSchema);
  if (!document) return;
  const folder = indexBlobs.index(index).replace(/index\.json$/, '');
  const listed = await Array.fromAsync(store.list(container, folder), ({ name }) => name);
  const epochOf = (name: string) => Number(/^(\d+)\//.exec(name.slice(folder.length))?.[1] ?? document.epoch);
  const old = listed.filter((name) => epochOf(name) < document.epoch);
  await removeBlobs(store, container, old, config.requestsInFlight);
}

/**
 * The short way of a run whose work fits one process: the phases from the split to the manifest as three activities,
 * with the work in progress in memory. `splitShort` needs no lease; `resolveShort` comes under the leases of the key
 * indexes; `publishShort` comes when the IDs are reserved. Each composes the activities of the long way, so a phase is
 * written once. Each finds what the one before it left in this process, or makes it again from the pinned sources. It
 * must never publish from work that was resolved under other grants of the leases, or to other results.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { type Plan, type PlanRef, planRefSchema } from '../documents/documents.ts';
import { filesOfBatch, loadPlan, mayShareBadFiles } from '../documents/load.ts';
import { manifestSchema } from '../documents/manifest.ts';
import { beginSplit, keepWork, newWork, type RunWork, takeWork } from '../documents/run-work.ts';
import type { PlannedFile } from '../documents/source-files.ts';
import { phaseSchema } from '../documents/status.ts';
import type { TaskNotes } from '../documents/task-notes.ts';
import { type Activity, type ActivityResult, defineActivity } from '../durable/activity.ts';
import { type ActivityThreads, type Environment, nowOf } from '../environment/environment.ts';
import { fromErrorValue, OrdinalError } from '../errors.ts';
import { settleClaims } from '../ledger/ledger.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { fateOf, ledgerOf } from '../plan/run-ledger.ts';
import { publishFile } from '../publish/activity.ts';
import { type FinishOutput, finishRun } from '../publish/manifest-activity.ts';
import { type ResolveOutput, resolveKeys } from '../resolve/activity.ts';
import { sealBatches, sealKeyed } from '../seal/activity.ts';
import { bindIds, bindInputSchema } from '../seal/assign-ids-activity.ts';
import { forgetSources, takeSource } from '../source/kept-sources.ts';
import { splitBatch } from '../split/activity.ts';
import { shareBadFiles, splitAgain } from '../split/split-again.ts';
import { type TallyOutput, tallyRows } from '../split/tally-activity.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { lifeId, output } from '../storage/names.ts';
import type { GivenBlob } from '../storage/store-port.ts';

/** Files of a short run that are published at a time. */
const FILES_AT_ONCE = 4;

const refSchema = planRefSchema.extend({ plan: z.string() });
type Ref = z.infer<typeof refSchema>;

/** By key index, the number of the run's grant of its lease. */
const termsSchema = z.record(z.string(), z.int().nonnegative());

export interface ShortSplit {
  /** False: the run takes the long way from here on, and `why` says what for. */
  taken: boolean;
  why?: string;
}

/** All batches of a short run. Makes nothing where this process is at another short run. */
export const splitShort = defineActivity({ name: 'splitShort', input: refSchema, work: splitShortActivity });

async function splitShortActivity(environment: Environment, ref: Ref): Promise<ShortSplit> {
  const ended = beginSplit(environment, ref);
  if (!ended) return { taken: false, why: 'The process that was to take it works at another short run.' };
  try {
    const work = takeWork(environment, ref) ?? (await splitAll(environment, ref));
    if (work.store.documentBytes > limits.shortDocumentBytesMax) {
      return { taken: false, why: `Its work in progress takes ${work.store.documentBytes} bytes of memory.` };
    }
    keepWork(environment, work);
    work.notes.later();
    return { taken: true };
  } finally {
    ended();
  }
}

export interface ShortResolve {
  tally: TallyOutput;
  resolved: ResolveOutput[];
  /** What was resolved, and from which state of the indexes: work that is made again must come to the same. */
  digest: string;
}

const resolveSchema = refSchema.extend({ terms: termsSchema });
type ResolveInput = z.infer<typeof resolveSchema>;

/** Counts rows and resolves the keys of all keyed entities. */
export const resolveShort = defineActivity({ name: 'resolveShort', input: resolveSchema, work: resolveShortActivity });

async function resolveShortActivity(environment: Environment, input: ResolveInput): Promise<ShortResolve> {
  let work = takeWork(environment, input);
  if (work?.resolved && work.resolved.terms !== textOf(input.terms)) work = undefined;
  work ??= await splitAll(environment, input);
  const answer = await use(environment, work, (own) => resolveAll(own, input));
  keepWork(environment, work);
  return answer;
}

const publishSchema = bindInputSchema.extend({
  plan: z.string(),
  terms: termsSchema,
  digest: z.string(),
  prefix: z.string(),
  startedAt: z.string(),
  phases: z.array(z.object({ phase: phaseSchema, at: z.string() })),
  deadline: z.iso.datetime().exactOptional(),
  claimedAt: z.iso.datetime().exactOptional(),
});
type PublishInput = z.infer<typeof publishSchema>;

export interface ShortPublish extends FinishOutput {
  /** When it began to publish; absent where an earlier execution published. */
  publishedAt?: string;
}

/** Binds IDs, seals, publishes all files and writes the manifest. */
export const publishShort = defineActivity({ name: 'publishShort', input: publishSchema, work: publishShortActivity });

async function publishShortActivity(environment: Environment, input: PublishInput): Promise<ShortPublish> {
  let work = takeWork(environment, input);
  // What was resolved under another grant may be cached beside it, so all of it goes.
  if (work?.resolved?.terms !== textOf(input.terms)) work = undefined;
  if (!work) {
    const done = await publishedBefore(environment, input);
    if (done) return done;
    work = await splitAll(environment, input);
    await resolveAll(work, input);
  }
  const { plan, pipeline } = await loadPlan(work.environment, refOf(input));
  return await use(environment, work, async (own) => {
    if (own.resolved?.digest !== input.digest) throw resolvedOtherwise(input);
    return await noting(own, () => publishAll(own, plan, pipeline, input));
  });
}

/** Does something with the work. What fails for now finds it again: a try changes nothing but what the next one writes. */
async function use<T>(environment: Environment, own: RunWork, does: (work: RunWork) => Promise<T>): Promise<T> {
  try {
    return await does(own);
  } catch (thrown) {
    if (thrown instanceof OrdinalError && thrown.retryable) keepWork(environment, own);
    throw thrown;
  }
}

async function splitAll(environment: Environment, ref: Ref): Promise<RunWork> {
  const work = newWork(environment, ref);
  const { threads } = environment;
  const planned = await loadPlan(work.environment, ref);
  const { plan, pipeline } = planned;
  const batches = plan.batches.map((_, batch) => batch);
  try {
    await noting(work, () =>
      mapBounded(batches, threads?.width ?? limits.shortBatchesAtOnce, async (batch) => {
        const input = { ...refOf(ref), batch };
        if (!threads) return await perform(work, splitBatch, input);
        const files = await filesOfBatch(work.environment, plan, batch);
        return await performInThread(work, threads, splitBatch, input, keptOf(environment, pipeline, files));
      }),
    );
  } finally {
    threads?.rest();
  }
  if (mayShareBadFiles(planned)) {
    const { again } = await perform(work, shareBadFiles, refOf(ref));
    const repeated = batches.slice(0, again);
    await noting(work, () =>
      mapBounded(repeated, limits.shortBatchesAtOnce, (batch) => perform(work, splitAgain, { ...refOf(ref), batch })),
    );
  }
  forgetSources(environment, lifeId(ref));
  return work;
}

/** The files of a batch that the plan has kept in memory. */
function keptOf(
  environment: Environment,
  { source: { container } }: CompiledPipeline,
  files: readonly PlannedFile[],
): GivenBlob[] {
  return files.flatMap(({ blob: name, etag }) => {
    const bytes = takeSource(environment, container, name, etag);
    return bytes ? [{ container, name, etag, bytes: movable(bytes) }] : [];
  });
}

/** Bytes whose memory is all theirs, so that it can go to another thread. */
function movable(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  const isOwn = buffer instanceof ArrayBuffer && buffer.byteLength === bytes.byteLength;
  return isOwn ? new Uint8Array(buffer) : new Uint8Array(bytes);
}

async function resolveAll(work: RunWork, { terms, ...input }: ResolveInput): Promise<ShortResolve> {
  const ref = refOf(input);
  const { pipeline } = await loadPlan(work.environment, ref);
  delete work.resolved;
  const tally = await perform(work, tallyRows, ref);
  const calls = pipeline.entities.flatMap((entity) => {
    if (entity.kind !== 'keyed') return [];
    const term = terms[entity.index] ?? 0;
    return Array.from({ length: entity.partitions ?? 1 }, (_, partition) => ({ entity: entity.name, partition, term }));
  });
  const { threads } = work.environment;
  const resolved = await noting(work, () =>
    mapBounded(calls, threads?.width ?? 1, (call) => {
      const input = { ...ref, ...call };
      return threads ? performInThread(work, threads, resolveKeys, input) : perform(work, resolveKeys, input);
    }),
  );
  const digest = createHash('sha256')
    .update(JSON.stringify([tally, resolved]))
    .digest('hex')
    .slice(0, 32);
  work.resolved = { terms: textOf(terms), digest };
  return { tally, resolved, digest };
}

async function publishAll(
  work: RunWork,
  plan: Plan,
  pipeline: CompiledPipeline,
  input: PublishInput,
): Promise<ShortPublish> {
  const ref = refOf(input);
  const { sequences, rows, partitions, deadline, phases } = input;
  await perform(work, bindIds, { ...ref, sequences, rows, partitions });
  const keyed = pipeline.entities.flatMap((entity) =>
    entity.kind === 'keyed'
      ? Array.from({ length: entity.partitions ?? 1 }, (_, partition) => ({ entity: entity.name, partition }))
      : [],
  );
  for (const one of keyed) await perform(work, sealKeyed, { ...ref, ...one });
  for (const group of plan.sealGroups.keys()) await perform(work, sealBatches, { ...ref, group });
  const publishedAt = later(nowOf(work.environment), phases);
  // From here on readers may see files, so the deadline stops nothing any more.
  if (deadline !== undefined && publishedAt.getTime() > Date.parse(deadline)) {
    throw new OrdinalError('DeadlineExceeded', `the run had not ended by ${deadline}`, {
      remedy: 'Give the run more time, or find in its phase and batches what delays it.',
    });
  }
  const parts = pipeline.entities.flatMap((entity) =>
    entity.kind === 'rows' ? plan.parts.map((_, part) => ({ entity: entity.name, part })) : [],
  );
  const files = [...keyed.map(({ entity, partition: part }) => ({ entity, part })), ...parts];
  await mapBounded(files, FILES_AT_ONCE, (file) => perform(work, publishFile, { ...ref, ...file }));
  const { prefix, startedAt, claimedAt } = input;
  const published = { phase: 'publish' as const, at: publishedAt.toISOString() };
  const finished = {
    ...ref,
    prefix,
    startedAt,
    phases: [...phases, published],
    finishedAt: later(nowOf(work.environment), [published]).toISOString(),
    ...(claimedAt !== undefined && { claimedAt }),
  };
  return { ...(await perform(work, finishRun, finished)), publishedAt: published.at };
}

/** The clock of this process may be behind that of the orchestration. */
function later(now: Date, before: readonly { at: string }[]): Date {
  return new Date(Math.max(now.getTime(), ...before.map(({ at }) => Date.parse(at))));
}

/** What an earlier execution of this life published. */
async function publishedBefore(environment: Environment, ref: Ref): Promise<FinishOutput | undefined> {
  const { store } = environment;
  const { pipeline, plan } = await loadPlan(environment, refOf(ref));
  const { runId, life } = plan;
  const name = output.manifest(pipeline, runId);
  const manifest = await readJson(store, pipeline.output.container, name, manifestSchema);
  if (manifest?.outcome !== 'published' || manifest.life !== life) return undefined;
  // That execution may have died before it told the ledger.
  await settleClaims(ledgerOf(environment, pipeline), { runId, life }, fateOf(environment));
  const ids = Object.values(manifest.sequences).reduce((sum, { count }) => sum + count, 0);
  return { manifest: name, rows: manifest.source.rows, finishedAt: manifest.finishedAt, ids };
}

/** Runs an activity of the long way over the work in memory. Throws its error. */
async function perform<Input extends object, Output extends object>(
  { environment, notes }: RunWork,
  { run }: Activity<Environment, Input, Output>,
  input: Input,
): Promise<Output> {
  return outcomeOf(notes, await run(environment, input));
}

/** The same in another thread. @param given source blobs that the activity reads, if they are in memory. */
async function performInThread<Input extends object, Output extends object>(
  { store, number, notes }: RunWork,
  threads: ActivityThreads,
  { name }: Activity<Environment, Input, Output>,
  input: Input,
  given: readonly GivenBlob[] = [],
): Promise<Output> {
  const result = await threads.run({ activity: name, input, work: number, store, given });
  return outcomeOf(notes, result as ActivityResult<Output>);
}

function outcomeOf<T>(notes: TaskNotes, result: ActivityResult<T>): T {
  if (!result.ok) throw fromErrorValue(result.error);
  notes.ended();
  return result.value;
}

/** Does something with the work. What of it has ended when it fails, is noted: nothing else is left of it then. */
async function noting<T>({ notes }: RunWork, does: () => Promise<T>): Promise<T> {
  await notes.rest();
  try {
    const done = await does();
    await notes.rest();
    return done;
  } catch (thrown) {
    await notes.flush();
    throw thrown;
  }
}

function refOf({ runId, life, plan }: Ref): PlanRef & { plan: string } {
  return { runId, life, plan };
}

/** The grants as a text in the order of names. */
function textOf(terms: Record<string, number>): string {
  return JSON.stringify(Object.entries(terms).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function resolvedOtherwise(of: Ref): OrdinalError {
  return new OrdinalError(
    'StorageConflict',
    `the keys of run "${lifeId(of)}" are known by now: this life of the run was given up`,
    { remedy: 'Start the run again: it was given up while it still worked.' },
  );
}

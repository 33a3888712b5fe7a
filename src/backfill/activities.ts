/**
 * Two activities of a backfill: `planBackfill` cuts what is new of the source into runs, once; `advanceBackfill` starts
 * the next runs and says how far they all are. The orchestrator calls them. Both may run any number of times: a run has
 * its ID by its number, and is started once.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { RunInput } from '../documents/documents.ts';
import { globMatcher } from '../documents/selection.ts';
import { defineActivity } from '../durable/activity.ts';
import { hasEnded, type Instance } from '../durable/client.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { newestInstance } from '../lives/newest.ts';
import { type Starter, startRun } from '../lives/start.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { newOf } from '../plan/run-ledger.ts';
import { listSource } from '../plan/source-blobs.ts';
import type { PinnedBlob } from '../source/source-file.ts';
import { readVersioned, requireJson, writeJson } from '../storage/json.ts';
import { unlessConflict } from '../storage/write-once.ts';
import { summarizeRun } from '../view/run-view.ts';
import {
  type BackfillPlan,
  type BackfillRequest,
  backfillBlobs,
  backfillIdSchema,
  backfillPlanSchema,
  backfillRequestSchema,
  type Part,
  partRunId,
  partsSchema,
} from './backfill-documents.ts';
import { commonPrefix, PartCutter } from './cut-parts.ts';

const planInputSchema = z.object({ backfillId: backfillIdSchema });

/** Lists the source, and writes down how it is cut. The first plan is the plan. */
export const planBackfill = defineActivity({
  name: 'planBackfill',
  input: planInputSchema,
  work: planBackfillActivity,
});

async function planBackfillActivity(
  environment: Environment,
  { backfillId }: { backfillId: string },
): Promise<BackfillPlan> {
  const { store, config } = environment;
  const name = backfillBlobs.plan(backfillId);
  const there = await readVersioned(store, config.workContainer, name, backfillPlanSchema);
  if (there) return there.value;
  const request = await readRequest(environment, backfillId);
  const pipeline = pipelineOf(environment, request.pipeline);
  const cutter = new PartCutter(request, pipeline.source.prefix);
  const leftOut = await cutNew(environment, pipeline, request, cutter);
  const { parts } = cutter;
  const digest = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  const each = limits.backfillPartsPerDocument;
  for (let page = 0; page * each < parts.length; page++) {
    const own = parts.slice(page * each, (page + 1) * each);
    const name = backfillBlobs.parts(backfillId, digest, page);
    await writeJson(store, config.workContainer, name, { version: 1, parts: own }, { compact: true });
  }
  const sum = (of: 'files' | 'bytes') => parts.reduce((total, part) => total + part[of], 0);
  const plan: BackfillPlan = {
    version: 1,
    parts: parts.length,
    each,
    files: sum('files'),
    bytes: sum('bytes'),
    leftOut,
    digest,
  };
  const written = await unlessConflict(writeJson(store, config.workContainer, name, plan, { ifAbsent: true }));
  return written ? plan : await requireJson(store, config.workContainer, name, backfillPlanSchema);
}

/** Goes through the source once, in pieces, and hands on what no run has read. */
async function cutNew(
  environment: Environment,
  pipeline: CompiledPipeline,
  { prefix, glob }: BackfillRequest,
  cutter: PartCutter,
): Promise<BackfillPlan['leftOut']> {
  const leftOut = { read: 0, pending: 0 };
  let chunk: PinnedBlob[] = [];
  let count = 0;
  const take = async () => {
    const taken = await newOf(environment, pipeline, chunk);
    for (const blob of taken.versions) cutter.add(blob);
    leftOut.read += taken.leftOut.read;
    leftOut.pending += taken.leftOut.pending;
    chunk = [];
    checkLimit(cutter.parts.length, limits.backfillRunsMax, 'runs', 'Raise files and bytes, or cut by size.');
  };
  const takes = glob === undefined ? () => true : globMatcher(glob);
  for await (const blob of listSource(environment, pipeline.source, prefix, takes)) {
    checkLimit(++count, limits.backfillBlobsMax, 'blobs', 'Make several backfills, by smaller prefixes.');
    chunk.push(blob);
    if (chunk.length >= limits.backfillChunkBlobs) await take();
  }
  await take();
  return leftOut;
}

function checkLimit(count: number, most: number, what: string, remedy: string): void {
  if (count <= most) return;
  throw new OrdinalError('LimitExceeded', `the backfill has more than ${most} ${what}`, { remedy });
}

/** What a backfill was asked to do. */
export async function readRequest({ store, config }: Environment, backfillId: string): Promise<BackfillRequest> {
  return await requireJson(store, config.workContainer, backfillBlobs.request(backfillId), backfillRequestSchema);
}

const advanceInputSchema = planInputSchema.extend({
  /** The first run that is not known to have succeeded. */
  from: z.int().nonnegative(),
  /** Whether runs that failed are started again: so at the beginning of a backfill that goes on. */
  restarts: z.boolean(),
});

export interface Advanced {
  from: number;
  /** Of the runs that were passed: their source rows, and the files and bytes of their parts. */
  rows: number;
  files: number;
  bytes: number;
  going: string[];
  failed: { runId: string; code: string; message: string } | null;
}

/**
 * Starts runs in order, as many as may be under way at a time, until one has failed. Says how far they are, those behind the
 * failed one too.
 */
export const advanceBackfill = defineActivity({
  name: 'advanceBackfill',
  input: advanceInputSchema,
  work: advanceBackfillActivity,
});

async function advanceBackfillActivity(
  starter: Starter,
  { backfillId, from, restarts }: z.infer<typeof advanceInputSchema>,
): Promise<Advanced> {
  const { environment, now } = starter;
  const { store, config } = environment;
  const request = await readRequest(environment, backfillId);
  const plan = await requireJson(store, config.workContainer, backfillBlobs.plan(backfillId), backfillPlanSchema);
  const advanced: Advanced = { from, rows: 0, files: 0, bytes: 0, going: [], failed: null };
  const to = Math.min(plan.parts, from + limits.backfillWindowMax);
  let page: Part[] = [];
  let read = -1;
  for (let number = from; number < to && advanced.going.length < request.atOnce && !advanced.failed; number++) {
    const wanted = Math.floor(number / plan.each);
    if (wanted !== read) {
      const name = backfillBlobs.parts(backfillId, plan.digest, wanted);
      page = (await requireJson(store, config.workContainer, name, partsSchema)).parts;
      read = wanted;
    }
    const part = page[number % plan.each]!;
    const deadline = new Date(now.getTime() + config.runHoursMax * 3_600_000).toISOString();
    const input = { ...inputOf(request, part, number), deadline };
    const { instance } = await startRun(starter, input, { restarts });
    if (!instance || !hasEnded(instance)) {
      advanced.going.push(input.runId);
    } else if (instance.status !== 'Completed') {
      const { code, line } = summarizeRun(instance)!.error!;
      advanced.failed = { runId: input.runId, code, message: line.slice(0, 1000) };
    } else if (advanced.from === number) {
      advanced.from++;
      advanced.rows += rowsOf(instance);
      advanced.files += part.files;
      advanced.bytes += part.bytes;
    }
    if (advanced.failed) advanced.going.push(...(await goingOf(starter, backfillId, number + 1, to)));
  }
  return advanced;
}

/** Runs of these numbers that were started and have not ended: those behind one that has failed. */
async function goingOf(starter: Starter, backfillId: string, from: number, to: number): Promise<string[]> {
  const going: string[] = [];
  for (let number = from; number < to; number++) {
    const runId = partRunId(backfillId, number);
    const instance = await newestInstance(starter, runId);
    if (!instance) break;
    if (!hasEnded(instance)) going.push(runId);
  }
  return going;
}

/** What the run of a part is to do: the same whenever it is asked for. */
function inputOf({ backfillId, pipeline, glob }: BackfillRequest, { first, last }: Part, number: number): RunInput {
  return {
    runId: partRunId(backfillId, number),
    pipeline,
    prefix: commonPrefix(first, last),
    select: { by: 'range', first, last, ...(glob !== undefined && { glob }) },
    versions: 'new',
    startedBy: { by: 'backfill', who: backfillId },
  };
}

function rowsOf({ output }: Instance): number {
  return z.object({ rows: z.number() }).safeParse(output).data?.rows ?? 0;
}

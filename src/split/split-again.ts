/**
 * What follows the split where a file was found bad that several batches share: it is set aside whole, so the other
 * batches that took rows of it are split again without it. The orchestrator calls both activities where
 * `mayShareBadFiles`. Which batches, and what they leave, must follow from the plan and the pinned blobs alone.
 */
import { z } from 'zod';
import { type BadFile, type SplitAgain, splitAgainSchema } from '../documents/bad-files.ts';
import { listBatches } from '../documents/batch-blob.ts';
import { type Plan, type PlanRef, planRefSchema } from '../documents/documents.ts';
import { loadPlan, loadSplitAgain, loadSplitRecord } from '../documents/load.ts';
import { loadFiles } from '../documents/source-files.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readJson, writeJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';
import { unlessConflict } from '../storage/write-once.ts';
import { type SplitOutput, splitSettingAside } from './activity.ts';

/** Revisions of a batch that is split again come after all that its first split may have come to. */
const FIRST_REVISION = limits.badFilesMax + 1;

export const shareBadFiles = defineActivity({ name: 'shareBadFiles', input: planRefSchema, work: shareActivity });

/** Finds the batches that are to be split again. Gives their number. */
async function shareActivity(environment: Environment, ref: PlanRef): Promise<{ again: number }> {
  const planned = await loadPlan(environment, ref);
  const { plan, pipeline } = planned;
  const { store, config } = environment;
  const name = work.setAside(plan);
  const known = await readJson(store, config.workContainer, name, splitAgainSchema);
  if (known) return { again: known.batches.length };
  const tally = await listBatches(environment, pipeline, plan, plan.batches.length, new Set());
  const finders = tally.badFiles.flatMap((files, batch) => (files > 0 ? [batch] : []));
  const found = await mapBounded(finders, config.requestsInFlight, async (batch) => {
    const { record } = await loadSplitRecord(environment, tally, batch);
    return [batch, record.badFiles ?? []] as const;
  });
  const batches = batchesToRepeat(plan, new Map(found));
  if (batches.length === 0) return { again: 0 };
  // At a conflict, another execution of this activity has found the same.
  await unlessConflict(writeJson(store, config.workContainer, name, { version: 1, batches }, { ifAbsent: true }));
  return { again: batches.length };
}

/**
 * Batches that hold rows of a file that another batch has found to be bad.
 * @param plan the run's plan
 * @param found by batch: the files that its split has set aside
 * @returns the batches in their order, each with all of its files that are out
 */
export function batchesToRepeat(plan: Plan, found: ReadonlyMap<number, readonly BadFile[]>): SplitAgain['batches'] {
  // What the first batch says of a file is what is said of it.
  const bad = new Map<number, BadFile>();
  for (const files of found.values()) for (const one of files) if (!bad.has(one.file)) bad.set(one.file, one);
  return plan.batches.flatMap(({ file: first, files }, batch) => {
    const own = new Set(found.get(batch)?.map(({ file }) => file));
    const badFiles = Array.from({ length: files }, (_, f) => bad.get(first + f)).filter((one) => one !== undefined);
    return badFiles.every(({ file }) => own.has(file)) ? [] : [{ batch, badFiles }];
  });
}

export const splitAgain = defineActivity({
  name: 'splitAgain',
  // Of the batches that are to be split again, the number of one.
  input: planRefSchema.extend({ batch: z.int().nonnegative() }),
  work: splitAgainActivity,
});

async function splitAgainActivity(environment: Environment, input: PlanRef & { batch: number }): Promise<SplitOutput> {
  const planned = await loadPlan(environment, input);
  const { plan } = planned;
  const repeated = (await loadSplitAgain(environment, planned))[input.batch];
  invariant(repeated, `batch ${input.batch} of those that are split again`);
  const { batch, badFiles } = repeated;
  const { file, files } = plan.batches[batch]!;
  const inBatch = await loadFiles(environment, plan, plan.files, file, file + files);
  const bad = new Map(badFiles.map((one) => [inBatch[one.file - file]!.blob, one]));
  const start = { bad, revision: FIRST_REVISION, blob: work.splitAgain };
  return await splitSettingAside(environment, planned, { ...input, batch }, start);
}

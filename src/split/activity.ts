/**
 * Activity `splitBatch`: splits one batch. It works on a unit while the next one is read (`read-units.ts`), and stages
 * blocks at the same time. The record is written last: a batch is split when its record is there. All names and bytes
 * follow from the plan and the pinned blob, so a second execution changes nothing.
 */

import { z } from 'zod';
import { crcOf } from '../bytes/crc32.ts';
import { type BadFile, setAsideFor } from '../documents/bad-files.ts';
import { packBatch } from '../documents/batch-blob.ts';
import { type PlanRef, partOf, planRefSchema } from '../documents/documents.ts';
import { loadPlan, type Planned } from '../documents/load.ts';
import { segmentsOf } from '../documents/split-record.ts';
import { beginTask } from '../documents/task-times.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import type { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { Uploads } from '../storage/in-flight.ts';
import { blockId, type Life, output, work } from '../storage/names.ts';
import { BatchSplitter } from './batch.ts';
import { HeldBlocks } from './deferred-blocks.ts';
import { readUnits, spansOf } from './read-units.ts';
import type { WrittenFragment } from './write/write-fragment.ts';

interface BatchInput extends PlanRef {
  batch: number;
}

export interface SplitOutput {
  batch: number;
  rows: number;
}

export const splitBatch = defineActivity({
  name: 'splitBatch',
  input: planRefSchema.extend({ batch: z.int().nonnegative() }),
  work: splitActivity,
});

async function splitActivity(environment: Environment, input: BatchInput): Promise<SplitOutput> {
  const times = beginTask(environment, input);
  const planned = await loadPlan(environment, input);
  const bad = new Map<string, BadFile>();
  for (;;) {
    try {
      return await splitWithout(environment, planned, input, bad, times);
    } catch (thrown) {
      const found = await badFileOf(environment, planned, input.batch, thrown);
      // The batch begins anew: what was staged has the same names, and is written again or never committed.
      if (!found || bad.has(found.blob) || bad.size >= limits.badFilesMax) throw thrown;
      bad.set(found.blob, found.bad);
    }
  }
}

/** The file that an error is about, where it is to be set aside: all of its rows must be in the batch. */
async function badFileOf(
  environment: Environment,
  { plan, pipeline }: Planned,
  batch: number,
  thrown: unknown,
): Promise<{ blob: string; bad: BadFile } | undefined> {
  const reason = setAsideFor(pipeline, thrown);
  if (!reason) return undefined;
  const { blob } = (thrown as OrdinalError).where ?? {};
  const span = (await spansOf(environment, plan, batch, new Set())).find((one) => one.blob === blob);
  return span?.whole && !span.out ? { blob: span.blob, bad: { file: span.number, ...reason } } : undefined;
}

async function splitWithout(
  environment: Environment,
  planned: Planned,
  input: BatchInput,
  bad: ReadonlyMap<string, BadFile>,
  times: () => Record<string, string>,
): Promise<SplitOutput> {
  const { batch } = input;
  const { store, config } = environment;
  const { plan, pipeline } = planned;
  const splitter = new BatchSplitter(pipeline, {
    outputs: new Map(Object.entries(plan.outputs)),
    keyTypes: new Map(Object.entries(plan.keyTypes)),
    sourceTypes: new Map(Object.entries(plan.sources)),
    ways: plan.ways ?? 'any',
    run: plan,
  });
  const uploads = new Uploads(config.requestsInFlight);
  const held = new HeldBlocks();
  const target = { environment, pipeline, of: input, batch, part: partOf(plan, batch), held };
  try {
    for await (const { place, chunks } of readUnits(environment, planned, batch, new Set(bad.keys()))) {
      for (const [entity, written] of splitter.add(chunks, place)) await stageStatic(uploads, target, entity, written);
    }
  } finally {
    // Nothing of this execution may still be under way when the batch begins anew.
    await uploads.done();
  }
  const split = splitter.finish(batch);
  if (bad.size > 0) split.record.badFiles = [...bad.values()].sort((a, b) => a.file - b.file);
  const { bytes, metadata } = packBatch(environment, pipeline, split, held.bytes());
  await store.write(config.workContainer, work.split(input, batch), bytes, { metadata: { ...metadata, ...times() } });
  return { batch, rows: split.record.rows };
}

interface StageTarget {
  environment: Environment;
  pipeline: CompiledPipeline;
  of: Life;
  batch: number;
  part: number;
  held: HeldBlocks;
}

async function stageStatic(
  uploads: Uploads,
  target: StageTarget,
  entity: string,
  { fragment, parts }: WrittenFragment,
): Promise<void> {
  const { environment, pipeline, of, batch, part, held } = target;
  const name = output.part(pipeline, entity, of, part);
  const segments = segmentsOf(fragment.columns);
  fragment.checksums = segments.map(() => 0);
  fragment.held = segments.map(() => null);
  for (const [index, segment] of segments.entries()) {
    if (segment.late) continue;
    const bytes = segment.pieces.flatMap((piece) => parts[piece.column] ?? []);
    fragment.checksums[index] = crcOf(bytes);
    const at = held.hold(bytes);
    if (at !== undefined) {
      fragment.held[index] = at;
      continue;
    }
    const id = blockId(batch, fragment.rowGroup, index);
    await uploads.add(() => environment.store.stageBlock(pipeline.output.container, name, id, bytes));
  }
}

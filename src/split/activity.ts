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
import { invariant, type OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { ByteRange, PinnedBlob } from '../source/source-file.ts';
import { Uploads } from '../storage/in-flight.ts';
import { blockId, type Life, output, work } from '../storage/names.ts';
import type { BlobRange } from '../storage/store.ts';
import { BatchSplitter } from './batch.ts';
import { HeldBlocks } from './deferred-blocks.ts';
import { readOtherColumns } from './other-columns.ts';
import { readUnits, spansOf } from './read-units.ts';
import type { WrittenFragment } from './write/write-fragment.ts';

export interface BatchInput extends PlanRef {
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
  const planned = await loadPlan(environment, input);
  return await splitSettingAside(environment, planned, input, { bad: new Map(), revision: 0, blob: work.split });
}

/** What a batch begins with. */
export interface SplitStart {
  /** Files that are out already, by blob. */
  bad: Map<string, BadFile>;
  /** Revision of the batch without them. */
  revision: number;
  /** Name of what the batch leaves. */
  blob(of: Life, batch: number): string;
}

/**
 * Splits a batch. It begins anew without a file that is found to be bad: such a revision of the batch has blocks of its
 * own names, so another execution of this activity cannot put the bytes of one revision in the place of another's.
 */
export async function splitSettingAside(
  environment: Environment,
  planned: Planned,
  input: BatchInput,
  { bad, revision: first, blob }: SplitStart,
): Promise<SplitOutput> {
  const times = beginTask(environment, input);
  for (let revision = first; ; revision++) {
    try {
      const { bytes, metadata, rows } = await splitWithout(environment, planned, input, bad, revision);
      const name = blob(input, input.batch);
      const options = { metadata: { ...metadata, ...times() } };
      await environment.store.write(environment.config.workContainer, name, bytes, options);
      return { batch: input.batch, rows };
    } catch (thrown) {
      const found = await badFileOf(environment, planned, input.batch, thrown);
      if (!found || bad.has(found.blob) || bad.size >= limits.badFilesMax) throw thrown;
      bad.set(found.blob, found.bad);
    }
  }
}

/** The file that an error is about, where it is to be set aside. */
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
  return span && !span.out ? { blob: span.blob, bad: { file: span.number, ...reason } } : undefined;
}

async function splitWithout(
  environment: Environment,
  planned: Planned,
  input: BatchInput,
  bad: ReadonlyMap<string, BadFile>,
  revision: number,
): Promise<{ bytes: Uint8Array; metadata: Record<string, string>; rows: number }> {
  const { batch } = input;
  const { config } = environment;
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
  const target = { environment, pipeline, of: input, batch, revision, part: partOf(plan, batch), held };
  try {
    for await (const unit of readUnits(environment, planned, batch, new Set(bad.keys()))) {
      for (const [entity, written] of splitter.add(unit)) await stageStatic(uploads, target, entity, written);
    }
  } finally {
    // Nothing of this execution may still be under way when the batch begins anew.
    await uploads.done();
  }
  const { refused } = splitter;
  const others = refused.length > 0 ? await readOtherColumns(environment, planned, batch, refused) : undefined;
  const split = splitter.finish(batch, others);
  if (bad.size > 0) split.record.badFiles = [...bad.values()].sort((a, b) => a.file - b.file);
  if (revision > 0) split.record.revision = revision;
  return { ...packBatch(environment, pipeline, split, held.bytes()), rows: split.record.rows };
}

interface StageTarget {
  environment: Environment;
  pipeline: CompiledPipeline;
  of: Life;
  batch: number;
  revision: number;
  part: number;
  held: HeldBlocks;
}

async function stageStatic(
  uploads: Uploads,
  target: StageTarget,
  entity: string,
  { fragment, parts, from }: WrittenFragment,
): Promise<void> {
  const { environment, pipeline, of, batch, revision, part, held } = target;
  const name = output.part(pipeline, entity, of, part);
  const { container } = pipeline.output;
  const segments = segmentsOf(fragment.columns);
  fragment.checksums = segments.map(() => 0);
  fragment.held = segments.map(() => null);
  for (const [index, segment] of segments.entries()) {
    if (segment.late) continue;
    const id = blockId(batch, fragment.rowGroup, index, revision);
    if (segment.source) {
      invariant(from, 'a chunk that is copied is of a blob');
      const source = sourceRange(pipeline, from, segment.source);
      fragment.checksums[index] = null;
      await uploads.add(() => environment.store.stageBlockFrom(container, name, id, source));
      continue;
    }
    const bytes = segment.pieces.flatMap((piece) => parts[piece.column] ?? []);
    fragment.checksums[index] = crcOf(bytes);
    const at = held.hold(bytes);
    if (at !== undefined) {
      fragment.held[index] = at;
      continue;
    }
    await uploads.add(() => environment.store.stageBlock(container, name, id, bytes));
  }
}

/** Bytes of a source blob for the service. Services do not all refuse a range that goes beyond the blob's end. */
function sourceRange({ source }: CompiledPipeline, from: PinnedBlob, { start, length }: ByteRange): BlobRange {
  const { blob: name, etag, size } = from;
  invariant(start + length <= size, `bytes ${start} to ${start + length} are in the ${size} bytes of "${name}"`);
  return { container: source.container, name, offset: start, length, ifMatch: etag };
}

/**
 * Activity `split`: one batch. Fetches the next unit while it works on this one, and stages blocks meanwhile. The
 * record is written last: a batch is split when its record is there. All names and bytes are pure functions of the
 * plan and the pinned blob, so a second execution changes nothing.
 */

import { z } from 'zod';
import { crcOf } from '../bytes/crc32.ts';
import { packBatch } from '../documents/batch-blob.ts';
import { type Batch, type PlanRef, partOf, planRefSchema } from '../documents/documents.ts';
import { loadFooter, loadPlan } from '../documents/load.ts';
import { segmentsOf } from '../documents/split-record.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import type { FileMeta } from '../parquet/types.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import type { SourceChunk, UnitPlace, Window } from '../source/source-chunk.ts';
import { leafOf, type PinnedBlob, readRanges } from '../source/source-file.ts';
import { cutUnits, type Unit, type UnitGroup } from '../source/units.ts';
import { Uploads } from '../storage/in-flight.ts';
import { blockId, type Life, output, work } from '../storage/names.ts';
import { BatchSplitter } from './batch.ts';
import { HeldBlocks } from './deferred-blocks.ts';
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
  const { batch } = input;
  const { store, config } = environment;
  const planned = await loadPlan(environment, input);
  const { plan, pipeline } = planned;
  const spec = plan.batches[batch]!;
  const file = plan.files[spec.file]!;
  const meta = await loadFooter(environment, planned, spec.file);
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
  for await (const { place, chunks } of units(environment, pipeline, file, meta, spec, plan.unitBytes)) {
    for (const [entity, written] of splitter.add(chunks, place)) await stageStatic(uploads, target, entity, written);
  }
  const split = splitter.finish(batch);
  await uploads.done();
  const { bytes, metadata } = packBatch(pipeline, split, held.bytes());
  await store.write(config.workContainer, work.split(input, batch), bytes, { metadata });
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

interface FetchedUnit {
  place: UnitPlace;
  /** By contract column: its chunks in the unit's row groups. */
  chunks: Map<string, SourceChunk[]>;
}

/** The batch's units in order, each fetched while its predecessor is worked on. Parts of a row group are fetched once. */
async function* units(
  environment: Environment,
  pipeline: CompiledPipeline,
  file: PinnedBlob,
  meta: FileMeta,
  spec: Batch,
  unitBytes: number | undefined,
): AsyncIterable<FetchedUnit> {
  const wanted = cutUnits(groupsOf(pipeline, file, meta, spec), unitBytes);
  let last: { groups: number; chunks: Promise<Map<string, SourceChunk[]>> } | undefined;
  const fetch = (unit: Unit | undefined) => {
    if (!unit) return undefined;
    const groups = unit.rowGroups[0]!.rowGroup;
    if (last?.groups !== groups) {
      last = { groups, chunks: fetchGroups(environment, pipeline, file, meta, unit.rowGroups) };
      // An error here must not leave the prefetch's rejection unhandled.
      last.chunks.catch(() => undefined);
    }
    return last.chunks;
  };
  let next = fetch(wanted[0]);
  let firstRow = spec.firstRow;
  for (const [i, { rowGroups, rows, window }] of wanted.entries()) {
    const chunks: Map<string, SourceChunk[]> = (await next)!;
    next = fetch(wanted[i + 1]);
    const place: UnitPlace = {
      blob: file.blob,
      firstRow,
      rowGroups: window ? [{ rowGroup: rowGroups[0]!.rowGroup, rows }] : rowGroups,
    };
    yield { place, chunks: window ? windowed(chunks, window) : chunks };
    firstRow += rows;
  }
}

function windowed(chunks: ReadonlyMap<string, SourceChunk[]>, window: Window): Map<string, SourceChunk[]> {
  return new Map([...chunks].map(([name, list]) => [name, list.map((chunk) => ({ ...chunk, window }))]));
}

/** The batch's row groups, with what their used columns take when decoded: what is stored, or an index a row. */
function groupsOf(pipeline: CompiledPipeline, file: PinnedBlob, meta: FileMeta, spec: Batch): UnitGroup[] {
  const leaves = pipeline.contract.map(({ name }) => leafOf(meta, name, file.blob));
  return meta.rowGroups.slice(spec.from, spec.to).map(({ rows, chunks }, i) => ({
    rowGroup: spec.from + i,
    rows,
    bytes: leaves.reduce((sum, leaf) => sum + Math.max(4 * rows, chunks[leaf.ordinal]!.uncompressedLength), 0),
  }));
}

async function fetchGroups(
  environment: Environment,
  pipeline: CompiledPipeline,
  file: PinnedBlob,
  meta: FileMeta,
  groups: readonly UnitGroup[],
): Promise<Map<string, SourceChunk[]>> {
  const wanted = pipeline.contract.flatMap(({ name }) => {
    const leaf = leafOf(meta, name, file.blob);
    return groups.map(({ rowGroup, rows }) => ({
      leaf,
      meta: meta.rowGroups[rowGroup]!.chunks[leaf.ordinal]!,
      rows,
      rowGroup,
    }));
  });
  const ranges = wanted.map(({ meta: { start, length } }) => ({ start, length }));
  const bodies = await readRanges(environment.store, pipeline.source.container, file, ranges);
  const chunks = new Map<string, SourceChunk[]>();
  for (const [i, chunk] of wanted.entries()) {
    const list = chunks.get(chunk.leaf.name) ?? [];
    list.push({ ...chunk, bytes: bodies[i]! });
    chunks.set(chunk.leaf.name, list);
  }
  return chunks;
}

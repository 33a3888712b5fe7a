/**
 * Activity `split`: one batch. Fetches the next row group while it works on this one, and stages blocks meanwhile. The
 * record is written last: a batch is split when its record is there. All names and bytes are pure functions of the
 * plan and the pinned blob, so a second execution changes nothing.
 */

import type { FileMeta } from '../../parquet/types.ts';
import type { CompiledPipeline } from '../../pipeline/compiled.ts';
import { BatchSplitter } from '../../split/batch.ts';
import type { SourceChunk } from '../../split/clean.ts';
import { segmentsOf } from '../../split/fragment.ts';
import type { WrittenFragment } from '../../split/write-fragment.ts';
import { packFrame } from '../../storage/frame.ts';
import { blockId, output, work } from '../../storage/names.ts';
import type { Batch, Plan } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { loadPlan } from '../load.ts';
import { leafOf } from '../plan.ts';
import { Uploads } from '../pool.ts';
import { type PinnedBlob, readFooter, readRanges } from '../source.ts';

export interface BatchInput {
  runId: string;
  batch: number;
}

export interface SplitOutput {
  batch: number;
  rows: number;
}

export async function splitActivity(environment: Environment, { runId, batch }: BatchInput): Promise<SplitOutput> {
  const { store, config } = environment;
  const { plan, pipeline } = await loadPlan(environment, runId);
  const spec = plan.batches[batch]!;
  const file = plan.files[spec.file]!;
  const meta = await readFooter(store, pipeline.source.container, file);
  const splitter = new BatchSplitter(pipeline, {
    outputs: new Map(Object.entries(plan.outputs)),
    keyTypes: new Map(Object.entries(plan.keyTypes)),
  });
  const uploads = new Uploads(config.requestsInFlight);
  const target = { environment, pipeline, runId, batch, part: partOf(plan, batch) };
  let firstRow = spec.firstRow;
  for await (const { group, chunks } of rowGroups(environment, pipeline, file, meta, spec)) {
    const rows = meta.rowGroups[group]!.rows;
    const place = { blob: file.blob, rowGroup: group, firstRow };
    for (const [entity, written] of splitter.add(chunks(place), rows, place)) {
      await stageStatic(uploads, target, entity, written);
    }
    firstRow += rows;
  }
  const { record, sections, keyLists } = splitter.finish(batch);
  for (const [entity, bytes] of keyLists) {
    await uploads.add(() => store.write(config.workContainer, work.keyList(runId, entity, batch), bytes));
  }
  await uploads.done();
  await store.write(config.workContainer, work.split(runId, batch), packFrame(record, sections), {
    metadata: { rows: String(record.rows) },
  });
  return { batch, rows: record.rows };
}

/** The output file that a batch's rows go to. */
export function partOf(plan: Plan, batch: number): number {
  return plan.parts.findIndex((part) => batch >= part.from && batch < part.to);
}

interface StageTarget {
  environment: Environment;
  pipeline: CompiledPipeline;
  runId: string;
  batch: number;
  part: number;
}

async function stageStatic(
  uploads: Uploads,
  target: StageTarget,
  entity: string,
  { fragment, parts }: WrittenFragment,
): Promise<void> {
  const { environment, pipeline, runId, batch, part } = target;
  const name = output.part(pipeline, entity, runId, part);
  const segments = segmentsOf(fragment.columns);
  for (const [index, segment] of segments.entries()) {
    if (segment.late) continue;
    const bytes = segment.pieces.flatMap((piece) => parts[piece.column] ?? []);
    const id = blockId(batch, fragment.rowGroup, index);
    await uploads.add(() => environment.store.stageBlock(pipeline.output.container, name, id, bytes));
  }
}

interface FetchedGroup {
  group: number;
  chunks(place: SourceChunk['place']): Map<string, SourceChunk>;
}

/** The batch's row groups in order, each fetched while its predecessor is worked on. */
async function* rowGroups(
  environment: Environment,
  pipeline: CompiledPipeline,
  file: PinnedBlob,
  meta: FileMeta,
  spec: Batch,
): AsyncIterable<FetchedGroup> {
  const leaves = pipeline.contract.map((contract) => leafOf(meta, contract.name, file.blob));
  const fetch = async (group: number): Promise<FetchedGroup> => {
    const { chunks: metas, rows } = meta.rowGroups[group]!;
    const ranges = leaves.map((leaf) => ({ start: metas[leaf.ordinal]!.start, length: metas[leaf.ordinal]!.length }));
    const bodies = await readRanges(environment.store, pipeline.source.container, file, ranges);
    return {
      group,
      chunks: (place) =>
        new Map(
          leaves.map((leaf, i) => [leaf.name, { leaf, meta: metas[leaf.ordinal]!, bytes: bodies[i]!, rows, place }]),
        ),
    };
  };
  const wanted: number[] = [];
  for (let group = spec.from; group < spec.to; group++) if (meta.rowGroups[group]!.rows > 0) wanted.push(group);
  let next = wanted[0] === undefined ? undefined : fetch(wanted[0]);
  for (let i = 0; next; i++) {
    const current: FetchedGroup = await next;
    next = wanted[i + 1] === undefined ? undefined : fetch(wanted[i + 1]!);
    // An error here must not leave the prefetch's rejection unhandled.
    next?.catch(() => undefined);
    yield current;
  }
}

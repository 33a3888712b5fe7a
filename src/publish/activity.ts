/**
 * Activity `publishFile`: one output file. It commits a block with the magic, the row groups' blocks in order and a
 * block with the footer, by one Put Block List: readers see the whole file or no file. No data is read or moved. A
 * second execution commits the same blocks.
 */

import { z } from 'zod';
import { crcOf, crcText, joinCrc } from '../bytes/crc32.ts';
import type { Tally } from '../documents/batch-blob.ts';
import { type Ids, isWritten, type OutLeaf, type PlanRef, planRefSchema, type Sealed } from '../documents/documents.ts';
import { loadIds, loadPlan, loadSealed, loadTally } from '../documents/load.ts';
import type { PublishedFile } from '../documents/manifest.ts';
import { beginTask } from '../documents/task-times.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { CREATED_BY, MAGIC, placeChunk, writeFooter } from '../parquet/index.ts';
import type { Entity } from '../pipeline/compiled.ts';
import { stagedDatasets } from '../resolve/keyed-datasets.ts';
import { IdMap } from '../sequence/id-map.ts';
import { endOf, type IdRange } from '../sequence/id-range.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { writeJson } from '../storage/json.ts';
import { blockId, type KeyedDatasetKind, output, sealTag, work } from '../storage/names.ts';
import { commitOnce } from '../storage/write-once.ts';

const publishInputSchema = planRefSchema.extend({ entity: z.string(), part: z.int().nonnegative() });
type PublishInput = z.infer<typeof publishInputSchema>;

export interface PublishOutput {
  entity: string;
  part: number;
  rows: number;
  bytes: number;
}

type RowGroup = Sealed['rowGroups'][string][number];

export const publishFile = defineActivity({ name: 'publishFile', input: publishInputSchema, work: publishActivity });

/** A file without rows is not written: `rows` is then 0. Of a keyed entity, the files of all its datasets. */
async function publishActivity(environment: Environment, input: PublishInput): Promise<PublishOutput> {
  const { entity: name, part } = input;
  const times = beginTask(environment, input);
  const planned = await loadPlan(environment, input);
  const { plan, pipeline } = planned;
  const entity = pipeline.entities.find((candidate) => candidate.name === name);
  invariant(entity, `"${name}" is an entity of "${pipeline.name}"`);
  const sum: PublishOutput = { entity: name, part, rows: 0, bytes: 0 };
  const publish = async (dataset: KeyedDatasetKind, from: number, columns: OutLeaf[], tags: string[]) => {
    const blob =
      entity.kind === 'keyed'
        ? output.keyed(pipeline, name, input, part, dataset)
        : output.part(pipeline, name, input, part);
    const file = await publishOne(environment, { ref: input, entity, dataset, from, columns, tags, blob });
    await writeJson(
      environment.store,
      environment.config.workContainer,
      work.published(input, name, part, dataset),
      { version: 1, file },
      { metadata: { ...times(), rows: String(file.rows) } },
    );
    sum.rows += file.rows;
    sum.bytes += file.bytes;
  };
  if (entity.kind === 'keyed') {
    for (const { kind, leaves: columns } of await stagedDatasets(environment, planned, entity, part)) {
      await publish(kind, part, columns, [sealTag.keyed(name, part, kind)]);
    }
  } else {
    const { from, to } = plan.parts[part] ?? { from: 0, to: 0 };
    const tags = plan.sealGroups.flatMap((group, g) =>
      group.from >= from && group.to <= to ? [sealTag.group(g)] : [],
    );
    await publish('new', from, plan.outputs[name]!, tags);
  }
  return sum;
}

interface OneFile {
  ref: PlanRef;
  entity: Entity;
  dataset: KeyedDatasetKind;
  /** The first batch of a rows entity's file, or a key partition. */
  from: number;
  columns: OutLeaf[];
  /** Units that sealed the file's row groups, in their order. */
  tags: readonly string[];
  blob: string;
}

async function publishOne(environment: Environment, of: OneFile): Promise<PublishedFile> {
  const { ref, entity, dataset, from, columns, tags, blob } = of;
  const { runId } = ref;
  const { store, config } = environment;
  const planned = await loadPlan(environment, ref);
  const { pipeline } = planned;
  const sealed = await mapBounded(tags, config.requestsInFlight, (tag) => loadSealed(environment, ref, tag));
  const rowGroups = sealed.flatMap((document) => document.rowGroups[entity.name] ?? []);
  const rows = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  const file: PublishedFile = { blob, rows, bytes: 0, crc32: '', firstId: null, lastId: null };
  if (rows === 0) return file;
  // Rows of known keys have the IDs that they have had, in no order.
  const [tally, bound] = await Promise.all([loadTally(environment, planned), loadIds(environment, planned)]);
  const ids = dataset === 'new' ? ownIds(entity, tally, bound, from, rows) : undefined;
  const keyValues = {
    'ordinal.run': runId,
    'ordinal.pipeline': pipeline.name,
    ...(ids ? { 'ordinal.sequence': ids.sequence, 'ordinal.ids': ids.text } : { 'ordinal.dataset': dataset }),
  };
  const isHere = (leaf: OutLeaf) => isWritten(pipeline, leaf);
  const { foot, blocks, bytes, crc } = layout(rowGroups, columns, isHere, keyValues, ids !== undefined);
  await Promise.all([
    store.stageBlock(pipeline.output.container, blob, blocks[0]!, [MAGIC]),
    store.stageBlock(pipeline.output.container, blob, blocks.at(-1)!, [foot]),
  ]);
  const options = { contentType: 'application/vnd.apache.parquet' };
  await commitOnce(store, pipeline.output.container, blob, blocks, bytes, options);
  return {
    ...file,
    bytes,
    crc32: crc === undefined ? '' : crcText(crc),
    firstId: ids?.first ?? null,
    lastId: ids?.last ?? null,
  };
}

/** The file's blocks and footer: chunk offsets follow from the blocks' lengths. Of a column that is not written only bytes are there. */
function layout(
  rowGroups: readonly RowGroup[],
  columns: readonly OutLeaf[],
  isHere: (leaf: OutLeaf) => boolean,
  keyValues: Record<string, string>,
  sorted: boolean,
): { foot: Uint8Array; blocks: string[]; bytes: number; crc: number | undefined } {
  let offset = MAGIC.length;
  // Undefined once a part of the file is one that nobody here has seen.
  let crc: number | undefined = crcOf([MAGIC]);
  const blocks = [blockId(0, 0, 'head')];
  const groups = rowGroups.map(({ rows, chunks, blocks: staged }) => {
    const placed = chunks.map((meta) => {
      const chunk = placeChunk({ meta }, offset);
      offset += meta.length;
      return chunk;
    });
    for (const block of staged) {
      blocks.push(block.id);
      crc = crc === undefined || block.crc === null ? undefined : joinCrc(crc, block.crc, block.length);
    }
    // The first column is the row's own ID, which ascends.
    const written = placed.filter((_, c) => isHere(columns[c]!));
    return { rows, chunks: written, ...(sorted && { sortedBy: 0 }) };
  });
  blocks.push(blockId(0, 0, 'foot'));
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  const leaves = columns.filter(isHere);
  const foot = writeFooter({ leaves, rowGroups: groups, rows, keyValues, createdBy: CREATED_BY });
  if (crc !== undefined) crc = joinCrc(crc, crcOf([foot]), foot.byteLength);
  return { foot, blocks, bytes: offset + foot.byteLength, crc };
}

/** IDs of a file's rows; `from` is its first batch, or its key partition. */
function ownIds({ name, kind, columns }: Entity, tally: Tally, ids: Ids, from: number, rows: number) {
  const column = columns[0]!;
  invariant(column.kind === 'id', `"${name}" has an own ID`);
  const map = new IdMap(ids.sequences[column.sequence]!);
  const before = (kind === 'keyed' ? ids.partitions : tally.starts)[name]![from]!;
  const ranges = map.slice(ids.bases[name]![column.name]! + before, rows);
  const last = (range: IdRange) => endOf(range, map.step) - map.step;
  return {
    sequence: column.sequence,
    first: String(ranges[0]!.first),
    last: String(last(ranges.at(-1)!)),
    text: ranges.map((range) => `${range.first}..${last(range)}`).join(','),
  };
}

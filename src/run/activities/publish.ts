/**
 * Activity `publish`: one output file. A magic block, the row groups' blocks in order, a footer block, and one Put
 * Block List: readers see the whole file or none. No data is read or moved. Done again, it commits the same blocks.
 */
import { z } from 'zod';
import { invariant } from '../../errors.ts';
import { CREATED_BY, MAGIC, placeChunk, writeFooter } from '../../parquet/index.ts';
import { crcOf, crcText, joinCrc } from '../../storage/crc.ts';
import { requireJson, writeJson } from '../../storage/json.ts';
import { blockId, output, unit, work } from '../../storage/names.ts';
import { idsSchema, type PublishedFile, type Sealed, tallySchema } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { loadPlan, loadSealed } from '../load.ts';
import { mapBounded } from '../pool.ts';
import { IdMap } from '../ranges.ts';

export const publishInputSchema = z.object({ runId: z.string(), entity: z.string(), part: z.int().nonnegative() });
export type PublishInput = z.infer<typeof publishInputSchema>;

export interface PublishOutput {
  entity: string;
  part: number;
  rows: number;
  bytes: number;
}

type RowGroup = Sealed['rowGroups'][string][number];

/** A file without rows is not written: `rows` is then 0. */
export async function publishActivity(environment: Environment, input: PublishInput): Promise<PublishOutput> {
  const { runId, entity: name, part } = input;
  const { store, config } = environment;
  const { plan, pipeline } = await loadPlan(environment, runId);
  const entity = pipeline.entities.find((candidate) => candidate.name === name);
  invariant(entity, `"${name}" is an entity of "${pipeline.name}"`);
  const keyed = entity.kind === 'keyed';
  const { from, to } = plan.parts[part] ?? { from: 0, to: 0 };
  const tags = keyed ? [unit.keyed(name, part)] : Array.from({ length: to - from }, (_, i) => unit.batch(from + i));
  const sealed = await mapBounded(tags, config.requestsInFlight, (tag) => loadSealed(environment, runId, tag));
  const rowGroups = sealed.flatMap((document) => document.rowGroups[name] ?? []);
  const rows = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  const file: PublishedFile = {
    blob: output.part(pipeline, name, runId, part),
    rows,
    bytes: 0,
    crc32: '',
    firstId: null,
    lastId: null,
  };
  if (rows > 0) {
    const ids = await ownIds(environment, runId, name, keyed ? part : from, rows);
    const keyValues = {
      'ordinal.run': runId,
      'ordinal.pipeline': pipeline.name,
      'ordinal.sequence': ids.sequence,
      'ordinal.ids': ids.text,
    };
    const { foot, blocks, bytes, crc } = layout(rowGroups, plan.outputs[name]!, keyValues);
    await Promise.all([
      store.stageBlock(pipeline.output.container, file.blob, blocks[0]!, [MAGIC]),
      store.stageBlock(pipeline.output.container, file.blob, blocks.at(-1)!, [foot]),
    ]);
    await store.commitBlocks(pipeline.output.container, file.blob, blocks, {
      contentType: 'application/vnd.apache.parquet',
    });
    Object.assign(file, { bytes, crc32: crcText(crc), firstId: ids.first, lastId: ids.last });
  }
  await writeJson(store, config.workContainer, work.published(runId, name, part), file);
  return { entity: name, part, rows, bytes: file.bytes };
}

/** The file's blocks and footer: chunk offsets follow from the blocks' lengths. */
function layout(
  rowGroups: readonly RowGroup[],
  leaves: Parameters<typeof writeFooter>[0]['leaves'],
  keyValues: Record<string, string>,
): { foot: Uint8Array; blocks: string[]; bytes: number; crc: number } {
  let offset = MAGIC.length;
  let crc = crcOf([MAGIC]);
  const blocks = [blockId(0, 0, 'head')];
  const groups = rowGroups.map(({ rows, chunks, blocks: staged }) => {
    const placed = chunks.map((meta) => {
      const chunk = placeChunk({ meta }, offset);
      offset += meta.length;
      return chunk;
    });
    for (const block of staged) {
      blocks.push(block.id);
      crc = joinCrc(crc, block.crc, block.length);
    }
    // The first column is the row's own ID, which ascends.
    return { rows, chunks: placed, sortedBy: 0 };
  });
  blocks.push(blockId(0, 0, 'foot'));
  const rows = groups.reduce((sum, group) => sum + group.rows, 0);
  const foot = writeFooter({ leaves, rowGroups: groups, rows, keyValues, createdBy: CREATED_BY });
  crc = joinCrc(crc, crcOf([foot]), foot.byteLength);
  return { foot, blocks, bytes: offset + foot.byteLength, crc };
}

/** IDs of a file's rows; `from` is its first batch, or its key partition. */
async function ownIds(environment: Environment, runId: string, entity: string, from: number, rows: number) {
  const { store, config } = environment;
  const [{ pipeline }, tally, ids] = await Promise.all([
    loadPlan(environment, runId),
    requireJson(store, config.workContainer, work.tally(runId), tallySchema),
    requireJson(store, config.workContainer, work.ids(runId), idsSchema),
  ]);
  const definition = pipeline.entities.find((candidate) => candidate.name === entity)!;
  const column = definition.columns[0]!;
  invariant(column.kind === 'id', `"${entity}" has an own ID`);
  const map = new IdMap(ids.sequences[column.sequence]!);
  const before = (definition.kind === 'keyed' ? ids.partitions : tally.starts)[entity]![from]!;
  const ranges = map.slice(ids.bases[entity]![column.name]! + before, rows);
  const spans = ranges.map(({ first, count, step }) => ({ first, last: first + BigInt(count - 1) * step }));
  return {
    sequence: column.sequence,
    first: String(spans[0]!.first),
    last: String(spans.at(-1)!.last),
    text: spans.map(({ first, last }) => `${first}..${last}`).join(','),
  };
}

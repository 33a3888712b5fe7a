/**
 * Activities `sealBatches` and `sealKeyed`: they give IDs to what the split left. They write the late halves of the
 * fragments of some batches, or of a keyed entity's new rows, and the complete metadata of their row groups. The
 * orchestrator calls them when `ids.json` is there.
 */

import { z } from 'zod';
import { crcOf } from '../bytes/crc32.ts';
import { type OutLeaf, partOf, planRefSchema, resolvedSchema, type Sealed } from '../documents/documents.ts';
import { type LoadedRecord, loadSplitRecord } from '../documents/load.ts';
import type { Fragment, FragmentColumn } from '../documents/split-record.ts';
import { beginTask } from '../documents/task-times.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { plainOnly } from '../parquet/readers.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { Entity } from '../pipeline/compiled.ts';
import { type KeyedDataset, stagedDatasets } from '../resolve/keyed-datasets.ts';
import { keyedEntity } from '../resolve/run-key-index.ts';
import { heldBlock } from '../split/deferred-blocks.ts';
import { unpackFrame } from '../storage/frame.ts';
import { Uploads } from '../storage/in-flight.ts';
import { requireBytes, writeJson } from '../storage/json.ts';
import { blockId, output, sealTag, work } from '../storage/names.ts';
import { allSlots, batchSlots, type OpenRun, openRun, runsOf } from './seal-context.ts';
import { type Binding, type SealedFragment, sealFragment } from './seal-fragment.ts';

const sealInputSchema = planRefSchema.extend({ group: z.int().nonnegative() });
type SealInput = z.infer<typeof sealInputSchema>;

const sealKeyedInputSchema = planRefSchema.extend({
  entity: z.string(),
  partition: z.int().nonnegative().default(0),
});
type SealKeyedInput = z.infer<typeof sealKeyedInputSchema>;

const int64: ColumnType = { physical: 'INT64' };

/** Gives the times of a seal as metadata, when it writes. */
type Times = ReturnType<typeof beginTask>;

export interface SealOutput {
  sealed: string;
  rowGroups: number;
}

export const sealBatches = defineActivity({ name: 'sealBatches', input: sealInputSchema, work: sealActivity });

/** Several batches, one after the other; the next one is read while this one is sealed. */
async function sealActivity(environment: Environment, input: SealInput): Promise<SealOutput> {
  const times = beginTask(environment, input);
  const run = await openRun(environment, input);
  const { from, to } = run.plan.sealGroups[input.group]!;
  const sealing = new Sealing(run);
  let next = openBatch(run, from);
  for (let batch = from; batch < to; batch++) {
    const { groups, place, revision, ...record } = await next;
    if (batch + 1 < to) {
      next = openBatch(run, batch + 1);
      // An error here must not leave the prefetch's rejection unhandled.
      next.catch(() => undefined);
    }
    await sealing.add({ batch, revision }, groups, record, place);
  }
  return await sealing.finish(sealTag.group(input.group), times);
}

async function openBatch(run: OpenRun, batch: number) {
  const { record, ...beside } = await loadSplitRecord(run.environment, run.tally, batch);
  const entities = run.pipeline.entities.filter((entity) => entity.kind === 'rows');
  const part = partOf(run.plan, batch);
  const groups = entities.map((entity) => ({
    entity,
    fragments: record.fragments[entity.name] ?? [],
    leaves: run.plan.outputs[entity.name]!,
    blob: output.part(run.pipeline, entity.name, run.plan, part),
  }));
  const targets = new Set(groups.flatMap(({ fragments }) => keyTargets(fragments)));
  const slots = await batchSlots(run, targets, batch);
  const place: Place = {
    batch,
    part,
    keyIds: (target, keys) => run.idsOfSlots(target, slots.get(target)!, keys),
    keyIdsOfBatches: () => impossible('a rows entity binds keys of its own batch'),
  };
  return { groups, ...beside, place, revision: record.revision ?? 0 };
}

export const sealKeyed = defineActivity({ name: 'sealKeyed', input: sealKeyedInputSchema, work: sealKeyedActivity });

async function sealKeyedActivity(environment: Environment, input: SealKeyedInput): Promise<SealOutput> {
  const { entity: name, partition } = input;
  const times = beginTask(environment, input);
  const run = await openRun(environment, input);
  const sealed: SealOutput = { sealed: sealTag.keyed(name, partition, 'new'), rowGroups: 0 };
  for (const dataset of await stagedDatasets(environment, run, keyedEntity(run.pipeline, name), partition)) {
    sealed.rowGroups += (await sealDataset(run, dataset, partition, times)).rowGroups;
  }
  return sealed;
}

async function sealDataset(
  run: OpenRun,
  { kind, entity, leaves }: KeyedDataset,
  partition: number,
  times: Times,
): Promise<SealOutput> {
  const blob = work.resolved(run.plan, entity.name, partition, kind);
  const { header, sections } = unpackFrame(await requireBytes(run.environment.store, run.container, blob), blob);
  const { fragments } = resolvedSchema.parse(header);
  const targets = new Set(fragments.flatMap((f) => f.columns.flatMap((c) => (c.kind === 'lateRef' ? [c.target] : []))));
  const slots = await allSlots(run, targets);
  const file = output.keyed(run.pipeline, entity.name, run.plan, partition, kind);
  const group = { entity, fragments, leaves, blob: file };
  const sealing = new Sealing(run);
  await sealing.add(
    { batch: 0, revision: 0 },
    [group],
    { sections, held: new Uint8Array(0), name: blob },
    {
      batch: undefined,
      part: partition,
      keyIds: () => impossible('a keyed entity binds keys of all batches'),
      keyIdsOfBatches: (target, batches, keys) => run.idsOfBatches(target, slots.get(target)!, batches, keys),
    },
  );
  return await sealing.finish(sealTag.keyed(entity.name, partition, kind), times);
}

function impossible(message: string): never {
  throw new OrdinalError('Internal', message);
}

/** Fragments of one file. */
interface Group {
  entity: Entity;
  fragments: readonly Fragment[];
  leaves: readonly OutLeaf[];
  blob: string;
}

/** Whose blocks: those of a batch and its revision, or batch 0 for a keyed entity's own rows. */
interface Owner {
  batch: number;
  revision: number;
}

interface Place extends Pick<Binding, 'keyIds' | 'keyIdsOfBatches'> {
  /** Undefined for a keyed entity's own rows. */
  batch: number | undefined;
  /** The key partition of a keyed entity's rows, the output file of others. */
  part: number;
}

/** What lies beside a record: its lists, and the blocks that were held back, in the blob `name`. */
type Beside = Pick<LoadedRecord, 'sections' | 'held' | 'name'>;

/** Seals fragments, and writes the metadata of all their row groups at the end. */
class Sealing {
  readonly #run: OpenRun;
  readonly #uploads: Uploads;
  readonly #sealed: Sealed = { version: 1, rowGroups: {} };

  constructor(run: OpenRun) {
    this.#run = run;
    this.#uploads = new Uploads(run.environment.config.requestsInFlight);
  }

  /** `owner` names the blocks. */
  async add(
    owner: Owner,
    groups: readonly Group[],
    { sections, held, name: from }: Beside,
    place: Place,
  ): Promise<void> {
    const { ids, tally } = this.#run;
    for (const group of groups) {
      const { name } = group.entity;
      let row = place.batch === undefined ? ids.partitions[name]![place.part]! : tally.starts[name]![place.batch]!;
      for (const fragment of group.fragments) {
        const binding = bindingOf(this.#run, group, row, fragment.rows, place);
        const heldSegment = (s: number, length: number) =>
          heldBlock(held, fragment.held![s]!, length, fragment.checksums![s]!, from);
        await this.#stage(owner, group, fragment, sealFragment(fragment, sections, binding, heldSegment));
        row += fragment.rows;
      }
    }
  }

  async #stage(
    { batch, revision }: Owner,
    { entity, blob }: Group,
    fragment: Fragment,
    { rows, chunks, blocks: sealed }: SealedFragment,
  ): Promise<void> {
    const { environment, pipeline } = this.#run;
    const blocks: Sealed['rowGroups'][string][number]['blocks'] = [];
    for (const { segment, parts, length } of sealed) {
      const id = blockId(batch, fragment.rowGroup, segment, revision);
      blocks.push({ id, length, crc: parts ? crcOf(parts) : (fragment.checksums![segment] as number | null) });
      if (!parts) continue;
      await this.#uploads.add(() => environment.store.stageBlock(pipeline.output.container, blob, id, parts));
    }
    const done = this.#sealed.rowGroups[entity.name] ?? [];
    this.#sealed.rowGroups[entity.name] = done;
    done.push({ rows, chunks, blocks });
  }

  async finish(tag: string, times: Times): Promise<SealOutput> {
    const { environment, container, plan } = this.#run;
    await this.#uploads.done();
    await writeJson(environment.store, container, work.sealed(plan, tag), this.#sealed, { metadata: times() });
    const rowGroups = Object.values(this.#sealed.rowGroups).reduce((sum, list) => sum + list.length, 0);
    return { sealed: tag, rowGroups };
  }
}

function bindingOf(
  run: OpenRun,
  { entity, leaves }: Pick<Group, 'entity' | 'leaves'>,
  firstRow: number,
  rows: number,
  place: Place,
): Binding {
  return {
    idEncoding: run.pipeline.idEncoding,
    plain: plainOnly(run.pipeline.readers, int64),
    codec: run.plan.codec,
    ownIds(column) {
      const { kind, name, ...rest } = entity.columns[column]!;
      invariant(kind === 'id' && 'sequence' in rest, 'an ID column');
      return runsOf(run.idMap(rest.sequence), run.ids.bases[entity.name]![name]! + firstRow, rows);
    },
    keyIds: place.keyIds,
    keyIdsOfBatches: place.keyIdsOfBatches,
    rowIds: (target, first, count) => run.rowIds(target, place.batch!, first, count),
    rowIdsAt: (target, at) => run.rowIdsAt(target, place.batch!, at),
    optional: (column) => leaves[column]!.optional,
  };
}

function keyTargets(fragments: readonly Fragment[]): string[] {
  return fragments.flatMap((fragment) => fragment.columns.flatMap((c) => (isRef(c) ? [c.target] : [])));
}

function isRef(column: FragmentColumn): column is FragmentColumn & { kind: 'ref' | 'plainRef' } {
  return column.kind === 'ref' || column.kind === 'plainRef';
}

/**
 * Activities `seal` and `sealKeyed`: bind IDs. They write the late halves of a batch's fragments, or of a keyed
 * entity's new rows, and the complete metadata of their row groups.
 */
import { z } from 'zod';
import { invariant, OrdinalError } from '../../errors.ts';
import type { CompiledPipeline, Entity } from '../../pipeline/compiled.ts';
import type { Fragment } from '../../split/fragment.ts';
import { type Binding, sealFragment } from '../../split/seal-fragment.ts';
import { crcOf } from '../../storage/crc.ts';
import { unpackFrame } from '../../storage/frame.ts';
import { requireBytes, writeJson } from '../../storage/json.ts';
import { blockId, output, unit, work } from '../../storage/names.ts';
import type { Tally } from '../batch-blob.ts';
import {
  type Ids,
  type OutLeaf,
  type Plan,
  type PlanRef,
  planRefSchema,
  resolvedSchema,
  type Sealed,
} from '../documents.ts';
import type { Environment } from '../environment.ts';
import { keyedEntity } from '../key-index.ts';
import { type KeyedDataset, keyedDatasets } from '../keyed-datasets.ts';
import { loadIds, loadPlan, loadSplitRecord, loadTally } from '../load.ts';
import { Uploads } from '../pool.ts';
import { IdMap } from '../ranges.ts';
import { NO_SLOT } from './resolve.ts';
import { type BatchInput, partOf } from './split.ts';

export const sealKeyedInputSchema = planRefSchema.extend({
  entity: z.string(),
  partition: z.int().nonnegative().default(0),
});
export type SealKeyedInput = z.infer<typeof sealKeyedInputSchema>;

export interface SealOutput {
  sealed: string;
  rowGroups: number;
}

export async function sealActivity(environment: Environment, input: BatchInput): Promise<SealOutput> {
  const { runId, batch } = input;
  const run = await openRun(environment, input);
  const { record, sections } = await loadSplitRecord(environment, run.pipeline, runId, run.tally, batch);
  const entities = run.pipeline.entities.filter((entity) => entity.kind === 'rows');
  const part = partOf(run.plan, batch);
  const groups = entities.map((entity) => ({
    entity,
    fragments: record.fragments[entity.name] ?? [],
    leaves: run.plan.outputs[entity.name]!,
    blob: output.part(run.pipeline, entity.name, runId, part),
  }));
  const targets = new Set(groups.flatMap(({ fragments }) => keyTargets(fragments)));
  const slots = await batchSlots(run, targets, batch);
  return sealAll(run, unit.batch(batch), batch, groups, sections, {
    batch,
    part,
    keyIds: (target, keys) => run.idsOfSlots(target, slots.get(target)!, keys),
    keyIdsOfBatches: () => impossible('a rows entity binds keys of its own batch'),
  });
}

export async function sealKeyedActivity(environment: Environment, input: SealKeyedInput): Promise<SealOutput> {
  const { entity: name, partition } = input;
  const run = await openRun(environment, input);
  const sealed: SealOutput = { sealed: unit.keyed(name, partition, 'new'), rowGroups: 0 };
  for (const dataset of keyedDatasets(keyedEntity(run.pipeline, name), run.plan.outputs[name]!)) {
    sealed.rowGroups += (await sealDataset(run, dataset, partition)).rowGroups;
  }
  return sealed;
}

async function sealDataset(
  run: OpenRun,
  { kind, entity, leaves }: KeyedDataset,
  partition: number,
): Promise<SealOutput> {
  const blob = work.resolved(run.runId, entity.name, partition, kind);
  const { header, sections } = unpackFrame(await requireBytes(run.environment.store, run.container, blob), blob);
  const { fragments } = resolvedSchema.parse(header);
  const targets = new Set(fragments.flatMap((f) => f.columns.flatMap((c) => (c.kind === 'lateRef' ? [c.target] : []))));
  const slots = await allSlots(run, targets);
  const file = output.keyed(run.pipeline, entity.name, run.runId, partition, kind);
  const group = { entity, fragments, leaves, blob: file };
  return sealAll(run, unit.keyed(entity.name, partition, kind), 0, [group], sections, {
    batch: undefined,
    part: partition,
    keyIds: () => impossible('a keyed entity binds keys of all batches'),
    keyIdsOfBatches: (target, batches, keys) => run.idsOfBatches(target, slots.get(target)!, batches, keys),
  });
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

interface Place extends Pick<Binding, 'keyIds' | 'keyIdsOfBatches'> {
  /** Undefined for a keyed entity's own rows. */
  batch: number | undefined;
  /** The key partition of a keyed entity's rows, the output file of others. */
  part: number;
}

async function sealAll(
  run: OpenRun,
  tag: string,
  owner: number,
  groups: readonly Group[],
  sections: readonly Int32Array[],
  place: Place,
): Promise<SealOutput> {
  const { store, config } = run.environment;
  const uploads = new Uploads(config.requestsInFlight);
  const sealed: Sealed = { rowGroups: {} };
  for (const { entity, fragments, leaves, blob } of groups) {
    let row =
      place.batch === undefined
        ? run.ids.partitions[entity.name]![place.part]!
        : run.tally.starts[entity.name]![place.batch]!;
    const done: Sealed['rowGroups'][string] = [];
    for (const fragment of fragments) {
      const { rows, chunks, segments } = sealFragment(
        fragment,
        sections,
        bindingOf(run, { entity, leaves }, row, fragment.rows, place),
      );
      const blocks = segments.map(({ late, length, parts }, s) => ({
        id: blockId(owner, fragment.rowGroup, s),
        length,
        crc: late ? crcOf(parts) : fragment.checksums![s]!,
      }));
      for (const [s, segment] of segments.entries()) {
        if (!segment.late) continue;
        await uploads.add(() => store.stageBlock(run.pipeline.output.container, blob, blocks[s]!.id, segment.parts));
      }
      done.push({ rows, chunks, blocks });
      row += rows;
    }
    sealed.rowGroups[entity.name] = done;
  }
  await uploads.done();
  await writeJson(store, run.container, work.sealed(run.runId, tag), sealed);
  return { sealed: tag, rowGroups: Object.values(sealed.rowGroups).reduce((sum, list) => sum + list.length, 0) };
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
    codec: run.plan.codec,
    ownIds(column) {
      const { kind, name, ...rest } = entity.columns[column]!;
      invariant(kind === 'id' && 'sequence' in rest, 'an ID column');
      return run.idMap(rest.sequence).slice(run.ids.bases[entity.name]![name]! + firstRow, rows);
    },
    keyIds: place.keyIds,
    keyIdsOfBatches: place.keyIdsOfBatches,
    rowIds: (target, first, count) => run.rowIds(target, place.batch!, first, count),
    rowIdsAt: (target, at) => run.rowIdsAt(target, place.batch!, at),
    optional: (column) => leaves[column]!.optional,
  };
}

function keyTargets(fragments: readonly Fragment[]): string[] {
  return fragments.flatMap((fragment) => fragment.columns.flatMap((c) => (c.kind === 'ref' ? [c.target] : [])));
}

/** What all seals of a run share. */
class OpenRun {
  readonly environment: Environment;
  readonly runId: string;
  readonly plan: Plan;
  readonly pipeline: CompiledPipeline;
  readonly tally: Tally;
  readonly ids: Ids;
  readonly #maps = new Map<string, IdMap>();

  constructor(environment: Environment, runId: string, plan: Plan, pipeline: CompiledPipeline, tally: Tally, ids: Ids) {
    this.environment = environment;
    this.runId = runId;
    this.plan = plan;
    this.pipeline = pipeline;
    this.tally = tally;
    this.ids = ids;
  }

  get container(): string {
    return this.environment.config.workContainer;
  }

  idMap(sequence: string): IdMap {
    let map = this.#maps.get(sequence);
    if (!map) {
      map = new IdMap(this.ids.sequences[sequence]!);
      this.#maps.set(sequence, map);
    }
    return map;
  }

  /** Sequence, and base within it, of an entity's own ID. */
  #own(target: string): { map: IdMap; base: number } {
    const column = this.pipeline.entities.find((entity) => entity.name === target)?.columns[0];
    invariant(column?.kind === 'id', `"${target}" has an own ID`);
    return { map: this.idMap(column.sequence), base: this.ids.bases[target]![column.name]! };
  }

  idsOfSlots(target: string, slots: BigInt64Array, keys: Int32Array): BigInt64Array {
    const ids = new BigInt64Array(keys.length);
    const bind = this.#binder(target, slots, ids);
    for (let i = 0; i < keys.length; i++) bind(keys[i]!, i);
    return ids;
  }

  idsOfBatches(target: string, slots: BigInt64Array, batches: Int32Array, keys: Int32Array) {
    const starts = this.tally.starts[target]!;
    const ids = new BigInt64Array(keys.length);
    const valid = new Uint8Array(keys.length);
    const bind = this.#binder(target, slots, ids);
    for (let i = 0; i < keys.length; i++) {
      if (keys[i]! < 0) continue;
      bind(starts[batches[i]!]! + keys[i]!, i);
      valid[i] = 1;
    }
    return { ids, valid };
  }

  /** Writes the ID of slot `at` to place `i` of `ids`: a known ID, or that of a new key's ordinal. */
  #binder(target: string, slots: BigInt64Array, ids: BigInt64Array): (at: number, i: number) => void {
    const { map, base } = this.#own(target);
    const from = halvesOf(slots);
    const to = halvesOf(ids);
    return (at, i) => {
      const high = from[2 * at + 1]!;
      if (high < 0) {
        // -1 - ordinal: the complement of both halves is the ordinal.
        map.put(to, i, base + ~high * 2 ** 32 + (~from[2 * at]! >>> 0));
      } else {
        to[2 * i] = from[2 * at]!;
        to[2 * i + 1] = high;
      }
    };
  }

  rowIds(target: string, batch: number, first: number, count: number) {
    const { map, base } = this.#own(target);
    return map.slice(base + this.tally.starts[target]![batch]! + first, count);
  }

  rowIdsAt(target: string, batch: number, rows: Int32Array) {
    const { map, base } = this.#own(target);
    const start = base + this.tally.starts[target]![batch]!;
    const ids = new BigInt64Array(rows.length);
    const valid = new Uint8Array(rows.length);
    for (let i = 0; i < rows.length; i++) {
      if (rows[i]! < 0) continue;
      ids[i] = map.at(start + rows[i]!);
      valid[i] = 1;
    }
    return { ids, valid };
  }
}

/** 64-bit integers as pairs of 32 bits, the low ones first. */
function halvesOf(longs: BigInt64Array): Int32Array {
  return new Int32Array(longs.buffer, longs.byteOffset, longs.length * 2);
}

async function openRun(environment: Environment, ref: PlanRef): Promise<OpenRun> {
  const { runId } = ref;
  const planned = await loadPlan(environment, ref);
  const { plan, pipeline } = planned;
  const [tally, ids] = await Promise.all([loadTally(environment, planned), loadIds(environment, planned)]);
  return new OpenRun(environment, runId, plan, pipeline, tally, ids);
}

/** One batch's slots of each keyed entity, read as a range of its slots blob. */
async function batchSlots(
  run: OpenRun,
  targets: ReadonlySet<string>,
  batch: number,
): Promise<Map<string, BigInt64Array>> {
  const read = async (target: string) => {
    const starts = run.tally.starts[target]!;
    const range = { offset: starts[batch]! * 8, length: (starts[batch + 1]! - starts[batch]!) * 8 };
    return [target, await readSlots(run, target, range)] as const;
  };
  return new Map(await Promise.all([...targets].map(read)));
}

async function allSlots(run: OpenRun, targets: ReadonlySet<string>): Promise<Map<string, BigInt64Array>> {
  const read = async (target: string) => {
    const range = { offset: 0, length: run.tally.starts[target]!.at(-1)! * 8 };
    return [target, await readSlots(run, target, range)] as const;
  };
  return new Map(await Promise.all([...targets].map(read)));
}

/** Slots of a keyed entity, of all its partitions: new keys by their ordinal over all of them. */
async function readSlots(
  run: OpenRun,
  target: string,
  range: { offset: number; length: number },
): Promise<BigInt64Array> {
  const starts = run.ids.partitions[target]!;
  const parts = await Promise.all(starts.slice(1).map((_, partition) => slotsOf(run, target, partition, range)));
  if (parts.length === 1) return parts[0]!;
  const merged = new BigInt64Array(range.length / 8).fill(NO_SLOT);
  for (const [partition, slots] of parts.entries()) {
    const before = BigInt(starts[partition]!);
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i]!;
      if (slot === NO_SLOT) continue;
      merged[i] = slot < 0n ? slot - before : slot;
    }
  }
  return merged;
}

async function slotsOf(
  run: OpenRun,
  target: string,
  partition: number,
  range: { offset: number; length: number },
): Promise<BigInt64Array> {
  const name = work.slots(run.runId, target, partition);
  const bytes = await requireBytes(run.environment.store, run.container, name, range);
  // Words need their alignment; what comes from a network may have none.
  const whole = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  return new BigInt64Array(whole.buffer, whole.byteOffset, whole.byteLength / 8);
}

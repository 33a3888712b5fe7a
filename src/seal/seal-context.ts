/**
 * What the seals of a run know: where the rows and keys of each batch begin, which IDs the sequences gave, and the
 * slots of the keys. The activities of this folder make it. It must never give an ID outside the run's ranges.
 */

import type { Tally } from '../documents/batch-blob.ts';
import { keep } from '../documents/document-cache.ts';
import type { Ids, Plan, PlanRef } from '../documents/documents.ts';
import { loadIds, loadPlan, loadTally, type Planned } from '../documents/load.ts';
import { corruptSlots, directoryBytes, NO_SLOT, placeOfSlots, unpackSlots } from '../documents/resolved-keys.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Int64Run } from '../parquet/int64-sequence.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { IdMap } from '../sequence/id-map.ts';
import { forgetMemory } from '../split/run-memory.ts';
import { requireBytes } from '../storage/json.ts';
import { work } from '../storage/names.ts';

/** What all seals of a run share. */
export class OpenRun {
  readonly environment: Environment;
  readonly plan: Plan;
  readonly pipeline: CompiledPipeline;
  readonly tally: Tally;
  readonly ids: Ids;
  readonly etag: string;
  readonly #maps = new Map<string, IdMap>();

  constructor(environment: Environment, { plan, pipeline, etag }: Planned, tally: Tally, ids: Ids) {
    this.environment = environment;
    this.plan = plan;
    this.pipeline = pipeline;
    this.etag = etag;
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
    return runsOf(map, base + this.tally.starts[target]![batch]! + first, count);
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

/** The IDs of consecutive ordinals as runs of values, which the encoder of ID columns takes. */
export function runsOf(map: IdMap, start: number, count: number): Int64Run[] {
  return map.slice(start, count).map((range) => ({ first: range.first, count: Number(range.count), step: map.step }));
}

/** 64-bit integers as pairs of 32 bits, the low ones first. */
function halvesOf(longs: BigInt64Array): Int32Array {
  return new Int32Array(longs.buffer, longs.byteOffset, longs.length * 2);
}

export async function openRun(environment: Environment, ref: PlanRef): Promise<OpenRun> {
  const planned = await loadPlan(environment, ref);
  forgetMemory(planned.plan);
  const [tally, ids] = await Promise.all([loadTally(environment, planned), loadIds(environment, planned)]);
  return new OpenRun(environment, planned, tally, ids);
}

/** One batch's slots of each keyed entity. */
export function batchSlots(
  run: OpenRun,
  targets: ReadonlySet<string>,
  batch: number,
): Promise<Map<string, BigInt64Array>> {
  return readSlots(run, targets, batch, batch + 1);
}

export function allSlots(run: OpenRun, targets: ReadonlySet<string>): Promise<Map<string, BigInt64Array>> {
  return readSlots(run, targets, 0, run.plan.batches.length);
}

async function readSlots(run: OpenRun, targets: ReadonlySet<string>, from: number, to: number) {
  const read = async (target: string) => [target, await slotsOf(run, target, from, to)] as const;
  return new Map(await Promise.all([...targets].map(read)));
}

/** Slots of a keyed entity, of all its partitions: new keys by their ordinal over all of them. */
async function slotsOf(run: OpenRun, target: string, from: number, to: number): Promise<BigInt64Array> {
  const starts = run.ids.partitions[target]!;
  const parts = await Promise.all(starts.slice(1).map((_, partition) => partOfSlots(run, target, partition, from, to)));
  if (parts.length === 1) return parts[0]!;
  const merged = new BigInt64Array(parts[0]!.length).fill(NO_SLOT);
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

/** The slots of batches [from, to) in one partition: those of all batches are read at once where they are few. */
async function partOfSlots(
  run: OpenRun,
  target: string,
  partition: number,
  from: number,
  to: number,
): Promise<BigInt64Array> {
  const { environment, container } = run;
  const name = work.slots(run.plan, target, partition);
  const starts = run.tally.starts[target]!;
  const batches = starts.length - 1;
  const few = starts[batches]! <= limits.keptSlotsMax;
  const head = few ? undefined : { offset: 0, length: directoryBytes(batches) };
  const kept = await keep(environment, JSON.stringify([name, run.etag]), async () => {
    const value = await requireBytes(environment.store, container, name, head);
    return { value, bytes: value.byteLength };
  });
  if (kept.byteLength < directoryBytes(batches)) throw corruptSlots(name);
  const place = placeOfSlots(kept, batches, from, to);
  const bytes = few
    ? kept.subarray(place.offset, place.offset + place.length)
    : await requireBytes(environment.store, container, name, place);
  return unpackSlots(bytes, kept, starts, from, to, name);
}

/**
 * Activity `resolveKeys`: one key partition of a keyed entity. It merges the key lists of all batches in order and
 * finds the keys that the index knows. The others get ordinals in first-seen order, and their rows are staged; their
 * IDs come later. The index is read only where it may hold an arriving key, so memory grows with the arriving keys and
 * not with the index.
 */

import { z } from 'zod';
import { viewOf } from '../bytes/short-bytes.ts';
import { readBatch } from '../documents/batch-blob.ts';
import { type Plan, planRefSchema, type Resolution } from '../documents/documents.ts';
import { filesOfBatch, loadPlan, loadTally, type Planned } from '../documents/load.ts';
import { packSlots } from '../documents/resolved-keys.ts';
import { beginTask } from '../documents/task-times.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { keyWriter } from '../keys/encode.ts';
import { hashInView, hashKey } from '../keys/hash-key.ts';
import { type IndexHead, indexBlobs, type PendingDelta } from '../keys/index-documents.ts';
import { type IndexPartition, partitionOf, settlePending, withPending } from '../keys/key-index.ts';
import { findIds } from '../keys/lookup.ts';
import { segmentOf } from '../keys/segment.ts';
import { KeyTable } from '../keys/table.ts';
import { limits } from '../limits.ts';
import type { Table } from '../parquet/table.ts';
import type { ColumnType, Values } from '../parquet/types.ts';
import { hasAttributes } from '../pipeline/compiled.ts';
import { keyListColumn } from '../split/keys/fed-keys.ts';
import { type KeyListTable, readKeyList } from '../split/keys/key-list-file.ts';
import { forgetMemory } from '../split/run-memory.ts';
import { Uploads } from '../storage/in-flight.ts';
import { writeJson } from '../storage/json.ts';
import { type KeyedDatasetKind, lifeId, output, work } from '../storage/names.ts';
import { writeOnce } from '../storage/write-once.ts';
import { Changes } from './changes.ts';
import { keyedDatasets, rowsOfDataset } from './keyed-datasets.ts';
import { NewRows } from './keyed-rows.ts';
import { keyedEntity, openPartition, publishedIds, stepOfKeys } from './run-key-index.ts';
import { stageRows } from './stage-rows.ts';
import { membersToPublish, unknownRows } from './unknown-rows.ts';

const resolveInputSchema = planRefSchema.extend({
  entity: z.string(),
  partition: z.int().nonnegative().default(0),
  /** The run's grant of the index's lease. */
  term: z.int().nonnegative().default(0),
});
type ResolveInput = z.infer<typeof resolveInputSchema>;

export interface ResolveOutput {
  entity: string;
  partition: number;
  /** Keys that no earlier run has numbered: rows to publish. */
  newRows: number;
  /** Keys of the run in this partition, and those of earlier runs, over all pipelines that share the index. */
  seenKeys: number;
  /** Keys of all batches' lists, those of other partitions included. */
  listedKeys: number;
  knownKeys: number;
  /** Unknown members that the run publishes. Absent for none. */
  unknown?: string[];
}

/** Keys that memory is taken for before they have come: 48 MiB, and their bytes. What is not used is only addresses. */
const EXPECTED_MAX = 1 << 21;

export const resolveKeys = defineActivity({ name: 'resolveKeys', input: resolveInputSchema, work: resolveActivity });

async function resolveActivity(environment: Environment, input: ResolveInput): Promise<ResolveOutput> {
  const { runId, life, entity: name, partition, term } = input;
  const times = beginTask(environment, input);
  const { store, config } = environment;
  const planned = await loadPlan(environment, input);
  const { plan, pipeline } = planned;
  forgetMemory(plan);
  const entity = keyedEntity(pipeline, name);
  const types = plan.keyTypes[name]!;
  const at = await openPartition(environment, entity, plan, partition);
  const [of, ...others] = keyedDatasets(entity, plan.outputs[name]!);
  const described = hasAttributes(entity);
  const again = described || others.some(({ kind }) => kind !== 'unknown');
  const lists = new KeyLists(environment, planned, name, again ? limits.keptKeyListBytesMax : 0);
  const { arriving, ordinals } = await intern(lists, types, at);
  const head = await settlePending(at, publishedIds(environment, partition));
  const ids = await findIds(store, config.workContainer, head.entries, arriving);
  const { fresh, slots } = divideKeys(arriving, ids);

  const uploads = new Uploads(config.requestsInFlight);
  const bytes = packSlots(ordinals, plan.batches.length, slots, !environment.workInMemory);
  await uploads.add(() => store.write(config.workContainer, work.slots(input, name, partition), bytes));
  const delta = await stageDelta(uploads, at, plan, fresh);
  const rows = new NewRows(entity, types, of!.leaves, pipeline.readers);
  const describing = { owner: `${pipeline.name}.${name}`, step: stepOfKeys(pipeline, entity), life: plan };
  const changes = described ? new Changes(describing, entity, arriving.size) : undefined;
  if (changes) {
    for await (const { batch, list } of lists.read()) {
      rows.describe(batch, list, newOrdinals(ordinals[batch]!, slots), fresh.size);
      changes.note(batch, list, ordinals[batch]!);
    }
  }
  const decided = (await changes?.decide(uploads, at, head, plan, arriving, ids)) ?? {};
  const unknown = partition === 0 ? await membersToPublish(environment, entity, head) : [];
  const stage = (kind: KeyedDatasetKind, finished: ReturnType<NewRows['finish']>) =>
    stageRows(environment, uploads, { pipeline, of: input, entity: name, partition, kind }, finished);
  const resolution: Resolution = {
    partition,
    rows: fresh.size,
    seen: arriving.size,
    known: head.keys,
    version: head.number,
    delta: delta?.blob ?? null,
    attributes: decided.attributes?.delta.blob ?? null,
    ...(changes && {
      changes: changes.keys.size,
      undescribed: undescribedKeys(head, describing.owner, fresh.size, decided.described),
    }),
    ...(unknown.length > 0 && { unknown }),
    term,
  };
  const records = fresh.size > 0 ? [await stage('new', rows.finish(fresh, plan.codec))] : [];
  for (const { kind, entity: shape, leaves } of others) {
    if (rowsOfDataset(resolution, kind) === 0) continue;
    if (kind === 'unknown') {
      records.push(await stage(kind, unknownRows(shape, leaves, unknown, plan.codec, pipeline.readers)));
      continue;
    }
    const further = new NewRows(shape, types, leaves, pipeline.readers);
    const known = kind === 'known' ? knownKeys(arriving, ids) : undefined;
    for await (const { batch, list } of lists.read()) {
      if (known) further.describe(batch, list, known.ordinals(ordinals[batch]!), known.keys.size);
      const files = known ? [] : await filesOfBatch(environment, plan, batch);
      const changed = known ? undefined : changes?.ofBatch(plan, batch, files, list, ordinals[batch]!);
      if (changed) further.describe(batch, changed.list, changed.ordinals, changes!.keys.size);
    }
    records.push(await stage(kind, further.finish(known?.keys ?? changes!.keys, plan.codec, known?.ids)));
  }
  await uploads.done();
  // The head names the delta before anything of this run can be published, and after the delta is there.
  const pending: PendingDelta = {
    runId,
    life,
    entity: name,
    manifest: { container: pipeline.output.container, name: output.manifest(pipeline, runId) },
    delta: delta ?? null,
    ...decided,
    ...(unknown.length > 0 && { unknown }),
  };
  const adds = pending.delta || pending.attributes || pending.described || pending.unknown;
  await settlePending(at, publishedIds(environment, partition), (now) => withPending(now, term, adds ? pending : null));
  await Promise.all([
    ...records.map((writeRecord) => writeRecord()),
    writeJson(
      store,
      config.workContainer,
      work.resolution(input, name, partition),
      { version: 1, resolution },
      { metadata: times() },
    ),
  ]);
  return {
    entity: name,
    partition,
    newRows: fresh.size,
    seenKeys: arriving.size,
    listedKeys: ordinals.reduce((sum, list) => sum + (list?.length ?? 0), 0),
    knownKeys: head.keys,
    ...(unknown.length > 0 && { unknown }),
  };
}

/** Keys of the index, with a run's new ones, that nothing has described. */
function undescribedKeys(head: IndexHead, owner: string, newKeys: number, now: PendingDelta['described']): number {
  const before = head.described?.[owner]?.keys ?? 0;
  return head.keys + newKeys - before - (now ? now.fresh.keys + now.known.keys : 0);
}

/** The partition's keys of all batches in first-seen order, and by batch the ordinal of each of its keys, or -1. */
async function intern(
  lists: KeyLists,
  types: readonly ColumnType[],
  { document, partition }: IndexPartition,
): Promise<{ arriving: KeyTable; ordinals: Int32Array[] }> {
  let arriving: KeyTable | undefined;
  const ordinals: Int32Array[] = [];
  const whole = document.partitions === 1;
  for await (const { batch, list } of lists.read()) {
    const components = types.map((type, c) => ({ type, values: columnOf(list, keyListColumn.component(c)) }));
    const own = new Int32Array(list.rows);
    ordinals[batch] = own;
    const [only] = components;
    const single = components.length === 1 && only?.values.kind === 'bytes' ? only.values : undefined;
    // Batches are much alike; a table that need not grow is twice as quick.
    const expected = Math.ceil((list.rows * lists.batches) / document.partitions);
    arriving ??= new KeyTable(
      Math.min(EXPECTED_MAX, expected),
      single && list.rows > 0 ? single.data.length / list.rows : undefined,
    );
    if (single) {
      internSingle(arriving, single, own, whole ? undefined : { partition, partitions: document.partitions });
      continue;
    }
    const writer = keyWriter(components);
    const at = new Array<number>(types.length);
    own.fill(-1);
    for (let row = 0; row < list.rows; row++) {
      writer.write(at.fill(row));
      const hash = hashKey(writer.bytes, writer.start, writer.end);
      if (!whole && partitionOf(hash, document.partitions) !== partition) continue;
      own[row] = arriving.internHashed(hash, writer.bytes, writer.start, writer.end);
    }
  }
  return { arriving: arriving ?? new KeyTable(), ordinals };
}

/** Keys that are their own bytes. `only`: those of one partition; the others' ordinals are -1. */
function internSingle(
  arriving: KeyTable,
  { data: bytes, offsets: starts, length: count }: Extract<Values, { kind: 'bytes' }>,
  ordinals: Int32Array,
  only: { partition: number; partitions: number } | undefined,
): void {
  const ends = starts.subarray(1);
  if (!only) {
    arriving.internMany({ bytes, starts, ends, count }, ordinals);
    return;
  }
  const own = { bytes, starts: new Uint32Array(count), ends: new Uint32Array(count), hashes: new Uint32Array(count) };
  const rows = new Int32Array(count);
  const view = viewOf(bytes);
  let taken = 0;
  for (let row = 0; row < count; row++) {
    const hash = hashInView(view, starts[row]!, ends[row]!);
    if (partitionOf(hash, only.partitions) !== only.partition) continue;
    own.starts[taken] = starts[row]!;
    own.ends[taken] = ends[row]!;
    own.hashes[taken] = hash;
    rows[taken++] = row;
  }
  const found = new Int32Array(taken);
  arriving.internMany({ ...own, count: taken }, found);
  ordinals.fill(-1);
  for (let k = 0; k < taken; k++) ordinals[rows[k]!] = found[k]!;
}

/** The unknown keys in first-seen order, and the slot of each key, as halves of 64-bit integers. */
function divideKeys(arriving: KeyTable, ids: BigInt64Array): { fresh: KeyTable; slots: Int32Array } {
  const slots = new Int32Array(ids.buffer, ids.byteOffset, ids.length * 2);
  let unknown = 0;
  for (let ordinal = 0; ordinal < ids.length; ordinal++) if (slots[2 * ordinal + 1]! < 0) unknown++;
  // Where all keys are new, as in an entity's first run, the table is already the one that is wanted.
  const all = unknown === arriving.size;
  const fresh = all ? arriving : new KeyTable(unknown, arriving.byteLength / arriving.size);
  for (let ordinal = 0; ordinal < ids.length; ordinal++) {
    if (slots[2 * ordinal + 1]! >= 0) continue;
    // The low half of -1 - n is n's complement, and ordinals fit 31 bits: the high half, -1, stays.
    slots[2 * ordinal] = ~(all ? ordinal : fresh.appendFrom(arriving, ordinal));
  }
  return { fresh, slots };
}

/** By row of a batch's list: ordinal among the new keys, or -1. */
function newOrdinals(ordinals: Int32Array, slots: Int32Array): Int32Array {
  const out = new Int32Array(ordinals.length).fill(-1);
  for (let i = 0; i < ordinals.length; i++) {
    const k = 2 * ordinals[i]!;
    if (k >= 0 && slots[k + 1]! < 0) out[i] = ~slots[k]!;
  }
  return out;
}

/** The keys that earlier runs have numbered, in first-seen order, with their IDs. */
function knownKeys(arriving: KeyTable, slots: BigInt64Array) {
  const keys = new KeyTable();
  const ids: bigint[] = [];
  const knownOf = new Int32Array(arriving.size).fill(-1);
  for (let ordinal = 0; ordinal < arriving.size; ordinal++) {
    if (slots[ordinal]! < 0n) continue;
    knownOf[ordinal] = keys.intern(arriving.at(ordinal));
    ids.push(slots[ordinal]!);
  }
  const ordinals = (list: Int32Array) => list.map((ordinal) => (ordinal < 0 ? -1 : knownOf[ordinal]!));
  return { keys, ids: BigInt64Array.from(ids), ordinals };
}

async function stageDelta(uploads: Uploads, at: IndexPartition, plan: Plan, fresh: KeyTable) {
  if (fresh.size === 0) return undefined;
  const { document, partition } = at;
  const blob = indexBlobs.delta(document.index, document.epoch, partition, lifeId(plan));
  const { bytes, place } = segmentOf(fresh);
  await uploads.add(() => writeOnce(at.store, at.container, blob, bytes));
  return { blob, ...place };
}

function columnOf(list: Table, name: string): Values {
  const column = list.columns.find((candidate) => candidate.name === name);
  invariant(column, `a key list has column "${name}"`);
  return column.values;
}

/** An entity's key lists. Those that are read more than once are kept while they are small. */
class KeyLists {
  readonly #environment: Environment;
  readonly #planned: Planned;
  readonly #entity: string;
  readonly #keptMax: number;
  readonly #kept = new Map<number, { name: string; bytes: Uint8Array }>();
  #keptBytes = 0;

  /** `keptMax`: bytes of lists that are kept for the next reading. */
  constructor(environment: Environment, planned: Planned, entity: string, keptMax: number) {
    this.#environment = environment;
    this.#planned = planned;
    this.#entity = entity;
    this.#keptMax = keptMax;
  }

  get batches(): number {
    return this.#planned.plan.batches.length;
  }

  /** In batch order, each read while its predecessor is worked on. */
  async *read(): AsyncIterable<{ batch: number; list: KeyListTable }> {
    const { batches } = this;
    let next = batches > 0 ? this.#fetch(0) : undefined;
    for (let batch = 0; next; batch++) {
      const { name, bytes } = await next;
      next = batch + 1 < batches ? this.#fetch(batch + 1) : undefined;
      next?.catch(() => undefined);
      // A batch without keys has no list.
      if (bytes.byteLength > 0) yield { batch, list: readKeyList(bytes, name) };
    }
  }

  async #fetch(batch: number): Promise<{ name: string; bytes: Uint8Array }> {
    const kept = this.#kept.get(batch);
    if (kept) return kept;
    const { pipeline } = this.#planned;
    const tally = await loadTally(this.#environment, this.#planned);
    const list = await readBatch(this.#environment, pipeline, tally, batch, { keysOf: this.#entity });
    const { byteLength } = list.bytes;
    if (this.#keptBytes + byteLength <= this.#keptMax) {
      this.#kept.set(batch, list);
      this.#keptBytes += byteLength;
    }
    return list;
  }
}

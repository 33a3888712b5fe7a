/**
 * Activity `resolve`: one keyed entity. Merges the batches' key lists in batch order with the keys that earlier runs
 * numbered. What is new gets an ordinal in first-seen order, and its row; its ID waits for the reservation.
 *
 * Slots: for each key of each batch one int64, the known ID (never negative), or -1 - ordinal for a new key.
 */
import { invariant } from '../../errors.ts';
import { keyWriter } from '../../keys/encode.ts';
import { KnownKeys, writeDelta } from '../../keys/known.ts';
import { KeyTable } from '../../keys/table.ts';
import { readTable, type Table } from '../../parquet/table.ts';
import type { Values } from '../../parquet/types.ts';
import type { CompiledPipeline, KeyedEntity } from '../../pipeline/compiled.ts';
import { segmentsOf } from '../../split/fragment.ts';
import { keyListColumn } from '../../split/key-lists.ts';
import { NewRows } from '../../split/keyed-rows.ts';
import { packFrame } from '../../storage/frame.ts';
import { readJson, requireBytes } from '../../storage/json.ts';
import { blockId, output, work } from '../../storage/names.ts';
import { manifestSchema, type Plan } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { loadPlan } from '../load.ts';
import { Uploads } from '../pool.ts';
import { IdMap } from '../ranges.ts';

export interface EntityInput {
  runId: string;
  entity: string;
}

export interface ResolveOutput {
  entity: string;
  /** Keys that no earlier run has numbered: rows to publish. */
  newRows: number;
  /** Keys of earlier runs, over all pipelines that share the index. */
  knownKeys: number;
}

export async function resolveActivity(
  environment: Environment,
  { runId, entity: name }: EntityInput,
): Promise<ResolveOutput> {
  const { store, config } = environment;
  const { plan, pipeline } = await loadPlan(environment, runId);
  const entity = keyedEntity(pipeline, name);
  const types = plan.keyTypes[name]!;
  const known = await knownKeys(environment, entity, plan);
  const fresh = new KeyTable();
  const rows = new NewRows(entity, types, plan.outputs[name]!);
  const slots: BigInt64Array[] = [];
  for await (const { batch, list } of keyLists(environment, plan, runId, name)) {
    const { slots: batchSlots, ordinals } = resolveBatch(list, known, fresh, types);
    slots.push(batchSlots);
    rows.describe(batch, list, ordinals, fresh.size);
  }
  const bytes = Buffer.concat(slots.map((s) => new Uint8Array(s.buffer, s.byteOffset, s.byteLength)));
  const uploads = new Uploads(config.requestsInFlight);
  await uploads.add(() => store.write(config.workContainer, work.slots(runId, name), bytes));
  if (fresh.size > 0) {
    const delta = work.keyDelta(pipeline.name, name, runId);
    await uploads.add(() => store.write(config.workContainer, delta, writeDelta(fresh, types)));
  }
  const { fragments, sections, parts } = rows.finish(fresh, plan.codec);
  const blob = output.part(pipeline, name, runId, 0);
  for (const [f, fragment] of fragments.entries()) {
    for (const [index, segment] of segmentsOf(fragment.columns).entries()) {
      if (segment.late) continue;
      const pieces = segment.pieces.flatMap((piece) => parts[f]![piece.column] ?? []);
      const id = blockId(0, fragment.rowGroup, index);
      await uploads.add(() => store.stageBlock(pipeline.output.container, blob, id, pieces));
    }
  }
  await uploads.done();
  const record = { entity: name, rows: fresh.size, fragments };
  await store.write(config.workContainer, work.resolved(runId, name), packFrame(record, sections));
  return { entity: name, newRows: fresh.size, knownKeys: known.size };
}

export function keyedEntity(pipeline: CompiledPipeline, name: string): KeyedEntity {
  const entity = pipeline.entities.find((candidate) => candidate.name === name);
  invariant(entity?.kind === 'keyed', `"${name}" is a keyed entity of "${pipeline.name}"`);
  return entity;
}

/** One batch's keys: their slots, and the ordinals of those that are new (-1 for known ones). */
function resolveBatch(
  list: Table,
  known: KnownKeys,
  fresh: KeyTable,
  types: Plan['keyTypes'][string],
): { slots: BigInt64Array; ordinals: Int32Array } {
  const components = types.map((type, c) => ({ type, values: columnOf(list, keyListColumn.component(c)) }));
  const writer = keyWriter(components);
  const at = new Array<number>(types.length);
  const slots = new BigInt64Array(list.rows);
  const ordinals = new Int32Array(list.rows).fill(-1);
  for (let row = 0; row < list.rows; row++) {
    writer.write(at.fill(row));
    const id = known.find(writer.bytes, writer.start, writer.end);
    if (id !== undefined) {
      slots[row] = id;
      continue;
    }
    const ordinal = fresh.intern(writer.bytes, writer.start, writer.end);
    ordinals[row] = ordinal;
    slots[row] = -1n - BigInt(ordinal);
  }
  return { slots, ordinals };
}

function columnOf(list: Table, name: string): Values {
  const column = list.columns.find((candidate) => candidate.name === name);
  invariant(column, `a key list has column "${name}"`);
  return column.values;
}

/** The batches' key lists in batch order, each read while its predecessor is worked on. */
async function* keyLists(
  environment: Environment,
  plan: Plan,
  runId: string,
  entity: string,
): AsyncIterable<{ batch: number; list: Table }> {
  const { store, config } = environment;
  const fetch = async (batch: number) => {
    const name = work.keyList(runId, entity, batch);
    return { name, bytes: await store.read(config.workContainer, name) };
  };
  let next = plan.batches.length > 0 ? fetch(0) : undefined;
  for (let batch = 0; next; batch++) {
    const { name, bytes } = await next;
    next = batch + 1 < plan.batches.length ? fetch(batch + 1) : undefined;
    next?.catch(() => undefined);
    // A batch without keys has no list.
    if (bytes) yield { batch, list: readTable(bytes, name) };
  }
}

/** Keys of all finished runs of all pipelines that share this entity's index. */
async function knownKeys(environment: Environment, entity: KeyedEntity, plan: Plan): Promise<KnownKeys> {
  const { store, config } = environment;
  const known = new KnownKeys();
  for (const pipeline of environment.pipelines.values()) {
    const sharing = pipeline.entities.filter((other) => other.kind === 'keyed' && other.index === entity.index);
    if (sharing.length === 0) continue;
    for await (const blob of store.list(pipeline.output.container, output.manifestPrefix(pipeline))) {
      const manifest = await readJson(store, pipeline.output.container, blob.name, manifestSchema);
      // A repeated execution must not know its own run's keys.
      if (!manifest || manifest.runId === plan.runId) continue;
      for (const { entity: other, keyDelta, ids } of manifest.entities) {
        if (keyDelta === null || !sharing.some((candidate) => candidate.name === other)) continue;
        const bytes = await requireBytes(store, config.workContainer, keyDelta);
        const map = new IdMap(ids);
        known.addDelta(bytes, keyDelta, plan.keyTypes[entity.name]!, (row) => map.at(row));
      }
    }
  }
  return known;
}

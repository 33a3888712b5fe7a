/**
 * Key indexes as runs use them: where an entity's index is, and what decides that a run's new keys count: its manifest.
 * The resolve, the seal, the publish and rebuilds ask here.
 */

import type { Plan } from '../documents/documents.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import type { PendingDelta } from '../keys/index-documents.ts';
import { type IndexPartition, openIndex, type PublishedIds } from '../keys/key-index.ts';
import { typeText } from '../parquet/type-text.ts';
import type { CompiledPipeline, KeyedEntity } from '../pipeline/compiled.ts';
import { IdMap } from '../sequence/id-map.ts';
import { type IdList, toJson } from '../sequence/id-range.ts';
import { readJson } from '../storage/json.ts';

export function keyedEntity(pipeline: CompiledPipeline, name: string): KeyedEntity {
  const entity = pipeline.entities.find((candidate) => candidate.name === name);
  invariant(entity?.kind === 'keyed', `"${name}" is a keyed entity of "${pipeline.name}"`);
  return entity;
}

/** The distance between IDs of an entity's keys. */
export function stepOfKeys({ sequences }: CompiledPipeline, { name, columns: [id] }: KeyedEntity): bigint {
  const own = id?.kind === 'id' ? sequences.find((sequence) => sequence.name === id.sequence) : undefined;
  invariant(own, `"${name}" has an own ID`);
  return BigInt(own.step);
}

/**
 * Opens one partition of an entity's index. Throws `PipelineChanged` when it was made for other keys or partitions; a run
 * that brings no keys has no types that could differ.
 */
export async function openPartition(
  { store, config }: Environment,
  entity: KeyedEntity,
  { keyTypes, keyless = [] }: Pick<Plan, 'keyTypes' | 'keyless'>,
  partition: number,
): Promise<IndexPartition> {
  const at = { store, container: config.workContainer };
  const partitions = entity.partitions ?? 1;
  invariant(partition < partitions, `partition ${partition} of ${partitions}`);
  const types = keyless.includes(entity.name) ? undefined : keyTypes[entity.name]!.map(typeText);
  const document = await openIndex(at, entity.index, { partitions, keyTypes: types });
  return { ...at, document, partition };
}

/**
 * The manifest decides: without it, or with another life's, the pending keys were never published.
 *
 * @param manifests those that were read, where several partitions ask for the same ones under one grant of the lease.
 */
export function publishedIds(
  { store }: Environment,
  partition: number,
  manifests = new Map<string, Promise<Manifest | undefined>>(),
): PublishedIds {
  return async ({ runId, life, entity, manifest: place, imported }: PendingDelta): Promise<IdList | undefined> => {
    // An import's manifest is written once and never taken back; its keys bring their IDs.
    if (imported) return (await store.head(place.container, place.name)) ? { step: '1', ranges: [] } : undefined;
    const key = `${place.container}/${place.name}`;
    const read = manifests.get(key) ?? readJson(store, place.container, place.name, manifestSchema);
    manifests.set(key, read);
    const manifest = await read;
    // It may come yet.
    if (!manifest) manifests.delete(key);
    const published = manifest?.outcome === 'published' && manifest.life === life && manifest.runId === runId;
    return published ? partitionIds(manifest, entity, partition) : undefined;
  };
}

/** IDs of the new keys of one partition of a published entity, in the order of their ordinals. */
export function partitionIds(manifest: Manifest, name: string, partition: number): IdList {
  const entity = manifest.entities.find((candidate) => candidate.entity === name);
  invariant(entity?.keys, `"${name}" is a keyed entity in the manifest of "${manifest.runId}"`);
  const { partitions } = entity.keys;
  const before = partitions.filter((one) => one.partition < partition).reduce((sum, one) => sum + one.rows, 0);
  const own = partitions.find((one) => one.partition === partition);
  invariant(own, `the manifest of "${manifest.runId}" has partition ${partition} of "${name}"`);
  return { step: entity.ids.step, ranges: new IdMap(entity.ids).slice(before, own.rows).map(toJson) };
}

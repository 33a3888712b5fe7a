/**
 * Writes again which keys have been described, from the published files alone: a key is described when a row of it, in
 * its entity's files or changes, says something. `rebuild-index.ts` calls it. Memory grows with the number of keys.
 */
import type { Manifest } from '../documents/manifest.ts';
import { keysOf, readPublished, type Sharing } from '../documents/published-keys.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import { numberSet } from '../keys/described.ts';
import { hashKey } from '../keys/hash-key.ts';
import { type IndexHead, indexBlobs } from '../keys/index-documents.ts';
import { partitionOf } from '../keys/key-index.ts';
import type { Table } from '../parquet/table.ts';
import { describes, hasAttributes, type KeyedEntity } from '../pipeline/compiled.ts';
import { stepOfKeys } from '../resolve/run-key-index.ts';
import { toJson } from '../sequence/id-range.ts';

/** Writes the sets of all entities that have attributes, and names them in the heads, one head for each partition. */
export async function rebuildDescribed(
  environment: Environment,
  { index, epoch }: { index: string; epoch: number },
  sharing: readonly Sharing[],
  heads: IndexHead[],
  manifests: readonly Manifest[],
): Promise<void> {
  const { store, config } = environment;
  for (const { pipeline, entity } of sharing) {
    if (!hasAttributes(entity)) continue;
    const owner = `${pipeline}.${entity.name}`;
    const step = stepOfKeys(pipelineOf(environment, pipeline), entity);
    const described = await describedIds(environment, pipeline, entity, manifests, heads.length);
    for (const [partition, ids] of described.entries()) {
      if (ids.length === 0) continue;
      const head = heads[partition]!;
      const { ranges, segment } = numberSet(ids, step);
      const blob = indexBlobs.mergedDescribed(index, epoch, partition, owner, head.number);
      if (segment) await store.write(config.workContainer, blob, Buffer.concat(segment.pieces));
      const set = {
        keys: ids.length,
        ids: { step: String(step), ranges: ranges.map(toJson) },
        segments: segment ? [{ blob, ...segment.place, ids: null }] : [],
      };
      heads[partition] = { ...head, described: { ...head.described, [owner]: set } };
    }
  }
}

/** By partition: IDs of the keys that an entity has described, ascending. */
async function describedIds(
  environment: Environment,
  pipeline: string,
  entity: KeyedEntity,
  manifests: readonly Manifest[],
  partitions: number,
): Promise<BigInt64Array[]> {
  const found = Array.from({ length: partitions }, () => new Set<bigint>());
  for (const manifest of manifests) {
    const published = manifest.pipeline === pipeline && manifest.entities.find((one) => one.entity === entity.name);
    if (!published) continue;
    for (const { blob } of [...published.files, ...(published.changes?.files ?? [])]) {
      const table = await readPublished(environment, manifest.output.container, blob);
      const { ids, key } = keysOf(table, entity, blob);
      const says = sayingOf(table, entity);
      for (let row = 0; row < table.rows; row++) {
        const own = says(row) ? key(row) : undefined;
        if (!own) continue;
        found[partitionOf(hashKey(own.bytes, own.start, own.end), partitions)]!.add(ids[row]!);
      }
    }
  }
  return found.map((ids) => BigInt64Array.from(ids).sort());
}

/** Whether a row of a published file says something of its key: a column that describes it is not null. */
function sayingOf({ columns }: Table, entity: KeyedEntity): (row: number) => boolean {
  const telling = columns.filter(({ name }) => describes(entity, name));
  return (row) => telling.some(({ valid }) => valid === undefined || valid[row] !== 0);
}

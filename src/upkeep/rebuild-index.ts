/**
 * Activity `rebuildIndex`: writes a key index again, from manifests and published files alone; an entity's files hold
 * both the keys and their IDs. An orchestration that holds the lease calls it. The new index has a new epoch and takes
 * effect with one put. It is also the way to change the number of partitions.
 */

import { z } from 'zod';
import { publishedImports } from '../documents/imports.ts';
import type { Manifest } from '../documents/manifest.ts';
import { membersOf, publishedManifests } from '../documents/manifests.ts';
import { entitiesOf, importedKeysOf, keysOf, readPublished, type Sharing } from '../documents/published-keys.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { compact } from '../keys/compact.ts';
import { hashKey } from '../keys/hash-key.ts';
import { emptyHead, type IndexDocument, type IndexHead, indexBlobs, indexSchema } from '../keys/index-documents.ts';
import { closeHeads, headName, partitionOf, readHead } from '../keys/key-index.ts';
import { SegmentWriter } from '../keys/segment.ts';
import { KeyTable } from '../keys/table.ts';
import type { KeyedEntity } from '../pipeline/compiled.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { readVersioned, writeJson } from '../storage/json.ts';
import { inPlaceOf, unlessConflict } from '../storage/write-once.ts';
import { rebuildAttributes } from './rebuild-attributes.ts';
import { rebuildDescribed } from './rebuild-described.ts';
import { withRewrittenFiles } from './rewritten-keys.ts';

const rebuildIndexInputSchema = z.object({
  index: z.string(),
  /**
   * Number of the rebuild's grant of the lease. With it, a late write of an earlier holder to the new heads is refused.
   */
  term: z.int().nonnegative().default(0),
});

export interface RebuildOutput {
  index: string;
  epoch: number;
  partitions: number;
  keys: number;
}

/** The lease has forgotten its grants, as on another durable backend: nothing is rebuilt before it goes on above this one. */
export interface GrantBehind {
  index: string;
  above: number;
}

/**
 * Activity `rebuildIndex`. Input: the index's name and the grant of its lease. Output: the new epoch, and the numbers of
 * partitions and keys; or the grant that must be passed first. Fails with `InvalidRequest` when no pipeline has this index,
 * with `CorruptFile` when published keys have different types, with `StorageFailed` when a published file is gone, and with
 * `LeaseConflict` when another has the lease by the time that it is done: a run may have published keys that it has not seen.
 */
export const rebuildIndex = defineActivity({
  name: 'rebuildIndex',
  input: rebuildIndexInputSchema,
  work: rebuildIndexActivity,
});

async function rebuildIndexActivity(
  environment: Environment,
  { index, term }: z.infer<typeof rebuildIndexInputSchema>,
): Promise<RebuildOutput | GrantBehind> {
  const { store, config } = environment;
  const container = config.workContainer;
  const sharing = entitiesOf(environment, index);
  const partitions = sharing[0]!.entity.partitions ?? 1;
  const name = indexBlobs.index(index);
  const before = await readVersioned(store, container, name, indexSchema);
  const published = await publishedManifests(environment);
  const imports = await publishedImports(environment, index);
  const grants = [...(await grantsOfHeads(environment, before?.value)), ...imports.map(({ term }) => term)];
  const above = Math.max(grantOf(published, index), ...grants);
  if (above > term) return { index, above };
  const epoch = await freeEpoch(environment, index, (before?.value.epoch ?? 0) + 1);
  const manifests = await withRewrittenFiles(environment, published);
  const number = versionAfter(manifests, index);
  const heads: IndexHead[] = Array.from({ length: partitions }, () => ({ ...emptyHead, term, number }));
  const unknown = membersOf(manifests, index);
  if (unknown.length > 0) heads[0] = { ...heads[0]!, unknown };
  let keyTypes: string[] | undefined;
  const files: PublishedKeys[] = [
    ...imports.map(({ container: place, file }) => ({ container: place, blob: file.blob })),
    ...publishedFiles(manifests, sharing),
  ];
  for (const file of files) {
    const { types, tables } = await readKeys(environment, file, partitions);
    if (keyTypes && keyTypes.join() !== types.join()) {
      throw new OrdinalError('CorruptFile', `"${file.blob}" has keys (${types}), others have (${keyTypes})`, {
        where: { blob: file.blob },
      });
    }
    keyTypes = types;
    for (const [partition, { table, ids }] of tables.entries()) {
      if (table.size === 0) continue;
      const head = heads[partition]!;
      const number = head.number + 1;
      const blob = indexBlobs.merged(index, epoch, partition, number, number);
      const writer = new SegmentWriter();
      for (const ordinal of table.byHash()) {
        const key = table.at(ordinal);
        writer.add(table.hashAt(ordinal), ids[ordinal]!, key, 0, key.length);
      }
      const place = { blob, ...writer.finish() };
      await store.write(container, blob, Buffer.concat(writer.take()));
      const entry = { ...place, ids: null, level: 0, from: number, to: number };
      heads[partition] = { ...head, number, keys: head.keys + table.size, entries: [...head.entries, entry] };
    }
  }
  await rebuildAttributes(environment, { index, epoch }, sharing, heads, manifests);
  await rebuildDescribed(environment, { index, epoch }, sharing, heads, manifests);
  const document: IndexDocument = {
    version: 1,
    index,
    epoch,
    partitions,
    keyTypes: keyTypes ?? before?.value.keyTypes ?? [],
  };
  invariant(document.keyTypes.length > 0, `nothing was ever published of "${index}"`);
  for (const [partition, head] of heads.entries()) {
    const at = { store, container, document, partition };
    await written(index, writeJson(store, container, headName(at), head, { ifAbsent: true }));
    await compact(at);
  }
  // An execution that was held up comes here when runs have published that it knows nothing of.
  if (before) await closeHeads({ store, container }, before.value, term, 'its rebuild');
  await written(index, writeJson(store, container, name, document, inPlaceOf(before)));
  return { index, epoch, partitions, keys: heads.reduce((sum, { keys }) => sum + keys, 0) };
}

/** The grants under which the heads of an index were written last. */
async function grantsOfHeads({ store, config }: Environment, document: IndexDocument | undefined): Promise<number[]> {
  if (!document) return [];
  const parts = [...Array(document.partitions).keys()];
  return await mapBounded(parts, config.requestsInFlight, async (partition) => {
    const head = await readHead({ store, container: config.workContainer, document, partition });
    return head?.value.term ?? 0;
  });
}

/** The last grant under which a run has published keys of an index. */
function grantOf(manifests: readonly Manifest[], index: string): number {
  const all = manifests.flatMap(({ entities }) =>
    entities.flatMap(({ keys }) => (keys?.index === index ? keys.partitions.map(({ term = 0 }) => term) : [])),
  );
  return all.reduce((most, term) => Math.max(most, term), 0);
}

/** The first epoch from `from` on of which no head is there: an execution that died may have left some. */
async function freeEpoch({ store, config }: Environment, index: string, from: number): Promise<number> {
  for (let epoch = from; ; epoch++) {
    const head = indexBlobs.head(index, epoch, 0);
    if (!(await store.head(config.workContainer, head))) return epoch;
  }
}

/** Of two executions at once, one is done; the other begins again. */
async function written(index: string, writing: Promise<object>): Promise<void> {
  if (await unlessConflict(writing)) return;
  const message = `key index "${index}" is being rebuilt by another execution`;
  throw new OrdinalError('StorageConflict', message, { retryable: true });
}

interface PublishedKeys {
  container: string;
  blob: string;
  /** Absent for a file of imported keys. */
  entity?: KeyedEntity;
}

/** A version above all that runs have read: published changes are ordered by it, also across a rebuild. */
function versionAfter(manifests: readonly Manifest[], index: string): number {
  let next = 0;
  for (const { entities } of manifests) {
    for (const { keys } of entities) {
      if (keys?.index === index) next = Math.max(next, ...keys.partitions.map(({ version }) => version + 1));
    }
  }
  return next;
}

/** Files of the entities that share an index, oldest run first. */
function publishedFiles(manifests: readonly Manifest[], sharing: readonly Sharing[]): PublishedKeys[] {
  return manifests.flatMap((manifest: Manifest) =>
    sharing
      .filter(({ pipeline }) => pipeline === manifest.pipeline)
      .flatMap(({ entity }) => {
        const published = manifest.entities.find((one) => one.entity === entity.name);
        const { container } = manifest.output;
        return (published?.files ?? []).map(({ blob }) => ({ container, blob, entity }));
      }),
  );
}

async function readKeys(environment: Environment, { container, blob, entity }: PublishedKeys, partitions: number) {
  const table = await readPublished(environment, container, blob);
  const { types, ids: own, key } = entity ? keysOf(table, entity, blob) : importedKeysOf(table);
  const tables = Array.from({ length: partitions }, () => ({ table: new KeyTable(), ids: [] as bigint[] }));
  for (let row = 0; row < table.rows; row++) {
    const found = key(row);
    if (!found) continue;
    const { bytes, start, end } = found;
    const { table: part, ids } = tables[partitionOf(hashKey(bytes, start, end), partitions)]!;
    ids[part.intern(bytes, start, end)] = own[row]!;
  }
  return { types, tables };
}

/**
 * Writes the digests of published attributes again, from the published files alone: an entity's rows, with its changes
 * applied run by run. `rebuild-index.ts` calls it. It also makes the first digests for an entity that begins to report
 * changes. Memory grows with the number of keys, including the keys of the entities that are referred to.
 */

import { publishedImports } from '../documents/imports.ts';
import type { Manifest } from '../documents/manifest.ts';
import { membersOf } from '../documents/manifests.ts';
import { entitiesOf, importedKeysOf, keysOf, readPublished, type Sharing } from '../documents/published-keys.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import {
  type Attribute,
  digester,
  digestSegment,
  NO_ATTRIBUTES,
  referenceAttribute,
  valueAttribute,
} from '../keys/attributes.ts';
import { type IndexHead, indexBlobs } from '../keys/index-documents.ts';
import { partitionOf } from '../keys/key-index.ts';
import { KeyTable } from '../keys/table.ts';
import type { Table } from '../parquet/table.ts';
import { changeColumns, isAttribute, type KeyedEntity } from '../pipeline/compiled.ts';

/** Writes the digests of all entities that report changes, and names them in the heads, one head for each partition. */
export async function rebuildAttributes(
  environment: Environment,
  { index, epoch }: { index: string; epoch: number },
  sharing: readonly Sharing[],
  heads: IndexHead[],
  manifests: readonly Manifest[],
): Promise<void> {
  const { store, config } = environment;
  for (const { pipeline, entity } of sharing) {
    if (entity.onChange !== 'report') continue;
    const owner = `${pipeline}.${entity.name}`;
    const { keys, digests } = await publishedDigests(environment, pipeline, entity, manifests);
    const order = keys.byHash();
    for (const [partition, head] of heads.entries()) {
      const own = order.filter(
        (key) => digests[key] !== NO_ATTRIBUTES && partitionOf(keys.hashAt(key), heads.length) === partition,
      );
      if (own.length === 0) continue;
      const { pieces, place } = digestSegment(keys, own, (key) => digests[key]!);
      const number = Math.max(1, head.number);
      const blob = indexBlobs.mergedAttributes(index, epoch, partition, owner, 0, number);
      await store.write(config.workContainer, blob, Buffer.concat(pieces));
      const entry = { ...place, blob, ids: null, level: 0, from: 0, to: number };
      heads[partition] = { ...head, number, attributes: { ...head.attributes, [owner]: [entry] } };
    }
  }
}

/** Each published key, with the digest of the attributes that were published last. */
async function publishedDigests(
  environment: Environment,
  pipeline: string,
  entity: KeyedEntity,
  manifests: readonly Manifest[],
): Promise<{ keys: KeyTable; digests: bigint[] }> {
  const keys = new KeyTable();
  const digests: bigint[] = [];
  /** By key: the version of the change that its digest is of; changes may come in any order. */
  const versions: bigint[] = [];
  const targets = new Map<string, Target>();
  for (const column of entity.columns) {
    if (column.kind !== 'ref' || targets.has(column.entity)) continue;
    targets.set(column.entity, await targetOf(environment, pipeline, column.entity, manifests));
  }
  for (const manifest of manifests) {
    const published = manifest.pipeline === pipeline && manifest.entities.find((one) => one.entity === entity.name);
    if (!published) continue;
    // The run's changes come after its new rows.
    for (const { blob } of [...published.files, ...(published.changes?.files ?? [])]) {
      const table = await readPublished(environment, manifest.output.container, blob);
      const { key } = keysOf(table, entity, blob);
      const digest = digester(attributesOf(table, entity, targets));
      const version = table.columns.find(({ name }) => name === changeColumns.version)?.values;
      for (let row = 0; row < table.rows; row++) {
        const own = key(row);
        if (!own) continue;
        const at = keys.intern(own.bytes, own.start, own.end);
        const of = version?.kind === 'int64' ? version.data[row]! : -1n;
        if (of < (versions[at] ?? -1n)) continue;
        versions[at] = of;
        digests[at] = digest(row);
      }
    }
  }
  return { keys, digests };
}

/** An entity's attributes in a published file. A column that the file lacks counts as null. */
function attributesOf(table: Table, entity: KeyedEntity, targets: ReadonlyMap<string, Target>): Attribute[] {
  return entity.columns.filter(isAttribute).flatMap((attribute) => {
    const column = table.columns.find(({ name }) => name === attribute.name);
    if (!column) return [];
    const { name, type, values, valid } = column;
    if (attribute.kind !== 'ref') return [valueAttribute(name, type, values, valid)];
    invariant(values.kind === 'int64', `${name} has IDs`);
    const { keys, members } = targets.get(attribute.entity)!;
    const memberAt = (row: number) => {
      const id = valid?.[row] === 0 ? undefined : String(values.data[row]);
      return id !== undefined && members.has(id) ? id : undefined;
    };
    const keyAt = (row: number) => {
      if (valid?.[row] === 0 || memberAt(row) !== undefined) return undefined;
      const key = keys.get(values.data[row]!);
      invariant(key, `${attribute.entity} published the ID that ${name} refers to`);
      return key;
    };
    return referenceAttribute(name, keyAt, memberAt);
  });
}

/** What references to an entity may refer to: keys by ID, and IDs of unknown members. */
interface Target {
  keys: ReadonlyMap<bigint, Uint8Array>;
  members: ReadonlySet<string>;
}

/** The keys and unknown members of an entity, and of those that share its index. */
async function targetOf(
  environment: Environment,
  pipeline: string,
  name: string,
  manifests: readonly Manifest[],
): Promise<Target> {
  const found = new Map<bigint, Uint8Array>();
  const target = environment.pipelines.get(pipeline)?.entities.find((one) => one.name === name);
  invariant(target?.kind === 'keyed', `"${name}" is a keyed entity`);
  const sharing = entitiesOf(environment, target.index);
  const take = (rows: number, { ids, key }: ReturnType<typeof keysOf>) => {
    for (let row = 0; row < rows; row++) {
      const own = key(row);
      if (own) found.set(ids[row]!, own.bytes.slice(own.start, own.end));
    }
  };
  for (const { container, file } of await publishedImports(environment, target.index)) {
    const table = await readPublished(environment, container, file.blob);
    take(table.rows, importedKeysOf(table));
  }
  for (const manifest of manifests) {
    for (const { pipeline: owner, entity } of sharing) {
      if (manifest.pipeline !== owner) continue;
      const files = manifest.entities.find((one) => one.entity === entity.name)?.files ?? [];
      for (const { blob } of files) {
        const table = await readPublished(environment, manifest.output.container, blob);
        take(table.rows, keysOf(table, entity, blob));
      }
    }
  }
  return { keys: found, members: new Set(membersOf(manifests, target.index)) };
}

/**
 * Activity `rebuildIndex`: a key index anew, from manifests and published files alone: keys and their IDs are both in
 * the entity's files. It is written under a new epoch, and takes effect by one put. Also the way to another number of
 * partitions.
 */
import { z } from 'zod';
import { invariant, OrdinalError } from '../../errors.ts';
import { compact } from '../../keys/compact.ts';
import { keyWriter } from '../../keys/encode.ts';
import { emptyHead, type IndexDocument, type IndexHead, indexBlobs, indexSchema } from '../../keys/index-documents.ts';
import { headName, partitionOf } from '../../keys/key-index.ts';
import { SegmentWriter } from '../../keys/segment.ts';
import { hashKey, KeyTable } from '../../keys/table.ts';
import { readTable } from '../../parquet/table.ts';
import { typeText } from '../../parquet/type-text.ts';
import type { KeyedEntity } from '../../pipeline/compiled.ts';
import { readVersioned, writeJson } from '../../storage/json.ts';
import type { Manifest } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { publishedManifests } from '../verify.ts';

export const rebuildIndexInputSchema = z.object({ index: z.string() });

export interface RebuildOutput {
  index: string;
  epoch: number;
  partitions: number;
  keys: number;
}

export async function rebuildIndexActivity(
  environment: Environment,
  { index }: z.infer<typeof rebuildIndexInputSchema>,
): Promise<RebuildOutput> {
  const { store, config } = environment;
  const container = config.workContainer;
  const sharing = entitiesOf(environment, index);
  const partitions = sharing[0]!.entity.partitions ?? 1;
  const name = indexBlobs.index(index);
  const before = await readVersioned(store, container, name, indexSchema);
  const epoch = (before?.value.epoch ?? 0) + 1;
  const heads: IndexHead[] = Array.from({ length: partitions }, () => emptyHead);
  let keyTypes: string[] | undefined;
  const files = await publishedFiles(environment, sharing);
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
    await writeJson(store, container, headName(at), head);
    await compact(at);
  }
  await writeJson(store, container, name, document, before ? { ifMatch: before.etag } : { ifAbsent: true });
  return { index, epoch, partitions, keys: heads.reduce((sum, { keys }) => sum + keys, 0) };
}

interface Sharing {
  pipeline: string;
  entity: KeyedEntity;
}

function entitiesOf(environment: Environment, index: string): Sharing[] {
  const sharing = [...environment.pipelines.values()].flatMap(({ name, entities }) =>
    entities.flatMap((entity) =>
      entity.kind === 'keyed' && entity.index === index ? [{ pipeline: name, entity }] : [],
    ),
  );
  if (sharing.length > 0) return sharing;
  throw new OrdinalError('InvalidRequest', `no pipeline has a key index "${index}"`, { where: { field: 'index' } });
}

interface PublishedKeys {
  container: string;
  blob: string;
  entity: KeyedEntity;
}

/** Files of the entities that share an index, oldest run first. */
async function publishedFiles(environment: Environment, sharing: readonly Sharing[]): Promise<PublishedKeys[]> {
  const manifests = await publishedManifests(environment);
  manifests.sort((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1));
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

async function readKeys({ store }: Environment, { container, blob, entity }: PublishedKeys, partitions: number) {
  const bytes = await store.read(container, blob);
  if (!bytes) {
    throw new OrdinalError('StorageFailed', `"${container}/${blob}" is gone: its keys cannot be recovered`, {
      where: { blob },
      remedy: 'Restore the file, or remove the run with its manifest.',
    });
  }
  const { rows, columns } = readTable(bytes, blob);
  const column = (name: string) => {
    const found = columns.find((candidate) => candidate.name === name);
    if (!found)
      throw new OrdinalError('PipelineChanged', `"${blob}" has no column "${name}"`, { where: { blob, column: name } });
    return found;
  };
  const keys = entity.columns.filter(({ kind }) => kind === 'key').map(({ name }) => column(name));
  const own = column(entity.columns[0]!.name).values;
  invariant(own.kind === 'int64', 'IDs are INT64');
  const writer = keyWriter(keys.map(({ values, type }) => ({ values, type })));
  const tables = Array.from({ length: partitions }, () => ({ table: new KeyTable(), ids: [] as bigint[] }));
  const at = new Array<number>(keys.length);
  for (let row = 0; row < rows; row++) {
    writer.write(at.fill(row));
    const { bytes: key, start, end } = writer;
    const { table, ids } = tables[partitionOf(hashKey(key, start, end), partitions)]!;
    ids[table.intern(key, start, end)] = own.data[row]!;
  }
  return { types: keys.map(({ type }) => typeText(type)), tables };
}

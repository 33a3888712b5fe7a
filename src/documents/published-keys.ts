/**
 * Reads natural keys and their IDs from published files. The rebuilds of a key index and of attribute digests call it.
 * It reads whole files into memory and changes nothing.
 */

import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { type KeyWriter, keyWriter } from '../keys/encode.ts';
import { readTable, type Table, type TableColumn } from '../parquet/table.ts';
import { typeText } from '../parquet/type-text.ts';
import type { KeyedEntity } from '../pipeline/compiled.ts';

export interface Sharing {
  pipeline: string;
  entity: KeyedEntity;
}

/** Each key index, with the entities that share it as `<pipeline>.<entity>`. */
export function keyIndexes(pipelines: Environment['pipelines']): Map<string, string[]> {
  const known = new Map<string, string[]>();
  for (const { name, entities } of pipelines.values()) {
    for (const entity of entities) {
      if (entity.kind !== 'keyed') continue;
      known.set(entity.index, [...(known.get(entity.index) ?? []), `${name}.${entity.name}`]);
    }
  }
  return known;
}

/** The entities of all pipelines that share an index. @throws OrdinalError `InvalidRequest` when there are none. */
export function entitiesOf(environment: Environment, index: string): Sharing[] {
  const sharing = [...environment.pipelines.values()].flatMap(({ name, entities }) =>
    entities.flatMap((entity) =>
      entity.kind === 'keyed' && entity.index === index ? [{ pipeline: name, entity }] : [],
    ),
  );
  if (sharing.length > 0) return sharing;
  throw new OrdinalError('InvalidRequest', `no pipeline has a key index "${index}"`, { where: { field: 'index' } });
}

/** Reads a published file. @throws OrdinalError `StorageFailed` when it is gone. */
export async function readPublished({ store }: Environment, container: string, blob: string): Promise<Table> {
  const bytes = await store.read(container, blob);
  if (bytes) return readTable(bytes, blob);
  throw new OrdinalError('StorageFailed', `"${container}/${blob}" is gone: its keys cannot be recovered`, {
    where: { blob },
    remedy: 'Restore the file, or remove the run with its manifest.',
  });
}

/**
 * The keys and IDs of an entity's file, row by row. @throws OrdinalError `PipelineChanged` when it lacks their columns.
 */
export function keysOf(table: Table, entity: KeyedEntity, blob: string) {
  const column = (name: string) => {
    const found = table.columns.find((candidate) => candidate.name === name);
    if (found) return found;
    throw new OrdinalError('PipelineChanged', `"${blob}" has no column "${name}"`, { where: { blob, column: name } });
  };
  const keys = entity.columns.filter(({ kind }) => kind === 'key').map(({ name }) => column(name));
  return keysOfColumns(column(entity.columns[0]!.name), keys);
}

/** The same of a file of imported keys: the ID, then the key's components. */
export function importedKeysOf({ columns: [id, ...keys] }: Table) {
  invariant(id && keys.length > 0, 'a file of imported keys has an ID and a key');
  return keysOfColumns(id, keys);
}

function keysOfColumns({ values: own }: TableColumn, keys: readonly TableColumn[]) {
  invariant(own.kind === 'int64', 'IDs are INT64');
  const writer = keyWriter(keys.map(({ values, type }) => ({ values, type })));
  const at = new Array<number>(keys.length);
  return {
    types: keys.map(({ type }) => typeText(type)),
    ids: own.data,
    /** The key of a row. It is valid until the next call. Undefined for an unknown member, which has none. */
    key(row: number): KeyWriter | undefined {
      if (keys.some(({ valid }) => valid?.[row] === 0)) return undefined;
      writer.write(at.fill(row));
      return writer;
    },
  };
}

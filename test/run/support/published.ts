/** What runs published, read through their manifests by an independent reader (hyparquet). */
import assert from 'node:assert/strict';
import { parquetReadObjects } from 'hyparquet';
import { type Manifest, manifestSchema } from '../../../src/documents/manifest.ts';
import { compressors } from '../../support/compressors.ts';
import type { MemoryStore } from '../../support/memory-store.ts';

export type Row = Record<string, unknown>;

export interface Published {
  manifest: Manifest;
  /** By entity, in file order. */
  rows: Record<string, Row[]>;
  /** The same, by file. */
  files: Record<string, Row[][]>;
  /** By entity: rows of unknown members. */
  members: Record<string, Row[]>;
}

/** All runs that have published, by run ID. */
export async function readPublished(store: MemoryStore, container = 'published'): Promise<Map<string, Published>> {
  const found = new Map<string, Published>();
  for (const name of store.names(container)) {
    if (!/(^|\/)_manifests\/[^/]+\.json$/.test(name)) continue;
    const manifest = manifestSchema.parse(JSON.parse(Buffer.from(store.bytes(container, name)).toString()));
    if (manifest.outcome !== 'published') continue;
    const rows: Published['rows'] = {};
    const files: Published['files'] = {};
    const members: Published['members'] = {};
    const read = async (blob: string): Promise<Row[]> => {
      assert.ok(store.names(container, blob).includes(blob), `${name} names ${blob}, which is there`);
      return await readRows(store.bytes(container, blob));
    };
    for (const { entity, files: named, unknown } of manifest.entities) {
      files[entity] = [];
      for (const { blob } of named) files[entity].push(await read(blob));
      rows[entity] = files[entity].flat();
      members[entity] = (await Promise.all((unknown?.files ?? []).map(({ blob }) => read(blob)))).flat();
    }
    found.set(manifest.runId, { manifest, rows, files, members });
  }
  return found;
}

export async function readRows(bytes: Uint8Array): Promise<Row[]> {
  const file = bytes.slice().buffer;
  return await parquetReadObjects({ file, compressors });
}

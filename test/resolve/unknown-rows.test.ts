/** Which unknown members a run publishes: those that no run has, unless imported keys may have their IDs. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import type { ImportManifest } from '../../src/documents/imports.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { emptyHead } from '../../src/keys/index-documents.ts';
import { pipeline, registerPipelines, sharedIndex } from '../../src/pipeline/index.ts';
import { keyedEntity } from '../../src/resolve/run-key-index.ts';
import { membersToPublish } from '../../src/resolve/unknown-rows.ts';
import { output } from '../../src/storage/names.ts';
import { MemoryStore } from '../support/memory-store.ts';

const pipelines = registerPipelines([
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ name: z.string().nullable() }),
    entities: ({ id, ref }) => ({
      people: { kind: 'keyed', id: id('person_id', { start: 100 }), key: { name: 'name' }, index: sharedIndex('folk') },
      lines: {
        kind: 'rows',
        id: id('line_id'),
        columns: {
          first: ref('people', { name: 'name' }, { missing: -1 }),
          second: ref('people', { name: 'name' }, { missing: 7 }),
        },
      },
    }),
  }),
]);
const people = keyedEntity(pipelines.get('p')!, 'people');

/** What a run publishes where keys were imported into these indexes, with IDs from `firstId` on. */
async function published(imports: { index: string; firstId: string | null }[], unknown: string[] = []) {
  const store = new MemoryStore();
  await store.ensureContainer('published');
  for (const [i, { index, firstId }] of imports.entries()) {
    const lastId = firstId;
    const manifest: ImportManifest = {
      ...{ version: 1, kind: 'imported keys', importId: `${i}`, index, importedAt: '', term: i, from: 'old.parquet' },
      ...{ columns: { id: 'id', key: { name: 'name' } }, keyTypes: [], sequence: 'folk', keys: 1, known: 0 },
      ...{ container: 'published', file: { blob: 'b', rows: 1, bytes: 1, crc32: '00000000', firstId, lastId } },
    } as never;
    const name = `${output.importPrefix(pipelines.get('p')!)}${i}.json`;
    await store.write('published', name, Buffer.from(JSON.stringify(manifest)));
  }
  const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
  let lists = 0;
  const { list } = store;
  store.list = (...of) => {
    lists++;
    return list.apply(store, of);
  };
  const members = await membersToPublish({ store, config, pipelines }, people, { ...emptyHead, unknown });
  return { members, lists };
}

test('members that no run has published are published, and imports are read only for them', async () => {
  assert.deepEqual(await published([]), { members: ['-1', '7'], lists: 1 });
  assert.deepEqual(await published([], ['7']), { members: ['-1'], lists: 1 });
  assert.deepEqual(await published([{ index: 'folk', firstId: '5' }], ['7', '-1']), { members: [], lists: 0 });
});

test('a member is refused whose ID imported keys of the same index may have', async () => {
  const refused = (imports: Parameters<typeof published>[0], unknown?: string[]) =>
    assert.rejects(published(imports, unknown), { code: 'PipelineChanged', where: { entity: 'people' } });
  await refused([{ index: 'folk', firstId: '7' }]);
  await refused([{ index: 'folk', firstId: '3' }], ['-1']);
  const members = ['-1', '7'];
  const [none, other, later] = [null, '0', '8'].map((firstId, i) => ({ index: i === 1 ? 'others' : 'folk', firstId }));
  assert.deepEqual((await published([none!, other!, later!])).members, members);
});

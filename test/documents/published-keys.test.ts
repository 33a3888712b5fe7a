/** Keys and IDs of published files, and which entities share an index. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { z } from 'zod';
import { entitiesOf, importedKeysOf, keysOf, readPublished } from '../../src/documents/published-keys.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { builder } from '../../src/parquet/logical.ts';
import { type TableColumn, writeTable } from '../../src/parquet/table.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import { pipeline, registerPipelines, sharedIndex } from '../../src/pipeline/index.ts';
import { MemoryStore } from '../support/memory-store.ts';

const text: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const people = (name: string, index: string) =>
  pipeline({
    name,
    source: { container: 'landing', prefix: `${name}/` },
    row: z.object({ last: z.string(), first: z.string() }),
    entities: ({ id }) => ({
      folk: { kind: 'keyed', id: id('id'), key: { last: 'last', first: 'first' }, index: sharedIndex(index) },
      own: { kind: 'keyed', id: id('own_id'), key: { last: 'last' } },
      rows: { kind: 'rows', id: id('row_id'), columns: { last: 'last' } },
    }),
  });
const pipelines = registerPipelines([people('a', 'folk'), people('b', 'folk'), people('c', 'others')]);
const environment = {
  store: new MemoryStore(),
  config: parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' }),
  pipelines,
};

function column(name: string, type: ColumnType, values: readonly unknown[]): TableColumn {
  const build = builder(type);
  for (const value of values) {
    if (value === null) build.pushNull();
    else build.push(value);
  }
  return { name, type, ...build.finish() };
}
const id = column('id', { physical: 'INT64' }, [7n, 8n, 0n]);
const last = column('last', text, ['Ito', 'Ito', null]);
const first = column('first', text, ['Ann', 'Bob', null]);

test('the entities of an index are those of all pipelines that name it', () => {
  const found = (index: string) => entitiesOf(environment, index).map(({ pipeline: of, entity }) => [of, entity.name]);
  assert.deepEqual(found('folk'), [
    ['a', 'folk'],
    ['b', 'folk'],
  ]);
  assert.deepEqual(found('c.own'), [['c', 'own']]);
  assert.throws(() => found('rows'), { code: 'InvalidRequest', where: { field: 'index' } });
});

test('keys are read row by row as the pipeline orders them; an unknown member has none', async () => {
  const { store } = environment;
  await store.ensureContainer('published');
  await store.write('published', 'f.parquet', writeTable([first, id, last], { codec: 'UNCOMPRESSED' }));
  const table = await readPublished(environment, 'published', 'f.parquet');
  const { entity } = entitiesOf(environment, 'folk')[0]!;
  const { types, ids, key } = keysOf(table, entity, 'f.parquet');
  assert.deepEqual([types.length, [...ids]], [2, [7n, 8n, 0n]]);
  const shown = (row: number, read = key) => {
    const one = read(row);
    return (
      one &&
      Buffer.from(one.bytes.subarray(one.start, one.end))
        .toString()
        .replaceAll(/[^A-Za-z]+/g, ' ')
    );
  };
  assert.deepEqual([shown(0), shown(1), shown(2)], [' Ito Ann', ' Ito Bob', undefined]);
  // A file of imported keys has the ID first, and the key's parts in their order.
  const imported = importedKeysOf({ columns: [id, last, first], rows: 3, keyValues: {} });
  assert.deepEqual([shown(1, imported.key), shown(2, imported.key)], [' Ito Bob', undefined]);
});

test('a file that is gone or lacks a column is an error that names it', async () => {
  await environment.store.ensureContainer('published');
  await assert.rejects(readPublished(environment, 'published', 'gone'), {
    code: 'StorageFailed',
    where: { blob: 'gone' },
  });
  const { entity } = entitiesOf(environment, 'folk')[0]!;
  assert.throws(() => keysOf({ columns: [id, last], rows: 3, keyValues: {} }, entity, 'f'), {
    code: 'PipelineChanged',
    where: { blob: 'f', column: 'first' },
  });
});

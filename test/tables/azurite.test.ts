/**
 * Delta tables in a real blob service: committers race by its conditions, and ClickHouse reads the table where it is,
 * through the service's own API.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll } from 'vitest';
import { openAzureStore } from '../../src/storage/azure.ts';
import type { BlobStore } from '../../src/storage/store.ts';
import { delta } from '../../src/table-format/delta.ts';
import { peerTest as test } from '../parquet/support/peers.ts';
import { startAzurite } from '../support/azurite.ts';
import { commit } from '../table-format/support/races.ts';
import { askChdb } from './support/delta-reader.ts';

let azurite: Awaited<ReturnType<typeof startAzurite>>;
let store: BlobStore;

beforeAll(async () => {
  azurite = await startAzurite();
  store = openAzureStore({ connectionString: azurite.connectionString });
  await store.ensureContainer('published');
});

afterAll(async () => {
  await azurite.stop();
});

test('committers race for versions, and the table is read through the service', async () => {
  const place = { store, container: 'published', folder: 'p/e', requestsInFlight: 4 };
  // Each run is committed by two at once.
  await Promise.all(Array.from({ length: 16 }, (_, i) => commit(place, i >> 1)));
  const names: string[] = [];
  for await (const { name } of store.list('published', 'p/e/_delta_log/')) names.push(name.slice(-8));
  assert.deepEqual(
    names,
    Array.from({ length: 8 }, (_, version) => `00${version}.json`),
  );
  assert.equal((await delta.begin(place)).files.size, 8);
  const table = `deltaLakeAzure('${azurite.connectionString}', 'published', 'p/e/')`;
  const [read] = await askChdb([`SELECT id FROM ${table} ORDER BY id`]);
  assert.equal(read!.error, undefined);
  assert.deepEqual(
    read!.rows,
    Array.from({ length: 16 }, (_, i) => [String(i)]),
  );
});

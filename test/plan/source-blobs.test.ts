/** Named blobs: found in a listing where many are named, and one by one where the listing shows much else. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { parseConfig } from '../../src/environment/config.ts';
import { limits } from '../../src/limits.ts';
import { sourceBlobs } from '../../src/plan/source-blobs.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';

const source = { container: 'landing', prefix: 'in/', suffix: '.parquet' };
const nameOf = (n: number) => `in/${n % 2 === 0 ? 'ä' : 'z'}/${String(n).padStart(4, '0')}.parquet`;

/** Asks for blobs in a container that holds `there`, and counts the requests. */
async function ask(names: readonly string[], there: readonly string[]) {
  const memory = new MemoryStore();
  await memory.ensureContainer('landing');
  for (const name of there) await memory.write('landing', name, new Uint8Array(3));
  const requests = { list: 0, head: 0 };
  const store = withFaults(memory, ({ operation, at }) => {
    if (at === 'before' && (operation === 'list' || operation === 'head')) requests[operation]++;
  });
  const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
  const input = { runId: 'r', pipeline: 'p', prefix: 'in/', select: { by: 'blobs' as const, blobs: [...names] } };
  const found = await sourceBlobs({ store, config, pipelines: new Map() }, source, input);
  return { found: found.blobs.map(({ blob, etag }) => [blob, etag !== '']), requests };
}

const byBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const shown = (names: readonly string[]) => [...names].sort(byBytes).map((name) => [name, true]);
const all = Array.from({ length: 200 }, (_, n) => nameOf(n));

test('many named blobs are found by one listing, in byte order', async () => {
  const names = all.filter((_, n) => n % 3 === 0).reverse();
  assert.ok(names.length >= limits.namedBlobsListedMin);
  assert.deepEqual(await ask(names, all), { found: shown(names), requests: { list: 1, head: 0 } });
});

test('few are looked up one by one', async () => {
  const names = all.slice(0, limits.namedBlobsListedMin - 1);
  assert.deepEqual(await ask(names, all), { found: shown(names), requests: { list: 0, head: names.length } });
});

test('where the listing shows much else, the rest are looked up one by one', async () => {
  const far = Array.from({ length: 40 }, (_, n) => `in/y${n}.parquet`);
  const crowd = Array.from({ length: 400 }, (_, n) => `in/m${String(n).padStart(5, '0')}.parquet`);
  const names = ['in/a.parquet', ...far];
  const { found, requests } = await ask(names, [...names, ...crowd]);
  assert.deepEqual(found, shown(names));
  assert.deepEqual(requests, { list: 1, head: 40 });
});

test('one that is not there is named', async () => {
  const names = all.slice(0, 60);
  for (const missing of [0, 31, 59]) {
    const name = [...names].sort(byBytes)[missing]!;
    const there = names.filter((each) => each !== name);
    await assert.rejects(ask(names, there), { code: 'SourceEmpty', where: { blob: name, field: 'blobs' } });
  }
});

/**
 * The blobs of a source, however they are asked for. Named ones are found in a listing where many are named, and one by
 * one where the listing shows much else.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'vitest';
import type { Selection } from '../../src/documents/selection.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { limits } from '../../src/limits.ts';
import { sourceBlobs } from '../../src/plan/source-blobs.ts';
import { toMetadata } from '../../src/storage/metadata.ts';
import { work } from '../../src/storage/names.ts';
import { withFaults } from '../support/faults.ts';
import { underLimits } from '../support/limits.ts';
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

/** A container with these blobs, by name their metadata. */
async function landing(blobs: Record<string, Record<string, string>>) {
  const store = new MemoryStore();
  await store.ensureContainer('landing');
  for (const [name, metadata] of Object.entries(blobs))
    await store.write('landing', name, new Uint8Array(name.length), { metadata });
  const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
  await store.ensureContainer(config.workContainer);
  const of = async (select?: Selection, prefix = 'in/') => {
    const input = { runId: 'r', pipeline: 'p', prefix, ...(select && { select }) };
    const { blobs: found, ...rest } = await sourceBlobs({ store, config, pipelines: new Map() }, source, input);
    return { found: found.map(({ blob }) => blob), ...rest };
  };
  return { store, config, of };
}
const plain = (...names: string[]) => Object.fromEntries(names.map((name) => [name, {}]));

test('a listing takes what ends as it should, and counts what it passed over; folders are neither', async () => {
  const others = Array.from({ length: 7 }, (_, n) => `in/${n}.csv`);
  const { store, of } = await landing({
    ...plain('in/b.parquet', 'in/a.parquet', 'in/a.PARQUET', 'out/a.parquet', ...others),
    'in/folder.parquet': { hdi_isfolder: 'true' },
    'in/folder': { hdi_isfolder: 'true' },
  });
  const skipped = { count: 8, blobs: others.slice(0, 5) };
  assert.deepEqual(await of(), { found: ['in/a.parquet', 'in/b.parquet'], skipped });
  assert.deepEqual(await of(undefined, 'out/'), { found: ['out/a.parquet'] }, 'nothing was passed over');
  assert.deepEqual(await of(undefined, 'no/'), { found: [] });
  const { etag, size } = (await store.head('landing', 'in/a.parquet'))!;
  const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
  const input = { runId: 'r', pipeline: 'p', prefix: 'in/a' };
  const { blobs } = await sourceBlobs({ store, config, pipelines: new Map() }, source, input);
  assert.deepEqual(blobs, [{ blob: 'in/a.parquet', etag, size }]);
});

test('a pattern, and a range of names in the order of their bytes', async () => {
  // As UTF-16 the second would come before the first.
  const [bmp, astral] = ['in/\uffee.parquet', 'in/\u{10000}.parquet'];
  const { of } = await landing(plain('in/a1.parquet', 'in/a2.parquet', 'in/b1.parquet', bmp, astral, 'in/a1.csv'));
  assert.deepEqual(await of({ by: 'glob', glob: 'in/a*' }), {
    found: ['in/a1.parquet', 'in/a2.parquet'],
    skipped: { count: 1, blobs: ['in/a1.csv'] },
  });
  const range = async (first: string, last: string, glob?: string) =>
    (await of({ by: 'range', first, last, ...(glob !== undefined && { glob }) })).found;
  assert.deepEqual(await range('in/a2.parquet', bmp), ['in/a2.parquet', 'in/b1.parquet', bmp]);
  assert.deepEqual(await range(bmp, astral), [bmp, astral]);
  assert.deepEqual(await range('in/a1.parquet', astral, 'in/*1.parquet'), ['in/a1.parquet', 'in/b1.parquet']);
});

test('a version that was named is the only one that is taken', async () => {
  const { store, of } = await landing(plain('in/a.parquet'));
  const { etag } = (await store.head('landing', 'in/a.parquet'))!;
  const select = { by: 'blobs' as const, blobs: ['in/a.parquet', 'in/a.parquet'], etag };
  assert.deepEqual(await of(select), { found: ['in/a.parquet'] }, 'once, though it is named twice');
  await store.write('landing', 'in/a.parquet', new Uint8Array(9));
  await assert.rejects(of(select), { code: 'SourceChanged', where: { blob: 'in/a.parquet' } });
});

test('a list is read from its document, and must be the one that the run was started with', async () => {
  const { store, config, of } = await landing(plain('in/a.parquet', 'in/b.parquet'));
  const blobs = ['in/b.parquet', 'in/a.parquet'];
  const document = 'lists/r.json';
  await store.write(config.workContainer, document, Buffer.from(JSON.stringify({ version: 1, blobs })));
  const sha256 = createHash('sha256').update(JSON.stringify(blobs)).digest('hex');
  const select = { by: 'list' as const, document, count: 2, sha256 };
  assert.deepEqual(await of(select), { found: ['in/a.parquet', 'in/b.parquet'] });
  await assert.rejects(of({ ...select, sha256: 'x' }), { code: 'CorruptFile', where: { blob: document } });
});

test('what arrived in an interval is taken in the version that arrived, if it is still there', async () => {
  const { store, config, of } = await landing(plain('in/a.parquet', 'in/b.parquet', 'in/c.parquet', 'in/d.parquet'));
  let now = 0;
  store.clock = () => now;
  for (const [at, name] of [
    [1000, 'a'],
    [2000, 'b'],
    [3000, 'c'],
    [4000, 'd'],
  ] as const) {
    now = at;
    const blob = `in/${name}.parquet`;
    const { etag } = (await store.head('landing', blob))!;
    const metadata = { blob: toMetadata(blob), etag: toMetadata(etag) };
    await store.write(config.workContainer, work.receipt('p', name), new Uint8Array(0), { metadata });
  }
  now = 2500;
  await store.write(config.workContainer, work.receipt('p', 'none'), new Uint8Array(0));
  const interval = (after: number, to: number) => of({ by: 'arrivals', after, to });
  assert.deepEqual(await interval(1000, 3000), { found: ['in/b.parquet', 'in/c.parquet'] });
  assert.deepEqual(await interval(0, 1000), { found: ['in/a.parquet'] });
  await store.write('landing', 'in/b.parquet', new Uint8Array(9));
  await store.remove('landing', 'in/c.parquet');
  assert.deepEqual(await interval(0, 9000), { found: ['in/a.parquet', 'in/d.parquet'] });
});

test('as many blobs as a run may have, and not one more', async () => {
  const names = ['in/a.parquet', 'in/b.parquet', 'in/c.parquet'];
  const { of } = await landing(plain(...names));
  const ways: (Selection | undefined)[] = [undefined, { by: 'blobs', blobs: names }, { by: 'glob', glob: 'in/*' }];
  for (const select of ways) {
    await underLimits({ sourceBlobsMax: 3 }, async () => assert.deepEqual(await of(select), { found: names }));
    await underLimits({ sourceBlobsMax: 2 }, async () => {
      await assert.rejects(of(select), { code: 'LimitExceeded', where: { field: 'prefix' } });
    });
  }
});

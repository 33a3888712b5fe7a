/** How the plan reads its source: at once, or by many activities from what it has listed; the files come out the same. */
import assert from 'node:assert/strict';
import { beforeEach, test } from 'vitest';
import { z } from 'zod';
import { readListing } from '../../src/documents/source-files.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { Environment } from '../../src/environment/environment.ts';
import { pipeline, registerPipelines } from '../../src/pipeline/index.ts';
import { listedSource, type ReadSource, readFooters, readSource } from '../../src/plan/read-source.ts';
import { takeSource } from '../../src/source/kept-sources.ts';
import { shopFile } from '../run/support/shop.ts';
import { underLimits } from '../support/limits.ts';
import { MemoryStore } from '../support/memory-store.ts';

const pipelines = registerPipelines([
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/', suffix: '.parquet' },
    onBadFile: 'set-aside',
    maxBadFiles: 1,
    row: z.object({ customer: z.string(), quantity: z.int() }),
    entities: ({ id }) => ({ e: { kind: 'rows', id: id('e_id'), columns: { customer: 'customer' } } }),
  }),
]);
const p = pipelines.get('p')!;
const of = { runId: 'r', life: 1 };
const input = { ...of, pipeline: 'p', prefix: 'in/' };
const blobs = [0, 1, 2, 3, 4].map((n) => `in/${n}.parquet`);
let store: MemoryStore;

/** A process that has read nothing yet. */
function process(shortBytesMax = 0): Environment {
  const config = { ...parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' }), shortBytesMax };
  return { store, config, pipelines };
}

beforeEach(async () => {
  store = new MemoryStore();
  for (const container of ['landing', 'published', process().config.workContainer])
    await store.ensureContainer(container);
  for (const [n, name] of blobs.entries()) {
    const rows = Array.from({ length: n + 1 }, () => ({ customer: 'ann', product: 'tea', quantity: n }));
    await store.write('landing', name, n === 3 ? Buffer.from('no Parquet file') : shopFile(rows));
  }
  await store.write('landing', 'in/readme.txt', Buffer.from('hello'));
});

const read = async (environment: Environment, more = {}): Promise<ReadSource> => {
  const source = await readSource(environment, p, { ...input, ...more });
  assert.ok('files' in source, 'few files are read at once');
  return source;
};

test('few files are read at once; one that is no Parquet file has no rows, and others are passed over', async () => {
  const { ref, files, leftOut, claim, way } = await read(process());
  assert.deepEqual(
    files.map(({ blob, rows, bad }) => [blob, rows, bad?.code]),
    blobs.map((blob, n) => [blob, n === 3 ? 0 : n + 1, n === 3 ? 'NotParquet' : undefined]),
  );
  assert.deepEqual([ref.count, ref.skipped], [5, { count: 1, blobs: ['in/readme.txt'] }]);
  assert.deepEqual([leftOut, typeof claim, way.taken], [{ read: 0, pending: 0 }, 'string', 'long']);
  // A dry run claims nothing.
  await store.remove('landing', 'in/readme.txt');
  const dry = await read(process(), { runId: 's', again: true, dryRun: true });
  assert.deepEqual([dry.claim, dry.ref.skipped, 'claim' in dry], [undefined, undefined, false]);
});

test('many files are listed first, and their footers are read document by document', async () => {
  const whole = await read(process(), { dryRun: true });
  await underLimits({ filesPerDocumentMax: 2 }, async () => {
    const listed = await readSource(process(), p, input);
    assert.ok('listing' in listed);
    assert.deepEqual([listed.footers, listed.listing.each, listed.leftOut], [3, 2, { read: 0, pending: 0 }]);
    assert.equal(typeof listed.claim, 'string');
    const documents = await Promise.all([0, 1, 2].map((part) => readListing(process(), of, listed.listing, part)));
    assert.deepEqual(
      documents.map((files) => files.map(({ blob }) => blob)),
      [blobs.slice(0, 2), blobs.slice(2, 4), blobs.slice(4)],
    );
    const counts: number[] = [];
    for (let part = 0; part < 3; part++) {
      const told = await readFooters.run(process(), { ...of, pipeline: 'p', listing: listed.listing, part });
      assert.ok(told.ok, JSON.stringify(told));
      counts.push(told.value.files);
    }
    assert.deepEqual(counts, [2, 2, 1]);
    const { leftOut, claim } = listed;
    const source = await listedSource(process(), { ...input, leftOut, claim: claim! }, listed.listing);
    assert.deepEqual(source, { ref: listed.listing, files: whole.files, way: whole.way, leftOut, claim });
    const dry = await readSource(process(), p, { ...input, runId: 's', again: true, dryRun: true });
    assert.deepEqual(Object.keys(dry).sort(), ['footers', 'leftOut', 'listing']);
    const bare = await listedSource(process(), input, listed.listing);
    assert.deepEqual(Object.keys(bare).sort(), ['files', 'ref', 'way']);
  });
});

test('a short run keeps what it has read whole for its split, document by document, and a dry run keeps nothing', async () => {
  const whole = await read(process(), { dryRun: true });
  const { etag } = whole.files[1]!;
  await underLimits({ filesPerDocumentMax: 2 }, async () => {
    const [dry, own, small] = [process(1 << 20), process(1 << 20), process(1 << 20)];
    const { files, way } = await read(dry, { dryRun: true });
    assert.deepEqual([files, way.taken], [whole.files, 'short']);
    assert.equal(takeSource(dry, 'landing', blobs[1]!, etag), undefined);
    const short = await read(own, { again: true });
    assert.deepEqual(short.files, whole.files);
    for (const n of [0, 1, 2, 4]) {
      const kept = takeSource(own, 'landing', blobs[n]!, short.files[n]!.etag);
      assert.deepEqual(kept, store.bytes('landing', blobs[n]!), blobs[n]);
    }
    // Files that are not small are read by their footers alone.
    const { size } = whole.files[1]!;
    await underLimits({ wholeFileBytesMax: size - 1 }, () => read(small, { again: true }));
    assert.equal(takeSource(small, 'landing', blobs[1]!, etag), undefined);
    await underLimits({ wholeFileBytesMax: size }, () => read(small, { again: true }));
    assert.ok(takeSource(small, 'landing', blobs[1]!, etag));
  });
});

test('a file that cannot be used fails a pipeline that sets none aside', async () => {
  const { badFiles: _, ...strict } = p;
  await assert.rejects(readSource(process(), strict, input), { code: 'NotParquet', where: { blob: blobs[3] } });
});

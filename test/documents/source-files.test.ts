/** A run's files in documents of a few each: any range of them is found, and each document is read once. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import {
  digestOf,
  documentsOf,
  type FilesRef,
  loadFiles,
  readFiles,
  readListing,
  type SourceFile,
  writeFiles,
  writeListing,
} from '../../src/documents/source-files.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { work } from '../../src/storage/names.ts';
import { withFaults } from '../support/faults.ts';
import { MemoryStore } from '../support/memory-store.ts';

const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
const of = { runId: 'r', life: 1 };
const shapes = [true, false].map((optional) => ({
  columns: [{ type: { physical: 'INT32' as const }, optional }],
  codec: 'SNAPPY' as const,
}));

test('a range of files is found wherever the documents are cut', async () => {
  const numbers = fc.integer({ min: 0, max: 14 });
  await fc.assert(
    fc.asyncProperty(numbers, fc.integer({ min: 1, max: 5 }), numbers, numbers, async (count, each, a, b) => {
      const store = new MemoryStore();
      await store.ensureContainer(config.workContainer);
      const files = Array.from({ length: count }, (_, f): SourceFile => {
        return { blob: `b${f}`, etag: `e${f}`, size: f, rows: 2 * f, shape: shapes[f % 2]!, groups: [[2 * f, 7]] };
      });
      const ref: FilesRef = { count, each, digest: digestOf(files) };
      const parts = [...Array(documentsOf(ref)).keys()];
      assert.equal(parts.length, Math.ceil(count / each));
      for (const part of parts) {
        const own = files.slice(part * each, (part + 1) * each);
        await writeListing({ store, config, pipelines: new Map() }, of, ref, files, part);
        await writeFiles({ store, config, pipelines: new Map() }, of, ref, own, part, { said: 'so' });
      }
      let reads = 0;
      const counted = withFaults(store, ({ point }) => {
        if (point.endsWith(':read:before')) reads++;
      });
      // A process that has written nothing of it.
      const environment = { store: counted, config, pipelines: new Map() };
      const planned = files.map(({ blob, etag, size, rows }) => ({ blob, etag, size, rows }));
      for (const [from, to] of [[Math.min(a, b), Math.max(a, b)] as const, [0, count] as const, [0, count] as const])
        assert.deepEqual(await loadFiles(environment, of, ref, from, to), planned.slice(from, to));
      assert.equal(reads, parts.length, 'each document is read once');
      for (const part of parts) {
        const own = files.slice(part * each, (part + 1) * each);
        const pinned = own.map(({ blob, etag, size }) => ({ blob, etag, size }));
        assert.deepEqual(await readListing(environment, of, ref, part), pinned);
        const read = await readFiles({ store, config, pipelines: new Map() }, of, ref, part);
        assert.deepEqual(read, own);
        // Files of one shape share it.
        assert.equal(new Set(read.map(({ shape }) => shape)).size, new Set(own.map(({ shape }) => shape)).size);
      }
      for (const part of parts) {
        const { metadata } = (await store.head(config.workContainer, work.files(of, ref.digest, part)))!;
        assert.equal(metadata.said, 'so');
      }
    }),
    { numRuns: 60 },
  );
});

test('the digest is of names, versions, sizes and their order', () => {
  const [a, b] = [
    { blob: 'a', etag: '1', size: 1 },
    { blob: 'b', etag: '1', size: 1 },
  ];
  const lists = [[a], [b], [a, b], [b, a], [{ ...a, etag: '2' }], [{ ...a, size: 2 }], []];
  assert.equal(new Set(lists.map(digestOf)).size, lists.length);
  assert.match(digestOf([a]), /^[0-9a-f]{16}$/);
});

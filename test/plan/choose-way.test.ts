/** Which way a run takes: each bound, what lies on it, and what the plan says. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import type { SourceFile } from '../../src/documents/source-files.ts';
import { limits } from '../../src/limits.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import { chooseByListing, chooseWay } from '../../src/plan/choose-way.ts';

const MEBIBYTE = 1024 * 1024;

test('a listing tells by its bytes and its files', () => {
  const way = (sizes: number[], shortBytesMax: number) =>
    chooseByListing(
      sizes.map((size) => ({ size })),
      { shortBytesMax },
    );
  const fits = 'The source has 3.0 MiB in 2 files: it fits one process.';
  assert.deepEqual(way([MEBIBYTE, 2 * MEBIBYTE], 3 * MEBIBYTE), { taken: 'short', why: fits });
  assert.deepEqual(way([MEBIBYTE, 2 * MEBIBYTE], 3 * MEBIBYTE - 1), {
    taken: 'long',
    why: 'The source has 3.0 MiB, above ORDINAL_SHORT_BYTES.',
  });
  assert.deepEqual(way([], 0), { taken: 'long', why: 'ORDINAL_SHORT_BYTES is 0.' });
  assert.equal(way([], 1).taken, 'short');
  const many = (count: number) => way(new Array<number>(count).fill(1), MEBIBYTE);
  assert.equal(many(limits.shortFilesMax).taken, 'short');
  assert.match(many(limits.shortFilesMax + 1).why, /^The source has 20001 files, more than 20000\.$/);
});

test('footers tell by what decodes to more, and a pipeline by its key partitions', () => {
  const listed = { taken: 'short', why: 'by the listing' } as const;
  const files = (...groups: number[][]) =>
    groups.map((bytes) => ({ groups: bytes.map((one) => [1, one]) })) as unknown as SourceFile[];
  const pipeline = (...entities: object[]) => ({ entities }) as unknown as CompiledPipeline;
  const rows = pipeline({ kind: 'rows', partitions: 1000 });
  const max = limits.batchBytesMax;
  assert.equal(chooseWay(rows, files([max - 5, 2], [3]), listed), listed);
  assert.deepEqual(chooseWay(rows, files([max - 5, 2], [4]), listed), {
    taken: 'long',
    why: 'The source has 1024.0 MiB when decoded: more than one process should take.',
  });
  const long = { taken: 'long', why: 'by the listing' } as const;
  assert.equal(chooseWay(rows, [], long), long);
  // Partitions of all keyed entities; without a word an entity has one.
  const keyed = (partitions: number) => pipeline({ kind: 'keyed', partitions }, { kind: 'keyed' }, { kind: 'rows' });
  assert.equal(chooseWay(keyed(limits.shortResolvesMax - 1), [], listed), listed);
  assert.deepEqual(chooseWay(keyed(limits.shortResolvesMax), [], listed), {
    taken: 'long',
    why: 'The pipeline has 65 key partitions, more than 64.',
  });
});

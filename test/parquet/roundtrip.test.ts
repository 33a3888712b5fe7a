/** What is encoded decodes to the same values, for every type, codec, page size, share of nulls and repetition. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { encodeColumn } from '../../src/parquet/encode-column.ts';
import { encodeDictionaryPage, encodeIndexPages, encodePlain } from '../../src/parquet/encode-pages.ts';
import type { Codec, EncodedChunk } from '../../src/parquet/types.ts';
import { decodeAt, fileOf, firstDifference, footerOf, plainOf } from './support/files.ts';
import { everyType, randomColumn, randomOf } from './support/random.ts';

const codecs: Codec[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW', 'LZ4'];

const shapes = fc.record({
  typeName: fc.constantFrom(...Object.keys(everyType)),
  rows: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 3000 })),
  distinct: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constant(5000)),
  nullShare: fc.constantFrom(0, 0, 0.01, 0.5, 1),
  optional: fc.boolean(),
  codec: fc.constantFrom(...codecs),
  rowsPerPage: fc.constantFrom(1, 7, 8, 64, 1000, 131072),
  seed: fc.integer(),
});

function check(chunk: EncodedChunk, shape: { typeName: string; optional: boolean }, nulls: number, rows: number) {
  const type = everyType[shape.typeName]!;
  const file = fileOf([{ name: 'c', type, optional: shape.optional, chunks: [chunk] }]);
  const footer = footerOf(file);
  assert.deepEqual(footer.leaves, [{ name: 'c', ordinal: 0, type, optional: shape.optional, nested: false }]);
  assert.equal(footer.rows, rows);
  const column = decodeAt(file, footer, 0, 0);
  assert.equal(column.rows, rows);
  assert.equal(column.nulls, nulls);
  assert.equal(footer.rowGroups[0]!.chunks[0]!.statistics?.nullCount, nulls);
  return plainOf(column);
}

test('a column encoded in either way decodes to itself', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const type = everyType[shape.typeName]!;
      const nullShare = shape.optional ? shape.nullShare : 0;
      const column = randomColumn(type, shape.rows, shape.distinct, nullShare, shape.seed);
      const { values, valid, nulls } = column;
      const plain = encodePlain(type, shape.optional, values, valid, shape.codec, { rowsPerPage: shape.rowsPerPage });
      assert.equal(firstDifference(check(plain, shape, nulls, shape.rows), column), -1);
      const form = { form: 'plain', rows: shape.rows, nulls, values, valid } as const;
      const chosen = encodeColumn(form, type, shape.optional, shape.codec, { rowsPerPage: shape.rowsPerPage });
      assert.equal(firstDifference(check(chosen, shape, nulls, shape.rows), column), -1);
    }),
    { numRuns: 200 },
  );
});

test('a dictionary with unused entries decodes to the rows it stands for', () => {
  fc.assert(
    fc.property(shapes, (shape) => {
      const type = everyType[shape.typeName]!;
      const dictionary = randomColumn(type, Math.min(shape.distinct, 2000), 2000, 0, shape.seed).values;
      const random = randomOf(shape.seed ^ 99);
      const share = shape.optional ? shape.nullShare : 0;
      // Only the upper half is used.
      const low = dictionary.length >>> 1;
      const indices = Int32Array.from({ length: shape.rows }, () =>
        random() < share ? -1 : low + Math.floor(random() * (dictionary.length - low)),
      );
      const nulls = indices.reduce((sum, index) => sum + (index < 0 ? 1 : 0), 0);
      const form = { form: 'dictionary', rows: shape.rows, nulls, dictionary, indices } as const;
      const chunk = encodeColumn(form, type, shape.optional, shape.codec, { rowsPerPage: shape.rowsPerPage });
      assert.equal(firstDifference(check(chunk, shape, nulls, shape.rows), plainOf(form)), -1);
    }),
    { numRuns: 150 },
  );
});

test('a dictionary page and index pages written apart are one chunk', () => {
  const type = everyType.string!;
  const dictionary = randomColumn(type, 700, 2000, 0, 5).values;
  const indices = Int32Array.from({ length: 5000 }, (_, r) => (r % 11 === 0 ? -1 : (r * 7) % 700));
  for (const codec of codecs) {
    const page = encodeDictionaryPage(dictionary, codec);
    const pages = encodeIndexPages(indices, dictionary.length, true, codec, { rowsPerPage: 999 });
    assert.equal(pages.pages, 6);
    const chunk: EncodedChunk = {
      parts: [page.bytes, ...pages.parts],
      meta: {
        codec,
        encodings: ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
        numValues: pages.numValues,
        length: page.bytes.length + pages.length,
        uncompressedLength: page.uncompressedLength + pages.uncompressedLength,
        dictionaryPageOffset: 0,
        dataPageOffset: page.bytes.length,
        statistics: { nullCount: pages.nulls },
      },
    };
    const file = fileOf([{ name: 'c', type, optional: true, chunks: [chunk] }]);
    const column = decodeAt(file, footerOf(file), 0, 0);
    assert.equal(column.form, 'dictionary');
    assert.deepEqual(column.form === 'dictionary' && column.indices, indices);
    assert.equal(
      firstDifference(
        plainOf(column),
        plainOf({ form: 'dictionary', rows: 5000, nulls: pages.nulls, dictionary, indices }),
      ),
      -1,
    );
  }
});

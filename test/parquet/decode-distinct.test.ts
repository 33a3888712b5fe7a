/** Plain byte arrays read by distinct value say the same as the ordinary decoder, whatever the pages and nulls. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { decodeDistinct } from '../../src/parquet/decode-distinct.ts';
import { chunkShape, decodeChunk, encodePlain, placeChunk } from '../../src/parquet/index.ts';
import { builder } from '../../src/parquet/logical.ts';
import type { Codec, ColumnType, Leaf } from '../../src/parquet/types.ts';
import { bytesAt } from '../../src/parquet/values.ts';
import { StringPool } from '../../src/split/contract/string-pool.ts';

const type: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
const where = { blob: 'b', rowGroup: 0 };
const leafOf = (optional: boolean): Leaf => ({ name: 'text', ordinal: 0, type, optional, nested: false });

function chunkOf(rows: readonly (string | null)[], optional: boolean, codec: Codec, rowsPerPage: number) {
  const build = builder(type);
  for (const row of rows) build.push(row);
  const { values, valid } = build.finish();
  const chunk = encodePlain(type, optional, values, valid, codec, { rowsPerPage });
  return { bytes: new Uint8Array(Buffer.concat(chunk.parts)), meta: placeChunk(chunk, 0) };
}

function read(chunk: ReturnType<typeof chunkOf>, optional: boolean, rows: number, distinctMax = 1) {
  const leaf = leafOf(optional);
  const shape = chunkShape(chunk.bytes, chunk.meta, leaf, where);
  const pool = new StringPool();
  pool.begin();
  const sample = { rows: 8, distinctMax };
  return { pool, decoded: decodeDistinct({ ...chunk, leaf, rows }, where, shape, pool, sample) };
}

const rows = fc.array(
  fc.option(fc.constantFrom('', 'a', 'aa', 'ab', 'beta', 'é', 'a longer text than the others'), { freq: 4 }),
  {
    minLength: 1,
    maxLength: 80,
  },
);

test('rows, nulls and first-seen order are those of the ordinary decoder', () => {
  const codecs = fc.constantFrom<Codec>('UNCOMPRESSED', 'SNAPPY', 'ZSTD', 'GZIP');
  fc.assert(
    fc.property(rows, codecs, fc.integer({ min: 1, max: 30 }), (list, codec, rowsPerPage) => {
      const optional = list.includes(null);
      const chunk = chunkOf(list, optional, codec, rowsPerPage);
      const { pool, decoded } = read(chunk, optional, list.length);
      assert.ok(decoded);
      const text = (index: number) =>
        index < 0 ? null : new TextDecoder().decode(pool.strings.at(pool.entries()[index]!));
      assert.deepEqual([...decoded.indices].map(text), list);
      assert.equal(decoded.nulls, list.filter((row) => row === null).length);
      assert.deepEqual(
        Array.from({ length: pool.size }, (_, i) => text(i)),
        [...new Set(list.filter((row) => row !== null))],
      );
      const plain = decodeChunk(chunk.bytes, chunk.meta, leafOf(optional), list.length, where);
      assert.ok(plain.form === 'plain' && plain.values.kind === 'bytes');
      const values = plain.values;
      assert.deepEqual(
        list.map((row, i) => (row === null ? null : new TextDecoder().decode(bytesAt(values, i)))),
        list,
      );
    }),
  );
});

test('values that hardly repeat are given up', () => {
  const list = Array.from({ length: 64 }, (_, i) => `value ${i}`);
  assert.equal(read(chunkOf(list, false, 'SNAPPY', 16), false, 64, 0.5).decoded, undefined);
  assert.ok(read(chunkOf(list, false, 'SNAPPY', 16), false, 64, 1).decoded);
});

test('damaged lengths are CorruptFile and never read past a page', () => {
  const list = ['alpha', 'beta', 'gamma', 'delta'];
  const { bytes, meta } = chunkOf(list, false, 'UNCOMPRESSED', 10);
  fc.assert(
    fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = bytes.slice();
      damaged[at] = damaged[at]! ^ flip;
      try {
        const result = read({ bytes: damaged, meta }, false, list.length).decoded;
        assert.ok(result === undefined || result.indices.length === list.length);
      } catch (thrown) {
        assert.ok(thrown instanceof OrdinalError, String(thrown));
      }
    }),
    { numRuns: 500 },
  );
});

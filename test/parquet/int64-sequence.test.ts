/** The ID column: arithmetic runs in either encoding, whatever the page size, codec and carries. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { afterAll, beforeAll, test } from 'vitest';
import { encodeDictionaryChunk } from '../../src/parquet/encode-column.ts';
import { encodeInt64Sequence, type Int64Run } from '../../src/parquet/int64-sequence.ts';
import type { Codec, EncodedChunk, Values } from '../../src/parquet/types.ts';
import { Judge } from './support/duckdb.ts';
import { decodeAt, fileOf, footerOf } from './support/files.ts';
import { readHyparquet, rewritingPeers } from './support/peers.ts';

const codecs: Codec[] = ['UNCOMPRESSED', 'SNAPPY', 'GZIP', 'ZSTD', 'BROTLI', 'LZ4_RAW', 'LZ4'];
const int64Max = 2n ** 63n - 1n;

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.open();
});
afterAll(() => judge.close());

function fileOfIds(chunk: EncodedChunk): Uint8Array {
  return fileOf([{ name: 'id', type: { physical: 'INT64' }, optional: false, chunks: [chunk] }]);
}

/** The sequence the slow way. */
function expand(ranges: readonly Int64Run[]): BigInt64Array {
  return BigInt64Array.from(
    ranges.flatMap(({ first, count, step }) => Array.from({ length: count }, (_, k) => first + BigInt(k) * step)),
  );
}

function decodeIds(file: Uint8Array): BigInt64Array {
  const column = decodeAt(file, footerOf(file), 0, 0);
  assert.equal(column.nulls, 0);
  assert.ok(column.form === 'plain' && column.values.kind === 'int64' && column.valid === undefined);
  return column.values.data;
}

const firsts = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 40n }),
  // Shortly before a carry into the second byte, the third, the high half.
  fc.constantFrom(1n, 250n, 255n, 256n, 65_530n, 2n ** 24n - 3n, 2n ** 32n - 700n, 2n ** 48n - 1n),
);

test('ranges decode to their values, and the statistics are exact', () => {
  const range = fc.record({
    first: firsts,
    count: fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 1000, max: 3000 })),
    step: fc.oneof(fc.constant(1n), fc.constantFrom(2n, 10n, 255n, 256n, 4_000_000_000n, 2n ** 33n)),
  });
  fc.assert(
    fc.property(
      fc.array(range, { maxLength: 4 }),
      fc.constantFrom(...codecs),
      fc.constantFrom('plain' as const, 'delta' as const),
      fc.constantFrom(100, 1024, 1030, 131072),
      (ranges, codec, encoding, rowsPerPage) => {
        const expected = expand(ranges);
        const file = fileOfIds(encodeInt64Sequence(ranges, { encoding, codec, rowsPerPage }));
        assert.deepEqual(decodeIds(file), expected);
        const { statistics } = footerOf(file).rowGroups[0]!.chunks[0]!;
        const bound = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).readBigInt64LE();
        const sorted = expected.slice().sort();
        assert.equal(statistics?.nullCount, 0);
        assert.equal(bound(statistics?.minValue), sorted[0]);
        assert.equal(bound(statistics?.maxValue), sorted.at(-1));
      },
    ),
    { numRuns: 300 },
  );
});

test('runs that count up by one are read by every engine, at every alignment', async () => {
  for (const codec of ['ZSTD', 'SNAPPY'] as const) {
    for (const first of [0n, 1n, 2n, 255n, 300n, 65_000n, 2n ** 32n - 2000n]) {
      for (const count of [1024, 1025, 1279, 1280, 1281, 1282, 5000, 200_000]) {
        const chunk = encodeInt64Sequence([{ first, count, step: 1n }], { encoding: 'plain', codec });
        const file = fileOfIds(chunk);
        assert.deepEqual(decodeIds(file), expand([{ first, count, step: 1n }]));
        // DuckDB keeps what it has read of a file while the name, the size and the time are the same.
        const path = judge.put(`ids-${codec}-${first}-${count}.parquet`, file);
        const [row] =
          await judge.rows(`SELECT count(*)::INT AS n, sum((id <> ${first} + file_row_number)::INT)::INT AS wrong
          FROM read_parquet('${path}', file_row_number = true)`);
        assert.deepEqual(row, { n: count, wrong: 0 });
      }
    }
    // Across a carry into the third byte.
    const ids = { first: 60_077n, count: 9000, step: 1n };
    const file = fileOfIds(encodeInt64Sequence([ids], { encoding: 'plain', codec }));
    for (const [name, through] of rewritingPeers) {
      assert.deepEqual(await judge.differences(file, through(file)), [], name);
    }
    const rows = await readHyparquet(file);
    assert.equal(rows.length, 9000);
    assert.ok(rows.every((row, i) => row.id === ids.first + BigInt(i)));
  }
});

test('delta runs are read by every engine', async () => {
  const ranges = [
    { first: 5n, count: 130_000, step: 1n },
    { first: 1_000_000n, count: 70_001, step: 7n },
    { first: int64Max - 10n, count: 11, step: 1n },
  ];
  const delta = fileOfIds(encodeInt64Sequence(ranges, { encoding: 'delta', codec: 'ZSTD' }));
  const plain = fileOfIds(encodeInt64Sequence(ranges, { encoding: 'plain', codec: 'ZSTD' }));
  assert.ok(delta.length < plain.length / 20);
  assert.deepEqual(await judge.differences(delta, plain), []);
  for (const [name, through] of rewritingPeers) {
    assert.deepEqual(await judge.differences(plain, through(delta)), [], name);
  }
  assert.deepEqual(await readHyparquet(delta), await readHyparquet(plain));
});

test('a run beyond 64 bits is refused', () => {
  const beyond = [{ first: int64Max - 1n, count: 3, step: 1n }];
  assert.throws(() => encodeInt64Sequence(beyond, { encoding: 'plain', codec: 'ZSTD' }), { code: 'Internal' });
});

test('a dictionary of values that almost count up by one keeps every value', () => {
  // As the value itself, and as a change in one half alone, which the other half does not show.
  const changes = fc.constantFrom(0n, 1n, -1n, 2n ** 32n, -(2n ** 32n));
  const change = fc.record({ at: fc.integer({ min: 0, max: 1999 }), by: changes });
  fc.assert(
    fc.property(
      firsts,
      fc.integer({ min: 1022, max: 2000 }),
      fc.array(change, { maxLength: 2 }),
      (first, count, list) => {
        for (const codec of ['SNAPPY', 'ZSTD'] as const) {
          const data = expand([{ first, count, step: 1n }]);
          for (const { at, by } of list) if (at < count) data[at]! += by;
          const values: Values = { kind: 'int64', length: count, data };
          const indices = Int32Array.from({ length: count }, (_, row) => row);
          const chunk = encodeDictionaryChunk(values, indices, { physical: 'INT64' }, false, codec);
          const file = fileOfIds(chunk);
          const column = decodeAt(file, footerOf(file), 0, 0);
          assert.ok(column.form === 'dictionary');
          assert.deepEqual(column.dictionary.data, data);
        }
      },
    ),
    { numRuns: 200 },
  );
});

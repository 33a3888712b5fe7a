/** Files with the habits of parquet-mr and of Arrow for C++ are read exactly, and believed where they may be. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { encodePlain } from '../../src/parquet/encode-pages.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import { gather } from '../../src/parquet/values.ts';
import { Judge } from './support/duckdb.ts';
import { decodeAt, fileOf, firstDifference, footerOf, plainOf } from './support/files.ts';
import { type ForeignColumn, habitNames, writeAs } from './support/foreign.ts';
import { everyType, randomColumn, randomOf } from './support/random.ts';

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.open();
});
afterAll(() => judge.close());

/** Every type, required and optional: a row group of values and, where there may be nulls, one of nulls alone. */
function columnsOf(types: Record<string, ColumnType>, rows: number): ForeignColumn[] {
  const random = randomOf(7);
  return Object.entries(types).map(([name, type], i) => {
    const optional = i % 2 === 0;
    const pool = randomColumn(type, 40, 40, 0, i).values;
    const some = Int32Array.from({ length: rows }, () =>
      optional && random() < 0.3 ? -1 : Math.floor(random() * pool.length),
    );
    return {
      name,
      type,
      optional,
      pool,
      groups: [some, optional ? new Int32Array(20).fill(-1) : some.subarray(0, 20)],
    };
  });
}

for (const habit of habitNames) {
  test(`every type as ${habit} writes it is read exactly`, async () => {
    for (const codec of ['SNAPPY', 'GZIP', 'ZSTD', 'LZ4_RAW', 'UNCOMPRESSED'] as const) {
      const columns = columnsOf(everyType, 150);
      const file = writeAs(habit, columns, { codec, rowsPerPage: 40, dictionaryBytes: 400 }, true);
      const footer = footerOf(file);
      assert.deepEqual(
        footer.leaves.filter((leaf) => !leaf.nested).map(({ name, type, optional }) => ({ name, type, optional })),
        columns.map(({ name, type, optional }) => ({ name, type, optional })),
      );
      for (const [c, { pool, groups }] of columns.entries()) {
        for (const [g, indices] of groups.entries()) {
          const valid = indices.some((index) => index < 0)
            ? Uint8Array.from(indices, (index) => (index < 0 ? 0 : 1))
            : undefined;
          const got = plainOf(decodeAt(file, footer, g, c));
          assert.equal(firstDifference(got, { values: gather(pool, indices), valid }), -1, columns[c]!.name);
        }
      }
    }
  });
}

test('DuckDB reads these files as it reads ours: they are what they claim to be', async () => {
  // What it refuses: see `readByAll`. JSON here is no JSON. Old times are UTC by the specification and local to DuckDB.
  const { json: _, timeMs: __, timestamp: ___, ...types } = everyType;
  const columns = columnsOf(types, 150);
  const ours = fileOf(
    columns.map(({ name, type, optional, pool, groups }) => ({
      name,
      type,
      optional,
      chunks: groups.map((indices) => {
        const valid = optional ? Uint8Array.from(indices, (index) => (index < 0 ? 0 : 1)) : undefined;
        return encodePlain(type, optional, gather(pool, indices), valid, 'SNAPPY');
      }),
    })),
  );
  for (const habit of ['spark', 'sparkV2', 'sparkDelta', 'hive', 'pyarrow', 'pyarrowV2'] as const) {
    const file = writeAs(habit, columns, { codec: 'SNAPPY', rowsPerPage: 40, dictionaryBytes: 400 });
    assert.deepEqual(await judge.differences(ours, file), [], habit);
  }
});

test('bounds are believed where their order is known, and for numbers that have but one', () => {
  const string: ColumnType = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } };
  const uint: ColumnType = { physical: 'INT32', annotation: { kind: 'int', bitWidth: 32, signed: false } };
  const columns = columnsOf({ a: { physical: 'INT32' }, b: string, c: uint }, 30);
  const bounded = (habit: 'spark' | 'hive') => {
    const file = writeAs(habit, columns, { codec: 'SNAPPY', rowsPerPage: 40, dictionaryBytes: 400 });
    return footerOf(file).rowGroups[0]!.chunks.map(({ statistics }) => [
      statistics?.minValue !== undefined && statistics.maxValue !== undefined,
      statistics?.nullCount !== undefined,
    ]);
  };
  const [yes, no] = [
    [true, true],
    [false, true],
  ];
  assert.deepEqual(bounded('spark'), [yes, yes, yes]);
  // Without a column order, text is in nobody knows which order, and so are unsigned numbers.
  assert.deepEqual(bounded('hive'), [yes, no, no]);
});

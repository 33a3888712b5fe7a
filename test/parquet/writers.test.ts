/** Files by writers with habits of their own: Polars' flights, @dsnp/parquetjs, hyparquet-writer, and odd encodings. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, test } from 'vitest';
import { decodeDictionary } from '../../src/parquet/decode.ts';
import { encodeDictionaryPage } from '../../src/parquet/encode-pages.ts';
import { reader } from '../../src/parquet/logical.ts';
import { chunkShape } from '../../src/parquet/pages.ts';
import { placeChunk, readTable } from '../../src/parquet/table.ts';
import type { EncodedChunk } from '../../src/parquet/types.ts';
import { Judge } from './support/duckdb.ts';
import { chunkBytes, decodeAt, fileOf, footerOf, plainOf } from './support/files.ts';
import { dsnp, peerTest, readHyparquet, rewritingPeers } from './support/peers.ts';

const flightsPath = new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url);

let judge: Judge;
beforeAll(async () => {
  judge = await Judge.open();
});
afterAll(() => judge.close());

test('three million flights: dictionaries without an offset, sums and counts as DuckDB has them', async () => {
  const file = fs.readFileSync(flightsPath);
  const footer = footerOf(file);
  assert.equal(footer.rows, 3_000_000);
  assert.equal(footer.rowGroups.length, 11);
  assert.equal(footer.rowGroups[0]!.chunks[0]!.dictionaryPageOffset, undefined);
  const expected = await judge.rows(`SELECT sum(delay)::BIGINT AS delay, sum(distance)::BIGINT AS distance,
      sum(epoch_us(date) // 1000000)::BIGINT AS seconds,
      count(DISTINCT origin)::BIGINT AS origins, (count(*) FILTER (destination = 'ATL'))::BIGINT AS to_atlanta
    FROM '${flightsPath.pathname}'`);
  const sums = [0n, 0n, 0n];
  const origins = new Set<unknown>();
  let toAtlanta = 0;
  for (let g = 0; g < 11; g++) {
    for (const ordinal of [0, 1, 2]) {
      const column = decodeAt(file, footer, g, ordinal);
      assert.ok(column.form === 'dictionary' && column.dictionary.kind === 'int64');
      const counts = new Int32Array(column.dictionary.length);
      for (const index of column.indices) counts[index]!++;
      column.dictionary.data.forEach((value, i) => {
        sums[ordinal]! += (ordinal === 0 ? value / 1_000_000n : value) * BigInt(counts[i]!);
      });
    }
    const [origin, destination] = [decodeAt(file, footer, g, 3), decodeAt(file, footer, g, 4)];
    assert.ok(origin.form === 'dictionary' && destination.form === 'dictionary');
    const read = reader(footer.leaves[3]!.type, 'string');
    for (let i = 0; i < origin.dictionary.length; i++) {
      if (origin.indices.includes(i)) origins.add(read(origin.dictionary, i));
    }
    for (const index of destination.indices) if (read(destination.dictionary, index) === 'ATL') toAtlanta++;
  }
  const got = { delay: sums[1], distance: sums[2], seconds: sums[0], origins: origins.size, to_atlanta: toAtlanta };
  assert.deepEqual(Object.fromEntries(Object.entries(got).map(([key, value]) => [key, String(value)])), expected[0]);
});

test('a chunk is copied into another file byte for byte', async () => {
  const file = fs.readFileSync(flightsPath);
  const footer = footerOf(file);
  const columns = footer.leaves.map((leaf) => ({
    name: leaf.name,
    type: leaf.type,
    optional: leaf.optional,
    chunks: footer.rowGroups.slice(0, 2).map((group, g): EncodedChunk => {
      const meta = group.chunks[leaf.ordinal]!;
      const bytes = chunkBytes(file, meta);
      const shape = chunkShape(bytes, meta, leaf, { blob: 'flights', rowGroup: g });
      assert.ok(shape.whollyDictionary && shape.dictionaryPage);
      assert.equal(shape.dataEnd, meta.length);
      const headerBytes = shape.dictionaryPage.body - shape.dictionaryPage.header;
      const whole = shape.dataUncompressedLength + headerBytes + shape.dictionaryPage.uncompressedLength;
      assert.equal(whole, meta.uncompressedLength);
      return { parts: [bytes], meta: { ...meta, dictionaryPageOffset: 0, dataPageOffset: shape.dataStart } };
    }),
  }));
  const copied = fileOf(columns);
  const source = judge.put('flights.parquet', file);
  const target = judge.put('copied.parquet', copied);
  const rows = footer.rowGroups[0]!.rows + footer.rowGroups[1]!.rows;
  const read = (path: string) =>
    `SELECT * FROM read_parquet('${path}', file_row_number = true) WHERE file_row_number < ${rows}`;
  assert.deepEqual(await judge.rows(`(${read(source)}) EXCEPT ALL (${read(target)})`), []);
  assert.deepEqual(await judge.rows(`SELECT count(*)::INT AS n FROM '${target}'`), [{ n: rows }]);
  assert.equal(placeChunk(columns[0]!.chunks[0]!, 100).dictionaryPageOffset, 100);
});

test('the data pages of strings become a column of IDs behind a new dictionary page', async () => {
  const file = fs.readFileSync(flightsPath);
  const footer = footerOf(file);
  const v2 = await judge.write(
    `SELECT origin FROM '${flightsPath.pathname}' LIMIT 50000`,
    'PARQUET_VERSION V2, CODEC gzip',
  );
  for (const [bytes, leaf] of [
    [file, footer.leaves[3]!],
    [v2, footerOf(v2).leaves[0]!],
  ] as const) {
    const { rows, chunks } = footerOf(bytes).rowGroups[0]!;
    const meta = chunks[leaf.ordinal]!;
    const source = chunkBytes(bytes, meta);
    const shape = chunkShape(source, meta, leaf, { blob: 'flights' });
    const strings = decodeDictionary(source, meta, leaf, { blob: 'flights' }, shape);
    const ids = BigInt64Array.from({ length: strings.length }, (_, i) => 1000n + 3n * BigInt(i));
    const page = encodeDictionaryPage({ kind: 'int64', length: ids.length, data: ids }, meta.codec);
    const id: EncodedChunk = {
      parts: [page.bytes, source.subarray(shape.dataStart, shape.dataEnd)],
      meta: {
        codec: meta.codec,
        encodings: ['PLAIN', 'RLE', ...shape.dataEncodings],
        numValues: rows,
        length: page.bytes.length + shape.dataEnd - shape.dataStart,
        uncompressedLength: page.uncompressedLength + shape.dataUncompressedLength,
        dictionaryPageOffset: 0,
        dataPageOffset: page.bytes.length,
      },
    };
    const name: EncodedChunk = {
      parts: [source],
      meta: { ...meta, dictionaryPageOffset: 0, dataPageOffset: shape.dataStart },
    };
    const joined = fileOf([
      { name: 'id', type: { physical: 'INT64' }, optional: leaf.optional, chunks: [id] },
      { name: 'origin', type: leaf.type, optional: leaf.optional, chunks: [name] },
    ]);
    const read = reader(leaf.type, 'string');
    const expected = Array.from(ids, (value, i) => [read(strings, i), String(value)] as const);
    for (const [engine, seen] of [
      ['DuckDB', joined] as const,
      ...rewritingPeers.map(([name, through]) => [name, through(joined)] as const),
    ]) {
      const pairs = await judge.rows(`SELECT DISTINCT origin, id FROM '${judge.put('joined.parquet', seen)}'`);
      const known = new Map(expected);
      assert.ok(pairs.length > 100 && pairs.length <= known.size);
      assert.ok(
        pairs.every((pair) => known.get(pair.origin) === pair.id),
        engine,
      );
    }
    const rowsRead = await readHyparquet(joined);
    const byName = new Map(expected);
    assert.ok(rowsRead.every((row) => byName.get(String(row.origin)) === String(row.id)));
  }
});

peerTest("@dsnp/parquetjs's files are read exactly", async () => {
  const schema = new dsnp.ParquetSchema({
    name: { type: 'UTF8', compression: 'SNAPPY' },
    note: { type: 'UTF8', optional: true, compression: 'GZIP' },
    quantity: { type: 'INT64' },
    small: { type: 'INT32', optional: true },
    price: { type: 'DOUBLE', compression: 'BROTLI' },
    sold: { type: 'TIMESTAMP_MILLIS' },
    paid: { type: 'BOOLEAN', optional: true },
  });
  const rows = Array.from({ length: 2500 }, (_, i) => ({
    name: `name ${i % 17}`,
    ...(i % 4 !== 0 && { note: 'é'.repeat(i % 5) + i }),
    quantity: i * 1000,
    ...(i % 3 !== 0 && { small: -i }),
    price: i / 7,
    sold: new Date(1.6e12 + i * 1234),
    ...(i % 5 !== 0 && { paid: i % 2 === 0 }),
  }));
  for (const useDataPageV2 of [false, true]) {
    const path = judge.path('dsnp.parquet');
    const writer = await dsnp.ParquetWriter.openFile(schema, path, { useDataPageV2 });
    writer.setRowGroupSize(1000);
    for (const row of rows) await writer.appendRow(row);
    await writer.close();
    const table = readTable(fs.readFileSync(path), 'dsnp');
    assert.equal(table.rows, rows.length);
    for (const { name, type, values, valid } of table.columns) {
      const read = reader(type, name === 'quantity' ? 'number' : 'any');
      const got = rows.map((_, r) => (valid?.[r] === 0 ? undefined : read(values, r)));
      assert.deepEqual(
        got,
        rows.map((row) => (row as Record<string, unknown>)[name]),
        name,
      );
    }
  }
});

test("hyparquet-writer's encodings are read as hyparquet reads them", async () => {
  const count = 3000;
  const numbers = Array.from({ length: count }, (_, i) => (i * 7919) % 10007);
  const columns: ColumnSource[] = [
    { name: 'delta', data: numbers, type: 'INT32', encoding: 'DELTA_BINARY_PACKED' },
    { name: 'delta64', data: numbers.map((n) => BigInt(n) ** 4n - 5n), type: 'INT64', encoding: 'DELTA_BINARY_PACKED' },
    { name: 'split32', data: numbers, type: 'INT32', encoding: 'BYTE_STREAM_SPLIT' },
    { name: 'split', data: numbers.map((n) => n / 3), type: 'DOUBLE', encoding: 'BYTE_STREAM_SPLIT' },
    { name: 'lengths', data: numbers.map((n) => `t${n}`), type: 'STRING', encoding: 'DELTA_LENGTH_BYTE_ARRAY' },
    { name: 'prefixes', data: numbers.map((n) => `text ${n}`).sort(), type: 'STRING', encoding: 'DELTA_BYTE_ARRAY' },
    { name: 'flags', data: numbers.map((n) => n % 3 === 0), type: 'BOOLEAN', encoding: 'RLE' },
    { name: 'nulls', data: numbers.map((n) => (n % 2 === 0 ? null : n)), type: 'INT32', nullable: true },
    { name: 'half', data: numbers.map((n) => n / 8), type: 'FLOAT16' },
    { name: 'strings', data: numbers.map((n) => `s${n % 5}`), type: 'STRING' },
  ];
  for (const codec of ['SNAPPY', 'UNCOMPRESSED'] as const) {
    const file = new Uint8Array(parquetWriteBuffer({ columnData: columns, codec, rowGroupSize: 2000, pageSize: 4000 }));
    const expected = await readHyparquet(file);
    const table = readTable(file, 'hyparquet');
    assert.equal(table.rows, count);
    for (const { name, type, values, valid } of table.columns) {
      const read = reader(type, 'any');
      const got = Array.from({ length: count }, (_, r) => (valid?.[r] === 0 ? null : read(values, r)));
      assert.deepEqual(
        got,
        expected.map((row) => row[name] ?? null),
        name,
      );
    }
  }
});

test('a file with nested columns: lists are marked, and flat columns and leaves of groups are read', async () => {
  const file = await judge.write(`SELECT i, [i, i + 1] AS list, {'a': i, 'b': {'c': 'x'}} AS pair, MAP {'k': i} AS map,
    i % 3 AS last FROM range(100) t(i)`);
  const footer = footerOf(file);
  const flat = footer.leaves.filter((leaf) => !leaf.nested).map((leaf) => leaf.name);
  assert.deepEqual(flat, ['i', 'pair.a', 'pair.b.c', 'last']);
  const last = footer.leaves.find((leaf) => leaf.name === 'last')!;
  const { values } = plainOf(decodeAt(file, footer, 0, last.ordinal));
  assert.ok(values.kind === 'int64');
  assert.deepEqual([...values.data.slice(0, 4)], [0n, 1n, 2n, 0n]);
  const nested = footer.leaves.find((leaf) => leaf.nested)!;
  assert.throws(() => decodeAt(file, footer, 0, nested.ordinal), { code: 'UnsupportedFile' });
  assert.throws(() => readTable(file), { code: 'NestedColumn' });
});

test('files without rows, with and without row groups', async () => {
  const empty = await judge.write('SELECT 1::INTEGER AS a, $$x$$ AS b WHERE false');
  const footer = footerOf(empty);
  assert.equal(footer.rows, 0);
  assert.equal(footer.leaves.length, 2);
  for (let g = 0; g < footer.rowGroups.length; g++) assert.equal(decodeAt(empty, footer, g, 0).rows, 0);
  assert.equal(readTable(empty).rows, 0);
});

/**
 * `readers: 'parquetjs-lite'` on the demo's data and on types that it knows not at all: what parquetjs-lite reads is what
 * DuckDB finds in the source, value by value.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import flights from '../../pipelines/flights.ts';
import type { OrdinalError } from '../../src/errors.ts';
import { parseFooter } from '../../src/parquet/footer-read.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';
import { lite, readLite } from '../parquet/support/peers.ts';
import { Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

/** One entity that takes every column as it is. */
function copying(row: z.ZodObject, more: object = {}) {
  return compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    readers: 'parquetjs-lite',
    row,
    entities: ({ id }: Record<string, (...given: unknown[]) => unknown>) => ({
      e: { kind: 'rows', id: id!('e_id'), columns: Object.fromEntries(Object.keys(row.shape).map((n) => [n, n])) },
    }),
    ...more,
  } as never);
}

async function readBack(row: z.ZodObject, file: Uint8Array): Promise<Record<string, unknown>[]> {
  const engine = new Engine(copying(row));
  await engine.upload('in/0.parquet', file);
  await engine.run('r');
  return (await Promise.all(engine.published('e').map(({ bytes }) => readLite(bytes)))).flat();
}

interface LiteFile {
  metadata: { row_groups: unknown[] };
  envelopeReader: {
    readRowGroup(
      schema: unknown,
      group: unknown,
      columns: string[],
    ): Promise<{ columnData: Record<string, LiteColumn> }>;
  };
  schema: { findField(name: string): { originalType?: string } };
}
interface LiteColumn {
  values: unknown[];
  dlevels: number[];
}

/** A column of a file as parquetjs-lite decodes it, without making an object of each row. */
async function liteColumns(bytes: Uint8Array): Promise<Record<string, unknown[]>> {
  const reader = (await lite.ParquetReader.openBuffer(Buffer.from(bytes))) as unknown as LiteFile;
  const out: Record<string, unknown[]> = {};
  for (const group of reader.metadata.row_groups) {
    const { columnData } = await reader.envelopeReader.readRowGroup(reader.schema, group, []);
    for (const [name, { values }] of Object.entries(columnData)) {
      out[name] ??= [];
      for (const value of values) out[name].push(value);
    }
  }
  return out;
}

/** Its reader takes some 12 s of CPU for a million flights: the last of them each time, and all where asked for. */
const rows = Number(process.env.ORDINAL_LITE_ROWS ?? 50_000);

test('flights with their references: every value as DuckDB computes it', async () => {
  const all = new URL('../../node_modules/vega-datasets/data/flights-3m.parquet', import.meta.url).pathname;
  const query = `SELECT * FROM read_parquet('${all}', file_row_number = true) ORDER BY file_row_number`;
  const part = await duck.write(
    `SELECT * EXCLUDE (file_row_number) FROM (${query}) LIMIT ${rows} OFFSET ${3_000_000 - rows}`,
  );
  const source = duck.put(part);
  const engine = new Engine(compile({ ...flights, readers: 'parquetjs-lite' }));
  await engine.upload('flights/flights-3m.parquet', part);
  await engine.run('r');
  const code: Record<string, string> = {};
  for (const { bytes } of engine.published('airports')) {
    for (const { airport_id, code: name } of await readLite(bytes)) code[String(airport_id)] = name as string;
  }
  const routes = new Map<string, string>();
  for (const { bytes } of engine.published('routes')) {
    for (const route of await readLite(bytes)) {
      routes.set(String(route.route_id), `${route.from}-${route.to}`);
      assert.deepEqual([code[String(route.origin_id)], code[String(route.destination_id)]], [route.from, route.to]);
    }
  }
  let row = 0;
  const values = `SELECT epoch_us(date)::BIGINT, delay::BIGINT, distance::BIGINT, origin, destination FROM '${source}'`;
  const stream = (await duck.connection.runAndReadAll(values)).getColumnsJS();
  for (const { bytes } of engine.published('flights')) {
    const columns = await liteColumns(bytes);
    const { flight_id, origin_id, destination_id, route_id, date, delay, distance, distance_km, late } = columns;
    for (let i = 0; i < flight_id!.length; i++, row++) {
      const [when, minutes, miles, from, to] = stream.map((column) => column[row]);
      const same =
        flight_id![i] === BigInt(row + 1) &&
        code[String(origin_id![i])] === from &&
        code[String(destination_id![i])] === to &&
        routes.get(String(route_id![i])) === `${from}-${to}` &&
        BigInt(date![i] as bigint) === when &&
        BigInt(delay![i] as bigint) === minutes &&
        BigInt(distance![i] as bigint) === miles &&
        distance_km![i] === Math.round(Number(miles) * 1.609344) &&
        late![i] === Number(minutes) > 15;
      assert.ok(same, `row ${row}`);
    }
  }
  assert.equal(row, rows);
});

test('dictionaries of any size in the source: of one byte, of two, and of more', async () => {
  // Indices above 255 and above 65,535 are where its own reader drops bytes, so no page of a dictionary may come through.
  const sizes = [200, 300, 66_000];
  const columns = sizes.map((size) => `'v' || ((i * 7) % ${size}) AS d${size}`);
  const file = await duck.write(
    `SELECT ${columns.join()}, ((i * 7) % 66000)::BIGINT AS key FROM range(70000) t(i)`,
    'CODEC snappy, ROW_GROUP_SIZE 200000, DICTIONARY_SIZE_LIMIT 200000, STRING_DICTIONARY_PAGE_SIZE_LIMIT 4000000',
  );
  const { leaves, rowGroups } = parseFooter(file, file.length, 'f');
  for (const { ordinal, name } of leaves) {
    assert.ok(rowGroups[0]!.chunks[ordinal]!.dictionaryPageOffset !== undefined, `${name} has a dictionary`);
  }
  const text = z.string();
  const wide = pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    readers: 'parquetjs-lite',
    row: z.object({ d200: text, d300: text, d66000: text, key: z.int() }),
    entities: ({ id, ref }) => ({
      keys: { kind: 'keyed', id: id('key_id'), key: { key: 'key' } },
      all: {
        kind: 'rows',
        id: id('row_id'),
        columns: { d200: 'd200', d300: 'd300', d66000: 'd66000', key_id: ref('keys', { key: 'key' }) },
      },
    }),
  });
  const engine = new Engine(compile(wide));
  await engine.upload('in/0.parquet', file);
  await engine.run('r');
  const [all] = engine.published('all');
  const read = await liteColumns(all!.bytes);
  for (let i = 0; i < 70_000; i++) {
    const same =
      sizes.every((size) => String(read[`d${size}`]![i]) === `v${(i * 7) % size}`) &&
      // Keys are numbered as they come: the first 66,000 rows have one each.
      read.key_id![i] === BigInt((i % 66_000) + 1);
    assert.ok(same, `row ${i}`);
  }
});

test('decimals are written as the contract reads them: text, the nearest number, or the unscaled integer', async () => {
  const file = await duck.write(`SELECT * FROM (VALUES
    (12.30::DECIMAL(9, 2), -7.0001::DECIMAL(18, 4), 12345678901234567890.5::DECIMAL(38, 1), 1.10::DECIMAL(9, 2)),
    (NULL, 0.5, -0.1, -2.25)) t(small, middle, large, other)`);
  const texts = z.object({ small: z.string().nullable(), middle: z.string().nullable(), large: z.any() });
  assert.deepEqual(await readBack(texts, file), [
    { e_id: 1n, small: '12.30', middle: '-7.0001', large: '12345678901234567890.5' },
    { e_id: 2n, middle: '0.5000', large: '-0.1' },
  ]);
  const numbers = z.object({ small: z.number().nullable(), other: z.number().nullable() });
  assert.deepEqual(await readBack(numbers, file), [
    { e_id: 1n, small: 12.3, other: 1.1 },
    { e_id: 2n, other: -2.25 },
  ]);
  const integers = z.object({ small: z.bigint().nullable(), middle: z.bigint().nullable() });
  assert.deepEqual(await readBack(integers, file), [
    { e_id: 1n, small: 1230n, middle: -70001n },
    { e_id: 2n, middle: 5000n },
  ]);
  await assert.rejects(readBack(z.object({ large: z.bigint().nullable() }), file), (thrown: OrdinalError) => {
    assert.deepEqual([thrown.code, thrown.where?.column, thrown.where?.row], ['InvalidValue', 'large', 0]);
    assert.match(thrown.remedy ?? '', /z\.string\(\)/);
    return true;
  });
});

test('unsigned integers, milliseconds and JSON keep their values under types that parquetjs-lite reads', async () => {
  const file = await duck.write(`SELECT 4294967295::UINTEGER AS u32, 9223372036854775807::UBIGINT AS u64,
    '2026-11-30 12:00:00.123'::TIMESTAMP_MS AS at, '{"n":9007199254740993}'::JSON AS facts`);
  const row = z.object({
    u32: z.int().nullable(),
    u64: z.bigint().nullable(),
    at: z.date().nullable(),
    facts: z.any(),
  });
  const [only] = await readBack(row, file);
  const at = only!.at instanceof Date ? only!.at : new Date(Number(only!.at as bigint) / 1000);
  assert.deepEqual(
    { ...only, at },
    {
      e_id: 1n,
      u32: 4294967295n,
      u64: 9223372036854775807n,
      at: new Date('2026-11-30T12:00:00.123Z'),
      facts: '{"n":9007199254740993}',
    },
  );
  const beyond = await duck.write('SELECT 18446744073709551615::UBIGINT AS u64');
  await assert.rejects(readBack(z.object({ u64: z.bigint().nullable() }), beyond), { code: 'InvalidValue' });
});

test('what has no type for parquetjs-lite is refused by name: at start-up, or by the plan', async () => {
  const row = z.object({ price: z.number() });
  const entities = ({ id, map }: Record<string, (...given: unknown[]) => unknown>) => ({
    e: { kind: 'rows', id: id!('e_id'), columns: { net: map!('price', (n: number) => n, type.decimal(9, 2)) } },
  });
  assert.throws(
    () => copying(row, { entities }),
    (thrown: OrdinalError) => {
      assert.deepEqual([thrown.code, thrown.where?.field], ['InvalidPipeline', 'entities.e.columns.net']);
      assert.match(thrown.message, /is a decimal, which parquetjs-lite does not read/);
      assert.match(thrown.remedy ?? '', /type\.string/);
      return true;
    },
  );
});

test('what parquetjs-lite writes, in each of its flat types, is published as DuckDB reads it', async () => {
  // TIME_MICROS and BSON are not here: it refuses to write any value of these.
  const day = new Date('2026-11-30T00:00:00Z');
  const values: Record<string, unknown[]> = {
    BOOLEAN: [true, false],
    INT32: [-5, 2 ** 31 - 1],
    INT64: [-7, 2 ** 50],
    INT96: [1, 12345],
    FLOAT: [0.5, -1.25],
    DOUBLE: [0.1, -1e300],
    BYTE_ARRAY: [Buffer.from([0, 255]), Buffer.from('x')],
    FIXED_LEN_BYTE_ARRAY: [Buffer.from('abc'), Buffer.from('xyz')],
    UTF8: ['', 'straße 😀'],
    ENUM: ['red', 'blue'],
    TIME_MILLIS: [0, 86_399_999],
    DATE: [new Date(0), day],
    TIMESTAMP_MILLIS: [new Date(1), day],
    TIMESTAMP_MICROS: [new Date(1), day],
    UINT_8: [0, 255],
    UINT_16: [0, 65_535],
    UINT_32: [0, 2 ** 31 - 1],
    UINT_64: [0, 2 ** 50],
    INT_8: [-128, 127],
    INT_16: [-32_768, 32_767],
    INT_32: [-(2 ** 31), 7],
    INT_64: [-(2 ** 50), 7],
    JSON: [{ a: 1 }, []],
    INTERVAL: [
      { months: 1, days: 2, milliseconds: 3 },
      { months: 4, days: 5, milliseconds: 6 },
    ],
  };
  const names = Object.keys(values);
  const fields = names.map((name) => [
    name,
    { type: name, optional: true, compression: 'SNAPPY', ...(name === 'FIXED_LEN_BYTE_ARRAY' && { typeLength: 3 }) },
  ]);
  const file = path.join(duck.directory, 'lite.parquet');
  const writer = await lite.ParquetWriter.openFile(new lite.ParquetSchema(Object.fromEntries(fields)), file);
  for (const i of [0, 1]) await writer.appendRow(Object.fromEntries(names.map((name) => [name, values[name]![i]])));
  await writer.appendRow({});
  await writer.close();
  const row = z.object(Object.fromEntries(names.map((name) => [name, z.any()])));
  const engine = new Engine(copying(row, { readers: 'source' }));
  await engine.upload('in/0.parquet', fs.readFileSync(file));
  await engine.run('r');
  const [published] = engine.published('e');
  const source = duck.put(fs.readFileSync(file));
  const target = duck.put(published!.bytes);
  const list = names.map((name) => `"${name}"`).join(', ');
  const [count] = await duck.rows(`SELECT
    (SELECT count(*)::INT FROM '${target}') AS rows,
    (SELECT count(*)::INT FROM (SELECT ${list} FROM '${source}' EXCEPT ALL SELECT ${list} FROM '${target}')) AS lost`);
  assert.deepEqual(count, { rows: 3, lost: 0 });
  const [first] = await duck.rows(`SELECT "INT64", "UTF8", "DATE" FROM '${target}' WHERE e_id = 2`);
  assert.deepEqual(first, { INT64: BigInt(2 ** 50), UTF8: 'straße 😀', DATE: day });
});

/**
 * Logical types that Ordinal does not understand come out as they were stated, byte for byte, and so do their values.
 * Sources are written by hyparquet-writer and by hand; footers are read by hyparquet's thrift reader, values by DuckDB.
 */
import assert from 'node:assert/strict';
import { deserializeTCompactProtocol } from 'hyparquet/src/thrift.js';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { encodeDictionaryChunk, encodePlain } from '../../src/parquet/encode.ts';
import { ThriftWriter } from '../../src/parquet/thrift-write.ts';
import type { ColumnType } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline } from '../../src/pipeline/index.ts';
import { fileOf } from '../parquet/support/files.ts';
import { Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';
import { poolValues } from './support/sources.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

/** By column: the `LogicalType` union as thrift fields. */
function logicalTypes(file: Uint8Array): Record<string, unknown> {
  const bytes = new Uint8Array(file);
  const view = new DataView(bytes.buffer);
  const offset = bytes.length - 8 - view.getUint32(bytes.length - 8, true);
  const schema: Record<string, unknown>[] = deserializeTCompactProtocol({ view, offset }).field_2!;
  return Object.fromEntries(
    schema
      .slice(1)
      .map(({ field_4: name, field_10: logical }) => [Buffer.from(name as Uint8Array).toString(), logical]),
  );
}

const place = z.instanceof(Uint8Array);

/** Passed on whole, for some rows only, and as an attribute and a key of a keyed entity. */
const definition = compile(
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({ n: z.int(), place }),
    entities: ({ id, first, ref, where }) => ({
      whole: { kind: 'rows', id: id('row_id'), columns: { place: 'place' } },
      some: { kind: 'rows', id: id('row_id'), where: where(['n'], (n) => n % 2 === 0), columns: { place: 'place' } },
      numbers: { kind: 'keyed', id: id('number_id'), key: { n: 'n' }, columns: { place: first('place') } },
      places: { kind: 'keyed', id: id('place_id'), key: { place: 'place' } },
      uses: { kind: 'rows', id: id('use_id'), columns: { place_id: ref('places', { place: 'place' }) } },
    }),
  }),
);

async function published(file: Uint8Array): Promise<Map<string, Uint8Array>> {
  const engine = new Engine(definition);
  await engine.upload('in/0.parquet', file);
  await engine.run('r');
  return new Map(['whole', 'some', 'numbers', 'places'].map((name) => [name, engine.published(name)[0]!.bytes]));
}

const point = (x: number, y: number) => {
  const wkb = Buffer.alloc(21);
  wkb.writeUInt8(1, 0);
  wkb.writeUInt32LE(1, 1);
  wkb.writeDoubleLE(x, 5);
  wkb.writeDoubleLE(y, 13);
  return new Uint8Array(wkb);
};

const rowsOf = 40;
const points = Array.from({ length: 4 }, (_, i) => point(i, -i));

test.each([
  { type: 'GEOMETRY' },
  { type: 'GEOMETRY', crs: 'OGC:CRS84' },
  { type: 'GEOGRAPHY', crs: 'EPSG:4326', algorithm: 'VINCENTY' },
] as const)('$type of hyparquet-writer is kept, with its parameters', async (logical) => {
  const geojson = Array.from({ length: rowsOf }, (_, i) => ({ type: 'Point', coordinates: [i % 4, -(i % 4)] }));
  const file = new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: 'n', data: Array.from({ length: rowsOf }, (_, i) => i) },
        { name: 'place', data: geojson },
      ],
      schema: [
        { name: 'root', num_children: 2 },
        { name: 'n', type: 'INT32', repetition_type: 'REQUIRED' },
        { name: 'place', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', logical_type: logical },
      ],
    }),
  );
  const stated = logicalTypes(file).place;
  assert.ok(stated);
  for (const [name, bytes] of await published(file)) {
    assert.deepEqual(logicalTypes(bytes).place, stated, name);
    // DuckDB takes the file for what it is.
    const path = duck.put(bytes);
    const [{ t }] = (await duck.rows(
      `SELECT logical_type AS t FROM parquet_schema('${path}') WHERE name = 'place'`,
    )) as [{ t: string }];
    assert.match(t, new RegExp(logical.type === 'GEOMETRY' ? 'Geometry' : 'Geography'), name);
  }
});

/** A union member that no specification has yet, with fields of several types. */
function strange(): string {
  const writer = new ThriftWriter();
  writer.binary(1, 'as you like it');
  writer.i32(3, -7);
  writer.open(9);
  writer.bool(1, true);
  writer.end();
  writer.end();
  return Buffer.from(writer.finish()).toString('hex');
}

test('a logical type that is not known yet is kept on every physical type, and its values bit for bit', async () => {
  const physical: [ColumnType, unknown[]][] = [
    [{ physical: 'BYTE_ARRAY' }, points],
    [{ physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 21 }, points],
  ];
  const numbers = encodePlain(
    { physical: 'INT32' },
    false,
    poolValues(
      { physical: 'INT32' },
      Array.from({ length: rowsOf }, (_, i) => i),
    ),
    undefined,
    'SNAPPY',
  );
  const indices = Int32Array.from({ length: rowsOf }, (_, i) => i % 4);
  for (const [base, pool] of physical) {
    const type: ColumnType = { ...base, annotation: { kind: 'other', logicalType: 42, struct: strange() } };
    const chunk = encodeDictionaryChunk(poolValues(type, pool), indices, type, false, 'SNAPPY');
    const file = fileOf([
      { name: 'n', type: { physical: 'INT32' }, optional: false, chunks: [numbers] },
      { name: 'place', type, optional: false, chunks: [chunk] },
    ]);
    const stated = logicalTypes(file).place;
    assert.deepEqual(Object.keys(stated as object), ['field_42']);
    for (const [name, bytes] of await published(file)) {
      assert.deepEqual(logicalTypes(bytes).place, stated, name);
      const { names, rows } = await duck.read(bytes);
      const expected = { whole: rowsOf, some: rowsOf / 2, numbers: rowsOf, places: 4 }[name]!;
      const values = rows.map((row) => row[names.indexOf('place')]);
      assert.equal(values.length, expected);
      const step = name === 'some' ? 2 : 1;
      assert.deepEqual(
        values,
        values.map((_, i) => `0x${Buffer.from(points[(i * step) % 4]!).toString('hex')}`),
        name,
      );
    }
  }
});

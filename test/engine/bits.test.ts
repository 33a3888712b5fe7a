/**
 * Values that a schema leaves alone come out bit for bit, whatever way they take: both zeros, NaNs with their payloads,
 * timestamps that no date can hold.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { encodeDictionaryChunk, encodePlain } from '../../src/parquet/encode.ts';
import { readTable } from '../../src/parquet/table.ts';
import type { ColumnType, Values } from '../../src/parquet/types.ts';
import { Engine } from './support/drive.ts';
import { fileWith, passing, refusal, run } from './support/passing.ts';
import { DuckReader } from './support/reader.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const rows = 20_000;

/** Doubles and floats as their bits, among them both zeros and NaNs of several payloads. */
const doubles = new BigUint64Array([0n, 1n << 63n, 0x7ff8000000000001n, 0xfff800000000beefn, 0x7ff0000000000001n, 1n]);
const floats = new Uint32Array([0, 0x80000000, 0x7fc00001, 0xffc0beef, 0x7f800001, 1]);

test.each([
  ['DOUBLE', z.any()],
  ['DOUBLE', z.any().refine(() => true)],
  ['FLOAT', z.any()],
  ['FLOAT', z.any().refine(() => true)],
] as const)('%s that a schema leaves alone comes out bit for bit, whatever way it takes', async (physical, schema) => {
  const length = 1200;
  const pool = physical === 'DOUBLE' ? doubles : floats;
  const bits = pool.slice(0, 0).constructor === BigUint64Array ? new BigUint64Array(length) : new Uint32Array(length);
  for (let i = 0; i < length; i++) bits[i] = pool[i % pool.length]!;
  const values: Values =
    physical === 'DOUBLE'
      ? { kind: 'double', length, data: new Float64Array(bits.buffer) }
      : { kind: 'float', length, data: new Float32Array(bits.buffer) };
  const type: ColumnType = { physical };
  const chunks = [
    encodePlain(type, false, values, undefined, 'SNAPPY'),
    encodeDictionaryChunk(
      physical === 'DOUBLE'
        ? { kind: 'double', length: 6, data: new Float64Array(doubles.buffer) }
        : { kind: 'float', length: 6, data: new Float32Array(floats.buffer) },
      Int32Array.from({ length }, (_, i) => i % 6),
      type,
      false,
      'SNAPPY',
    ),
  ];
  for (const chunk of chunks) {
    const file = fileWith(type, false, chunk);
    for (const ways of ['any', 'dictionary', 'encode'] as const) {
      const engine = new Engine(passing(schema), { ways });
      await engine.upload('in/0.parquet', file);
      // A second file makes one unit of neither: small row groups are joined within a file only.
      await engine.upload('in/1.parquet', file);
      await engine.run('r');
      const out = engine.published('all').flatMap(({ bytes }) => {
        const column = readTable(bytes).columns.find(({ name }) => name === 'a')!.values;
        const { buffer, byteOffset, byteLength } = column.data;
        return [Buffer.from(buffer, byteOffset, byteLength)];
      });
      const expected = Buffer.from(bits.buffer);
      assert.equal(Buffer.compare(Buffer.concat(out), Buffer.concat([expected, expected])), 0, ways);
    }
  }
});

test('a number schema that refuses nothing keeps both zeros', async () => {
  const length = 100;
  const data = Float64Array.from({ length }, (_, i) => (i % 2 === 0 ? 0 : -0));
  const file = fileWith(
    { physical: 'DOUBLE' },
    false,
    encodePlain({ physical: 'DOUBLE' }, false, { kind: 'double', length, data }, undefined, 'SNAPPY'),
  );
  const engine = await run(
    file,
    z.number().refine(() => true),
  );
  const { rows: read } = await duck.read(engine.published('all')[0]!.bytes);
  assert.deepEqual(
    read.map((row) => row[1]),
    Array.from({ length }, (_, i) => (i % 2 === 0 ? '0' : '-0')),
  );
});

test('an INT96 beyond all dates passes bit for bit where nobody asks for a date, and is refused by row where one does', async () => {
  const pool = Buffer.alloc(24);
  pool.writeInt32LE(2_440_589, 8);
  pool.writeBigInt64LE(86_399_999_999_999n, 12);
  pool.writeInt32LE(2_147_483_647, 20);
  const type: ColumnType = { physical: 'INT96' };
  const dictionary: Values = { kind: 'fixed', length: 2, width: 12, data: new Uint8Array(pool) };
  const indices = Int32Array.from({ length: rows }, (_, row) => (row === 4321 ? 1 : 0));
  const file = fileWith(type, false, encodeDictionaryChunk(dictionary, indices, type, false, 'SNAPPY'));
  const engine = await run(file, z.date());
  const { values } = readTable(engine.published('all')[0]!.bytes).columns.find(({ name }) => name === 'a')!;
  assert.ok(values.kind === 'fixed');
  assert.equal(Buffer.compare(values.data.subarray(4321 * 12, 4322 * 12), pool.subarray(12)), 0);
  const nanos = (2_147_483_647n - 2_440_588n) * 86_400_000_000_000n + 86_399_999_999_999n;
  const error = await refusal(
    file,
    z.date().refine(() => true),
  );
  assert.deepEqual([error.code, error.where?.row], ['InvalidValue', 4321]);
  assert.match(error.message, new RegExp(`holds ${nanos}: The timestamp is beyond what a date can hold`));
});

/** Columns held to the contract: what a schema leaves alone stays as it is to the last bit, and errors name the place. */
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { test } from 'vitest';
import { z } from 'zod';
import { compress } from '../../../src/parquet/codecs.ts';
import { encodePlain } from '../../../src/parquet/encode.ts';
import { readTable } from '../../../src/parquet/table.ts';
import { ThriftWriter } from '../../../src/parquet/thrift-write.ts';
import type { ColumnType, EncodedChunk } from '../../../src/parquet/types.ts';
import { compile } from '../../../src/pipeline/compile.ts';
import { pipeline } from '../../../src/pipeline/index.ts';
import { Engine } from '../../engine/support/drive.ts';
import { poolValues } from '../../engine/support/sources.ts';
import { fileOf } from '../../parquet/support/files.ts';

const oneColumn = (schema: z.ZodType, where?: (value: unknown) => boolean) =>
  compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row: z.object({ a: schema }),
      entities: ({ id, where: when }) => ({
        all: { kind: 'rows', id: id('row_id'), columns: { a: 'a' }, ...(where && { where: when(['a'], where) }) },
      }),
    }),
  );

function chunkOf(type: ColumnType, raw: readonly unknown[]): EncodedChunk {
  const values = poolValues(
    type,
    raw.map((value) => value ?? raw.find((other) => other !== null)),
  );
  const valid = Uint8Array.from(raw, (value) => (value === null ? 0 : 1));
  return encodePlain(type, true, values, valid, 'UNCOMPRESSED');
}

async function engineOver(
  compiled: ReturnType<typeof compile>,
  type: ColumnType,
  groups: readonly (readonly unknown[])[],
) {
  const engine = new Engine(compiled);
  const chunks = groups.map((group) => chunkOf(type, group));
  await engine.upload('in/x.parquet', fileOf([{ name: 'a', type, optional: true, chunks }]));
  return engine;
}

test('a schema that changes one timestamp leaves the microseconds of the others', async () => {
  const micros: ColumnType = { physical: 'INT64', annotation: { kind: 'timestamp', unit: 'MICROS', utc: true } };
  const schema = z.date().overwrite((date) => (date.getTime() === 0 ? new Date(1000) : date));
  const engine = await engineOver(oneColumn(schema), micros, [[0n, 1_234_567n, -1n]]);
  await engine.run('r');
  const { columns } = readTable(engine.published('all')[0]!.bytes);
  const { values } = columns.find((column) => column.name === 'a')!;
  assert.ok(values.kind === 'int64');
  assert.deepEqual([...values.data], [1_000_000n, 1_234_567n, -1n]);
});

test('numbers are held to their bounds by what they mean, not by how they are stored', async () => {
  const unsigned: ColumnType = { physical: 'INT32', annotation: { kind: 'int', bitWidth: 32, signed: false } };
  const wide: ColumnType = { physical: 'INT64', annotation: { kind: 'int', bitWidth: 64, signed: false } };
  const cents: ColumnType = { physical: 'INT32', annotation: { kind: 'decimal', precision: 9, scale: 2 } };
  const longCents: ColumnType = { physical: 'INT64', annotation: { kind: 'decimal', precision: 18, scale: 2 } };
  const cases: [z.ZodType, ColumnType, unknown][] = [
    [z.int().max(100), unsigned, 4_000_000_000],
    [z.int(), wide, 2n ** 64n - 1n],
    [z.number().min(1), cents, 50n],
    [z.number().min(1), longCents, 50n],
    [z.int(), cents, 150n],
  ];
  for (const [schema, type, value] of cases) {
    const engine = await engineOver(oneColumn(schema), type, [[value]]);
    await assert.rejects(engine.run('r'), { code: 'InvalidValue' });
  }
  const fine = await engineOver(oneColumn(z.number().min(1).max(2)), cents, [[100n, 200n, 150n]]);
  await fine.run('r');
});

test('a refused value is named by blob, row group, column and row, in joined row groups too', async () => {
  const engine = await engineOver(oneColumn(z.int().max(9)), { physical: 'INT32' }, [
    [1, 2, 3],
    [4, 5],
    [6, 70, 80],
  ]);
  await assert.rejects(engine.run('r'), {
    code: 'InvalidValue',
    where: { blob: 'in/x.parquet', rowGroup: 2, row: 6, column: 'a' },
    message: /^column "a" holds 70: /,
  });
});

test('a null is refused by its place where the contract has none', async () => {
  const engine = await engineOver(oneColumn(z.string()), { physical: 'BYTE_ARRAY' }, [
    ['a', 'b'],
    ['c', null],
  ]);
  await assert.rejects(engine.run('r'), {
    code: 'InvalidValue',
    where: { blob: 'in/x.parquet', rowGroup: 1, row: 3, column: 'a' },
  });
});

test('a predicate that throws is an error of the row', async () => {
  const where = (value: unknown) => {
    if (value === 3) throw new Error('three');
    return true;
  };
  const engine = await engineOver(oneColumn(z.int(), where), { physical: 'INT32' }, [[1, 2], [3]]);
  await assert.rejects(engine.run('r'), {
    code: 'InvalidValue',
    where: { blob: 'in/x.parquet', rowGroup: 1, row: 2, column: 'a' },
    message: 'where(a) of (3): three',
  });
});

test('files that cannot be one column are refused with both types', async () => {
  const engine = new Engine(oneColumn(z.any()));
  const types: ColumnType[] = [{ physical: 'INT64' }, { physical: 'DOUBLE' }];
  for (const [i, type] of types.entries()) {
    const chunks = [chunkOf(type, [i === 0 ? 1n : 1.5])];
    await engine.upload(`in/${i}.parquet`, fileOf([{ name: 'a', type, optional: true, chunks }]));
  }
  await assert.rejects(engine.run('r'), {
    code: 'ColumnTypeMismatch',
    where: { blob: 'in/1.parquet', column: 'a' },
    message: 'column "a" is DOUBLE here but INT64 in "in/0.parquet"',
  });
  assert.deepEqual(engine.store.names('published'), []);
});

/** A chunk of one V1 page that states its CRC. */
function withCrc(damaged: boolean): EncodedChunk {
  const plain = chunkOf({ physical: 'INT32' }, [1, 2, 3]);
  const body = compress('UNCOMPRESSED', plain.parts[1]!).slice();
  const writer = new ThriftWriter();
  writer.i32(1, 0);
  writer.i32(2, body.length);
  writer.i32(3, body.length);
  writer.i32(4, zlib.crc32(body) | 0);
  writer.open(5);
  writer.i32(1, 3);
  for (const [field, encoding] of [
    [2, 0],
    [3, 3],
    [4, 3],
  ] as const)
    writer.i32(field, encoding);
  writer.end();
  writer.end();
  const header = writer.finish();
  if (damaged) body[body.length - 1]! ^= 1;
  const length = header.length + body.length;
  return { parts: [header, body], meta: { ...plain.meta, length, uncompressedLength: length } };
}

test('a copied page is held to the CRC that it states', async () => {
  for (const damaged of [false, true]) {
    const engine = new Engine(oneColumn(z.int().nullable()));
    const chunks = [withCrc(damaged)];
    await engine.upload('in/x.parquet', fileOf([{ name: 'a', type: { physical: 'INT32' }, optional: true, chunks }]));
    if (!damaged) await engine.run('r');
    else {
      await assert.rejects(engine.run('r'), {
        code: 'CorruptFile',
        where: { blob: 'in/x.parquet', rowGroup: 0, column: 'a' },
      });
    }
  }
});

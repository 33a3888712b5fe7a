/** Sources that a run refuses by name before anything is split, and what it passes over. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { errorLine, OrdinalError } from '../../src/errors.ts';
import { encodePlain } from '../../src/parquet/encode.ts';
import type { ChunkMeta } from '../../src/parquet/types.ts';
import { compile } from '../../src/pipeline/compile.ts';
import { fileOf } from '../parquet/support/files.ts';
import { writeAs } from '../parquet/support/foreign.ts';
import { Engine } from './support/drive.ts';
import { DuckReader } from './support/reader.ts';
import { poolValues } from './support/sources.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

type Words = Record<'rows' | 'id', (...args: unknown[]) => unknown>;

/** All columns of `row` passed on: what they are called is not known to the compiler. */
const passing = (row: z.ZodObject) =>
  compile({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row,
    entities: ({ id }: Words) => {
      const columns = Object.fromEntries(Object.keys(row.shape).map((name) => [name, name]));
      return { all: { kind: 'rows', id: id('row_id'), columns } };
    },
  } as never);

async function run(row: z.ZodObject, ...files: Uint8Array[]): Promise<unknown[][]> {
  const engine = new Engine(passing(row));
  for (const [i, file] of files.entries()) await engine.upload(`in/${i}.parquet`, file);
  await engine.run('r');
  const [published] = engine.published('all');
  return published ? (await duck.read(published.bytes)).rows : [];
}

async function refusal(row: z.ZodObject, file: Uint8Array): Promise<OrdinalError> {
  const thrown = await run(row, file).then(
    () => assert.fail('it went through'),
    (reason: unknown) => reason,
  );
  assert.ok(thrown instanceof OrdinalError, String(thrown));
  assert.equal(thrown.where?.blob, 'in/0.parquet');
  return thrown;
}

test('nested columns are passed over, and refused by name when a pipeline uses one', async () => {
  const query =
    "SELECT i AS a, [i] AS list, {'x': i, 'y': {'z': 'u'}} AS pair, MAP {'k': i} AS map, i AS b FROM range(3) t(i)";
  const file = await duck.write(query);
  const int = z.int();
  assert.deepEqual(await run(z.object({ a: int, b: int }), file), [
    ['1', '0', '0'],
    ['2', '1', '1'],
    ['3', '2', '2'],
  ]);
  for (const name of ['list', 'pair', 'map']) {
    const { code, where, message } = await refusal(z.object({ a: int, [name]: int }), file);
    assert.deepEqual([code, where?.column], ['NestedColumn', name]);
    assert.match(message, new RegExp(`"${name}" is nested`));
  }
});

test('a list of the oldest kind is passed over, and refused by name when a pipeline uses it', async () => {
  const pool = poolValues({ physical: 'INT32' }, [7, 8]);
  const column = {
    name: 'a',
    type: { physical: 'INT32' },
    optional: false,
    pool,
    groups: [Int32Array.of(0, 1)],
  } as const;
  const shape = { codec: 'SNAPPY', rowsPerPage: 10, dictionaryBytes: 100 } as const;
  const file = writeAs('hive', [{ ...column, groups: [...column.groups] }], shape, true);
  assert.deepEqual(await run(z.object({ a: z.int() }), file), [
    ['1', '7'],
    ['2', '8'],
  ]);
  const { code, where } = await refusal(z.object({ tags: z.string() }), file);
  assert.deepEqual([code, where?.column], ['NestedColumn', 'tags']);
});

const type = { physical: 'INT64' } as const;
const values = { kind: 'int64', length: 2, data: BigInt64Array.of(5n, 6n) } as const;
const chunk = encodePlain(type, false, values, undefined, 'UNCOMPRESSED');
const fileWith = (change: Partial<ChunkMeta>) =>
  fileOf([
    { name: 'odd', type, optional: false, chunks: [chunk, { ...chunk, meta: { ...chunk.meta, ...change } }] },
    { name: 'fine', type, optional: false, chunks: [chunk, chunk] },
  ]);

test('LZO is passed over, and refused by name when a pipeline uses the column', async () => {
  const file = fileWith({ codec: 'LZO' });
  assert.equal((await run(z.object({ fine: z.int() }), file)).length, 4);
  const { code, where, message } = await refusal(z.object({ odd: z.int() }), file);
  assert.deepEqual([code, where], ['UnsupportedFile', { blob: 'in/0.parquet', rowGroup: 1, column: 'odd' }]);
  assert.match(message, /LZO/);
});

test('an encrypted file is refused by name', async () => {
  const file = fileWith({});
  file.set(Buffer.from('PARE'), file.length - 4);
  const { code, message } = await refusal(z.object({ fine: z.int() }), file);
  assert.equal(code, 'UnsupportedFile');
  assert.match(message, /encrypted/);
});

test('files without bytes, without rows and with empty row groups', async () => {
  const row = z.object({ fine: z.int() });
  const empty = encodePlain(type, false, { ...values, length: 0, data: new BigInt64Array(0) }, undefined, 'SNAPPY');
  const withHoles = fileOf([{ name: 'fine', type, optional: false, chunks: [empty, chunk, empty, chunk, empty] }]);
  const withoutRows = fileOf([{ name: 'fine', type, optional: false, chunks: [empty] }]);
  const withoutGroups = fileOf([{ name: 'fine', type, optional: false, chunks: [] }]);
  const byDuck = await duck.write('SELECT 1::BIGINT AS fine WHERE false');
  assert.deepEqual(await run(row, withoutRows, withHoles, withoutGroups, byDuck), [
    ['1', '5'],
    ['2', '6'],
    ['3', '5'],
    ['4', '6'],
  ]);
  assert.deepEqual(await run(row, withoutRows, byDuck), []);
  const { code, message, remedy } = await refusal(row, new Uint8Array(0));
  assert.deepEqual([code, message], ['NotParquet', 'A file of 0 bytes is too short to be Parquet.']);
  assert.match(remedy ?? '', /^Upload it again, or delete it/);
});

test('a misspelt source column is told the one that is meant', async () => {
  const file = await duck.write('SELECT 1::BIGINT AS amount, 2::BIGINT AS currency');
  const { code, where, remedy } = await refusal(z.object({ amuont: z.int() }), file);
  assert.deepEqual([code, where?.column], ['MissingColumn', 'amuont']);
  assert.match(remedy ?? '', /Use 'amount', if that is what you mean\.$/);
});

test('an integer beyond those of a number is told with its row and the types that hold it', async () => {
  const file = await duck.write('SELECT * FROM (VALUES (1::BIGINT), (9007199254740993::BIGINT)) t(amount)');
  const refused = await refusal(z.object({ amount: z.number() }), file);
  assert.deepEqual([refused.code, refused.where?.row], ['InvalidValue', 1]);
  assert.match(refused.message, /^column "amount" holds 9007199254740993: .* read the column as int64 or as a decimal/);
  assert.match(errorLine(refused.toValue()), /row 1/);
});

test('the columns of files may differ in order, and where they contradict each other the file is named', async () => {
  const one = await duck.write("SELECT 1::INTEGER AS a, 'x' AS b");
  const two = await duck.write("SELECT 'y' AS b, DATE '2020-01-01' AS more, 2::BIGINT AS a");
  const row = z.object({ a: z.int(), b: z.string() });
  assert.deepEqual(await run(row, one, two), [
    ['1', '1', 'x'],
    ['2', '2', 'y'],
  ]);
  const three = await duck.write("SELECT 1.5::DOUBLE AS a, 'z' AS b");
  await assert.rejects(run(row, one, three), {
    code: 'ColumnTypeMismatch',
    where: { blob: 'in/1.parquet', column: 'a' },
  });
});

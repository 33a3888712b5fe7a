/**
 * Leaves of nested groups as flat columns: their values, and nulls at each level, are those that DuckDB sees, by every way
 * through the split; what the contract does not let be null is refused at the level where it is.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import { z } from 'zod';
import { compile } from '../../src/pipeline/compile.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';
import { Lake } from './support/lake.ts';
import { DuckReader } from './support/reader.ts';

let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

const everything = compile(
  pipeline({
    name: 'p',
    source: { container: 'landing', prefix: 'in/' },
    row: z.object({
      no: z.int(),
      person: z
        .object({
          name: z.string().nullable(),
          born: z.date().nullable(),
          address: z
            .object({ city: z.string().trim().nullable(), geo: z.object({ lat: z.number().nullable() }).nullable() })
            .nullable(),
        })
        .nullable(),
    }),
    entities: ({ id, first, ref, map, compute }) => ({
      cities: {
        kind: 'keyed',
        id: id('city_id'),
        key: { city: 'person.address.city' },
        columns: { lat: first('person.address.geo.lat') },
      },
      people: {
        kind: 'rows',
        id: id('person_id'),
        columns: {
          no: 'no',
          name: 'person.name',
          born: 'person.born',
          city: 'person.address.city',
          lat: 'person.address.geo.lat',
          city_id: ref('cities', { city: 'person.address.city' }),
          initial: map('person.name', (name) => name?.[0] ?? '-', type.string),
          label: compute(['no', 'person.address.city'], (no, city) => `${no} ${city}`, type.string),
        },
      },
    }),
  }),
);

/** Structs with nulls at each of four levels. */
const query = (rows: number, from = 0) => `
  SELECT i AS no, CASE WHEN i % 7 = 0 THEN NULL ELSE {
    'name': CASE WHEN i % 5 = 0 THEN NULL ELSE 'name ' || (i % 40) END,
    'born': CASE WHEN i % 11 = 0 THEN NULL ELSE DATE '1970-01-01' + (i % 9000)::INTEGER END,
    'address': CASE WHEN i % 3 = 0 THEN NULL ELSE {
      'city': CASE WHEN i % 4 = 0 THEN NULL ELSE ' city ' || (i % 13) END,
      'geo': CASE WHEN i % 6 = 1 THEN NULL ELSE {'lat': CASE WHEN i % 8 = 2 THEN NULL ELSE i / 3.0 END} END
    } END
  } END AS person FROM range(${from}, ${from + rows}) t(i)`;

const wanted = `SELECT no, person.name, person.born, trim(person.address.city), person.address.geo.lat,
  coalesce(person.name[1], '-'), no || ' ' || coalesce(trim(person.address.city), 'null')`;

for (const ways of ['any', 'dictionary', 'encode'] as const) {
  for (const options of ['CODEC snappy', 'CODEC zstd, PARQUET_VERSION v2', 'CODEC uncompressed, ROW_GROUP_SIZE 2048']) {
    test(`leaves of groups are what DuckDB reads: ${options}, ways ${ways}`, async () => {
      const lake = new Lake(duck, everything, { ways, batchRows: 4096 });
      await lake.put('in/a.parquet', query(5000), options);
      await lake.put('in/b.parquet', query(300, 5000), options);
      await lake.run();
      assert.deepEqual(
        await lake.published('people', 'SELECT no, name, born, city, lat, initial, label FROM published'),
        await lake.rows(`${wanted} FROM ${lake.source()} ORDER BY filename, file_row_number`),
      );
      const [[missing]] = (await lake.published('people', 'SELECT count(*) FROM published WHERE city_id IS NULL')) as [
        [string],
      ];
      const [[nulls]] = (await lake.rows(
        `SELECT count(*) FROM ${lake.source()} WHERE person.address.city IS NULL`,
      )) as [[string]];
      assert.equal(missing, nulls);
    });
  }
}

test('a leaf under one OPTIONAL level is copied as it is', async () => {
  const flat = compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row: z.object({ pair: z.object({ a: z.int().nullable() }).nullable() }),
      entities: ({ id }) => ({ all: { kind: 'rows', id: id('row_id'), columns: { a: 'pair.a' } } }),
    }),
  );
  const lake = new Lake(duck, flat);
  await lake.put('in/a.parquet', `SELECT {'a': CASE WHEN i % 3 = 0 THEN NULL ELSE i END} AS pair FROM range(100) t(i)`);
  await lake.run();
  assert.deepEqual(
    await lake.published('all', 'SELECT a FROM published'),
    await lake.rows(`SELECT pair.a FROM ${lake.source()}`),
  );
});

const strict = (onInvalid: 'fail' | 'quarantine') =>
  compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      onInvalid,
      ...(onInvalid === 'quarantine' && { maxRejected: 1 }),
      // The group may be missing; when it is there, it has a city.
      row: z.object({ no: z.int(), address: z.object({ city: z.string(), zip: z.string().nullable() }).nullable() }),
      entities: ({ id }) => ({
        all: { kind: 'rows', id: id('row_id'), columns: { no: 'no', city: 'address.city', zip: 'address.zip' } },
      }),
    }),
  );
const addresses = `SELECT * FROM (VALUES
  (0, {'city': 'Rome', 'zip': NULL}), (1, NULL), (2, {'city': NULL, 'zip': '10'}), (3, {'city': 'Oslo', 'zip': '20'})) t(no, address)`;

test('a null is held to the level where it is: a group may be missing, and its leaf may not', async () => {
  const failing = new Lake(duck, strict('fail'));
  await failing.put('in/a.parquet', addresses);
  const { code, where, message } = await failing.refusal();
  assert.deepEqual([code, where?.column, where?.row], ['InvalidValue', 'address.city', 2]);
  assert.match(message, /does not accept null/);
  const lake = new Lake(duck, strict('quarantine'));
  await lake.put('in/a.parquet', addresses);
  await lake.run();
  assert.deepEqual(
    await lake.published('all', 'SELECT no, city, zip FROM published'),
    [
      ['0', 'Rome', null],
      ['1', null, null],
      ['3', 'Oslo', '20'],
    ].map(([no, ...rest]) => [Number(no), ...rest]),
  );
  const preview = await lake.preview();
  assert.match(preview.note, /refuses 1 of these source rows: row 2, column address.city/);
  assert.deepEqual(
    preview.entities.all?.map(({ city }) => city),
    ['Rome', null, 'Oslo'],
  );
});

test('a file may lack a group that the contract calls optional as a whole, and not a leaf of it', async () => {
  const optional = compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row: z.object({
        no: z.int(),
        address: z.object({ city: z.string(), zip: z.string().nullable() }).optional(),
        note: z.string().optional(),
      }),
      entities: ({ id }) => ({
        all: {
          kind: 'rows',
          id: id('row_id'),
          columns: { no: 'no', city: 'address.city', zip: 'address.zip', note: 'note' },
        },
      }),
    }),
  );
  const lake = new Lake(duck, optional);
  await lake.put('in/a.parquet', `SELECT 1 AS no, {'city': 'Rome', 'zip': '10'} AS address`);
  await lake.put('in/b.parquet', 'SELECT 2 AS no');
  await lake.run();
  assert.deepEqual(await lake.published('all', 'SELECT no, city, zip FROM published'), [
    [1, 'Rome', '10'],
    [2, null, null],
  ]);
  const cases: [string, string, string][] = [
    [`SELECT 1 AS no, {'zip': '10'} AS address`, 'MissingColumn', 'address.city'],
    // A struct of the name of an optional column is not that column.
    [`SELECT 1 AS no, {'text': 'x'} AS note`, 'NestedColumn', 'note'],
  ];
  for (const [file, code, column] of cases) {
    const refusing = new Lake(duck, optional);
    await refusing.put('in/a.parquet', file);
    const refused = await refusing.refusal();
    assert.deepEqual([refused.code, refused.where?.column], [code, column]);
  }
});

test('a struct as a whole, a leaf that is missing and a leaf in a list are refused by name', async () => {
  const of = (row: z.ZodObject, column: string) =>
    compile({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      row,
      entities: ({ id }: Record<'rows' | 'id', (...given: unknown[]) => unknown>) => ({
        all: { kind: 'rows', id: id('row_id'), columns: { column } },
      }),
    } as never);
  const file = "SELECT {'city': 'Rome', 'tags': ['a']} AS address";
  const cases: [z.ZodObject, string, string, RegExp][] = [
    [
      z.object({ address: z.string() }),
      'address',
      'NestedColumn',
      /^Name its leaves: address: z\.object\(\{ city: \.\.\. \}\)\.$/,
    ],
    [z.object({ address: z.object({ ctiy: z.string() }) }), 'address.ctiy', 'MissingColumn', /Use 'address\.city'/],
    [z.object({ address: z.object({ tags: z.string() }) }), 'address.tags', 'NestedColumn', /^Flatten it upstream/],
  ];
  for (const [row, column, code, remedy] of cases) {
    const lake = new Lake(duck, of(row, column));
    await lake.put('in/a.parquet', file);
    const refused = await lake.refusal();
    assert.deepEqual([refused.code, refused.where?.blob, refused.where?.column], [code, 'in/a.parquet', column]);
    assert.match(refused.remedy ?? '', remedy);
  }
});

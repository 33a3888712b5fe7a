/**
 * Columns that are in no file: folders of a blob's name, the name itself, and the row's number. They are what DuckDB says
 * of the same files, also where many small files are one row group; a name that is not as declared is refused.
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

const visits = (idEncoding: 'plain' | 'delta' = 'plain') =>
  compile(
    pipeline({
      name: 'p',
      source: {
        container: 'landing',
        prefix: 'in/',
        partitions: {
          date: z.date(),
          region: z.string().nullable(),
          shard: z.int().max(9),
          live: z.boolean(),
        },
      },
      idEncoding,
      row: z.object({ no: z.int(), kind: z.string() }),
      entities: ({ id, first, ref, compute, where, sourceFile, sourceRow }) => ({
        regions: {
          kind: 'keyed',
          id: id('region_id'),
          key: { region: 'region' },
          columns: { since: first('date'), file: sourceFile(), line: sourceRow() },
        },
        visits: {
          kind: 'rows',
          id: id('visit_id'),
          columns: {
            no: 'no',
            date: 'date',
            region: 'region',
            shard: 'shard',
            live: 'live',
            file: sourceFile(),
            line: sourceRow(),
            region_id: ref('regions', { region: 'region' }),
            day: compute(['date', 'no'], (date, no) => date.getUTCDate() * 1000 + (no % 10), type.int32),
          },
        },
        odd: {
          kind: 'rows',
          id: id('odd_id'),
          where: where(['kind', 'shard'], (kind, shard) => kind === 'odd' && shard > 0),
          columns: { no: 'no', date: 'date', region: 'region', file: sourceFile(), line: sourceRow() },
        },
      }),
    }),
  );

const folders = [
  'date=2026-11-29/region=eu/shard=0/live=true',
  'date=2026-11-29/region=S%C3%A3o%20Paulo/shard=1/live=false',
  'date=2026-11-30/region=__HIVE_DEFAULT_PARTITION__/shard=02/live=true',
  'date=2026-12-01/region=eu/shard=9/live=false',
];
const numbers = (from: number, rows: number) =>
  `SELECT i AS no, CASE WHEN i % 2 = 1 THEN 'odd' ELSE 'even' END AS kind FROM range(${from}, ${from + rows}) t(i)`;

/** What DuckDB says of the same files: it reads the folders by itself. */
const wanted = (lake: Lake, columns: string, where = 'true') => {
  const source = lake
    .source()
    .replace(
      ')',
      `, hive_partitioning = true, hive_types = {'date': DATE, 'region': VARCHAR, 'shard': BIGINT, 'live': BOOLEAN})`,
    );
  return `SELECT ${columns.replace('FILE', lake.blobOf)} FROM ${source} WHERE ${where} ORDER BY filename, file_row_number`;
};

for (const idEncoding of ['plain', 'delta'] as const) {
  for (const [name, rows, batchRows] of [
    ['many small files in one row group', 40, 250_000],
    ['large files, cut into batches', 3000, 1000],
  ] as const) {
    test(`folders, names and row numbers are what DuckDB says: ${name}, ${idEncoding}`, async () => {
      const lake = new Lake(duck, visits(idEncoding), { batchRows });
      let from = 0;
      for (const folder of folders) {
        for (const part of ['a', 'b']) {
          await lake.put(`in/${folder}/part-${part}.parquet`, numbers(from, rows), 'ROW_GROUP_SIZE 2048');
          from += rows;
        }
      }
      await lake.run();
      assert.deepEqual(
        await lake.published('visits', 'SELECT no, date, region, shard, live, file, line, day FROM published'),
        await lake.rows(
          wanted(lake, 'no, date, region, shard, live, FILE, file_row_number, (day(date) * 1000 + no % 10)::INTEGER'),
        ),
      );
      assert.deepEqual(
        await lake.published('odd', 'SELECT no, date, region, file, line FROM published'),
        await lake.rows(wanted(lake, 'no, date, region, FILE, file_row_number', "kind = 'odd' AND shard > 0")),
      );
      assert.deepEqual(await lake.published('regions', 'SELECT region, since, line FROM published ORDER BY 1'), [
        ['São Paulo', '2026-11-29', '0'],
        ['eu', '2026-11-29', '0'],
      ]);
      const preview = await lake.preview();
      assert.deepEqual(preview.entities.visits?.[1], {
        visit_id: 'p.visits+1',
        no: 2 * rows + 1,
        date: '2026-11-29T00:00:00.000Z',
        region: 'São Paulo',
        shard: 1,
        live: false,
        file: `in/${folders[1]}/part-a.parquet`,
        line: 1,
        region_id: 'p.regions+0',
        day: 29001,
      });
    });
  }
}

test('row numbers cost no more than IDs, and a folder no more than its one value', async () => {
  const lake = new Lake(duck, visits('delta'));
  await lake.put(`in/${folders[0]}/a.parquet`, numbers(0, 100_000));
  await lake.run();
  const [file] = lake.engine.published('visits');
  const path = duck.put(file!.bytes);
  const sizes = await lake.rows(
    `SELECT path_in_schema, sum(total_compressed_size) FROM parquet_metadata('${path}') GROUP BY 1`,
  );
  const size = (column: string) => Number(sizes.find(([name]) => name === column)?.[1]);
  for (const column of ['visit_id', 'line', 'date', 'region', 'shard', 'live', 'file'])
    assert.ok(size(column) < 1000, `${column}: ${size(column)}`);
});

test('a blob whose name is not as declared is refused by name, with a remedy', async () => {
  const cases: [string, RegExp, RegExp][] = [
    [
      'in/date=2026-11-29/region=eu/live=true/a.parquet',
      /folder "shard" of ".*" is missing/,
      /Put the blob into a folder 'shard=\.\.\.'/,
    ],
    ['in/date=2026-11-29/regoin=eu/shard=1/live=true/a.parquet', /folder "region" of ".*" is missing/, /Use 'regoin'/],
    [
      'in/date=2026-02-30/region=eu/shard=1/live=true/a.parquet',
      /"date" .* is '2026-02-30', which is no day/,
      /Rename the folder/,
    ],
    [
      'in/date=2026-11-29/region=eu/shard=one/live=true/a.parquet',
      /"shard" .* is 'one', which is no whole number/,
      /Rename/,
    ],
    ['in/date=2026-11-29/region=eu/shard=12/live=true/a.parquet', /"shard" .* is '12': Too big/, /correct its schema/],
    ['in/date=2026-11-29/region=eu/shard=1/live=yes/a.parquet', /"live" .* is 'yes', which is no boolean/, /Rename/],
    ['in/date=__HIVE_DEFAULT_PARTITION__/region=eu/shard=1/live=true/a.parquet', /"date" .* is null/, /\.nullable\(\)/],
    ['in/date=2026-11-29/region=%E0%A4%A/shard=1/live=true/a.parquet', /is not URL-encoded/, /%25/],
    ['in/date=2026-11-29/region=eu/region=us/shard=1/live=true/a.parquet', /"region" .* is in the name twice/, /once/],
  ];
  for (const [blob, message, remedy] of cases) {
    const lake = new Lake(duck, visits());
    await lake.put(`in/${folders[0]}/a.parquet`, numbers(0, 3));
    await lake.put(blob, numbers(0, 3));
    const refused = await lake.refusal();
    assert.deepEqual([refused.code, refused.where?.blob], ['InvalidFolder', blob]);
    assert.match(refused.message, message);
    assert.match(refused.remedy ?? '', remedy);
  }
});

test('folders that are no columns may have any name and any text', async () => {
  const lake = new Lake(duck, visits());
  await lake.put(`in/discount=50%/%=x/note=%E0%A4%A/note=b/${folders[0]}/a b%.c=d.parquet`, numbers(0, 3));
  await lake.put(`in/${folders[3]}/ü=💶/x=/x=1/=/a.parquet`, numbers(3, 3));
  await lake.run();
  assert.deepEqual(await lake.published('visits', 'SELECT no, region, shard FROM published ORDER BY no'), [
    ...[0, 1, 2].map((no) => [String(no), 'eu', '0']),
    ...[3, 4, 5].map((no) => [String(no), 'eu', '9']),
  ]);
});

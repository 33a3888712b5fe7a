/**
 * Pipelines run in memory, as their authors' unit tests do it: rows in, rows out, further runs, refusals, golden files.
 * What is published is read by DuckDB as well, and by the app's own `verify` elsewhere.
 */
import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { z } from 'zod';
import flights from '../../pipelines/flights.ts';
import sales from '../../pipelines/sales.ts';
import { pipeline, type } from '../../src/pipeline/index.ts';
import { matchesGolden, tryPipeline } from '../../src/testing/index.ts';
import { DuckReader } from '../engine/support/reader.ts';

const flight = (delay: number, origin = 'LAX') => ({
  date: new Date(Date.UTC(2001, 0, 1, 6)),
  delay,
  distance: 337,
  origin,
  destination: 'SFO',
});

let folder: string;
let duck: DuckReader;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-try-'));
  duck = await DuckReader.open();
});
afterAll(async () => {
  duck.close();
  await rm(folder, { recursive: true, force: true });
});

describe('tryPipeline', () => {
  it('gives what each entity gets, with IDs and references', async () => {
    const { entities, rejected } = await tryPipeline(flights, [flight(3), flight(16)]);
    assert.deepEqual(entities.airports, [
      { airport_id: 1n, code: 'LAX' },
      { airport_id: 2n, code: 'SFO' },
    ]);
    assert.deepEqual(
      entities.flights!.map(({ flight_id, origin_id, late, date }) => ({ flight_id, origin_id, late, date })),
      [
        { flight_id: 1n, origin_id: 1n, late: false, date: flight(3).date },
        { flight_id: 2n, origin_id: 1n, late: true, date: flight(16).date },
      ],
    );
    assert.deepEqual(rejected, []);
  });

  it('runs on over what it left: known keys keep their IDs, rows number on', async () => {
    const first = await tryPipeline(flights, [flight(3)]);
    const second = await first.next([flight(4, 'OAK'), flight(5)]);
    assert.deepEqual(second.entities.airports, [{ airport_id: 3n, code: 'OAK' }]);
    assert.deepEqual(
      second.entities.flights!.map(({ flight_id, origin_id }) => [flight_id, origin_id]),
      [
        [2n, 3n],
        [3n, 1n],
      ],
    );
    assert.deepEqual(first.entities.flights!.length, 1);
  });

  it('gives null in a column that no row has a value in, also where files are for a table', async () => {
    const notes = pipeline({
      name: 'notes',
      source: { container: 'landing', prefix: 'notes/' },
      output: { table: 'delta' },
      row: z.object({ text: z.string().nullable(), n: z.int() }),
      entities: ({ id }) => ({ notes: { kind: 'rows', id: id('note_id'), columns: { text: 'text', n: 'n' } } }),
    });
    const { entities } = await tryPipeline(notes, [{ n: 1 }]);
    assert.deepEqual(entities.notes, [{ note_id: 1n, text: null, n: 1n }]);
  });

  it('reads Parquet files and folders as the app does, in the order of their names', async () => {
    const file = await duck.write(`
      SELECT TIMESTAMPTZ '2001-01-01 06:00:00Z' AS date, delay::BIGINT AS delay, 337::BIGINT AS distance,
             'LAX' AS origin, 'SFO' AS destination
      FROM (VALUES (3), (16)) t(delay)`);
    const landing = path.join(folder, 'landing');
    await mkdir(path.join(landing, 'day'), { recursive: true });
    await writeFile(path.join(landing, 'day/b.parquet'), file);
    await writeFile(path.join(landing, 'a.parquet'), file);
    await writeFile(path.join(landing, 'notes.txt'), 'no Parquet');
    for (const [source, delays] of [
      [file, [3n, 16n]],
      [path.join(landing, 'a.parquet'), [3n, 16n]],
      [landing, [3n, 16n, 3n, 16n]],
    ] as const) {
      const { entities } = await tryPipeline(flights, source);
      assert.deepEqual(
        entities.flights!.map(({ delay }) => delay),
        delays,
      );
    }
  });

  it('takes folders that are columns from the path, of a feed and of one day of it', async () => {
    const days = pipeline({
      name: 'days',
      source: { container: 'landing', prefix: 'days/', partitions: { day: z.date() } },
      row: z.object({ n: z.int() }),
      entities: ({ id }) => ({ all: { kind: 'rows', id: id('row_id'), columns: { n: 'n', day: 'day' } } }),
    });
    const feed = path.join(folder, 'feed');
    for (const [n, day] of ['2026-11-01', '2026-11-02'].entries()) {
      await mkdir(path.join(feed, `day=${day}`), { recursive: true });
      await writeFile(path.join(feed, `day=${day}/a.parquet`), await duck.write(`SELECT ${n}::INT AS n`));
    }
    const daysOf = async (source: string) => {
      const { entities } = await tryPipeline(days, source);
      return entities.all!.map(({ n, day }) => [n, (day as Date).toISOString().slice(0, 10)]);
    };
    const second = [1, '2026-11-02'];
    assert.deepEqual(await daysOf(feed), [[0, '2026-11-01'], second]);
    assert.deepEqual(await daysOf(path.join(feed, 'day=2026-11-02')), [second]);
    assert.deepEqual(await daysOf(path.join(feed, 'day=2026-11-02/a.parquet')), [second]);
  });

  it('publishes files that DuckDB reads with the same values', async () => {
    const { entities, files, manifest } = await tryPipeline(flights, [flight(3), flight(4, 'OAK')]);
    for (const { entity, files: written } of manifest.entities) {
      const read = await Promise.all(written.map(({ blob }) => duck.read(files.get(blob)!)));
      assert.deepEqual(
        read.flatMap(({ names, rows }) => rows.map((row) => row[names.findIndex((name) => name.endsWith('_id'))])),
        entities[entity]!.map((row) => String(Object.values(row)[0])),
      );
    }
  });

  it('takes settings of the app, and refuses others by name', async () => {
    const rows = Array.from({ length: 5 }, (_, i) => flight(i));
    const { manifest } = await tryPipeline(flights, rows, { settings: { ORDINAL_PART_ROWS: 2 } });
    const written = manifest.entities.find(({ entity }) => entity === 'flights')!;
    assert.equal(written.rows, 5);
    await assert.rejects(tryPipeline(flights, rows, { settings: { ORDINAL_PART_ROW: 2 } }), {
      code: 'InvalidSettings',
      message: 'setting ORDINAL_PART_ROW is not a setting',
      remedy: "Use 'ORDINAL_PART_ROWS', if that is what you mean.",
    });
  });

  it('gives nothing for no rows', async () => {
    const { entities } = await tryPipeline(flights, []);
    assert.deepEqual(entities, { airports: [], routes: [], flights: [] });
  });

  it('fails as the app does, with the place and the remedy', async () => {
    await assert.rejects(tryPipeline(flights, [flight(3), flight(4, 'LAXX')]), (thrown: unknown) => {
      const { code, where, remedy } = thrown as { code: string; where: object; remedy: string };
      assert.equal(code, 'InvalidValue');
      assert.deepEqual(where, { blob: 'flights/try-1/rows.parquet', rowGroup: 0, row: 1, column: 'origin' });
      assert.match(remedy, /^Correct the source/);
      return true;
    });
    await assert.rejects(tryPipeline(flights, [{ ...flight(3), delay: 'late' }]), {
      code: 'InvalidValue',
      message: /^row 0, column delay: /,
    });
    await assert.rejects(tryPipeline(flights, path.join(folder, 'nowhere')), { code: 'SourceEmpty' });
    await assert.rejects(tryPipeline({ ...flights, name: 'No Name' }, [flight(3)]), { code: 'InvalidPipeline' });
  });

  it('shows refused rows of a pipeline that sets them aside', async () => {
    const small = pipeline({
      name: 'small',
      source: { container: 'landing', prefix: 'small/' },
      onInvalid: 'quarantine',
      maxRejected: 1,
      row: z.object({ code: z.string().length(2), note: z.string().nullable() }),
      entities: ({ id, compute }) => ({
        all: {
          kind: 'rows',
          id: id('all_id'),
          columns: { code: 'code', size: compute(['note'], (n) => n?.length ?? 0, type.int32) },
        },
      }),
    });
    const { entities, rejected } = await tryPipeline(small, [
      { code: 'ab', note: 'x' },
      { code: 'abc' },
      { code: 'cd' },
    ]);
    assert.deepEqual(entities.all, [
      { all_id: 1n, code: 'ab', size: 1 },
      { all_id: 2n, code: 'cd', size: 0 },
    ]);
    assert.equal(rejected.length, 1);
    assert.match(
      JSON.stringify(rejected[0], (_, v) => (typeof v === 'bigint' ? Number(v) : v)),
      /exactly 2 characters/,
    );
  });

  it('runs the larger example too', async () => {
    const row = {
      ...{
        order_no: 'SO-0000001',
        line_no: 1,
        order_date: new Date(0),
        channel: 'web',
        customer_email: ' Ann@Example.com',
      },
      ...{ customer_name: 'Ann', country: 'DE', sku: 'A-1', product_name: 'Pen', category: 'office', quantity: 2 },
      ...{ unit_price: 3.5, discount: 0, is_gift: false, notes: null },
    };
    const { entities } = await tryPipeline(sales, [row, { ...row, line_no: 2, sku: 'A-2' }]);
    assert.deepEqual(
      Object.entries(entities).map(([name, rows]) => [name, rows.length]),
      [
        ['customers', 1],
        ['products', 2],
        ['orders', 1],
        ['order_lines', 2],
      ],
    );
    assert.equal(entities.customers![0]!.email, 'ann@example.com');
  });
});

describe('golden files', () => {
  it('are written when asked for, hold every value, and show what differs', async () => {
    const file = path.join(folder, 'golden/flights.json');
    const tried = await tryPipeline(flights, [flight(3)]);
    await assert.rejects(matchesGolden(tried, file), /There is no golden file .*UPDATE_GOLDEN=1/);
    process.env.UPDATE_GOLDEN = '1';
    try {
      await matchesGolden(tried, file);
    } finally {
      delete process.env.UPDATE_GOLDEN;
    }
    await matchesGolden(tried, file);
    assert.match(await readFile(file, 'utf8'), /"flight_id": "1n"/);
    const other = await tryPipeline(flights, [flight(4)]);
    await assert.rejects(matchesGolden(other, file), /not as in .*flights\.json/);
  });
});

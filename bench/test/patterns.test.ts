/**
 * The patterns that the bench compares: each one's output is right when nothing dies, as DuckDB sees it, and the check
 * itself sees each kind of fault. Small files, real Azurite, the real local host; SQL is left to the bench, for it needs
 * PostgreSQL.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Duck, literal, literalList } from '../../tools/duckdb.ts';
import { peersInstalled } from '../../tools/peers.ts';
import type { Sequence } from '../patterns/apps/shared/sales.ts';
import { type Faults, findFaults, noFaults } from '../patterns/check.ts';
import { killAtPoints } from '../patterns/deaths.ts';
import { jobsOf } from '../patterns/main.ts';
import { type Measured, measure, variantOf } from '../patterns/measure.ts';
import { writeReport } from '../patterns/report.ts';
import { merged } from '../patterns/results.ts';
import { type Sources, writeSources } from '../patterns/sources.ts';
import { variants } from '../patterns/variants.ts';

const folder = mkdtempSync(join(tmpdir(), 'patterns-test-'));
let sources: Sources;

beforeAll(async () => {
  sources = await writeSources(join(folder, 'sources'), 4, 30);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What a pattern may do when nothing dies: numbers out of order where files race, gaps where ranges are left over. */
const allowed: Record<string, (keyof Faults)[]> = {
  'etag-row': ['disorder'],
  'etag-file': ['disorder'],
  queue: ['disorder', 'gaps'],
};

describe.skipIf(!peersInstalled)('each pattern', () => {
  for (const variant of variants.filter(({ postgres }) => !postgres)) {
    it(`publishes what it should: ${variant.label}`, async () => {
      const result = await measure({
        variant,
        sources,
        warmUp: sources,
        inFlight: variant.sequential ? 1 : 2,
        workers: 1,
      });
      const wrong = Object.entries(result.faults).filter(
        ([name, n]) => n > 0 && !allowed[variant.name]?.includes(name as keyof Faults),
      );
      assert.deepEqual(wrong, []);
      assert.ok(result.blob_requests > sources.files.length && result.durable_events > 0 && result.activities > 0);
    });
  }

  it('is killed at a request, goes on, and ends', async () => {
    const variant = variantOf('entity-file');
    const deaths = await killAtPoints({ variant, sources, inFlight: 2, points: 2, seed: 7, log: () => {} });
    assert.deepEqual(
      deaths.map(({ victim }) => victim),
      ['worker', 'host'],
    );
    for (const { faults } of deaths) assert.deepEqual(faults, noFaults);
  });
});

describe('the check', () => {
  const entities = {
    customers:
      'select dense_rank() over (order by first) as customer_id, * exclude first from (select lower(trim(customer_email)) as email, arg_min(customer_name, place) as name, arg_min(country, place) as country, min(place) as first from feed group by 1)',
    products:
      'select dense_rank() over (order by first) as product_id, * exclude first from (select sku, arg_min(product_name, place) as name, arg_min(category, place) as category, min(place) as first from feed group by 1)',
    orders:
      'select dense_rank() over (order by first) as order_id, order_no, customer_id, order_date, channel from (select order_no, arg_min(lower(trim(customer_email)), place) as email, arg_min(order_date, place) as order_date, arg_min(channel, place) as channel, min(place) as first from feed group by 1) join customers using (email)',
    order_lines: `select place as order_line_id, order_id, product_id, c.customer_id, line_no, quantity, unit_price, discount,
      (floor(quantity::DOUBLE * unit_price::DOUBLE * (1 - discount) * 100 + 0.5) / 100)::DECIMAL(14,2) as net_amount, is_gift, f.channel, notes
      from feed f join orders using (order_no) join products using (sku) join customers c on c.email = lower(trim(customer_email))`,
  };

  /** Faults of a right output after `spoil`. */
  async function faultsAfter(spoil: string[]): Promise<Faults> {
    const duck = await Duck.open();
    try {
      await duck.run(`create table feed as select *, row_number() over (order by filename, file_row_number) as place
        from read_parquet(${literalList(sources.files)}, filename = true, file_row_number = true)`);
      for (const [name, select] of Object.entries(entities)) await duck.run(`create table ${name} as ${select}`);
      for (const statement of spoil) await duck.run(statement);
      const published = {} as Record<Sequence, string[]>;
      for (const name of Object.keys(entities) as Sequence[]) {
        published[name] = [join(folder, `${name}.parquet`)];
        await duck.run(`copy ${name} to ${literal(published[name][0]!)} (format parquet)`);
      }
      for (const name of Object.keys(entities)) await duck.run(`drop table ${name}`);
      return await findFaults(duck, sources.files, published);
    } finally {
      duck.close();
    }
  }

  it('finds nothing in a right output', async () => {
    assert.deepEqual(await faultsAfter([]), noFaults);
  });

  const spoils: [keyof Faults, string, number][] = [
    ['duplicates', 'update order_lines set order_line_id = 2 where order_line_id = 3', 1],
    ['gaps', 'update order_lines set order_line_id = order_line_id + 10 where order_line_id > 5', 10],
    [
      'disorder',
      'update customers set customer_id = case customer_id when 1 then 2 else 1 end where customer_id < 3',
      1,
    ],
    ['references', 'update order_lines set product_id = product_id % 2 + 1 where order_line_id = 4', 1],
    ['references', 'update orders set customer_id = 10000 where order_id = 1', 1],
    ['rows', 'delete from order_lines where order_line_id = (select max(order_line_id) from order_lines)', 1],
    ['rows', `insert into products values (100000, 'SKU-X', 'x', 'x')`, 1],
    ['values', 'update order_lines set net_amount = net_amount + 0.01 where order_line_id = 4', 1],
    ['values', `update products set name = 'x' where product_id = 1`, 1],
  ];
  for (const [fault, spoil, n] of spoils) {
    it(`finds ${fault}: ${spoil.slice(0, 40)}`, async () => {
      assert.equal((await faultsAfter([spoil]))[fault], n);
    });
  }
});

describe('the bench', () => {
  it('plans a sequential pattern with one in flight only, and shares once a width', () => {
    const plan = {
      files: [10, 100],
      rowsPerFile: 2,
      share: { files: 3, rowsPerFile: 1 },
      mortal: { files: 1, rowsPerFile: 1, sharePerFile: 1 },
    };
    const jobs = jobsOf(
      { ...plan, widthFiles: 100, widths: [1, 2], width: 2, runs: 1, points: 1 },
      ['sequential', 'etag-row', 'ordinal'].map(variantOf),
      ['growth', 'width'],
    );
    assert.deepEqual(
      jobs.map(({ variant, files, inFlight }) => `${variant.name} ${files} ${inFlight}`),
      [
        ...['sequential 10 1', 'etag-row 3 2', 'ordinal 10 2', 'sequential 100 1', 'ordinal 100 2'],
        ...['etag-row 3 1', 'ordinal 100 1'],
      ],
    );
  });

  it('replaces what is measured again, and makes the page of it', () => {
    const page = readFileSync(new URL('../../docs/patterns.md', import.meta.url), 'utf8');
    writeFileSync(join(folder, 'patterns.md'), page);
    const run = (pattern: string, files: number, wall_s: number): Measured => ({
      ...{
        pattern,
        files,
        rows: files * 2_000,
        in_flight: 2,
        wall_s,
        runs: 1,
        rows_per_s: Math.round((files * 2_000) / wall_s),
      },
      ...{ blob_requests: 10, queue_and_table_requests: 2, durable_events: 5, activities: 3, activity_s: 1, cpu_s: 2 },
      ...{ dollars_per_million_rows: 0.01, faults: noFaults, day: '2026-01-31' },
    });
    const nothing = { node: '', cores: 2, measured: [], deaths: [] };
    const before = merged(
      nothing,
      [run('ordinal', 10, 1), run('ordinal', 1000, 50), run('queue', 10, 4), run('queue', 1000, 90)],
      [],
    );
    const results = merged(before, [run('ordinal', 1000, 20)], []);
    assert.equal(results.measured.length, 4);
    writeReport(results, folder);
    const text = readFileSync(join(folder, 'patterns.md'), 'utf8');
    assert.match(text, /\| Ordinal \| 2,000,000 \| 1,000 \| 20\.0 \| 100,000 \|/);
    // A pattern that has not done the most files yet: all are shown at what all have done.
    writeReport(merged(results, [run('entity-file', 10, 3)], []), folder);
    assert.match(readFileSync(join(folder, 'patterns.md'), 'utf8'), /\| Ordinal \| 20,000 \| 10 \| 1\.00 \|/);
    writeReport(results, folder);
    assert.match(readFileSync(join(folder, 'patterns.svg'), 'utf8'), />100,000</);
    assert.match(readFileSync(join(folder, 'patterns-growth.svg'), 'utf8'), /polyline/);
  });
});

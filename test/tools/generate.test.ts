import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { Duck, literal } from '../../tools/duckdb.ts';
import { flightsFile, generateFlights, generateSales } from '../../tools/generate.ts';

describe('generated source data', () => {
  let folder = '';
  let duck: Duck;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ordinal-generate-'));
    duck = await Duck.open({ tempFolder: folder });
  });
  afterAll(async () => {
    duck.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('gives the same bytes for the same seed, and others for another', async () => {
    const file = (name: string): string => path.join(folder, name);
    await generateSales({ rows: 20_000, out: file('a.parquet'), seed: 7 });
    await generateSales({ rows: 20_000, out: file('b.parquet'), seed: 7 });
    await generateSales({ rows: 20_000, out: file('c.parquet'), seed: 8 });
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => readFile(file(`${name}.parquet`))));
    assert.ok(a!.equals(b!));
    assert.ok(!a!.equals(c!));
  });

  it('writes a sales feed of fifteen columns with the promised repetition', async () => {
    const out = path.join(folder, 'sales.parquet');
    await generateSales({ rows: 100_000, out, rowGroupRows: 20_480 });
    const from = `from ${literal(out)}`;
    const columns = await duck.rows(`describe select * ${from}`);
    assert.equal(columns.length, 15);
    assert.equal(columns.find((column) => column.column_name === 'unit_price')?.column_type, 'DECIMAL(12,2)');
    const mail = 'lower(trim(customer_email))';
    const counts = await duck.row(`
      select count(*) as rows, count(distinct order_no) as orders, count(distinct ${mail}) as customers,
        count(distinct customer_email) as spellings, count(distinct (${mail}, customer_name, country)) as attributes,
        count(distinct sku) as skus, count(distinct (sku, product_name, category)) as products,
        count(distinct (order_no, order_date, channel, customer_email)) as headers, count(notes) as notes,
        count(*) filter (where quantity not between 1 and 1000 or unit_price not between 0.01 and 99999.99
          or discount < 0 or discount >= 1 or not regexp_full_match(order_no, 'SO-[0-9]{7}')) as odd ${from}`);
    const number = (name: string): number => Number(counts[name]);
    assert.equal(number('rows'), 100_000);
    assert.equal(number('odd'), 0);
    assert.ok(Math.abs(number('rows') / number('orders') - 4) < 0.1, 'four lines an order');
    assert.ok(number('spellings') > number('customers'), 'an e-mail has several spellings');
    assert.equal(number('attributes'), number('customers'), 'name and country follow from the e-mail');
    assert.equal(number('products'), number('skus'), 'name and category follow from the SKU');
    assert.equal(number('headers'), number('orders'), 'the lines of an order agree');
    assert.ok(Math.abs(number('notes') / number('rows') - 0.1) < 0.02, 'nine notes of ten are null');
    const groups = await duck.row(
      `select count(distinct row_group_id) as groups from parquet_metadata(${literal(out)})`,
    );
    assert.ok(Number(groups.groups) >= 4, 'several row groups');
  });

  it('repeats the real flights in their order', async () => {
    const out = path.join(folder, 'flights.parquet');
    await generateFlights({ rows: 3_000, from: 2_999_000, out });
    const positioned = (file: string): string =>
      `(select * from read_parquet(${literal(file)}, file_row_number = true))`;
    const differing = await duck.row(`
      select count(*) as rows, count(*) filter (where r.date is distinct from e.date or r.delay is distinct from e.delay
        or r.origin is distinct from e.origin or r.destination is distinct from e.destination) as wrong
      from ${positioned(out)} r join ${positioned(flightsFile())} e
        on e.file_row_number = (r.file_row_number + 2999000) % 3000000`);
    assert.deepEqual({ rows: Number(differing.rows), wrong: Number(differing.wrong) }, { rows: 3_000, wrong: 0 });
  });
});

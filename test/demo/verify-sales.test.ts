/** The verifier's meaning of `sales`: two spellings of an e-mail are one customer. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { sales } from '../../demo/verify/sales.ts';
import { verifyRun } from '../../demo/verify/verify.ts';
import { Duck } from '../../tools/duckdb.ts';
import { generateSales } from '../../tools/generate.ts';
import { fillSales, writePublished } from './published.ts';

describe('the verifier of published sales', () => {
  let folder = '';
  let source = '';
  let duck: Duck;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ordinal-verify-'));
    source = path.join(folder, 'sales.parquet');
    duck = await Duck.open({ tempFolder: folder });
    await generateSales({ rows: 40_000, out: source });
  });
  afterAll(async () => {
    duck.close();
    await rm(folder, { recursive: true, force: true });
  });

  const parts = { customers: 1, products: 1, orders: 2, order_lines: 2 };
  const failed = async (plant: string): Promise<string[]> => {
    await fillSales(duck, source);
    await duck.run(plant);
    const checks = await verifyRun(duck, sales, {
      sources: [source],
      files: await writePublished(duck, folder, 'sales', parts),
    });
    return checks.filter((check) => !check.ok).map((check) => `${check.entity}/${check.check}`);
  };

  it('accepts a right set', async () => {
    assert.deepEqual(await failed(''), []);
  });

  it('finds a customer for each spelling of an e-mail', async () => {
    const plant = `insert into customers
      select (select max(pos) from customers) + 1, (select max(customer_id) from customers) + 1, upper(email), name, country
      from customers where pos = 0`;
    assert.deepEqual(await failed(plant), ['customers/keys']);
  });

  it('finds an order that refers to another customer', async () => {
    assert.deepEqual(await failed('update orders set customer_id = customer_id + 1 where pos = 20'), [
      'orders/refs-right',
    ]);
  });

  it('finds a net amount that is a cent off, and a lost note', async () => {
    assert.deepEqual(await failed('update order_lines set net_amount = net_amount + 0.01 where pos = 39999'), [
      'order_lines/values',
    ]);
    const plant =
      'update order_lines set notes = null where pos = (select max(pos) from order_lines where notes is not null)';
    assert.deepEqual(await failed(plant), ['order_lines/values']);
  });
});

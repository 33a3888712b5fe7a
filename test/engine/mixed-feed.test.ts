/**
 * A mixed feed with a contract for each record type: columns that one type requires and others do not have, schemas by
 * type, checks across columns, computed and constant parts of keys. DuckDB reads the source and what was published.
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

const row = z
  .discriminatedUnion('record_type', [
    z.object({
      record_type: z.literal('customer'),
      customer_no: z.string().regex(/^K\d+$/),
      name: z.string().trim().min(1),
    }),
    z
      .object({
        record_type: z.literal('order'),
        order_no: z.int(),
        customer_no: z.string(),
        ordered: z.date(),
        shipped: z.date().nullable(),
        amount: z.number().nonnegative(),
        name: z.string().toUpperCase(),
      })
      .refine(({ ordered, shipped }) => shipped === null || shipped >= ordered, {
        message: 'shipped before it was ordered',
        path: ['shipped'],
      }),
    z.object({
      record_type: z.enum(['refund', 'credit']),
      order_no: z.int(),
      ordered: z.date(),
      amount: z.number().negative(),
    }),
  ])
  .refine((record) => !('amount' in record) || Math.abs(record.amount) < 1_000_000, 'the amount is too large');

const shop = (onInvalid: 'fail' | 'quarantine') =>
  compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      onInvalid,
      ...(onInvalid === 'quarantine' && { maxRejected: 1 }),
      row,
      entities: ({ id, ref, first, map, compute, constant, where, sourceRow }) => ({
        customers: {
          kind: 'keyed',
          when: 'customer',
          id: id('customer_id'),
          key: { tenant: constant('DE'), no: 'customer_no' },
          columns: { name: first('name') },
        },
        days: {
          kind: 'keyed',
          when: ['order', 'refund', 'credit'],
          id: id('day_id'),
          key: { day: compute(['ordered'], (ordered) => ordered, type.date) },
        },
        orders: {
          kind: 'rows',
          when: 'order',
          id: id('order_id'),
          columns: {
            order_no: 'order_no',
            customer_id: ref('customers', { tenant: constant('DE'), no: 'customer_no' }),
            day_id: ref('days', { day: compute(['ordered'], (ordered) => ordered, type.date) }),
            amount: 'amount',
            name: 'name',
            // No null to think of: an order has both.
            cents: compute(
              ['amount', 'ordered'],
              (amount: number, ordered: Date) => amount * 100 + 0 * ordered.getTime(),
              type.float64,
            ),
          },
        },
        refunds: {
          kind: 'rows',
          when: 'refund',
          id: id('refund_id'),
          where: where(['amount'], (amount: number) => amount.toFixed(2) !== '-1.00'),
          columns: { order_no: 'order_no', amount: 'amount' },
        },
        log: {
          kind: 'rows',
          id: id('log_id'),
          columns: {
            type: 'record_type',
            line: sourceRow(),
            initial: map('name', (name) => name?.[0] ?? '?', type.string),
          },
        },
      }),
    }),
  );

/** Customers, orders, refunds and credits in turn; `extra` are further rows. */
const feed = (rows: number, extra = '') => `
  SELECT
    CASE i % 5 WHEN 0 THEN 'customer' WHEN 1 THEN 'refund' WHEN 2 THEN 'credit' ELSE 'order' END AS record_type,
    CASE WHEN i % 5 = 0 THEN 'K' || (i % 60) WHEN i % 5 >= 3 THEN 'K' || ((i * 7) % 60) END AS customer_no,
    CASE WHEN i % 5 = 0 THEN ' Name ' || (i % 60) || ' ' WHEN i % 5 >= 3 THEN 'name ' || (i % 9) END AS name,
    CASE WHEN i % 5 <> 0 THEN i // 5 END AS order_no,
    CASE WHEN i % 5 <> 0 THEN DATE '2026-01-01' + (i % 40)::INTEGER END AS ordered,
    CASE WHEN i % 5 >= 3 AND i % 2 = 0 THEN DATE '2026-03-01' END AS shipped,
    CASE WHEN i % 5 >= 3 THEN (i % 100)::DOUBLE WHEN i % 5 <> 0 THEN -(i % 3 + 1)::DOUBLE END AS amount
  FROM range(${rows}) t(i) ${extra}`;

for (const ways of ['any', 'encode'] as const) {
  for (const options of ['CODEC snappy', 'CODEC snappy, DICTIONARY_SIZE_LIMIT 1']) {
    test(`each record type has its own contract, and its entities take its rows: ${options}, ways ${ways}`, async () => {
      const lake = new Lake(duck, shop('fail'), { ways, batchRows: 1000 });
      await lake.put('in/a.parquet', feed(3000), options);
      await lake.put('in/b.parquet', feed(40), options);
      await lake.run();
      const source = (columns: string, where: string) =>
        lake.rows(`SELECT ${columns} FROM ${lake.source()} WHERE ${where} ORDER BY filename, file_row_number`);
      assert.deepEqual(
        await lake.published('orders', 'SELECT order_no, amount, name, cents FROM published'),
        await source('order_no, amount, upper(name), amount * 100', "record_type = 'order'"),
      );
      assert.deepEqual(
        await lake.published('refunds', 'SELECT order_no, amount FROM published'),
        await source('order_no, amount', "record_type = 'refund' AND amount <> -1"),
      );
      assert.deepEqual(
        await lake.published('log', 'SELECT type, line, initial FROM published'),
        await source(
          "record_type, file_row_number, coalesce(CASE record_type WHEN 'order' THEN upper(name) ELSE trim(name) END[1], '?')",
          'true',
        ),
      );
      // The key of a customer is the same, whether its own row brings it or an order does.
      const customers = await lake.published('customers', 'SELECT tenant, no, name FROM published ORDER BY no');
      assert.deepEqual(
        customers,
        await lake.rows(`SELECT 'DE', customer_no, max(CASE record_type WHEN 'customer' THEN trim(name) END)
          FROM ${lake.source()} WHERE customer_no IS NOT NULL GROUP BY 2 ORDER BY 2`),
      );
      assert.deepEqual(
        await lake.published('days', 'SELECT day FROM published ORDER BY 1'),
        await lake.rows(`SELECT DISTINCT ordered FROM ${lake.source()} WHERE ordered IS NOT NULL ORDER BY 1`),
      );
      assert.deepEqual(
        await lake.published('orders', 'SELECT count(*) FROM published WHERE day_id IS NULL OR customer_id IS NULL'),
        [['0']],
      );
      const preview = await lake.preview();
      assert.deepEqual(Object.keys(preview.entities), ['customers', 'days', 'orders', 'refunds', 'log']);
      assert.deepEqual(preview.entities.orders?.[0], {
        order_id: 'p.orders+0',
        order_no: 0,
        customer_id: 'p.customers+1',
        day_id: 'p.days+2',
        amount: 3,
        name: 'NAME 3',
        cents: 300,
      });
    });
  }
}

/** Rows that the contract refuses, with what it says of them. */
const wrong: [values: string, column: string, reason: RegExp][] = [
  ["('customer', NULL, 'n', NULL, NULL, NULL, NULL)", 'customer_no', /does not accept null/],
  ["('customer', 'X1', 'n', NULL, NULL, NULL, NULL)", 'customer_no', /Invalid string/],
  ["('customer', 'K1', 'n', 7, NULL, NULL, NULL)", 'order_no', /a row of record_type "customer" has no "order_no"/],
  ["('order', 'X1', 'n', 7, DATE '2026-01-02', NULL, -1.0)", 'amount', /Too small/],
  ["('refund', NULL, NULL, 7, DATE '2026-01-02', NULL, 1.0)", 'amount', /Too big/],
  ["('refund', 'K1', NULL, 7, DATE '2026-01-02', NULL, -1.0)", 'customer_no', /has no "customer_no"/],
  ["('order', 'K1', 'n', 7, DATE '2026-01-02', DATE '2026-01-01', 1.0)", 'shipped', /shipped before it was ordered/],
  ["('credit', NULL, NULL, 7, DATE '2026-01-02', NULL, -1000000.0)", 'row', /the amount is too large/],
  ["('ordr', 'K1', 'n', 7, DATE '2026-01-02', NULL, 1.0)", 'record_type', /Invalid option/],
  ["(NULL, 'K1', 'n', 7, DATE '2026-01-02', NULL, 1.0)", 'record_type', /does not accept null/],
];

test('what a record type does not allow is refused, by row, column and reason: failing', async () => {
  for (const [values, column, reason] of wrong) {
    const lake = new Lake(duck, shop('fail'));
    await lake.put('in/a.parquet', `${feed(10)} UNION ALL VALUES ${values}`);
    const { code, where, message } = await lake.refusal();
    assert.deepEqual(
      [code, where?.blob, where?.row, where?.column],
      ['InvalidValue', 'in/a.parquet', 10, column],
      message,
    );
    assert.match(message, reason);
  }
});

test('... and set aside, with the rest published as if they were not there', async () => {
  const lake = new Lake(duck, shop('quarantine'));
  const extra = wrong.map(([values]) => `UNION ALL VALUES ${values}`).join(' ');
  await lake.put('in/a.parquet', `${feed(10)} ${extra}`);
  await lake.put('in/b.parquet', feed(10));
  await lake.run();
  const quarantine = duck.put(lake.engine.store.bytes('published', 'p/_quarantine/r-00000.parquet'));
  const lines = (await lake.rows(
    `SELECT blob, row, "column", reason FROM read_parquet('${quarantine}')`,
  )) as string[][];
  assert.deepEqual(
    lines.map(([blob, line, column]) => [blob, line, column]),
    wrong.map(([, column], i) => ['in/a.parquet', String(10 + i), column]),
  );
  for (const [i, [, , reason]] of wrong.entries()) assert.match(lines[i]![3]!, reason);
  assert.deepEqual(await lake.published('log', 'SELECT count(*) FROM published'), [['20']]);
  assert.match((await lake.preview()).note, /refuses 10 of these source rows/);
});

test('a check of rows sees nested objects as the contract has them, null for what is null', async () => {
  const seen: unknown[] = [];
  const checked = compile(
    pipeline({
      name: 'p',
      source: { container: 'landing', prefix: 'in/' },
      onInvalid: 'quarantine',
      maxRejected: 1,
      row: z
        .object({
          no: z.int(),
          memo: z.string().optional(),
          address: z.object({ city: z.string(), zip: z.string().nullable() }).nullable(),
        })
        .superRefine((record, context) => {
          seen.push(JSON.parse(JSON.stringify({ ...record, memo: String(record.memo) })));
          if (record.address?.zip === '20')
            context.addIssue({ code: 'custom', message: 'no', path: ['address', 'zip'] });
        }),
      entities: ({ id }) => ({ all: { kind: 'rows', id: id('row_id'), columns: { no: 'no' } } }),
    }),
  );
  const lake = new Lake(duck, checked);
  await lake.put(
    'in/a.parquet',
    `SELECT * FROM (VALUES (0, NULL, {'city': 'Rome', 'zip': NULL}), (1, 'm', NULL), (2, NULL, {'city': 'Oslo', 'zip': '20'})) t(no, memo, address)`,
  );
  await lake.engine.run('r');
  assert.deepEqual(seen, [
    { no: 0, memo: 'undefined', address: { city: 'Rome', zip: null } },
    { no: 1, memo: 'm', address: null },
    { no: 2, memo: 'undefined', address: { city: 'Oslo', zip: '20' } },
  ]);
  const lake2 = new Lake(duck, checked);
  await lake2.upload('in/a.parquet', lake.engine.store.bytes('landing', 'in/a.parquet'));
  await lake2.run();
  assert.deepEqual(await lake2.published('all', 'SELECT no FROM published'), [[0], [1]]);
});

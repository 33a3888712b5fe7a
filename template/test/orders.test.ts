/** The pipeline `orders` over a few rows, in memory: no host, no storage. `npm test` runs it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tryPipeline } from '@ordinal-ids/ordinal/testing';
import orders from '../pipelines/orders.ts';

const line = {
  order_no: 'A-1',
  customer_email: ' Ann@Example.com',
  customer_name: 'Ann',
  product: 'pen',
  quantity: 2,
  unit_price: 1.5,
};

test('two lines of one order are one order and one customer', async () => {
  const { entities } = await tryPipeline(orders, [line, { ...line, product: 'ink', quantity: 1, unit_price: 4 }]);
  assert.deepEqual(entities.customers, [{ customer_id: 1n, email: 'ann@example.com', name: 'Ann' }]);
  assert.deepEqual(entities.orders, [{ order_id: 1n, order_no: 'A-1', customer_id: 1n }]);
  assert.deepEqual(entities.order_lines, [
    { order_line_id: 1n, order_id: 1n, product: 'pen', quantity: 2, amount: 3 },
    { order_line_id: 2n, order_id: 1n, product: 'ink', quantity: 1, amount: 4 },
  ]);
});

test('a customer who comes again keeps her ID, and numbering goes on', async () => {
  const first = await tryPipeline(orders, [line]);
  const second = await first.next([{ ...line, order_no: 'A-2', customer_email: 'ANN@example.com' }]);
  assert.deepEqual(second.entities.customers, []);
  assert.deepEqual(second.entities.orders, [{ order_id: 2n, order_no: 'A-2', customer_id: 1n }]);
});

test('a quantity of zero is refused, with its row', async () => {
  await assert.rejects(tryPipeline(orders, [{ ...line, quantity: 0 }]), { code: 'InvalidValue' });
});

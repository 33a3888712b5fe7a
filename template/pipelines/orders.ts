/**
 * Orders: one row an order line, with its order and its customer repeated on it. Two spellings of an e-mail address are
 * one customer: the row contract trims and lower-cases it before it is a key.
 */
import { pipeline, type } from '@ordinal-ids/ordinal/pipeline';
import { z } from 'zod';

export default pipeline({
  name: 'orders',
  // Blobs of the container `landing`, under `orders/`, that end in `.parquet`.
  source: { container: 'landing', prefix: 'orders/' },
  // What a source row must be: one schema for each column that is used. They check and clean.
  row: z.object({
    order_no: z.string().min(1),
    customer_email: z.string().trim().toLowerCase().pipe(z.email()),
    customer_name: z.string().nullable(),
    product: z.string().min(1),
    quantity: z.int32().min(1),
    unit_price: z.number().nonnegative(),
  }),
  // What each row gives. A keyed entity has one row for each key, ever; a rows entity has one for each source row.
  entities: ({ id, ref, first, compute }) => ({
    customers: {
      kind: 'keyed',
      id: id('customer_id'),
      key: { email: 'customer_email' },
      columns: { name: first('customer_name') },
    },

    orders: {
      kind: 'keyed',
      id: id('order_id'),
      key: { order_no: 'order_no' },
      columns: { customer_id: ref('customers', { email: 'customer_email' }) },
    },

    order_lines: {
      kind: 'rows',
      id: id('order_line_id'),
      columns: {
        order_id: ref('orders', { order_no: 'order_no' }),
        product: 'product',
        quantity: 'quantity',
        amount: compute(['quantity', 'unit_price'], (quantity, price) => quantity * price, type.float64),
      },
    },
  }),
});

/**
 * Sales: one row an order line, with its order, customer and product repeated on it. Two spellings of an e-mail address
 * are one customer: the row contract trims and lower-cases it before it is a key. Tests and benchmarks run it.
 */
import { z } from 'zod';
import { pipeline, type } from '../src/pipeline/index.ts';

export default pipeline({
  name: 'sales',
  source: { container: 'landing', prefix: 'sales/' },
  row: z.object({
    order_no: z.string().regex(/^SO-\d{7}$/),
    line_no: z.int32().min(1),
    order_date: z.date(),
    customer_email: z.string().trim().toLowerCase().pipe(z.email()),
    customer_name: z.string().min(1),
    country: z.string().length(2),
    sku: z.string().min(1),
    product_name: z.string().min(1),
    category: z.string().min(1),
    quantity: z.int32().min(1).max(1000),
    unit_price: z.number().nonnegative(),
    discount: z.number().min(0).max(1),
    is_gift: z.boolean(),
    channel: z.enum(['web', 'store', 'phone', 'partner']),
    notes: z.string().nullable(),
  }),
  entities: ({ id, ref, first, compute }) => ({
    customers: {
      kind: 'keyed',
      id: id('customer_id'),
      key: { email: 'customer_email' },
      columns: { name: first('customer_name'), country: first('country') },
    },

    products: {
      kind: 'keyed',
      id: id('product_id'),
      key: { sku: 'sku' },
      columns: { name: first('product_name'), category: first('category') },
    },

    orders: {
      kind: 'keyed',
      id: id('order_id'),
      key: { order_no: 'order_no' },
      columns: {
        customer_id: ref('customers', { email: 'customer_email' }),
        order_date: first('order_date'),
        channel: first('channel'),
      },
    },

    order_lines: {
      kind: 'rows',
      id: id('order_line_id'),
      columns: {
        order_id: ref('orders', { order_no: 'order_no' }),
        product_id: ref('products', { sku: 'sku' }),
        customer_id: ref('customers', { email: 'customer_email' }),
        line_no: 'line_no',
        quantity: 'quantity',
        unit_price: 'unit_price',
        discount: 'discount',
        net_amount: compute(
          ['quantity', 'unit_price', 'discount'],
          (quantity, price, discount) => Math.round(quantity * price * (1 - discount) * 100) / 100,
          type.decimal(14, 2),
        ),
        is_gift: 'is_gift',
        channel: 'channel',
        notes: 'notes',
      },
    },
  }),
});

/**
 * The pipeline of the set `daily`: sales of a day, whose customers are mostly known. The app beside it registers it, its
 * worker threads load it, and `../../daily.ts` imports the known customers by it.
 */
import { z } from 'zod';
import { pipeline, registerPipelines } from '../../../src/pipeline/index.ts';

/** Customers that are known before the day, with the IDs from 1 on. */
export const knownCustomers = 10_000_000;

const daily = pipeline({
  name: 'daily',
  source: { container: 'landing', prefix: 'daily/' },
  row: z.object({
    sold_at: z.date(),
    customer_email: z.string().min(1),
    sku: z.string().min(1),
    quantity: z.int32().min(1),
    unit_price: z.number().nonnegative(),
    discount: z.number().min(0).max(1),
    channel: z.enum(['web', 'store', 'phone', 'partner']),
  }),
  entities: ({ id, ref }) => ({
    customers: {
      kind: 'keyed',
      id: id('customer_id', { start: knownCustomers + 1 }),
      key: { email: 'customer_email' },
    },
    sales: {
      kind: 'rows',
      id: id('sale_id'),
      columns: {
        customer_id: ref('customers', { email: 'customer_email' }),
        sold_at: 'sold_at',
        sku: 'sku',
        quantity: 'quantity',
        unit_price: 'unit_price',
        discount: 'discount',
        channel: 'channel',
      },
    },
  }),
});

export const pipelines = registerPipelines([daily]);

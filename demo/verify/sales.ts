/**
 * What the published `sales` dataset means. Two spellings of an e-mail are one customer. Tests hand it to the verifier.
 */
import { type Dataset, id, key, ref, value } from './meaning.ts';

const email = 'lower(trim(customer_email))';

export const sales: Dataset = {
  name: 'sales',
  entities: [
    {
      kind: 'keyed',
      name: 'customers',
      feeds: [[email]],
      columns: [
        id('customer_id'),
        key('email'),
        value('name', 'VARCHAR', 'customer_name'),
        value('country', 'VARCHAR'),
      ],
    },
    {
      kind: 'keyed',
      name: 'products',
      feeds: [['sku']],
      columns: [id('product_id'), key('sku'), value('name', 'VARCHAR', 'product_name'), value('category', 'VARCHAR')],
    },
    {
      kind: 'keyed',
      name: 'orders',
      feeds: [['order_no']],
      columns: [
        id('order_id'),
        key('order_no'),
        ref('customer_id', 'customers', email),
        value('order_date', 'DATE'),
        value('channel', 'VARCHAR'),
      ],
    },
    {
      kind: 'rows',
      name: 'order_lines',
      columns: [
        id('order_line_id'),
        ref('order_id', 'orders', 'order_no'),
        ref('product_id', 'products', 'sku'),
        ref('customer_id', 'customers', email),
        value('line_no', 'INTEGER'),
        value('quantity', 'INTEGER'),
        value('unit_price', 'DECIMAL(12,2)'),
        value('discount', 'DOUBLE'),
        // In doubles, half up.
        value(
          'net_amount',
          'DECIMAL(14,2)',
          '(floor(quantity::DOUBLE * unit_price::DOUBLE * (1 - discount) * 100 + 0.5) / 100)::DECIMAL(14,2)',
        ),
        value('is_gift', 'BOOLEAN'),
        value('channel', 'VARCHAR'),
        value('notes', 'VARCHAR'),
      ],
    },
  ],
};

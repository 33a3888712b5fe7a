/**
 * The sales feed's split in plain JavaScript: rows of one Parquet file to keys, keys of all files to one list each, and
 * rows with their IDs to Parquet. The apps beside this folder all use it, so that only the way to number differs between
 * them. It never takes a number itself and reads and writes no blob.
 */
import { parquetReadObjects } from 'hyparquet';
import { type ColumnSource, parquetWriteBuffer, type SchemaElement } from 'hyparquet-writer';

/** A row of the feed. Decimals come as numbers; a DATE as midnight in UTC. */
export interface SalesRow {
  order_no: string;
  line_no: number;
  order_date: Date;
  customer_email: string;
  customer_name: string;
  country: string;
  sku: string;
  product_name: string;
  category: string;
  quantity: number;
  unit_price: number;
  discount: number;
  is_gift: boolean;
  channel: string;
  notes: string | null;
}

export const keyedEntities = ['customers', 'products', 'orders'] as const;
export type KeyedEntity = (typeof keyedEntities)[number];
export const sequences = [...keyedEntities, 'order_lines'] as const;
export type Sequence = (typeof sequences)[number];

/** The distinct keys of a file or of all files, with the attributes of the first row of each, in first-seen order. */
export interface Keys {
  customers: { email: string; name: string; country: string }[];
  products: { sku: string; name: string; category: string }[];
  /** `order_date` in milliseconds since 1970. */
  orders: { order_no: string; email: string; order_date: number; channel: string }[];
}

/** The keys of all files, and for each file where in them its own keys are. */
export interface MergedKeys {
  all: Keys;
  files: Record<KeyedEntity, number[]>[];
}

export async function readRows(bytes: Uint8Array): Promise<SalesRow[]> {
  // A copy of its own: a Buffer may be a part of a larger ArrayBuffer.
  const rows = (await parquetReadObjects({ file: new Uint8Array(bytes).buffer })) as unknown as SalesRow[];
  // A decimal comes as a product with 0.01, so 35 cents are 0.35000000000000003.
  for (const row of rows) row.unit_price = Math.round(row.unit_price * 100) / 100;
  return rows;
}

const keyOfRow: Record<KeyedEntity, (row: SalesRow) => string> = {
  customers: (row) => emailOf(row),
  products: (row) => row.sku,
  orders: (row) => row.order_no,
};

/** Two spellings of an e-mail address are one customer. */
function emailOf(row: SalesRow): string {
  return row.customer_email.trim().toLowerCase();
}

/** Each row's place among the distinct keys, and the first row of each key. */
function distinct<T>(rows: readonly T[], keyOf: (row: T) => string): { places: number[]; firsts: T[] } {
  const known = new Map<string, number>();
  const firsts: T[] = [];
  const places = rows.map((row) => {
    const key = keyOf(row);
    const place = known.get(key) ?? firsts.push(row) - 1;
    known.set(key, place);
    return place;
  });
  return { places, firsts };
}

export function keysOf(rows: readonly SalesRow[]): Keys {
  const firsts = (entity: KeyedEntity) => distinct(rows, keyOfRow[entity]).firsts;
  return {
    customers: firsts('customers').map((row) => ({
      email: emailOf(row),
      name: row.customer_name,
      country: row.country,
    })),
    products: firsts('products').map((row) => ({ sku: row.sku, name: row.product_name, category: row.category })),
    orders: firsts('orders').map((row) => ({
      order_no: row.order_no,
      email: emailOf(row),
      order_date: row.order_date.getTime(),
      channel: row.channel,
    })),
  };
}

/** @param lists each file's keys, in the order of the files. */
export function mergeKeys(lists: readonly Keys[]): MergedKeys {
  const files = lists.map((): Record<KeyedEntity, number[]> => ({ customers: [], products: [], orders: [] }));
  const merge = <T>(entity: KeyedEntity, each: (keys: Keys) => T[], keyOf: (key: T) => string): T[] => {
    const { places, firsts } = distinct(lists.flatMap(each), keyOf);
    let from = 0;
    for (const [i, keys] of lists.entries()) {
      const count = each(keys).length;
      files[i]![entity] = places.slice(from, from + count);
      from += count;
    }
    return firsts;
  };
  const all = {
    customers: merge(
      'customers',
      (keys) => keys.customers,
      (key) => key.email,
    ),
    products: merge(
      'products',
      (keys) => keys.products,
      (key) => key.sku,
    ),
    orders: merge(
      'orders',
      (keys) => keys.orders,
      (key) => key.order_no,
    ),
  };
  return { all, files };
}

/** The three keyed entities as Parquet. @param ids the ID of each key, in the order of `all`. */
export function keyedFiles(all: Keys, ids: Record<KeyedEntity, bigint[]>): Record<KeyedEntity, Uint8Array> {
  const customerIds = new Map(all.customers.map(({ email }, i) => [email, ids.customers[i]!]));
  return {
    customers: parquet([
      id('customer_id', ids.customers),
      text(
        'email',
        all.customers.map(({ email }) => email),
      ),
      text(
        'name',
        all.customers.map(({ name }) => name),
      ),
      text(
        'country',
        all.customers.map(({ country }) => country),
      ),
    ]),
    products: parquet([
      id('product_id', ids.products),
      text(
        'sku',
        all.products.map(({ sku }) => sku),
      ),
      text(
        'name',
        all.products.map(({ name }) => name),
      ),
      text(
        'category',
        all.products.map(({ category }) => category),
      ),
    ]),
    orders: parquet([
      id('order_id', ids.orders),
      text(
        'order_no',
        all.orders.map(({ order_no }) => order_no),
      ),
      id(
        'customer_id',
        all.orders.map(({ email }) => customerIds.get(email)!),
      ),
      date(
        'order_date',
        all.orders.map(({ order_date }) => new Date(order_date)),
      ),
      text(
        'channel',
        all.orders.map(({ channel }) => channel),
      ),
    ]),
  };
}

/**
 * The order lines of one file as Parquet.
 *
 * @param ids the ID of each row.
 * @param keyIds the IDs of the file's keys, in the order of `keysOf(rows)`.
 */
export function linesFile(rows: readonly SalesRow[], ids: bigint[], keyIds: Record<KeyedEntity, bigint[]>): Uint8Array {
  const reference = (entity: KeyedEntity) =>
    distinct(rows, keyOfRow[entity]).places.map((place) => keyIds[entity][place]!);
  return parquet([
    id('order_line_id', ids),
    id('order_id', reference('orders')),
    id('product_id', reference('products')),
    id('customer_id', reference('customers')),
    column(
      'line_no',
      { type: 'INT32' },
      rows.map((row) => row.line_no),
    ),
    column(
      'quantity',
      { type: 'INT32' },
      rows.map((row) => row.quantity),
    ),
    column(
      'unit_price',
      decimal(12),
      rows.map((row) => row.unit_price),
    ),
    column(
      'discount',
      { type: 'DOUBLE' },
      rows.map((row) => row.discount),
    ),
    column(
      'net_amount',
      decimal(14),
      rows.map((row) => netAmount(row)),
    ),
    column(
      'is_gift',
      { type: 'BOOLEAN' },
      rows.map((row) => row.is_gift),
    ),
    text(
      'channel',
      rows.map((row) => row.channel),
    ),
    text(
      'notes',
      rows.map((row) => row.notes),
    ),
  ]);
}

function netAmount({ quantity, unit_price, discount }: SalesRow): number {
  return Math.round(quantity * unit_price * (1 - discount) * 100) / 100;
}

interface Column {
  element: SchemaElement;
  data: ColumnSource['data'];
}

function column(name: string, type: Omit<SchemaElement, 'name'>, data: Column['data']): Column {
  return { element: { name, repetition_type: 'OPTIONAL', ...type }, data };
}

const decimal = (precision: number): Omit<SchemaElement, 'name'> =>
  ({ type: 'INT64', converted_type: 'DECIMAL', scale: 2, precision }) as const;
const id = (name: string, data: bigint[]) => column(name, { type: 'INT64' }, data);
const text = (name: string, data: (string | null)[]) =>
  column(name, { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, data);
const date = (name: string, data: Date[]) => column(name, { type: 'INT32', converted_type: 'DATE' }, data);

function parquet(columns: Column[]): Uint8Array {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: columns.length },
    ...columns.map(({ element }) => element),
  ];
  const columnData = columns.map(({ element, data }) => ({ name: element.name, data }));
  return new Uint8Array(parquetWriteBuffer({ columnData, schema, rowGroupSize: 122_880 }));
}

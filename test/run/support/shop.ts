/**
 * Pipelines for tests of runs: small, and entangled. `shop` and `web` share the customers' key index and the sequence
 * `documents`; `log` and `audit` have no keyed entity and draw on `documents` too. What `web` says of people comes late at
 * times: a visit, or the shop, has named them before; and some rows of people say nothing of them. The club, `mail` and
 * `post` do not know the first customer's name: what names it refers to the unknown member, which the three share.
 */
import { z } from 'zod';
import { type TableColumn, writeTable } from '../../../src/parquet/table.ts';
import type { Values } from '../../../src/parquet/types.ts';
import type { ArrivalSettings } from '../../../src/pipeline/arrival.ts';
import type { PipelineSettings } from '../../../src/pipeline/definition.ts';
import { pipeline, registerPipelines, sharedIndex, type } from '../../../src/pipeline/index.ts';
import type { Sim } from './sim.ts';

export interface ShopRow {
  customer: string;
  product: string;
  quantity: number;
}

const row = z.object({ customer: z.string(), product: z.string(), quantity: z.int() });
const customersIndex = sharedIndex('customers');
const documents = { sequence: 'documents', start: 100, step: 1 };

/** The customer whom some pipelines take for unknown. */
export const nobody = 'customer-0';
const known = (name: string) => (name === nobody ? null : name);

/** Where outputs go, and whether they are tables, too. */
type Output = NonNullable<PipelineSettings['output']>;

const shopTo = (output: Output = {}) =>
  pipeline({
    name: 'shop',
    source: { container: 'landing', prefix: 'shop/' },
    output,
    row,
    entities: ({ id, ref, first }) => ({
      products: {
        kind: 'keyed',
        id: id('product_id', { start: 10, step: 10 }),
        key: { name: 'product' },
        partitions: 3,
        columns: { quantity: first('quantity'), customer_id: ref('customers', { name: 'customer' }) },
      },
      customers: { kind: 'keyed', id: id('customer_id'), key: { name: z.string() }, index: customersIndex },
      orders: {
        kind: 'rows',
        id: id('order_id', documents),
        columns: {
          customer_id: ref('customers', { name: 'customer' }),
          product_id: ref('products', { name: 'product' }),
          quantity: 'quantity',
        },
      },
    }),
  });

const web = pipeline({
  name: 'web',
  source: { container: 'landing', prefix: 'web/' },
  row,
  entities: ({ id, ref, map, where }) => ({
    people: {
      kind: 'keyed',
      id: id('customer_id'),
      key: { name: 'customer' },
      index: customersIndex,
      where: where(['quantity'], (quantity) => quantity !== 1),
      columns: { shown: map('quantity', (quantity) => (quantity === 3 ? null : quantity), type.int32) },
    },
    visits: {
      kind: 'rows',
      id: id('visit_id', documents),
      where: where(['quantity'], (quantity) => quantity > 0),
      columns: { customer_id: ref('people', { name: 'customer' }), quantity: 'quantity' },
    },
  }),
});

const log = pipeline({
  name: 'log',
  source: { container: 'landing', prefix: 'log/' },
  row,
  entities: ({ id }) => ({
    lines: { kind: 'rows', id: id('line_id', documents), columns: { customer: 'customer', quantity: 'quantity' } },
  }),
});

/** Refuses some rows: what is left is numbered without a gap all the same. */
const audit = pipeline({
  name: 'audit',
  source: { container: 'landing', prefix: 'audit/' },
  row: z.object({ customer: z.string(), quantity: z.int().max(3) }),
  onInvalid: 'quarantine',
  maxRejected: 1,
  entities: ({ id }) => ({
    entries: { kind: 'rows', id: id('entry_id', documents), columns: { customer: 'customer', quantity: 'quantity' } },
  }),
});

/**
 * A mixed feed: some rows go to both rows entities, some to none. Its goods are published whenever they are seen; what
 * changes of them and of the members is reported. Members are named by rows that do not describe them, too.
 */
const clubTo = (output: Output = {}) =>
  pipeline({
    name: 'club',
    source: { container: 'landing', prefix: 'club/' },
    output,
    row,
    entities: ({ id, where, ref, first, map, compute, constant }) => ({
      goods: {
        kind: 'keyed',
        id: id('good_id'),
        key: { name: 'product' },
        partitions: 2,
        publish: 'seen',
        onChange: 'report',
        columns: {
          quantity: first('quantity'),
          large: map('quantity', (quantity) => quantity > 2, type.boolean),
          member_id: ref('members', { name: map('customer', known, type.string) }, { missing: 0 }),
          source: constant('club', type.string),
        },
      },
      members: {
        kind: 'keyed',
        id: id('customer_id'),
        key: { name: map('customer', known, type.string) },
        index: customersIndex,
        where: where(['quantity'], (quantity) => quantity < 4),
        onChange: 'report',
        columns: {
          favourite: first('product'),
          note: compute(['product', 'quantity'], (product, q) => (q > 1 ? `${q} ${product}` : null), type.string),
        },
      },
      few: {
        kind: 'rows',
        id: id('few_id', documents),
        where: where(['quantity'], (quantity) => quantity <= 2),
        columns: {
          quantity: 'quantity',
          member_id: ref('members', { name: map('customer', known, type.string) }, { missing: 0 }),
        },
      },
      some: {
        kind: 'rows',
        id: id('some_id', documents),
        where: where(['quantity'], (quantity) => quantity === 2 || quantity === 3),
        columns: { quantity: 'quantity' },
      },
    }),
  });

const [shop, club] = [shopTo(), clubTo()];

export const shopPipelines = registerPipelines([shop, web, log, audit, club]);

/** The shop and the club, whose outputs are Delta tables, too. */
export const tablePipelines = registerPipelines([
  shopTo({ table: 'delta' }),
  web,
  log,
  audit,
  clubTo({ table: 'delta' }),
]);

/** Started by arrivals: of each blob, or of a burst of them. */
const arriving = (name: string, arrival: ArrivalSettings, missing: number) =>
  pipeline({
    name,
    source: { container: 'landing', prefix: `${name}/` },
    arrival,
    row,
    entities: ({ id, ref, map }) => ({
      senders: {
        kind: 'keyed',
        id: id('customer_id'),
        key: { name: map('customer', known, type.string) },
        index: customersIndex,
      },
      letters: {
        kind: 'rows',
        id: id('letter_id', documents),
        columns: {
          customer_id: ref('senders', { name: map('customer', known, type.string) }, { missing }),
          quantity: 'quantity',
        },
      },
    }),
  });

/** All pipelines of a long life. */
export const lifePipelines = registerPipelines([
  ...[shop, web, log, audit, clubTo({ table: 'delta' })],
  arriving('mail', { on: 'blob' }, 0),
  arriving('post', { on: 'quiet', seconds: 30, waitSecondsMax: 120 }, -1),
]);

/** Two pipelines that share two keyed entities, which they declare in opposite order. */
const crossing = (name: string, productsFirst: boolean) =>
  pipeline({
    name,
    source: { container: 'landing', prefix: `${name}/` },
    row,
    entities: ({ id, ref }) => {
      const products = {
        kind: 'keyed',
        id: id('id'),
        key: { name: 'product' },
        index: sharedIndex('shared-products'),
      } as const;
      const customers = {
        kind: 'keyed',
        id: id('id'),
        key: { name: 'customer' },
        index: sharedIndex('shared-customers'),
      } as const;
      const columns = { product_id: ref('products', { name: 'product' }) } as const;
      const lines = { kind: 'rows', id: id('id'), columns } as const;
      return productsFirst ? { products, customers, lines } : { customers, products, lines };
    },
  });

export const crossingPipelines = registerPipelines([crossing('left', true), crossing('right', false)]);

/** Parquet bytes of rows. */
export function shopFile(rows: readonly ShopRow[]): Uint8Array {
  const text = (name: 'customer' | 'product'): TableColumn => ({
    name,
    type: { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } },
    values: bytesOf(rows.map((one) => one[name])),
    valid: undefined,
  });
  const quantity: TableColumn = {
    name: 'quantity',
    type: { physical: 'INT32' },
    values: { kind: 'int32', length: rows.length, data: Int32Array.from(rows, (one) => one.quantity) },
    valid: undefined,
  };
  return writeTable([text('customer'), text('product'), quantity], { codec: 'UNCOMPRESSED' });
}

function bytesOf(texts: readonly string[]): Values {
  const encoded = texts.map((text) => Buffer.from(text));
  const offsets = new Uint32Array(texts.length + 1);
  encoded.forEach((bytes, i) => {
    offsets[i + 1] = offsets[i]! + bytes.length;
  });
  return { kind: 'bytes', length: texts.length, data: new Uint8Array(Buffer.concat(encoded)), offsets };
}

/** Uploads files of rows, in order, under a prefix. Gives their names. */
export async function upload(sim: Sim, prefix: string, files: readonly (readonly ShopRow[])[]): Promise<string[]> {
  await sim.store.ensureContainer('landing');
  const names: string[] = [];
  for (const [i, rows] of files.entries()) {
    const name = `${prefix}${String(i).padStart(4, '0')}.parquet`;
    const bytes = shopFile(rows);
    const { etag } = await sim.store.write('landing', name, bytes);
    sim.sources.set(etag, bytes);
    sim.blobs.set(etag, name);
    names.push(name);
  }
  return names;
}

/** Rows of few distinct keys. */
export function someRows(random: () => number, count: number, keys = 12): ShopRow[] {
  return Array.from({ length: count }, () => ({
    customer: `customer-${Math.floor(random() * keys)}`,
    product: `product-${Math.floor(random() * keys)}`,
    quantity: Math.floor(random() * 5),
  }));
}

/**
 * @dsnp/parquetjs, row by row: the split as one would first write it in Node. One pass; a `Map` from each key to its
 * ID; a row is written as it comes.
 *
 * It reads neither ZSTD nor DuckDB's decimals, so its source is a copy: SNAPPY, and prices as DOUBLE (`plainSourceOf`).
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { Contestant, Work } from './contestant.ts';

type Field = { type: string; optional?: boolean; precision?: number; scale?: number; compression?: string };
type Row = Record<string, unknown>;

interface Writer {
  appendRow(row: Row): Promise<void>;
  setRowGroupSize(rows: number): void;
  close(): Promise<void>;
}

// CommonJS with named exports that Node does not see.
const { ParquetReader, ParquetSchema, ParquetWriter } = createRequire(import.meta.url)('@dsnp/parquetjs') as {
  ParquetReader: {
    openFile(file: string): Promise<{ getCursor(): { next(): Promise<Row | null> }; close(): Promise<void> }>;
  };
  ParquetSchema: new (fields: Record<string, Field>) => object;
  ParquetWriter: { openFile(schema: object, file: string): Promise<Writer> };
};

type Entities = Record<string, Record<string, Field>>;

interface Split {
  entities: Entities;
  /** A function that gives each source row's new rows to `append`. */
  start(append: (entity: string, row: Row) => Promise<void>): (row: Row) => Promise<void>;
}

export async function open({ set, source }: Work): Promise<Contestant> {
  const split = { flights, sales }[set];
  return {
    async run(folder) {
      const files: Record<string, string[]> = {};
      const writers = new Map<string, Writer>();
      for (const [entity, fields] of Object.entries(split.entities)) {
        const file = path.join(folder, `${entity}.parquet`);
        const compressed = Object.entries(fields).map(([name, field]) => [name, { ...field, compression: 'SNAPPY' }]);
        const writer = await ParquetWriter.openFile(new ParquetSchema(Object.fromEntries(compressed)), file);
        // As many rows in a group as the others write; its own default is 4,096.
        writer.setRowGroupSize(122_880);
        writers.set(entity, writer);
        files[entity] = [file];
      }
      const take = split.start((entity, row) => writers.get(entity)!.appendRow(row));
      const reader = await ParquetReader.openFile(source);
      const cursor = reader.getCursor();
      for (let row = await cursor.next(); row; row = await cursor.next()) await take(row);
      await reader.close();
      for (const writer of writers.values()) await writer.close();
      return { files };
    },
  };
}

/** IDs by key; `describe` gives the row of a key that was not there. */
class Keys {
  readonly #ids = new Map<string, bigint>();
  readonly #add: (row: Row) => Promise<void>;

  constructor(add: (row: Row) => Promise<void>) {
    this.#add = add;
  }

  async id(key: string, describe: (id: bigint) => Row | Promise<Row>): Promise<bigint> {
    const known = this.#ids.get(key);
    if (known !== undefined) return known;
    const id = BigInt(this.#ids.size + 1);
    this.#ids.set(key, id);
    await this.#add(await describe(id));
    return id;
  }
}

const id: Field = { type: 'INT64' };
const text: Field = { type: 'UTF8' };
const optional = (field: Field): Field => ({ ...field, optional: true });

/** Cents as the writer wants a decimal: it multiplies by 100 and cuts, so a quarter of a cent keeps it from cutting one. */
const decimal = (cents: number): number => (Math.round(cents) + 0.25) / 100;

const flights: Split = {
  entities: {
    airports: { airport_id: id, code: text },
    routes: { route_id: id, from: text, to: text, distance: id, origin_id: id, destination_id: id },
    flights: {
      flight_id: id,
      origin_id: id,
      destination_id: id,
      route_id: id,
      date: { type: 'TIMESTAMP_MICROS' },
      delay: id,
      distance: id,
      distance_km: { type: 'INT32' },
      late: { type: 'BOOLEAN' },
    },
  },
  start(append) {
    const airports = new Keys((row) => append('airports', row));
    const routes = new Keys((row) => append('routes', row));
    const airport = (code: string) => airports.id(code, (airport_id) => ({ airport_id, code }));
    let flight_id = 0n;
    return async (row) => {
      const { origin, destination, distance, delay, date } = row as Record<string, string> & {
        distance: bigint;
        delay: bigint;
      };
      const from = origin!;
      const to = destination!;
      const origin_id = await airport(from);
      const destination_id = await airport(to);
      const route_id = await routes.id(`${from}\0${to}`, (id) => {
        return { route_id: id, from, to, distance, origin_id, destination_id };
      });
      const distance_km = Math.round(Number(distance) * 1.609344);
      const late = delay > 15n;
      const ids = { flight_id: ++flight_id, origin_id, destination_id, route_id };
      await append('flights', { ...ids, date, delay, distance, distance_km, late });
    };
  },
};

const sales: Split = {
  entities: {
    customers: { customer_id: id, email: text, name: text, country: text },
    products: { product_id: id, sku: text, name: text, category: text },
    orders: { order_id: id, order_no: text, customer_id: id, order_date: { type: 'DATE' }, channel: text },
    order_lines: {
      order_line_id: id,
      order_id: id,
      product_id: id,
      customer_id: id,
      line_no: { type: 'INT32' },
      quantity: { type: 'INT32' },
      unit_price: { type: 'DECIMAL', precision: 12, scale: 2 },
      discount: { type: 'DOUBLE' },
      net_amount: { type: 'DECIMAL', precision: 14, scale: 2 },
      is_gift: { type: 'BOOLEAN' },
      channel: text,
      notes: optional(text),
    },
  },
  start(append) {
    const customers = new Keys((row) => append('customers', row));
    const products = new Keys((row) => append('products', row));
    const orders = new Keys((row) => append('orders', row));
    let order_line_id = 0n;
    return async (row) => {
      const { customer_name, country, sku, product_name, category, order_no, order_date, channel } = row as Record<
        string,
        string
      >;
      const { line_no, quantity, unit_price, discount, is_gift, notes } = row as Record<string, number>;
      const email = String(row.customer_email).trim().toLowerCase();
      const customer_id = await customers.id(email, (id) => ({ customer_id: id, email, name: customer_name, country }));
      const product_id = await products.id(sku!, (id) => ({ product_id: id, sku, name: product_name, category }));
      const order_id = await orders.id(order_no!, (id) => {
        return { order_id: id, order_no, customer_id, order_date, channel };
      });
      await append('order_lines', {
        ...{ order_line_id: ++order_line_id, order_id, product_id, customer_id },
        ...{ line_no, quantity, discount, is_gift, channel, notes },
        unit_price: decimal(unit_price! * 100),
        net_amount: decimal(quantity! * unit_price! * (1 - discount!) * 100),
      });
    };
  },
};

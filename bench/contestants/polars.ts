/**
 * Polars through nodejs-polars: whole columns in memory, joins on keys, groups in the order of their first row. What
 * lazy frames allow is lazy; the number of threads is Polars' own setting, POLARS_MAX_THREADS.
 */
import { createRequire } from 'node:module';
import path from 'node:path';
import type { DataFrame, Expr } from 'nodejs-polars';
import type { Contestant, Work } from './contestant.ts';

// CommonJS with named exports that Node does not see.
const pl = createRequire(import.meta.url)('nodejs-polars') as typeof import('nodejs-polars').default;

type Split = (source: string) => Record<string, DataFrame>;

export async function open({ set, source }: Work): Promise<Contestant> {
  const split: Split = { flights: splitFlights, sales: splitSales }[set];
  const compression = set === 'flights' ? 'zstd' : 'snappy';
  return {
    async run(folder) {
      const files: Record<string, string[]> = {};
      for (const [entity, frame] of Object.entries(split(source))) {
        const file = path.join(folder, `${entity}.parquet`);
        frame.writeParquet(file, { compression });
        files[entity] = [file];
      }
      return { files };
    },
  };
}

/** IDs 1, 2, 3 ... as the first column, in the frame's order. */
function numbered(frame: DataFrame, name: string): DataFrame {
  return frame.withRowIndex(name).withColumn(pl.col(name).cast(pl.Int64).add(1).cast(pl.Int64).alias(name));
}

/** The first row of each key, in the frame's order. */
function firstRows(frame: DataFrame, ...key: string[]): DataFrame {
  return frame.unique({ subset: key, keep: 'first', maintainOrder: true });
}

/** Half up, as JavaScript rounds. */
function rounded(value: Expr): Expr {
  return value.add(0.5).floor();
}

function splitFlights(source: string): Record<string, DataFrame> {
  const rows = pl.readParquet(source);
  const seen = firstRows(rows.select('origin', 'destination', 'distance'), 'origin', 'destination');
  const places = seen.withRowIndex('place').withColumn(pl.col('place').mul(2).cast(pl.Int64).alias('place'));
  const codes = pl.concat([
    places.select(pl.col('origin').alias('code'), pl.col('place')),
    places.select(pl.col('destination').alias('code'), pl.col('place').add(1).cast(pl.Int64).alias('place')),
  ]);
  const airports = numbered(firstRows(codes.sort('place'), 'code').select('code'), 'airport_id');
  const airport = (column: string, as: string) =>
    airports.select(pl.col('code').alias(column), pl.col('airport_id').alias(as));
  const routes = numbered(seen, 'route_id')
    .join(airport('origin', 'origin_id'), { on: 'origin', how: 'left' })
    .join(airport('destination', 'destination_id'), { on: 'destination', how: 'left' });
  const ids = routes.select('origin', 'destination', 'origin_id', 'destination_id', 'route_id');
  const flights = numbered(rows.join(ids, { on: ['origin', 'destination'], how: 'left' }), 'flight_id');
  return {
    airports,
    routes: routes.select(
      pl.col('route_id'),
      pl.col('origin').alias('from'),
      pl.col('destination').alias('to'),
      pl.col('distance'),
      pl.col('origin_id'),
      pl.col('destination_id'),
    ),
    flights: flights.select(
      ...['flight_id', 'origin_id', 'destination_id', 'route_id', 'date', 'delay', 'distance'].map((name) =>
        pl.col(name),
      ),
      rounded(pl.col('distance').cast(pl.Float64).mul(1.609344)).cast(pl.Int32).alias('distance_km'),
      pl.col('delay').gt(15).alias('late'),
    ),
  };
}

function splitSales(source: string): Record<string, DataFrame> {
  // Normalised once per distinct spelling.
  const raw = pl.readParquet(source);
  const spelled = raw
    .select('customer_email')
    .unique({ maintainOrder: false })
    .withColumn(pl.col('customer_email').str.strip().str.toLowerCase().alias('email'));
  const rows = raw.join(spelled, { on: 'customer_email', how: 'left' });
  const first = (key: string, ...columns: string[]) => firstRows(rows.select(key, ...columns), key);
  const customers = numbered(first('email', 'customer_name', 'country'), 'customer_id');
  const products = numbered(first('sku', 'product_name', 'category'), 'product_id');
  const customerIds = customers.select('email', 'customer_id');
  const orders = numbered(first('order_no', 'email', 'order_date', 'channel'), 'order_id').join(customerIds, {
    on: 'email',
    how: 'left',
  });
  const lines = numbered(rows, 'order_line_id')
    .lazy()
    .join(orders.select('order_no', 'order_id').lazy(), { on: 'order_no', how: 'left' })
    .join(products.select('sku', 'product_id').lazy(), { on: 'sku', how: 'left' })
    .join(customerIds.lazy(), { on: 'email', how: 'left' });
  const gross = pl.col('quantity').cast(pl.Float64).mul(pl.col('unit_price').cast(pl.Float64));
  const net = rounded(gross.mul(pl.lit(1).sub(pl.col('discount'))).mul(100)).div(100);
  return {
    customers: customers.select(
      pl.col('customer_id'),
      pl.col('email'),
      pl.col('customer_name').alias('name'),
      pl.col('country'),
    ),
    products: products.select(
      pl.col('product_id'),
      pl.col('sku'),
      pl.col('product_name').alias('name'),
      pl.col('category'),
    ),
    orders: orders.select('order_id', 'order_no', 'customer_id', 'order_date', 'channel'),
    order_lines: lines
      .select(
        ...[
          'order_line_id',
          'order_id',
          'product_id',
          'customer_id',
          'line_no',
          'quantity',
          'unit_price',
          'discount',
        ].map((name) => pl.col(name)),
        net.cast(pl.Decimal(14, 2)).alias('net_amount'),
        pl.col('is_gift'),
        pl.col('channel'),
        pl.col('notes'),
      )
      .collectSync(),
  };
}

/**
 * Builds small published sets by SQL over tables, the plain way: number, join, write. Faults are planted by changing
 * the tables in between. `pos` is the position in the published order.
 */
import path from 'node:path';
import type { PublishedRun } from '../../demo/verify/meaning.ts';
import { type Duck, literal, literalList } from '../../tools/duckdb.ts';

/** Writes the rows `from`..`to` of a relation as a source file. */
export async function writeSource(duck: Duck, relation: string, from: number, to: number, file: string): Promise<void> {
  const select = `select * from ${relation} limit ${to - from} offset ${from}`;
  await duck.run(`copy (${select}) to ${literal(file)} (format parquet, row_group_size 2048)`);
}

/** Fills the tables airports, routes and flights as one run over these source files should publish them. */
export async function fillFlights(duck: Duck, sources: string[]): Promise<void> {
  await duck.run(`
    create or replace temp table feed as select * exclude (filename, file_row_number), row_number() over (order by filename, file_row_number) - 1 as pos
      from read_parquet(${literalList(sources)}, filename = true, file_row_number = true);
    create or replace temp table seen as
      select code, min(seen_at) as seen_at from (select origin as code, pos * 2 as seen_at from feed
        union all select destination, pos * 2 + 1 from feed) group by code;
    create or replace temp table airports as
      select row_number() over (order by seen_at) - 1 as pos, row_number() over (order by seen_at) as airport_id, code from seen;
    create or replace temp table routes as
      select row_number() over (order by r.pos) - 1 as pos, row_number() over (order by r.pos) as route_id,
        r.origin as "from", r.destination as "to", r.distance, a.airport_id as origin_id, b.airport_id as destination_id
      from (select origin, destination, min(pos) as pos, arg_min(distance, pos) as distance from feed group by all) r
      join airports a on a.code = r.origin join airports b on b.code = r.destination;
    create or replace temp table flights as
      select f.pos, f.pos + 1 as flight_id, r.origin_id, r.destination_id, r.route_id, f.date, f.delay, f.distance,
        round(f.distance * 1.609344)::INTEGER as distance_km, f.delay > 15 as late
      from feed f join routes r on r."from" = f.origin and r."to" = f.destination`);
}

/** Writes tables as published files, each entity in `parts` files. */
export async function writePublished(
  duck: Duck,
  folder: string,
  run: string,
  parts: Record<string, number>,
): Promise<PublishedRun['files']> {
  const files: PublishedRun['files'] = {};
  for (const [entity, count] of Object.entries(parts)) {
    const { rows } = await duck.row(`select count(*) as rows from ${entity}`);
    const per = Math.ceil(Number(rows) / count);
    files[entity] = [];
    for (let part = 0; part < count; part++) {
      const file = path.join(folder, `${entity}-${run}-${String(part).padStart(5, '0')}.parquet`);
      const select = `select * exclude (pos) from ${entity} order by pos limit ${per} offset ${part * per}`;
      await duck.run(`copy (${select}) to ${literal(file)} (format parquet, row_group_size 2048)`);
      files[entity].push(file);
    }
  }
  return files;
}

/** Fills the tables customers, products, orders and order_lines as one run over this source file should publish them. */
export async function fillSales(duck: Duck, source: string): Promise<void> {
  // The rows that hold a key first, numbered in their order.
  const firsts = (key: string, id: string): string => `
    (select * exclude (pos), row_number() over (order by pos) as ${id}, ${id} - 1 as pos
     from (from feed qualify row_number() over (partition by ${key} order by pos) = 1))`;
  await duck.run(`
    create or replace temp table feed as
      select * exclude (file_row_number), file_row_number as pos, lower(trim(customer_email)) as email
      from read_parquet(${literal(source)}, file_row_number = true);
    create or replace temp table customers as
      select pos, customer_id, email, customer_name as name, country from ${firsts('email', 'customer_id')};
    create or replace temp table products as
      select pos, product_id, sku, product_name as name, category from ${firsts('sku', 'product_id')};
    create or replace temp table orders as
      select o.pos, order_id, order_no, c.customer_id, order_date, channel
      from ${firsts('order_no', 'order_id')} o join customers c using (email);
    create or replace temp table order_lines as
      select f.pos, f.pos + 1 as order_line_id, order_id, product_id, c.customer_id, line_no, quantity, unit_price,
        discount, (round(quantity * unit_price::DOUBLE * (1 - discount) * 100) / 100)::DECIMAL(14,2) as net_amount,
        is_gift, f.channel, notes
      from feed f join customers c using (email) join products using (sku) join orders using (order_no)`);
}

/**
 * What is wrong with the output of a run, counted by DuckDB from the published files and the sources alone: numbers given
 * twice, gaps, rows out of order, references that lead elsewhere, rows lost or changed. It believes nothing that the app
 * says of itself.
 */
import { type Duck, literalList } from '../../tools/duckdb.ts';
import type { Sequence } from './apps/shared/sales.ts';

export interface Faults {
  /** Rows that carry a number which another row of their entity has too. */
  duplicates: number;
  /** Numbers between the first and the last of an entity that no row has. */
  gaps: number;
  /** Rows whose number is below that of the row before them, in source order. */
  disorder: number;
  /** References that do not lead to the key of the source row. */
  references: number;
  /** Source rows or keys without exactly one output row, and output rows without a source. */
  rows: number;
  /** Rows with another value than their source. */
  values: number;
}

export const noFaults: Faults = { duplicates: 0, gaps: 0, disorder: 0, references: 0, rows: 0, values: 0 };

const idColumn: Record<Sequence, string> = {
  customers: 'customer_id',
  products: 'product_id',
  orders: 'order_id',
  order_lines: 'order_line_id',
};

/** The source's key of each keyed entity, its column in the output, and what the first row of a key says of it. */
const keyed = {
  customers: { key: 'email', column: 'email', first: { name: 'customer_name', country: 'country' } },
  products: { key: 'sku', column: 'sku', first: { name: 'product_name', category: 'category' } },
  orders: { key: 'order_no', column: 'order_no', first: { order_date: 'order_date', channel: 'channel' } },
} as const;

const changed = [
  ...['l.quantity is distinct from s.quantity', 'l.unit_price is distinct from s.unit_price'],
  ...['l.discount is distinct from s.discount', 'l.is_gift is distinct from s.is_gift'],
  ...['l.channel is distinct from s.channel', 'l.notes is distinct from s.notes'],
  `l.net_amount is distinct from (floor(s.quantity::DOUBLE * s.unit_price::DOUBLE * (1 - s.discount) * 100 + 0.5) / 100)
     ::DECIMAL(14,2)`,
].join(' or ');

/**
 * @param sources paths of the source files, in their order.
 * @param published paths of each entity's files.
 */
export async function findFaults(
  duck: Duck,
  sources: readonly string[],
  published: Record<Sequence, string[]>,
): Promise<Faults> {
  const faults = { ...noFaults };
  for (const [entity, files] of Object.entries(published)) {
    if (files.length === 0) throw new Error(`nothing was published of ${entity}`);
    await duck.run(`create or replace temp table ${entity} as select * from read_parquet(${literalList(files)})`);
  }
  await duck.run(`create or replace temp table source as
    select *, lower(trim(customer_email)) as email,
      list_position(${literalList(sources)}, filename)::BIGINT * 1000000000 + file_row_number as place
    from read_parquet(${literalList(sources)}, filename = true, file_row_number = true)`);
  await countNumbers(duck, faults);
  await countKeyed(duck, faults);
  await countLines(duck, faults);
  return faults;
}

async function add(duck: Duck, faults: Faults, sql: string): Promise<void> {
  const row = await duck.row(sql);
  for (const name of Object.keys(row)) faults[name as keyof Faults] += Number(row[name]);
}

async function countNumbers(duck: Duck, faults: Faults): Promise<void> {
  for (const [entity, id] of Object.entries(idColumn)) {
    await add(
      duck,
      faults,
      `select count(*) - count(distinct ${id}) as duplicates, max(${id}) - min(${id}) + 1 - count(distinct ${id}) as gaps
       from ${entity}`,
    );
  }
}

async function countKeyed(duck: Duck, faults: Faults): Promise<void> {
  for (const [entity, { key, column, first }] of Object.entries(keyed)) {
    const firsts = Object.entries(first).map(([name, from]) => `arg_min(${from}, place) as ${name}`);
    const unequal = Object.keys(first).map((name) => `o.${name} is distinct from k.${name}`);
    const id = idColumn[entity as Sequence];
    await duck.run(`create or replace temp table matched as
      with k as (select ${key} as key, min(place) as place, ${firsts.join(', ')} from source group by 1)
      select k.key as source_key, o.${column} as output_key, k.place, o.${id} as id, ${unequal.join(' or ')} as unequal
      from k full join ${entity} o on o.${column} = k.key`);
    await add(
      duck,
      faults,
      `select count(*) - count(distinct source_key) + count(*) filter (where output_key is null) as rows,
         count(*) filter (where unequal and source_key is not null and output_key is not null) as values
       from matched`,
    );
    await add(duck, faults, disorderOf('matched', 'id'));
  }
  await add(
    duck,
    faults,
    `with k as (select order_no, arg_min(email, place) as email from source group by 1)
     select count(*) filter (where k.email is distinct from c.email) as references
     from orders o left join customers c using (customer_id) left join k on k.order_no = o.order_no`,
  );
}

async function countLines(duck: Duck, faults: Faults): Promise<void> {
  // A line is found again by its order and its number in it; where a reference is wrong, it has no source row.
  await duck.run(`create or replace temp table joined as
    select s.place, l.order_line_id as id, l.order_line_id is null as missing, s.place is null as extra,
      (l.product_id is not null and p.sku is distinct from s.sku)
        or (l.customer_id is not null and c.email is distinct from s.email) as astray, ${changed} as changed
    from order_lines l left join orders o using (order_id) left join customers c on c.customer_id = l.customer_id
      left join products p on p.product_id = l.product_id
      full join source s on s.order_no = o.order_no and s.line_no = l.line_no`);
  await add(
    duck,
    faults,
    `select count(*) filter (where missing or extra) + count(*) filter (where not missing and not extra)
         - count(distinct place) filter (where not missing and not extra) as rows,
       count(*) filter (where not missing and not extra and astray) as references,
       count(*) filter (where not missing and not extra and changed) as values
     from joined`,
  );
  await add(duck, faults, disorderOf('joined', 'id'));
}

const disorderOf = (table: string, id: string): string =>
  `select count(*) filter (where id < before) as disorder
   from (select ${id} as id, lag(${id}) over (order by place) as before from ${table} where ${id} is not null and place is not null)`;

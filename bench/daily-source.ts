/**
 * The files of the set `daily`, made by DuckDB and kept below `.ordinal/bench`: the customers that are known, with their
 * IDs, and the sales of a day. Each row's customer is one of as many candidates as there are rows, every twentieth of them
 * new: 2,000,000 rows have some 1,264,000 customers, 63,000 of them new.
 */
import fs from 'node:fs';
import path from 'node:path';
import { Duck, literal } from '../tools/duckdb.ts';
import { cache } from './sets.ts';

/** Columns of the file of known customers. */
export const knownColumns = { id: 'customer_id', email: 'email' };

/** One of so many candidates is new. */
const newEvery = 20;

export interface DailyShape {
  /** Sales of the day. */
  rows: number;
  /** Customers that are known before. */
  known: number;
}

const names = `['ada', 'alan', 'barbara', 'claude', 'donald', 'edsger', 'frances', 'grace', 'hedy', 'john', 'leslie', 'tony']`;
const hosts = `['example.com', 'example.net', 'example.org', 'mail.example.com', 'shop.example.net']`;

/** A whole number below `n` that depends on a stream's name and an SQL expression; hashed twice, so that streams are independent. */
const below = (n: number, stream: string, of: string) => `(hash(hash(${of}, '${stream}')) % ${n})::BIGINT`;

/** The address of a customer by its number. */
const email = (n: string) =>
  `${names}[1 + ${below(12, 'name', n)}] || '.' || ${n} || '@' || ${hosts}[1 + ${below(5, 'host', n)}]`;

/** A prime that no number of customers is a multiple of: IDs and addresses are in no common order. */
const SHUFFLE = 7919;

/** Paths of both files, which are made unless they are there. */
export async function dailyFiles({ rows, known }: DailyShape): Promise<{ known: string; sales: string }> {
  const knownSelect = `select i + 1 as ${knownColumns.id}, ${email('n')} as ${knownColumns.email}
    from (select i, i * ${SHUFFLE} % ${known} as n from range(${known}) t(i)) order by i`;
  // Known candidates are spread over all that are known.
  const spread = Math.max(1, Math.floor(known / rows));
  const salesSelect = `
    with picked as (select i, ${below(rows, 'customer', 'i')} as candidate from range(${rows}) t(i)),
    numbered as (
      select i, case when candidate % ${newEvery} = 0 then ${known} + candidate // ${newEvery}
        else candidate * ${spread} % ${known} end as n from picked)
    select TIMESTAMP '2026-01-31 00:00:00' + to_milliseconds(i * 86400000 // ${rows}) as sold_at, ${email('n')} as customer_email,
      'SKU-' || lpad(${below(5000, 'sku', 'i')}::VARCHAR, 6, '0') as sku, (1 + ${below(9, 'quantity', 'i')})::INTEGER as quantity,
      (0.99 + ${below(90000, 'price', 'i')} / 100)::DECIMAL(12,2) as unit_price,
      (${below(4, 'discount', 'i')} * 0.05)::DOUBLE as discount,
      ['web', 'web', 'web', 'store', 'phone', 'partner'][1 + ${below(6, 'channel', 'i')}] as channel
    from numbered order by i`;
  return {
    known: await made(`daily-known-${known}.parquet`, knownSelect, 'zstd'),
    sales: await made(`daily-sales-${rows}-of-${known}.parquet`, salesSelect, 'snappy'),
  };
}

async function made(name: string, select: string, codec: string): Promise<string> {
  const file = path.join(cache, name);
  if (fs.existsSync(file)) return file;
  fs.mkdirSync(cache, { recursive: true });
  const unfinished = `${file}.${process.pid}`;
  const duck = await Duck.open({ memoryMib: 2048 });
  try {
    await duck.run(`copy (${select}) to ${literal(unfinished)} (format parquet, codec ${codec})`);
  } finally {
    duck.close();
  }
  fs.renameSync(unfinished, file);
  return file;
}

/**
 * DuckDB's daily load from blob to blob: it keeps its known customers as a Parquet file in the blob store. The day's sales
 * and the known customers are fetched at the same time; known customers are joined, new ones get the next numbers in
 * first-seen order, and both datasets go up as soon as they are written.
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { BlobServiceClient } from '@azure/storage-blob';
import { DuckDBInstance } from '@duckdb/node-api';
import { literal } from '../../tools/duckdb.ts';
import type { Contestant, Work } from './contestant.ts';
import { fetchOne } from './duckdb-blob.ts';

const options = 'format parquet, codec snappy';

/** `work.source` is `<container>/<blob>`. */
export async function open(work: Work): Promise<Contestant> {
  const { source: knownSource, lastId } = work.known!;
  const service = BlobServiceClient.fromConnectionString(work.storage!);
  const target = service.getContainerClient('duckdb');
  await target.createIfNotExists();
  const instance = await DuckDBInstance.create(':memory:', { threads: String(work.threads) });
  const connection = await instance.connect();
  const fetch = (place: string, local: string) => {
    const [container, ...blob] = place.split('/');
    return fetchOne(service.getContainerClient(container!), blob.join('/'), local);
  };
  return {
    async run(folder) {
      const file = (name: string) => path.join(folder, `${name}.parquet`);
      const fetchingKnown = fetch(knownSource, file('known'));
      fetchingKnown.catch(() => undefined);
      const sales = await fetch(work.source, file('source'));
      const source = `read_parquet(${literal(file('source'))}, file_row_number = true)`;
      await connection.run(`create or replace temp table seen as
        select customer_email as email, min(file_row_number) as n from ${source} group by 1`);
      const known = await fetchingKnown;
      const result = { bytesRead: sales.bytesRead + known.bytesRead, bytesWritten: 0 };
      let requests = sales.requests + known.requests;
      await connection.run(`create or replace temp table found as
        select seen.email, n, customer_id from seen left join read_parquet(${literal(file('known'))}) using (email)`);
      await connection.run(`create or replace temp table fresh as
        select ${lastId} + row_number() over (order by n) as customer_id, email from found where customer_id is null`);
      await connection.run(`create or replace temp table ids as
        select email, customer_id from found where customer_id is not null union all select email, customer_id from fresh`);
      const uploads: Promise<unknown>[] = [];
      const write = async (entity: string, select: string) => {
        await connection.run(`copy (${select}) to ${literal(file(entity))} (${options})`);
        const { size } = await fs.stat(file(entity));
        result.bytesWritten += size;
        requests += 1;
        uploads.push(target.getBlockBlobClient(`${entity}.parquet`).uploadFile(file(entity)));
      };
      await write('customers', 'select customer_id, email from fresh order by customer_id');
      await write(
        'sales',
        `select file_row_number + 1 as sale_id, customer_id, sold_at, sku, quantity, unit_price, discount, channel
         from ${source} join ids on email = customer_email`,
      );
      await Promise.all(uploads);
      return { files: { customers: [file('customers')], sales: [file('sales')] }, ...result, requests };
    },
  };
}

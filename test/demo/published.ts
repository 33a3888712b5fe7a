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
      select f.pos, f.pos + 1 as flight_id, r.origin_id, r.destination_id, r.route_id, f.date, f.delay,
        f.delay > 15 as late
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

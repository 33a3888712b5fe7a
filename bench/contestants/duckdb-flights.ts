/**
 * Flights as DuckDB SQL, the fastest of what was tried: `file_row_number` in place of a window function over all rows;
 * distinct routes first, airports from routes; attributes of a key's first row by its row number, not by `arg_min`
 * over all rows; and one join for the rows, because a route knows its airports.
 *
 * Tried and no faster: three joins, a temporary table of the source, `preserve_insertion_order = false`, Parquet V2,
 * larger row groups. Constants are doubles: a decimal constant makes the multiplication many times slower.
 */
import type { Script } from './duckdb-script.ts';

/** The level at which Ordinal compresses, too. */
const options = 'codec zstd, compression_level 1';

export const flightsScript: Script = {
  tables: (source) => [
    `create or replace temp table seen as
     select origin, destination, min(file_row_number) as n from ${source} group by all`,
    `create or replace temp table airports as
     select row_number() over (order by min(place)) as airport_id, code
     from (select origin as code, n * 2 as place from seen
           union all select destination, n * 2 + 1 from seen)
     group by code`,
    `create or replace temp table routes as
     select row_number() over (order by n) as route_id, s.origin as "from", s.destination as "to", f.distance,
       o.airport_id as origin_id, d.airport_id as destination_id
     from seen s join ${source} f on f.file_row_number = s.n
     join airports o on o.code = s.origin join airports d on d.code = s.destination`,
  ],
  files: (source) => ({
    airports: { select: 'select * from airports order by airport_id', options },
    routes: { select: 'select * from routes order by route_id', options },
    flights: {
      select: `
        select file_row_number + 1 as flight_id, origin_id, destination_id, route_id, date, delay, f.distance,
          floor(f.distance::DOUBLE * 1.609344::DOUBLE + 0.5)::INTEGER as distance_km, delay > 15 as late
        from ${source} f join routes r on r."from" = f.origin and r."to" = f.destination`,
      options,
    },
  }),
  // Codes are looked at once a route; the rest is mostly decided by the source's statistics.
  broken: (source) => [
    'from seen where length(origin) <> 3 or length(destination) <> 3 or origin is null or destination is null',
    `from ${source} where distance < 0`,
    `from ${source} where date is null or delay is null or distance is null`,
  ],
};

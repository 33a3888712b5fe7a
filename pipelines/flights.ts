/**
 * Flights: one row a flight, from two airports' codes to three datasets with references. The row contract is that of
 * `flights-3m.parquet` of the npm package `vega-datasets`: real flights of early 2001, without nulls. The demo and the
 * benchmarks run it.
 */
import { z } from 'zod';
import { pipeline, type } from '../src/pipeline/index.ts';

const kilometresPerMile = 1.609344;
/** Minutes: later than this is late, by the US Department of Transportation's measure. */
const lateAfter = 15;

export default pipeline({
  name: 'flights',
  source: { container: 'landing', prefix: 'flights/' },
  row: z.object({
    date: z.date(),
    delay: z.int(),
    distance: z.int().nonnegative(),
    origin: z.string().length(3),
    destination: z.string().length(3),
  }),
  entities: ({ id, ref, first, map, compute }) => ({
    airports: { kind: 'keyed', id: id('airport_id'), key: { code: z.string() } },

    routes: {
      kind: 'keyed',
      id: id('route_id'),
      key: { from: 'origin', to: 'destination' },
      columns: {
        distance: first('distance'),
        origin_id: ref('airports', { code: 'origin' }),
        destination_id: ref('airports', { code: 'destination' }),
      },
    },

    flights: {
      kind: 'rows',
      id: id('flight_id'),
      columns: {
        origin_id: ref('airports', { code: 'origin' }),
        destination_id: ref('airports', { code: 'destination' }),
        route_id: ref('routes', { from: 'origin', to: 'destination' }),
        date: 'date',
        delay: 'delay',
        distance: 'distance',
        distance_km: map('distance', (miles) => Math.round(miles * kilometresPerMile), type.int32),
        late: compute(['delay'], (minutes) => minutes > lateAfter, type.boolean),
      },
    },
  }),
});

/**
 * What the published `flights` dataset means. An airport is seen as an origin before it is seen as a destination.
 * `demo.ts` hands it to the verifier.
 */
import { type Dataset, id, key, ref, value } from './meaning.ts';

export const flights: Dataset = {
  name: 'flights',
  entities: [
    {
      kind: 'keyed',
      name: 'airports',
      feeds: [['origin'], ['destination']],
      columns: [id('airport_id'), key('code')],
    },
    {
      kind: 'keyed',
      name: 'routes',
      feeds: [['origin', 'destination']],
      columns: [
        id('route_id'),
        key('from'),
        key('to'),
        value('distance', 'BIGINT'),
        ref('origin_id', 'airports', 'origin'),
        ref('destination_id', 'airports', 'destination'),
      ],
    },
    {
      kind: 'rows',
      name: 'flights',
      columns: [
        id('flight_id'),
        ref('origin_id', 'airports', 'origin'),
        ref('destination_id', 'airports', 'destination'),
        ref('route_id', 'routes', 'origin', 'destination'),
        value('date', 'TIMESTAMP'),
        value('delay', 'BIGINT'),
        value('distance', 'BIGINT'),
        // Miles to whole kilometres, half up.
        value('distance_km', 'INTEGER', 'floor(distance::DOUBLE * 1.609344::DOUBLE + 0.5)::INTEGER'),
        value('late', 'BOOLEAN', 'delay > 15'),
      ],
    },
  ],
};

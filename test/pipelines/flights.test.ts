/**
 * The pipeline `flights` as its author tests it: what its contract takes, and what a few rows of Parquet become. It is
 * the example of docs/testing.md. It needs neither a host nor a storage.
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import flights from '../../pipelines/flights.ts';
import { registerPipelines } from '../../src/pipeline/index.ts';
import { tryPipeline } from '../../src/testing/index.ts';

const compiled = registerPipelines([flights]).get('flights')!;

test('the contract takes an airport of three letters, and no other', () => {
  const origin = compiled.contract.find(({ name }) => name === 'origin')!;
  assert.deepEqual(origin.parse('LAX'), { ok: true, value: 'LAX' });
  assert.equal(origin.parse('LAXX').ok, false);
});

test('two flights of one route are two rows, one route and two airports', async () => {
  const flight = { date: new Date('2001-01-01T06:00Z'), delay: 3, distance: 337, origin: 'LAX', destination: 'SFO' };
  const { entities } = await tryPipeline(flights, [flight, { ...flight, delay: 16 }]);
  assert.deepEqual(
    entities.flights!.map(({ flight_id, origin_id, route_id, distance_km, late }) => ({
      ...{ flight_id, origin_id, route_id, distance_km, late },
    })),
    [
      { flight_id: 1n, origin_id: 1n, route_id: 1n, distance_km: 542, late: false },
      { flight_id: 2n, origin_id: 1n, route_id: 1n, distance_km: 542, late: true },
    ],
  );
  assert.deepEqual(entities.airports, [
    { airport_id: 1n, code: 'LAX' },
    { airport_id: 2n, code: 'SFO' },
  ]);
});

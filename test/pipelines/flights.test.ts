/**
 * The pipeline `flights` as its author tests it: what its contract takes, and what a few rows of Parquet become. It is
 * the example of docs/testing.md. It needs neither a host nor a storage.
 */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, test } from 'vitest';
import flights from '../../pipelines/flights.ts';
import { registerPipelines } from '../../src/pipeline/index.ts';
import { Engine } from '../engine/support/drive.ts';
import { DuckReader } from '../engine/support/reader.ts';

const compiled = registerPipelines([flights]).get('flights')!;
let duck: DuckReader;
beforeAll(async () => {
  duck = await DuckReader.open();
});
afterAll(() => duck.close());

test('the contract takes an airport of three letters, and no other', () => {
  const origin = compiled.contract.find(({ name }) => name === 'origin')!;
  assert.deepEqual(origin.parse('LAX'), { ok: true, value: 'LAX' });
  assert.equal(origin.parse('LAXX').ok, false);
});

test('two flights of one route are two rows, one route and two airports', async () => {
  const file = await duck.write(`
    SELECT TIMESTAMPTZ '2001-01-01 06:00:00Z' AS date, delay::BIGINT AS delay, 337::BIGINT AS distance,
           'LAX' AS origin, 'SFO' AS destination
    FROM (VALUES (3), (16)) t(delay)`);
  const engine = new Engine(compiled);
  await engine.upload('flights/day.parquet', file);
  await engine.run('day');
  const [flown] = engine.published('flights');
  const { names, rows } = await duck.read(flown!.bytes);
  const shown = ['flight_id', 'origin_id', 'route_id', 'distance_km', 'late'].map((name) => names.indexOf(name));
  assert.deepEqual(
    rows.map((row) => shown.map((at) => row[at])),
    [
      ['1', '1', '1', '542', 'false'],
      ['2', '1', '1', '542', 'true'],
    ],
  );
  const [airports] = engine.published('airports');
  assert.deepEqual((await duck.read(airports!.bytes)).rows, [
    ['1', 'LAX'],
    ['2', 'SFO'],
  ]);
});

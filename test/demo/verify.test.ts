/** The demo's verifier accepts a right set and names the right check for each planted fault. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { flights } from '../../demo/verify/flights.ts';
import type { Check, PublishedRun } from '../../demo/verify/meaning.ts';
import { verifyRun } from '../../demo/verify/verify.ts';
import { Duck, literal } from '../../tools/duckdb.ts';
import { flightsFile } from '../../tools/generate.ts';
import { fillFlights, writePublished, writeSource } from './published.ts';

const rows = 12_000;
const parts = { airports: 1, routes: 1, flights: 3 };

/** Failed checks as `entity/check`, in order. */
function failed(checks: Check[]): string[] {
  return checks.filter((check) => !check.ok).map((check) => `${check.entity}/${check.check}`);
}

interface Fault {
  name: string;
  /** Changes the right tables. */
  plant: string;
  /** The checks that must fail, and no others. */
  fails: string[];
}

const faults: Fault[] = [
  {
    name: 'a duplicate ID',
    plant: 'update flights set flight_id = 500 where pos = 500',
    // The duplicate takes an ID's place, so one is missing, and it does not ascend.
    fails: ['flights/id-unique', 'flights/id-range', 'flights/id-order'],
  },
  {
    name: 'a gap in the IDs',
    plant: 'update flights set flight_id = flight_id + 1 where pos >= 7000',
    fails: ['flights/id-range'],
  },
  {
    name: 'IDs that do not start where they should',
    plant: 'update flights set flight_id = flight_id + 100',
    fails: ['flights/id-range'],
  },
  {
    name: 'a missing ID',
    plant: 'update flights set flight_id = null where pos = 11999',
    fails: ['flights/id-unique', 'flights/id-range', 'flights/id-order'],
  },
  {
    name: 'a swapped pair of IDs',
    plant: 'update flights set flight_id = case pos when 40 then 42 else 41 end where pos in (40, 41)',
    fails: ['flights/id-order'],
  },
  {
    name: 'a dangling reference',
    plant: 'update flights set route_id = 999999 where pos = 8000',
    fails: ['flights/refs-resolve'],
  },
  {
    name: 'a reference to the wrong key',
    plant: 'update flights set origin_id = origin_id % 5 + 1 where pos = 8001',
    fails: ['flights/refs-right'],
  },
  {
    name: 'a reference that is null',
    plant: 'update routes set destination_id = null where pos = 3',
    fails: ['routes/refs-right'],
  },
  {
    name: 'a lost row at the end',
    plant: 'delete from flights where pos = 11999',
    fails: ['flights/rows'],
  },
  {
    name: 'a lost row in the middle, its place closed up',
    plant:
      'delete from flights where pos = 5; update flights set flight_id = flight_id - 1, pos = pos - 1 where pos > 5',
    fails: ['flights/rows', 'flights/values', 'flights/refs-right'],
  },
  {
    name: 'a row too many',
    plant:
      'insert into flights select pos + 1, flight_id + 1, * exclude (pos, flight_id) from flights where pos = 11999',
    fails: ['flights/rows'],
  },
  {
    name: 'a changed value',
    plant: 'update flights set delay = delay + 1 where pos = 9000 and delay not in (15)',
    fails: ['flights/values'],
  },
  {
    name: 'a value that became null',
    plant: 'update flights set date = null where pos = 9000',
    fails: ['flights/values'],
  },
  {
    name: 'a wrongly computed value',
    plant: 'update flights set late = not late where pos = 1',
    fails: ['flights/values'],
  },
  {
    name: 'rows in another order, numbered in theirs',
    plant: `update flights f set pos = 11999 - pos; update flights set flight_id = pos + 1`,
    fails: ['flights/values', 'flights/refs-right'],
  },
  {
    name: 'two files in the wrong order',
    plant: 'update flights set pos = (pos + 4000) % 12000',
    fails: ['flights/id-order', 'flights/values', 'flights/refs-right'],
  },
  {
    name: 'keys not in first-seen order',
    plant: `create or replace temp table swapped as select * from airports;
      update airports a set code = (select code from swapped s where s.pos = 21 - a.pos) where pos in (10, 11)`,
    // The IDs of two airports are exchanged; what refers to them now leads to the other.
    fails: ['airports/first-seen', 'routes/refs-right', 'flights/refs-right'],
  },
  {
    name: 'a key twice',
    plant: `insert into airports select max(pos) + 1, max(airport_id) + 1, 'LAS' from airports`,
    fails: ['airports/keys', 'airports/first-seen'],
  },
  {
    name: 'a key that is not in the source',
    plant: `insert into airports select max(pos) + 1, max(airport_id) + 1, 'XYZ' from airports`,
    fails: ['airports/keys'],
  },
  {
    name: 'a lost key that is referred to',
    plant: 'delete from airports where pos = (select max(pos) from airports)',
    fails: ['airports/keys', 'routes/refs-resolve', 'flights/refs-resolve'],
  },
  {
    name: 'an attribute of a later row',
    plant: 'update routes set distance = distance + 1 where pos = 17',
    fails: ['routes/values'],
  },
  {
    name: 'a column of another type',
    plant: 'alter table flights alter delay type integer',
    fails: ['flights/schema'],
  },
  {
    name: 'a missing column',
    plant: 'alter table flights drop late',
    fails: ['flights/schema'],
  },
];

describe('the verifier of published flights', () => {
  let folder = '';
  let duck: Duck;
  let sources: string[] = [];
  const verify = (run: PublishedRun, earlier?: PublishedRun[]): Promise<Check[]> =>
    verifyRun(duck, flights, run, earlier);

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ordinal-verify-'));
    duck = await Duck.open({ tempFolder: folder });
    sources = ['a', 'b'].map((name) => path.join(folder, `${name}.parquet`));
    const all = `read_parquet(${literal(flightsFile())})`;
    await writeSource(duck, all, 0, 7_000, sources[0]!);
    await writeSource(duck, all, 7_000, rows, sources[1]!);
  });
  afterAll(async () => {
    duck.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('accepts a right set, with a figure for each check', async () => {
    await fillFlights(duck, sources);
    const checks = await verify({ sources, files: await writePublished(duck, folder, 'right', parts) });
    assert.deepEqual(failed(checks), []);
    assert.ok(checks.every((check) => check.figure.length > 0 && check.fault === undefined));
    const figures = new Map(checks.map((check) => [`${check.entity}/${check.check}`, check.figure]));
    assert.equal(figures.get('flights/rows'), '12,000 of 12,000 rows');
    assert.equal(figures.get('flights/id-range'), '1..12,000');
    assert.equal(figures.get('flights/refs-right'), '12,000 rows of 3 references');
  });

  for (const fault of faults) {
    it(`finds ${fault.name}`, async () => {
      await fillFlights(duck, sources);
      await duck.run(fault.plant);
      const checks = await verify({ sources, files: await writePublished(duck, folder, 'wrong', parts) });
      assert.deepEqual(failed(checks), fault.fails);
      for (const check of checks.filter((one) => !one.ok)) assert.ok(check.fault, 'a failed check says what is wrong');
    });
  }

  it('finds a file that a run did not publish at all', async () => {
    await fillFlights(duck, sources);
    const files = await writePublished(duck, folder, 'short', parts);
    const checks = await verify({ sources, files: { ...files, flights: files.flights!.slice(0, 2) } });
    assert.deepEqual(failed(checks), ['flights/rows']);
  });
});

describe('the verifier of a second run', () => {
  let folder = '';
  let duck: Duck;
  let first: PublishedRun;
  let second: PublishedRun;

  /** Publishes rows 0..8000 as the first run and 4000..12000 as the second, with the keys of the first run known. */
  async function publishTwo(plant: string): Promise<Check[]> {
    await fillFlights(duck, first.sources);
    first.files = await writePublished(duck, folder, 'one', parts);
    await duck.run(
      'create or replace temp table known as select code from airports; create or replace temp table one as from routes',
    );
    await fillFlights(duck, [...first.sources, ...second.sources]);
    // Numbering both sources at once gives the second run's keys the IDs that follow; then only what is new is kept.
    await duck.run(`
      delete from airports where code in (select code from known);
      delete from routes r where exists (from one where one."from" = r."from" and one."to" = r."to");
      delete from flights where pos < 8000`);
    await duck.run(plant);
    second.files = await writePublished(duck, folder, 'two', parts);
    return verifyRun(duck, flights, second, [first]);
  }

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ordinal-verify-'));
    duck = await Duck.open({ tempFolder: folder });
    const all = `read_parquet(${literal(flightsFile())})`;
    first = { sources: [path.join(folder, 'a.parquet')], files: {} };
    second = { sources: [path.join(folder, 'b.parquet')], files: {} };
    await writeSource(duck, all, 0, 8_000, first.sources[0]!);
    await writeSource(duck, all, 4_000, 12_000, second.sources[0]!);
  });
  afterAll(async () => {
    duck.close();
    await rm(folder, { recursive: true, force: true });
  });

  it('accepts new keys after the known ones, and IDs that go on', async () => {
    const checks = await publishTwo('');
    assert.deepEqual(failed(checks), []);
    const range = checks.find((check) => check.entity === 'flights' && check.check === 'id-range');
    assert.equal(range?.figure, '8,001..16,000');
  });

  it('finds a known key that was given a second ID', async () => {
    const plant = `insert into airports select (select max(pos) from airports) + 1, (select max(airport_id) from airports) + 1, 'LAS'`;
    assert.deepEqual(failed(await publishTwo(plant)), ['airports/keys']);
  });

  it('finds IDs that begin again', async () => {
    assert.deepEqual(failed(await publishTwo('update flights set flight_id = flight_id - 8000')), ['flights/id-range']);
  });

  it('accepts a run that adds no key and publishes no file for it', async () => {
    await publishTwo('');
    const none = { sources: first.sources, files: { airports: [], routes: [], flights: [] as string[] } };
    await duck.run('create or replace temp table airports_all as from airports');
    await fillFlights(duck, first.sources);
    await duck.run('update flights set flight_id = flight_id + 8000');
    none.files.flights = (await writePublished(duck, folder, 'again', { flights: 2 })).flights!;
    assert.deepEqual(failed(await verifyRun(duck, flights, none, [first])), []);
  });
});

/** What an arrival becomes, by mode, in a world that stands still; and where bursts are cut. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { pipelines } from '../../pipelines/index.ts';
import { lookAtArrivals } from '../../src/arrival/activities.ts';
import { type IntervalsState, reduceIntervals } from '../../src/arrival/arrival-intervals.ts';
import { type Arrival, receiveArrival } from '../../src/arrival/receive.ts';
import { runInputSchema } from '../../src/documents/documents.ts';
import { parseConfig } from '../../src/environment/config.ts';
import type { ArrivalMode } from '../../src/pipeline/arrival.ts';
import { sourceBlobs } from '../../src/plan/source-blobs.ts';
import { ClockedStore } from '../http/support/clocked-store.ts';
import { flightsFile } from '../http/support/flights.ts';
import { StandingRuns } from '../http/support/runs.ts';

const flights = pipelines.get('flights')!;

function world(mode: ArrivalMode) {
  const store = new ClockedStore();
  const runs = new StandingRuns();
  const warnings: string[] = [];
  const environment = { store, config: parseConfig({ AzureWebJobsStorage: 'x' }), pipelines };
  const log = { info: () => {}, warn: (text: string) => warnings.push(text) };
  const arrival: Arrival = { environment, runs, log, now: new Date(store.now), pipeline: flights, mode };
  const put = async (name: string, bytes: Uint8Array = flightsFile(3)) => {
    await store.ensureContainer('landing');
    await store.write('landing', name, bytes);
  };
  return { store, runs, environment, warnings, put, arrive: (name: string) => receiveArrival(arrival, name) };
}

describe('each blob', () => {
  it('starts a run of its very version, once', async () => {
    const { runs, put, arrive, store } = world({ on: 'blob' });
    await put('flights/a.parquet');
    assert.equal(await arrive('flights/a.parquet'), 'started');
    assert.equal(await arrive('flights/a.parquet'), 'known');
    const input = runInputSchema.parse(runs.started[0]!.input);
    const etag = (await store.head('landing', 'flights/a.parquet'))!.etag;
    assert.deepEqual(input.select, { by: 'blobs', blobs: ['flights/a.parquet'], etag });
    // The history of the run is forgotten one day; its receipt is not, yet.
    runs.instances.clear();
    assert.equal(await arrive('flights/a.parquet'), 'known');
    await put('flights/a.parquet', flightsFile(4));
    assert.equal(await arrive('flights/a.parquet'), 'started');
    assert.equal(new Set(runs.started.map(({ instanceId }) => instanceId)).size, 2);
  });

  it('that is none of the source, or gone, or not Parquet, starts none', async () => {
    const { runs, warnings, put, arrive } = world({ on: 'blob' });
    const cases: [name: string, bytes: Uint8Array | undefined, verdict: string][] = [
      ['sales/a.parquet', flightsFile(1), 'ignored'],
      ['flights/a.csv', flightsFile(1), 'ignored'],
      ['flights/_temporary/0/a.parquet', flightsFile(1), 'ignored'],
      ['flights/.part.parquet', flightsFile(1), 'ignored'],
      ['flights/folder.parquet', new Uint8Array(0), 'ignored'],
      ['flights/gone.parquet', undefined, 'gone'],
      ['flights/short.parquet', Buffer.from('PAR1'), 'refused'],
      ['flights/cut.parquet', flightsFile(3).subarray(0, 400), 'refused'],
      ['flights/text.parquet', Buffer.from('once upon a time'), 'refused'],
    ];
    for (const [name, bytes, verdict] of cases) {
      if (bytes) await put(name, bytes);
      assert.equal(await arrive(name), verdict, name);
    }
    assert.equal(warnings.length, 3);
    assert.deepEqual(runs.started, []);
  });

  it('is asked about again when the storage fails: only then', async () => {
    const { put, arrive, store } = world({ on: 'blob' });
    await put('flights/a.parquet');
    store.beforeRead = () => {
      throw new Error('unreachable');
    };
    await assert.rejects(arrive('flights/a.parquet'), /unreachable/);
  });
});

describe('a marker', () => {
  it('starts a run of its folder; data alone starts none', async () => {
    const { runs, put, arrive } = world({ on: 'marker', name: '_SUCCESS' });
    await put('flights/2001/01/a.parquet');
    await put('flights/2001/01/_SUCCESS', new Uint8Array(0));
    assert.equal(await arrive('flights/2001/01/a.parquet'), 'ignored');
    assert.equal(await arrive('flights/2001/01/_SUCCESS'), 'started');
    assert.equal(await arrive('flights/2001/01/_SUCCESS'), 'known');
    assert.deepEqual(
      runs.started.map(({ input }) => (input as { prefix: string }).prefix),
      ['flights/2001/01/'],
    );
  });
});

describe('a burst', () => {
  it('is read from its receipts, by interval, and each version once', async () => {
    const { store, environment, put, arrive, runs } = world({ on: 'quiet', seconds: 10, waitSecondsMax: 600 });
    const at = (s: number) => Date.parse('2026-01-01T00:00:00Z') + s * 1000;
    for (const [s, name] of [
      [1, 'flights/a ö.parquet'],
      [2, 'flights/b.parquet'],
      [12, 'flights/c.parquet'],
    ] as const) {
      store.now = at(s);
      await put(name);
      assert.equal(await arrive(name), 'gathered');
      assert.equal(await arrive(name), 'gathered');
    }
    assert.deepEqual(
      new Set(runs.started.map(({ instanceId }) => instanceId)).size,
      2,
      'one gatherer for each interval',
    );
    store.now = at(30);
    const look = await lookAtArrivals.run(environment, { pipeline: 'flights', after: 0, to: at(10) });
    assert.deepEqual(look, { ok: true, value: { now: at(30), waiting: 2, oldest: at(1), later: true } });
    const blobs = async (after: number, to: number) => {
      const select = { by: 'arrivals' as const, after, to };
      const found = await sourceBlobs(environment, flights.source, {
        runId: 'r',
        pipeline: 'flights',
        prefix: 'flights/',
        select,
      });
      return found.blobs.map(({ blob }) => blob);
    };
    assert.deepEqual(await blobs(0, at(10)), ['flights/a ö.parquet', 'flights/b.parquet']);
    assert.deepEqual(await blobs(at(10), at(20)), ['flights/c.parquet']);
    // Overwritten before its run: the new version has a receipt of its own, in a later interval.
    store.now = at(31);
    await put('flights/a ö.parquet', flightsFile(9));
    await arrive('flights/a ö.parquet');
    assert.deepEqual(await blobs(0, at(10)), ['flights/b.parquet']);
    assert.deepEqual(await blobs(at(20), at(40)), ['flights/a ö.parquet']);
  });
});

describe('cuts', () => {
  it('are intervals that neither overlap nor leave anything out, whoever asks in whatever order', () => {
    const asks = fc.array(fc.record({ owner: fc.constantFrom('a', 'b', 'c'), to: fc.integer({ min: 1, max: 50 }) }));
    fc.assert(
      fc.property(asks, (list) => {
        let state: IntervalsState | undefined;
        const given = new Map<string, { after: number; to: number }>();
        for (const { owner, to } of list) {
          const answer = reduceIntervals(state, { kind: 'cut', owner, to });
          ({ state } = answer);
          const { cut } = answer.result;
          if (!cut) continue;
          const before = given.get(`${owner} ${to}`);
          if (before) assert.deepEqual(cut, before, 'the same question, the same answer');
          given.set(`${owner} ${to}`, cut);
        }
        let end = 0;
        for (const { after, to } of [...given.values()].sort((a, b) => a.to - b.to)) {
          assert.equal(after, end);
          end = to;
        }
      }),
    );
  });

  it('answer nothing to what is no question', () => {
    assert.throws(() => reduceIntervals(undefined, { kind: 'cut', owner: 'a' }));
  });
});

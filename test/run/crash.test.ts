/**
 * One run, and every storage request that it makes: what if the worker dies there, if the run is ended there by an
 * operator, if the request fails for good? Then a successor runs, and the dead run's ID once more.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { mulberry32, Sim, type Verdict } from './support/sim.ts';

const points = ['part:commit', 'manifest:write', 'keyDelta:write'];

/** The long way; the short way in one process, which finds its memory; and in several, where each phase makes it again. */
const ways = [
  { way: 'the long way', options: {}, points: [...points, 'published:write', 'sealed:write'] },
  { way: 'the short way', options: { short: true, workers: 1 }, points },
  { way: 'the short way, made again', options: { short: true, workers: 3 }, points },
];

describe.each(ways)('$way', ({ options, points }) => {
  async function world(): Promise<Sim> {
    const sim = new Sim(shopPipelines, { seed: 7, ...options });
    const random = mulberry32(3);
    await upload(sim, 'shop/a/', [someRows(random, 6, 8), someRows(random, 5, 8)]);
    await upload(sim, 'shop/b/', [someRows(random, 6, 16)]);
    return sim;
  }

  type Place = { point: string; occurrence: number };

  /** Storage requests that change something, in the order of the seed: of each name the first and the last. */
  async function places(): Promise<Place[]> {
    const sim = await world();
    const counts = new Map<string, number>();
    sim.onPoint = ({ point, operation }) => {
      if (!['read', 'head', 'list'].includes(operation)) counts.set(point, (counts.get(point) ?? 0) + 1);
      return 'pass';
    };
    await sim.run('a', 'shop', 'shop/a/');
    return [...counts].flatMap(([point, count]) =>
      [...new Set([1, count])].map((occurrence) => ({ point, occurrence })),
    );
  }

  /** A world whose first run meets the verdict at one place. */
  async function strike(place: Place, verdict: (sim: Sim) => Verdict): Promise<Sim> {
    const sim = await world();
    let seen = 0;
    sim.onPoint = ({ point }, { instance }) =>
      instance === 'a' && point === place.point && ++seen === place.occurrence ? verdict(sim) : 'pass';
    await sim.run('a', 'shop', 'shop/a/');
    await sim.settle();
    assert.ok(seen >= place.occurrence, 'the place was reached');
    return sim;
  }

  async function forEachPlace(
    verdict: (sim: Sim) => Verdict,
    then: (sim: Sim) => Promise<void>,
    lastToo = false,
  ): Promise<void> {
    const all = (await places()).filter(({ occurrence }) => lastToo || occurrence === 1);
    const names = new Set(all.map(({ point }) => point));
    for (const point of points) {
      for (const at of ['before', 'after']) assert.ok(names.has(`${point}:${at}`), `${point}:${at} is a place`);
    }
    for (const place of all) {
      try {
        await then(await strike(place, verdict));
      } catch (thrown) {
        const message = thrown instanceof Error ? thrown.message : String(thrown);
        throw new Error(`${place.point}, occurrence ${place.occurrence}: ${message}`, { cause: thrown });
      }
    }
  }

  async function successor(sim: Sim): Promise<void> {
    sim.onPoint = () => 'pass';
    const next = await sim.run('b', 'shop', 'shop/b/');
    await sim.settle();
    assert.equal(next.status, 'Completed', next.error);
  }

  test('a worker that dies at any request changes nothing', async () => {
    const calm = await world();
    await calm.run('a', 'shop', 'shop/a/');
    const files = ({ store }: Sim) =>
      store
        .names('published')
        .filter((name) => name.endsWith('.parquet'))
        .map((name) => [name, store.bytes('published', name)]);
    const expected = files(calm);
    await forEachPlace(
      () => 'die',
      async (sim) => {
        assert.equal(sim.status('a'), 'Completed', sim.instances.get('a')!.error);
        assert.deepEqual(files(sim), expected, 'published bytes are the same');
        await checkWorld(sim);
      },
    );
  });

  test('a request that fails for a while changes nothing', async () => {
    await forEachPlace(
      () => new OrdinalError('StorageFailed', 'busy', { retryable: true }),
      async (sim) => {
        assert.equal(sim.status('a'), 'Completed', sim.instances.get('a')!.error);
        await checkWorld(sim);
      },
    );
  });

  test('what an ended run left running may come to life at any request, and does no harm', async () => {
    await forEachPlace(
      (sim) => {
        sim.terminate('a');
        return 'hold';
      },
      async (sim) => {
        await successor(sim);
        sim.resume();
        await sim.settle();
        // What a late activity still writes may be lying about; no manifest names it.
        await checkWorld(sim, { swept: false });
        const again = await sim.run('a', 'shop', 'shop/a/');
        await sim.settle();
        assert.equal(again.status, 'Completed', again.error);
        await checkWorld(sim, { swept: false });
      },
    );
  });

  test('a request that fails for good fails the run, which gives everything back and can be run again', async () => {
    await forEachPlace(
      () => new OrdinalError('StorageFailed', 'refused'),
      async (sim) => {
        await checkWorld(sim);
        await successor(sim);
        await checkWorld(sim);
        if (sim.status('a') === 'Completed') return;
        const again = await sim.run('a', 'shop', 'shop/a/');
        assert.equal(again.status, 'Completed', again.error);
        await checkWorld(sim);
      },
    );
  });

  test('a run that an operator ends anywhere is settled by its successor', async () => {
    await forEachPlace(
      (sim) => {
        sim.terminate('a');
        return 'die';
      },
      async (sim) => {
        assert.equal(sim.status('a'), 'Terminated');
        await successor(sim);
        await checkWorld(sim);
      },
      true,
    );
  });

  test('a run that an operator ends anywhere can be run again under its ID', async () => {
    await forEachPlace(
      (sim) => {
        sim.terminate('a');
        return 'pass';
      },
      async (sim) => {
        const again = await sim.run('a', 'shop', 'shop/a/');
        await sim.settle();
        assert.equal(again.status, 'Completed', again.error);
        await successor(sim);
        await checkWorld(sim);
      },
    );
  });
});

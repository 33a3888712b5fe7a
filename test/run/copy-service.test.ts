/**
 * A run whose large chunks the service copies, and every request that changes something: what if the worker dies there, or
 * the request fails, or the run is ended there by an operator?
 */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { underLimits } from '../support/limits.ts';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { mulberry32, Sim, type Verdict } from './support/sim.ts';

/** The pipeline that only copies; its chunks of any size are the service's. */
const pipelines = new Map([['log', { ...shopPipelines.get('log')!, copy: 'service' as const }]]);
const anySize = { copiedChunkBytesMin: 1, wholeFileBytesMax: 0 };

async function world(short: boolean): Promise<Sim> {
  const sim = new Sim(pipelines, { seed: 7, short });
  const random = mulberry32(3);
  await upload(sim, 'log/a/', [someRows(random, 6, 8), someRows(random, 5, 8)]);
  await upload(sim, 'log/b/', [someRows(random, 6, 16)]);
  return sim;
}

const files = ({ store }: Sim) =>
  store
    .names('published')
    .filter((name) => name.includes('/a-') && name.endsWith('.parquet'))
    .map((name) => [name, store.bytes('published', name)]);

/** A world whose first run meets the verdict at one place. */
async function strike(short: boolean, place: string, verdict: (sim: Sim) => Verdict): Promise<Sim> {
  const sim = await world(short);
  let met = false;
  sim.onPoint = ({ point }, { instance }) => {
    if (met || instance !== 'a' || point !== place) return 'pass';
    met = true;
    return verdict(sim);
  };
  await sim.run('a', 'log', 'log/a/');
  await sim.settle();
  assert.ok(met, `${place} was reached`);
  sim.onPoint = () => 'pass';
  return sim;
}

test.each([false, true])(
  'whatever happens at a request, the bytes are the same and nothing is lost (short: %s)',
  async (short) => {
    await underLimits(anySize, async () => {
      const calm = await world(short);
      const places = new Set<string>();
      calm.onPoint = ({ point, operation }) => {
        if (!['read', 'head', 'list'].includes(operation)) places.add(point);
        return 'pass';
      };
      await calm.run('a', 'log', 'log/a/');
      await checkWorld(calm);
      assert.ok(calm.store.copies.length > 0, 'the service copies');
      assert.ok(places.has('part:stage:before') && places.has('part:stage:after'));
      const expected = files(calm);
      assert.ok(expected.length > 0);
      for (const place of places) {
        const died = await strike(short, place, () => 'die');
        assert.deepEqual(files(died), expected, `${place}: a worker that dies`);
        await checkWorld(died);
        const late = await strike(short, place, () => new OrdinalError('StorageFailed', 'busy', { retryable: true }));
        assert.deepEqual(files(late), expected, `${place}: a request that fails`);
        const ended = await strike(short, place, (sim) => {
          sim.terminate('a');
          return 'die';
        });
        const next = await ended.run('b', 'log', 'log/b/');
        await ended.settle();
        assert.equal(next.status, 'Completed', `${place}: ${next.error}`);
        await checkWorld(ended);
      }
    });
  },
);

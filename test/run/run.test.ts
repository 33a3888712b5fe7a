import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { Sim } from './support/sim.ts';

test('a run publishes, commits and leaves nothing held', async () => {
  const sim = new Sim(shopPipelines);
  await upload(sim, 'shop/', [someRows(() => sim.random(), 10), someRows(() => sim.random(), 7)]);
  const run = await sim.run('r1', 'shop');
  assert.equal(run.status, 'Completed', run.error);
  const published = await checkWorld(sim);
  assert.deepEqual([...published.keys()], ['r1']);
});

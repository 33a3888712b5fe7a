/** What is refused to a run for now, it waits for: with durable timers, and its status says what for. */
import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { limits } from '../../src/limits.ts';
import { reduceLeaseAny } from '../../src/sequence/lease.ts';
import { reduceAny } from '../../src/sequence/reducer.ts';
import { checkWorld } from './support/check.ts';
import { shopPipelines, someRows, upload } from './support/shop.ts';
import { Sim } from './support/sim.ts';

/** An instance of somebody else, which goes on. */
const standing = { status: 'Running', life: 1, input: {}, shown: {}, createdAt: 0, updatedAt: 0 } as const;

async function world(): Promise<Sim> {
  const sim = new Sim(shopPipelines, { seed: 7 });
  await upload(sim, 'shop/a/', [someRows(() => sim.random(), 6, 8), someRows(() => sim.random(), 5, 8)]);
  return sim;
}

describe('what is refused for now is waited for', () => {
  it('the 101st open reservation of a sequence', async () => {
    const sim = await world();
    let state: Parameters<typeof reduceAny>[0];
    for (let i = 0; i < limits.openReservationsMax; i++) {
      // Owners that live.
      sim.instances.set(`o${i}`, { id: `o${i}`, name: 'x', ...standing });
      ({ state } = reduceAny(state, { kind: 'reserve', owner: `o${i}`, count: 1, start: 100, step: 1 }));
    }
    sim.entities.set('sequence/documents', JSON.stringify(state));
    const run = sim.startRun('a', 'shop', 'shop/a/');
    const until = sim.now + 600_000;
    await sim.settle(() => sim.now > until);
    assert.equal(run.status, 'Running', run.error);
    assert.match(run.customStatus?.waiting ?? '', /^room in sequence "documents": .*100 reservations are open/);
    // What it had of other sequences it does not keep from others meanwhile.
    assert.deepEqual(sim.sequence('customers')!.open, []);
    for (let i = 0; i < limits.openReservationsMax; i++) {
      const before = JSON.parse(sim.entities.get('sequence/documents')!);
      ({ state } = reduceAny(before, { kind: 'release', owner: `o${i}` }));
      sim.entities.set('sequence/documents', JSON.stringify(state));
      sim.instances.delete(`o${i}`);
    }
    await sim.settle();
    assert.equal(run.status, 'Completed', run.error);
    assert.equal(run.customStatus?.waiting, undefined);
    await checkWorld(sim);
  });

  it('by an execution that replaced another, which had tried before', async () => {
    const sim = await world();
    let state: Parameters<typeof reduceAny>[0];
    // A run of this very name has tried three times, and waits.
    for (const attempt of [0, 1, 2]) {
      ({ state } = reduceAny(state, { kind: 'reserve', owner: 'a', attempt, count: 2, start: 100, step: 1 }));
      ({ state } = reduceAny(state, { kind: 'release', owner: 'a', attempt }));
    }
    sim.entities.set('sequence/documents', JSON.stringify(state));
    const run = await sim.run('a', 'shop', 'shop/a/');
    assert.equal(run.status, 'Completed', run.error);
    await checkWorld(sim);
  });

  it('the 202nd in line for a lease', async () => {
    const sim = await world();
    let state: Parameters<typeof reduceLeaseAny>[0];
    const owners = Array.from({ length: limits.leaseWaitersMax + 1 }, (_, i) => `o${i}`);
    for (const owner of owners) {
      sim.instances.set(owner, { id: owner, name: 'x', ...standing });
      ({ state } = reduceLeaseAny(state, { kind: 'acquire', owner }));
    }
    sim.entities.set('lease/customers', JSON.stringify(state));
    const run = sim.startRun('a', 'shop', 'shop/a/');
    const until = sim.now + 600_000;
    await sim.settle(() => sim.now > until);
    assert.equal(run.status, 'Running', run.error);
    assert.match(run.customStatus?.waiting ?? '', /^a place in line: .*200 runs wait for this lease/);
    for (const owner of owners) {
      ({ state } = reduceLeaseAny(state, { kind: 'release', owner }));
      sim.instances.delete(owner);
    }
    sim.entities.set('lease/customers', JSON.stringify(state));
    await sim.settle();
    assert.equal(run.status, 'Completed', run.error);
    await checkWorld(sim);
  });
});

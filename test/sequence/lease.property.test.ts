/** Worlds of runs that share leases: one holder, in order, nobody forgotten, no deadlock; and planted bugs. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { reduceLeaseAny } from '../../src/sequence/lease.ts';
import { importWithBug, type PlantedBug } from './planted.ts';
import { type Happening, type ReduceLease, World } from './runs.ts';

const leases = ['shop.customers', 'shop.orders', 'shop.products'];
const run = fc.nat({ max: 5 });
const happenings: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ kind: fc.constant('step' as const), run }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('die' as const), run }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('return' as const), run }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('repeat' as const), back: fc.nat({ max: 40 }) }) },
);
const needs = fc.shuffledSubarray(leases, { minLength: 1 });

/** Any world is safe at every step, and settles when nothing more happens to it. */
function worldProperty(reduce: ReduceLease, order: (needs: string[]) => string[]) {
  return fc.property(
    fc.array(needs, { minLength: 2, maxLength: 6 }),
    fc.array(happenings, { maxLength: 120, size: 'max' }),
    (runs, history) => {
      const world = new World(reduce, runs.map(order));
      for (const happening of history) world.happen(happening);
      // A run needs at most three leases and may find a dead holder before each; all others may be ahead of it.
      assert.ok(world.settle(12 * runs.length), 'every running run gets its leases and finishes');
    },
  );
}

const byName = (names: string[]) => [...names].sort();
const seed = 20_260_101;

test('one holder at a time, first come first served, dead runs replaced, every running run finishes', () => {
  fc.assert(worldProperty(reduceLeaseAny, byName), { numRuns: 300 });
});

test('leases taken in any order but that of their names do deadlock: the rule is needed', () => {
  const { failed, errorInstance } = fc.check(
    worldProperty(reduceLeaseAny, (names) => names),
    { numRuns: 500, seed },
  );
  assert.ok(failed);
  assert.match(String(errorInstance), /every running run gets its leases/);
});

const planted: PlantedBug[] = [
  {
    name: 'the next in line is granted the lease as well',
    file: 'lease.ts',
    find: 'granted: position === 0,',
    replace: 'granted: position === 0 || position === 1,',
  },
  {
    name: 'the last to come is served first',
    file: 'lease.ts',
    find: 'return withLine(lease, [...lease.line, claim]);',
    replace: 'return withLine(lease, [...lease.line.slice(0, 1), claim, ...lease.line.slice(1)]);',
  },
  {
    name: 'a release forgets those who wait',
    file: 'lease.ts',
    find: 'return { lease: withLine(lease, line), removed: true };',
    replace: 'return { lease: withLine(lease, line.slice(0, 1)), removed: true };',
  },
  {
    name: 'an eviction meant for a dead life hits the living one',
    file: 'lease.ts',
    find: 'claim.owner !== owner || claim.attempt > attempt',
    replace: 'claim.owner !== owner',
  },
  {
    name: 'a late request of a dead life is believed',
    file: 'lease.ts',
    find: 'if (known && claim.attempt < known.attempt)',
    replace: 'if (known && claim.attempt < 0)',
  },
  {
    name: 'a new life of the holder is no new grant',
    file: 'lease.ts',
    find: 'before?.owner !== after.owner || before.attempt !== after.attempt',
    replace: 'before?.owner !== after.owner',
  },
  {
    name: 'a dead holder cannot be evicted',
    file: 'lease.ts',
    find: 'return remove(lease, operation.holder, operation.attempt);',
    replace: 'return { lease, removed: false };',
  },
  {
    name: 'a repeated request takes a second place in line',
    file: 'lease.ts',
    find: 'if (known?.attempt === claim.attempt) {',
    replace:
      'if (place === 0 && known?.attempt === claim.attempt) return lease;\n  if (known?.attempt === claim.attempt) return withLine(lease, [...lease.line.toSpliced(place, 1), claim]);\n  if (known?.attempt === claim.attempt) {',
  },
];

describe('a planted bug is caught', () => {
  for (const bug of planted) {
    test(bug.name, async () => {
      const { reduceLeaseAny: wrong } = await importWithBug<{ reduceLeaseAny: ReduceLease }>('lease.ts', bug);
      const { failed, counterexample } = fc.check(worldProperty(wrong, byName), {
        numRuns: 500,
        seed,
        endOnFailure: true,
      });
      assert.ok(failed, 'no world told it from the right one');
      assert.ok(counterexample);
    });
  }
});

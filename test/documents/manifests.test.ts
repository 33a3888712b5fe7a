/** In which order runs published: by the grants of the leases that they held, and by clocks only where nothing else says. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { describe, test } from 'vitest';
import { inOrder, type Publication } from '../../src/documents/manifests.ts';

interface Run extends Publication {
  name: string;
}
const run = (name: string, at: number, grants: Record<string, number> = {}): Run => ({
  name,
  finishedAt: new Date(at).toISOString(),
  grants: Object.entries(grants).map(([index, term]) => ({ index, term })),
});
const names = (runs: readonly Run[]) =>
  inOrder(runs)
    .map(({ name }) => name)
    .join('');

describe('the order of runs', () => {
  test('is that of their finish where they share nothing', () => {
    assert.equal(names([run('c', 3), run('a', 1, { x: 9 }), run('b', 2, { y: 1 })]), 'abc');
    assert.equal(
      names([run('b', 1), run('a', 1), run('c', 1)]),
      'bac',
      'as they were given, where clocks say the same',
    );
    assert.equal(names([]), '');
  });

  test('is that of the grants where they share an index, whatever the clocks say', () => {
    assert.equal(names([run('a', 1, { x: 3 }), run('b', 2, { x: 1 }), run('c', 3, { x: 2 })]), 'bca');
    // `z` shares nothing, and stays where its clock puts it.
    assert.equal(names([run('a', 1, { x: 2 }), run('z', 2), run('b', 3, { x: 1 })]), 'baz');
    // Through two indexes: `c` before `b` by y, `b` before `a` by x.
    assert.equal(names([run('a', 1, { x: 2 }), run('b', 2, { x: 1, y: 7 }), run('c', 3, { y: 5 })]), 'cba');
    assert.equal(names([run('a', 1, { x: 10, y: 10 }), run('b', 2, { x: 9 }), run('c', 3, { y: 2 })]), 'bca');
  });

  test('is that of every index, also where a run was the first of another one, or holds one twice', () => {
    assert.equal(names([run('a', 1, { x: 1, y: 10 }), run('b', 2, { y: 9 })]), 'ba');
    const twice = run('a', 1, { x: 4 });
    twice.grants.push({ index: 'x', term: 4 });
    assert.equal(names([twice, run('b', 2, { x: 3 }), run('c', 3, { x: 5 })]), 'bac');
  });

  test('has an end where grants contradict each other', () => {
    assert.equal(names([run('a', 1, { x: 2, y: 1 }), run('b', 2, { x: 1, y: 2 })]), 'ba');
  });

  test('keeps every run once and the grants of every index', () => {
    // Runs hold several leases at a time, so the grants of all indexes are in one order, which clocks do not know.
    const held = fc.array(fc.record({ at: fc.nat(9), holds: fc.subarray(['x', 'y', 'z']) }), { maxLength: 12 });
    fc.assert(
      fc.property(held, (all) => {
        const terms = new Map<string, number>();
        const runs = all.map(({ at, holds }, r) => {
          for (const index of holds) terms.set(index, (terms.get(index) ?? 0) + 1);
          return run(`${r}`, at, Object.fromEntries(holds.map((index) => [index, terms.get(index)!])));
        });
        const ordered = inOrder(runs);
        assert.deepEqual(new Set(ordered), new Set(runs));
        assert.equal(ordered.length, runs.length);
        for (const index of terms.keys()) {
          const found = ordered.flatMap(({ grants }) => grants.filter((one) => one.index === index));
          assert.deepEqual(
            found.map(({ term }) => term),
            found.map((_, i) => i + 1),
          );
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** In which order runs published, whatever their clocks said. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { it } from 'vitest';
import type { Manifest } from '../../src/documents/manifest.ts';
import { inOrderOfPublication } from '../../src/documents/manifests.ts';

const indexes = ['a', 'b', 'c'];

it('runs of one index are in the order of the grants of its lease', () => {
  const run = fc.record({ held: fc.subarray(indexes), clock: fc.integer({ min: 0, max: 20 }) });
  fc.assert(
    fc.property(fc.array(run, { maxLength: 12 }), (runs) => {
      const terms: Record<string, number> = {};
      // In the order in which they really published.
      const manifests = runs.map(({ held, clock }, i) => ({
        runId: String(i),
        finishedAt: new Date(clock * 1000).toISOString(),
        entities: held.map((index) => {
          terms[index] = (terms[index] ?? 0) + 1;
          return { keys: { index, partitions: [{ term: terms[index] }] } };
        }),
      })) as unknown as Manifest[];
      const ordered = inOrderOfPublication(manifests.toReversed());
      assert.equal(new Set(ordered).size, manifests.length, 'every run once');
      for (const index of indexes) {
        const of = (all: readonly Manifest[]) =>
          all.filter(({ entities }) => entities.some(({ keys }) => keys?.index === index)).map(({ runId }) => runId);
        assert.deepEqual(of(ordered), of(manifests), index);
      }
    }),
  );
});

it('runs that share no index are in the order of their finish', () => {
  const at = (runId: string, finishedAt: string) => ({ runId, finishedAt, entities: [] }) as unknown as Manifest;
  const ordered = inOrderOfPublication([at('late', '2030-01-02'), at('early', '2030-01-01')]);
  assert.deepEqual(
    ordered.map(({ runId }) => runId),
    ['early', 'late'],
  );
});

/** Batches are put together in order, as many as the bounds allow, and none is lost. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import type { Batch } from '../../src/documents/documents.ts';
import { groupBatches } from '../../src/plan/group-batches.ts';

const batchOf = ({ rows, groups }: { rows: number; groups: number }): Batch => ({
  file: 0,
  files: 1,
  from: 0,
  to: groups,
  rows,
  firstRow: 0,
  units: groups,
});

test('parts follow each other, keep to the bounds, and are as large as they can be', () => {
  const shape = fc.record({ rows: fc.integer({ min: 1, max: 50 }), groups: fc.integer({ min: 1, max: 5 }) });
  const some = fc.record({
    rows: fc.integer({ min: 1, max: 100 }),
    batches: fc.integer({ min: 1, max: 6 }),
    groups: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 30 }), some, (shapes, bounds) => {
      const batches = shapes.map(batchOf);
      const parts = groupBatches(batches, bounds);
      const fits = (from: number, to: number) => {
        const list = batches.slice(from, to);
        const rows = list.reduce((sum, batch) => sum + batch.rows, 0);
        const groups = list.reduce((sum, batch) => sum + batch.units, 0);
        return rows <= bounds.rows && groups <= bounds.groups && list.length <= bounds.batches;
      };
      let next = 0;
      for (const { from, to } of parts) {
        assert.equal(from, next);
        assert.ok(to === from + 1 || fits(from, to), 'within the bounds, or one that breaks them alone');
        assert.ok(to === batches.length || !fits(from, to + 1), 'one more would not fit');
        next = to;
      }
      assert.equal(next, batches.length);
    }),
  );
});

test('ten thousand tiny files are no more blocks than a blob can have, and seals of a bounded number of batches', () => {
  const batches = Array.from({ length: 10_000 }, () => batchOf({ rows: 40, groups: 1 }));
  assert.equal(groupBatches(batches, { rows: 5_000_000, batches: Number.POSITIVE_INFINITY, groups: 6249 }).length, 2);
  assert.equal(groupBatches(batches, { rows: 1_000_000, batches: 32, groups: 6249 }).length, 313);
});

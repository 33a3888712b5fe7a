/** Batches are cut between units: in order, within the bounds, as large as these allow, and none of a row group's parts alone. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import type { SourceFile } from '../../src/documents/source-files.ts';
import { cutBatches } from '../../src/plan/cut-batches.ts';
import { cutUnits, unitBytesMax } from '../../src/source/units.ts';
import { underLimits } from '../support/limits.ts';

/** Rows, and decoded bytes in quarters of what a unit may have. */
const group = fc.tuple(fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 9 }));
const file = fc.array(group, { maxLength: 5 });

test('batches follow each other, keep to the bounds, and are as large as they can be', async () => {
  const bounds = { batchBytesMax: 3 * unitBytesMax, batchFilesMax: 3 };
  await underLimits(bounds, async () => {
    fc.assert(
      fc.property(fc.array(file, { maxLength: 12 }), fc.integer({ min: 1, max: 120 }), (shapes, target) => {
        const all = shapes.flatMap((groups, at) => {
          let before = 0;
          return groups.map(([rows, quarters], rowGroup) => {
            const firstRow = before;
            before += rows;
            return { file: at, rowGroup, rows, bytes: (quarters * unitBytesMax) / 4, firstRow };
          });
        });
        const files = shapes.map((groups) => {
          return { groups: groups.map(([rows, quarters]) => [rows, (quarters * unitBytesMax) / 4]) };
        });
        const units = cutUnits(all, { rows: target, columns: 2 });
        const batches = cutBatches(files as unknown as SourceFile[], 2, target);
        // Whole row groups: the parts of one that is cut are one piece.
        const pieces = units.flatMap((unit) => {
          const parts = units.filter(({ rowGroups }) => rowGroups[0] === unit.rowGroups[0]);
          if (unit.window && unit.window.from > 0) return [];
          const rows = parts.reduce((sum, part) => sum + part.rows, 0);
          const bytes = unit.rowGroups.reduce((sum, one) => sum + one.bytes, 0);
          return [{ groups: unit.rowGroups, units: parts.length, rows, bytes }];
        });
        const fits = (some: typeof pieces) => {
          const [first, last] = [some[0]!.groups[0]!, some.at(-1)!.groups.at(-1)!];
          const sum = (of: 'rows' | 'bytes') => some.reduce((total, piece) => total + piece[of], 0);
          return (
            sum('rows') <= target &&
            sum('bytes') <= bounds.batchBytesMax &&
            last.file - first.file < bounds.batchFilesMax
          );
        };
        let next = 0;
        for (const batch of batches) {
          let taken = 0;
          let count = 0;
          while (taken < batch.units) taken += pieces[next + count++]!.units;
          assert.equal(taken, batch.units, 'the parts of a row group stay together');
          const own = pieces.slice(next, next + count);
          const [first, last] = [own[0]!.groups[0]!, own.at(-1)!.groups.at(-1)!];
          assert.deepEqual(batch, {
            file: first.file,
            files: last.file - first.file + 1,
            from: first.rowGroup,
            to: last.rowGroup + 1,
            rows: own.reduce((sum, { rows }) => sum + rows, 0),
            firstRow: first.firstRow,
            units: taken,
          });
          assert.ok(count === 1 || fits(own), 'within the bounds, or one that breaks them alone');
          next += count;
          assert.ok(next === pieces.length || !fits(pieces.slice(next - count, next + 1)), 'one more would not fit');
        }
        assert.equal(next, pieces.length);
      }),
      { numRuns: 300 },
    );
  });
});

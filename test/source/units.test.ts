/** Units: every row in exactly one, in order; tiny row groups together, huge ones in parts, the others as they are. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { cutUnits, type UnitGroup, unitBytesMax, unitRowsMax, unitRowsMin } from '../../src/source/units.ts';

const group = fc.record({
  rows: fc.oneof(fc.nat(100), fc.nat(40_000), fc.nat(3_000_000)),
  rowBytes: fc.oneof(fc.nat(8), fc.nat(400)),
});

function numbered(groups: readonly { rows: number; rowBytes: number }[]): UnitGroup[] {
  return groups.map(({ rows, rowBytes }, rowGroup) => ({ rowGroup, rows, bytes: rows * rowBytes }));
}

test('units are all rows, once, in order', () => {
  fc.assert(
    fc.property(fc.array(group, { maxLength: 40 }), (shapes) => {
      const groups = numbered(shapes);
      const pieces = cutUnits(groups).flatMap(({ rowGroups, window, rows }) => {
        assert.equal(rows, window ? window.to - window.from : rowGroups.reduce((sum, g) => sum + g.rows, 0));
        return window
          ? [[rowGroups[0]!.rowGroup, window.from, window.to]]
          : rowGroups.map((g) => [g.rowGroup, 0, g.rows]);
      });
      let at = 0;
      for (const { rowGroup, rows } of groups) {
        for (let row = 0; row < rows; ) {
          const [number, from, to] = pieces[at++]!;
          assert.deepEqual([number, from], [rowGroup, row]);
          assert.ok(to! > from!);
          row = to!;
        }
      }
      assert.equal(at, pieces.length);
    }),
  );
});

test('no unit is larger than it may be, none is smaller than it must be, and where it begins does not matter', () => {
  fc.assert(
    fc.property(fc.array(group, { maxLength: 40 }), (shapes) => {
      const groups = numbered(shapes);
      const units = cutUnits(groups);
      for (const [u, { rowGroups, rows, window }] of units.entries()) {
        const whole = rowGroups.reduce((sum, g) => sum + g.bytes, 0);
        const bytes = window ? (whole / rowGroups[0]!.rows) * rows : whole;
        // A part is rounded up to a multiple of 4096 rows.
        assert.ok(bytes <= unitBytesMax + 4096 * 400, `${bytes} bytes`);
        if (rowGroups.length > 1) assert.ok(rows <= unitRowsMax);
        const next = units[u + 1];
        if (!next || window || rows >= unitRowsMin) continue;
        const first = next.rowGroups[0]!;
        const most = rows + first.rows > unitRowsMax || whole + first.bytes > unitBytesMax;
        assert.ok(most, 'a small unit is the last, or what follows is too large to be joined with it');
      }
      // A batch begins with a unit: the split cuts there what the plan has cut.
      for (let u = 0; u < units.length; u++) {
        if (units[u]!.window?.from) continue;
        const rest = groups.slice(units[u]!.rowGroups[0]!.rowGroup);
        assert.deepEqual(cutUnits(rest), units.slice(u));
      }
    }),
  );
});

test('row groups of sensible size are units of their own, so that their chunks can be copied; small ones are joined', () => {
  const cutOf = (rows: number[]) =>
    cutUnits(numbered(rows.map((count) => ({ rows: count, rowBytes: 60 })))).map(({ rowGroups }) =>
      rowGroups.map((g) => g.rowGroup),
    );
  assert.deepEqual(cutOf([122_880, 1_000_000, 122_880, 500]), [[0], [1], [2], [3]]);
  assert.deepEqual(cutOf([122_880, 500, 122_880, 122_880]), [[0], [1, 2], [3]]);
  assert.deepEqual(cutOf([70_000, 70_000, 40_000, 70_000]), [
    [0, 1],
    [2, 3],
  ]);
  assert.deepEqual(cutOf([500, 1_000_000, 500, 600]), [[0], [1], [2, 3]]);
});

test('where batches are smaller than units, units are no larger than batches', () => {
  const groups = numbered([40, 40, 40, 300, 40, 40].map((rows) => ({ rows, rowBytes: 60 })));
  const units = cutUnits(groups, { rows: 100 });
  assert.deepEqual(
    units.map(({ rowGroups }) => rowGroups.map((g) => g.rowGroup)),
    [[0, 1], [2], [3], [4, 5]],
  );
});

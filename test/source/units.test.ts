/** Units: every row in exactly one, in order; tiny row groups together, huge ones in parts, the others as they are. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { cutUnits, type UnitGroup, unitBytesMax, unitRowsJoined, unitRowsMin } from '../../src/source/units.ts';

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

test('no unit is larger than it may be, and joined ones are joined as far as they may', () => {
  fc.assert(
    fc.property(fc.array(group, { maxLength: 40 }), (shapes) => {
      const units = cutUnits(numbered(shapes));
      for (const [u, { rowGroups, rows, window }] of units.entries()) {
        const whole = rowGroups.reduce((sum, g) => sum + g.bytes, 0);
        const bytes = window ? (whole / rowGroups[0]!.rows) * rows : whole;
        // A part is rounded up to a multiple of 4096 rows.
        assert.ok(bytes <= unitBytesMax + 4096 * 400, `${bytes} bytes`);
        if (rowGroups.length > 1) assert.ok(rows <= unitRowsJoined);
        const next = units[u + 1];
        const tiny = (unit: typeof next) => unit && !unit.window && unit.rowGroups.every((g) => g.rows < unitRowsMin);
        if (!next || !tiny(units[u]) || !tiny(next)) continue;
        const first = next.rowGroups[0]!;
        assert.ok(rows + first.rows > unitRowsJoined || whole + first.bytes > unitBytesMax, 'room for the next');
      }
    }),
  );
});

test('a row group of sensible size is a unit of its own, so that its chunks can be copied', () => {
  const groups = numbered([
    { rows: 122_880, rowBytes: 60 },
    { rows: 1_000_000, rowBytes: 60 },
    { rows: 500, rowBytes: 60 },
    { rows: 122_880, rowBytes: 60 },
  ]);
  assert.deepEqual(
    cutUnits(groups).map(({ rowGroups, window }) => [rowGroups.map((g) => g.rowGroup), window]),
    [
      [[0], undefined],
      [[1], undefined],
      [[2], undefined],
      [[3], undefined],
    ],
  );
});

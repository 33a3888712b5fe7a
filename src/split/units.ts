/**
 * Units: what a split works on at a time, and so the row groups of its outputs. A row group of sensible size is a unit,
 * for its chunks can be copied; the tiny ones of streaming writers are put together, or readers of the output would
 * suffer as readers of the source do.
 */

/** A row group of fewer rows than this is joined with its neighbours. */
export const unitRowsMin = 16_384;
/** Rows of a unit that is put together, at most. */
export const unitRowsJoined = 131_072;

export interface UnitGroup {
  rowGroup: number;
  rows: number;
}

/** Consecutive row groups cut into units; empty row groups are in none. */
export function cutUnits(groups: readonly UnitGroup[]): UnitGroup[][] {
  const units: UnitGroup[][] = [];
  let open: UnitGroup[] | undefined;
  let rows = 0;
  for (const group of groups) {
    if (group.rows === 0) continue;
    if (group.rows >= unitRowsMin) {
      units.push([group]);
      open = undefined;
    } else if (open && rows + group.rows <= unitRowsJoined) {
      open.push(group);
      rows += group.rows;
    } else {
      open = [group];
      rows = group.rows;
      units.push(open);
    }
  }
  return units;
}

/**
 * Units: what a split works on at a time, and so the row groups of its outputs. A row group of sensible size is a unit,
 * for its chunks can be copied. The tiny ones of streaming writers are put together, or readers of the output would
 * suffer as readers of the source do. Huge ones are cut, so that memory is bounded whatever a writer did.
 */
import type { Window } from './source-chunk.ts';

/** A row group of fewer rows than this is joined with its neighbours. */
export const unitRowsMin = 16_384;
/** Rows of a unit that is put together, at most. */
export const unitRowsJoined = 131_072;
/** Decoded bytes of a unit, by estimate; a row group beyond it is cut. */
export const unitBytesMax = 96 * 1024 * 1024;
/** Rows of a unit that is cut are a multiple of this, unless they are fewer. */
const windowRowsStep = 4096;

export interface UnitGroup {
  rowGroup: number;
  rows: number;
  /** Of the columns that are used, decoded, by estimate. */
  bytes: number;
}

export interface Unit {
  rowGroups: readonly UnitGroup[];
  rows: number;
  /** Set when the unit is a part of its one row group. */
  window?: Window;
}

/** Consecutive row groups cut into units; empty row groups are in none. */
export function cutUnits(groups: readonly UnitGroup[], bytesMax: number = unitBytesMax): Unit[] {
  const units: Unit[] = [];
  let open: { rowGroups: UnitGroup[]; rows: number; bytes: number } | undefined;
  for (const group of groups) {
    const { rows, bytes } = group;
    if (rows === 0) continue;
    if (rows >= unitRowsMin || bytes > bytesMax) {
      open = undefined;
      units.push(...windowsOf(group, bytesMax));
    } else if (open && open.rows + rows <= unitRowsJoined && open.bytes + bytes <= bytesMax) {
      open.rowGroups.push(group);
      open.rows += rows;
      open.bytes += bytes;
    } else {
      open = { rowGroups: [group], rows, bytes };
      units.push(open);
    }
  }
  return units;
}

/** A row group as one unit, or as several of about equal size. */
function windowsOf(group: UnitGroup, bytesMax: number): Unit[] {
  const { rows, bytes } = group;
  const parts = Math.ceil(bytes / bytesMax);
  if (parts <= 1) return [{ rowGroups: [group], rows }];
  const even = Math.ceil(rows / parts);
  const step = even < windowRowsStep ? even : Math.ceil(even / windowRowsStep) * windowRowsStep;
  const units: Unit[] = [];
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    units.push({ rowGroups: [group], rows: to - from, window: { from, to } });
  }
  return units;
}

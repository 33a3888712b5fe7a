/**
 * Units: what a split works on at a time, and so the row groups of its outputs. A row group of sensible size is a unit,
 * for its chunks can be copied. Small ones are joined with what follows them, across files too, or readers of the output
 * would suffer as readers of the source do. Huge ones are cut, so that memory is bounded whatever a writer did.
 *
 * Called by the plan, which cuts batches between units, and by the split, which gets the same units from the same row
 * groups. No I/O here.
 */
import type { Leaf, RowGroupMeta } from '../parquet/types.ts';
import type { Window } from './source-chunk.ts';

/** A row group, or several that were joined, of fewer rows than this is joined with what follows. */
export const unitRowsMin = 100_000;
/** Rows up to which small row groups are joined although they are enough already. */
export const unitRowsJoined = 131_072;
/** Rows of a joined unit at most: a large row group that follows a small one makes it this large. */
export const unitRowsMax = 1_000_000;
/** Column chunks of a unit at most: what is known of each takes 2 KB, whatever it holds. */
export const unitChunksMax = 48 * 1024;
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

export interface Unit<G extends UnitGroup = UnitGroup> {
  rowGroups: readonly G[];
  rows: number;
  /** Set when the unit is a part of its one row group. */
  window?: Window;
}

export interface UnitBounds {
  /** Rows of a joined unit: fewer than `unitRowsJoined` where batches are smaller. @default unitRowsJoined */
  rows?: number | undefined;
  /** Decoded bytes. @default unitBytesMax */
  bytes?: number | undefined;
  /** Columns that are used of each row group. @default 1 */
  columns?: number;
}

/** What a row group takes when its used columns are decoded: what is stored, or an index a row. */
export function decodedBytes(leaves: readonly Leaf[], { rows, chunks }: RowGroupMeta): number {
  return leaves.reduce((sum, leaf) => sum + Math.max(4 * rows, chunks[leaf.ordinal]!.uncompressedLength), 0);
}

/**
 * Cuts consecutive row groups into units, one row group after the other: where a unit begins, what came before it does
 * not matter. Empty row groups are in no unit.
 */
export class UnitCutter<G extends UnitGroup> {
  readonly #rows: number;
  readonly #enough: number;
  readonly #bytes: number;
  /** Row groups of a unit. */
  readonly #groups: number;
  #open: { rowGroups: G[]; rows: number; bytes: number } | undefined;

  constructor({ rows = unitRowsJoined, bytes = unitBytesMax, columns = 1 }: UnitBounds = {}) {
    this.#rows = Math.min(rows, unitRowsJoined);
    this.#enough = Math.min(rows, unitRowsMin);
    this.#bytes = bytes;
    this.#groups = Math.floor(unitChunksMax / columns);
  }

  /** Takes the next row group. Returns the units that are complete with it, in order. */
  add(group: G): Unit<G>[] {
    const { rows, bytes } = group;
    if (rows === 0) return [];
    if (this.#open && this.#fits(group)) {
      this.#open.rowGroups.push(group);
      this.#open.rows += rows;
      this.#open.bytes += bytes;
      return [];
    }
    const done = this.end();
    if (rows >= this.#enough || bytes > this.#bytes) return [...done, ...windowsOf(group, this.#bytes)];
    this.#open = { rowGroups: [group], rows, bytes };
    return done;
  }

  /** The last unit, if one is open. */
  end(): Unit<G>[] {
    const open = this.#open;
    this.#open = undefined;
    return open ? [{ rowGroups: open.rowGroups, rows: open.rows }] : [];
  }

  #fits({ rows, bytes }: G): boolean {
    const open = this.#open!;
    if (open.bytes + bytes > this.#bytes || open.rowGroups.length >= this.#groups) return false;
    if (open.rows + rows <= this.#rows) return true;
    // Where batches are smaller than units, it is the batch that may not be exceeded.
    return this.#rows === unitRowsJoined && open.rows < this.#enough && open.rows + rows <= unitRowsMax;
  }
}

/** All units of consecutive row groups. */
export function cutUnits<G extends UnitGroup>(groups: Iterable<G>, bounds?: UnitBounds): Unit<G>[] {
  const cutter = new UnitCutter<G>(bounds);
  const units: Unit<G>[] = [];
  for (const group of groups) units.push(...cutter.add(group));
  units.push(...cutter.end());
  return units;
}

/** A row group as one unit, or as several of about equal size. */
function windowsOf<G extends UnitGroup>(group: G, bytesMax: number): Unit<G>[] {
  const { rows, bytes } = group;
  const parts = Math.ceil(bytes / bytesMax);
  if (parts <= 1) return [{ rowGroups: [group], rows }];
  const even = Math.ceil(rows / parts);
  const step = even < windowRowsStep ? even : Math.ceil(even / windowRowsStep) * windowRowsStep;
  const units: Unit<G>[] = [];
  for (let from = 0; from < rows; from += step) {
    const to = Math.min(rows, from + step);
    units.push({ rowGroups: [group], rows: to - from, window: { from, to } });
  }
  return units;
}

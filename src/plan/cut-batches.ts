/**
 * Batches: what one split activity works on. Cut by work and not by file: consecutive units (`source/units.ts`) are put
 * together while rows, bytes and files stay within bounds, so a batch may be a part of a large file or thousands of small
 * ones. Pure: the same files and target give the same batches.
 */
import type { Batch } from '../documents/documents.ts';
import type { SourceFile } from '../documents/source-files.ts';
import { limits } from '../limits.ts';
import { type Unit, UnitCutter, type UnitGroup } from '../source/units.ts';

interface Group extends UnitGroup {
  /** Number of the file, and of the group's first row in it. */
  file: number;
  firstRow: number;
}

/**
 * @param columns columns that are used of each file.
 * @param rowsTarget source rows of a batch; a unit that has more stands alone.
 */
export function cutBatches(files: readonly SourceFile[], columns: number, rowsTarget: number): Batch[] {
  const batches: Batch[] = [];
  const cutter = new UnitCutter<Group>({ rows: rowsTarget, columns });
  let bytes = 0;
  const add = (unit: Unit<Group>) => {
    const [first, last] = [unit.rowGroups[0]!, unit.rowGroups.at(-1)!];
    const open = batches.at(-1);
    const own = unit.rowGroups.reduce((sum, group) => sum + group.bytes, 0);
    // Parts of one row group stay together.
    if (open && unit.window && unit.window.from > 0) {
      open.rows += unit.rows;
      open.units++;
    } else if (open && fits(open, unit, bytes + own, rowsTarget)) {
      bytes += own;
      open.files = last.file - open.file + 1;
      open.to = last.rowGroup + 1;
      open.rows += unit.rows;
      open.units++;
    } else {
      bytes = own;
      const { file, rowGroup: from, firstRow } = first;
      const [to, rows] = [last.rowGroup + 1, unit.rows];
      batches.push({ file, files: last.file - file + 1, from, to, rows, firstRow, units: 1 });
    }
  };
  for (const [file, { groups }] of files.entries()) {
    let firstRow = 0;
    for (const [rowGroup, [rows, stored]] of groups.entries()) {
      for (const unit of cutter.add({ file, rowGroup, rows, bytes: stored, firstRow })) add(unit);
      firstRow += rows;
    }
  }
  for (const unit of cutter.end()) add(unit);
  return batches;
}

/** Whether a unit may join a batch. A row group that is cut counts whole, for its parts stay together. */
function fits(open: Batch, unit: Unit<Group>, bytes: number, rowsTarget: number): boolean {
  const rows = unit.window ? unit.rowGroups[0]!.rows : unit.rows;
  const files = unit.rowGroups.at(-1)!.file - open.file + 1;
  return open.rows + rows <= rowsTarget && bytes <= limits.batchBytesMax && files <= limits.batchFilesMax;
}

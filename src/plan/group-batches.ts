/**
 * Puts batches that follow each other together: into output files, and into groups that are sealed together. The plan
 * calls it. A group must lie within one output file.
 */
import type { Batch, Plan } from '../documents/documents.ts';

/** What consecutive batches may have together. */
interface Bounds {
  rows: number;
  batches: number;
  /** Row groups of an output. */
  groups: number;
}

/** Consecutive batches put together while they keep to the bounds; one that breaks them alone stands alone. */
export function groupBatches(batches: readonly Batch[], bounds: Bounds): Plan['parts'] {
  const parts: Plan['parts'] = [];
  let rows = 0;
  let groups = 0;
  batches.forEach((batch, b) => {
    const open = parts.at(-1);
    rows += batch.rows;
    groups += batch.units;
    const fits = rows <= bounds.rows && groups <= bounds.groups && b - (open?.from ?? b) < bounds.batches;
    if (open && fits) {
      open.to = b + 1;
    } else {
      parts.push({ from: b, to: b + 1 });
      rows = batch.rows;
      groups = batch.units;
    }
  });
  return parts;
}

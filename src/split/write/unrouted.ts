/** Rows that go nowhere: a mixed feed may hold record types that no rows entity's `where` takes. */
import type { CompiledPipeline } from '../../pipeline/compiled.ts';
import type { SourceUnit } from '../source-unit.ts';

/** Accepted rows of a unit that no rows entity takes. 0 for a pipeline without rows entities, where none could. */
export function unroutedRows(pipeline: CompiledPipeline, unit: SourceUnit): number {
  const accepted = unit.rows - unit.rejected;
  const masks: Uint8Array[] = [];
  let most = 0;
  for (const entity of pipeline.entities) {
    if (entity.kind !== 'rows') continue;
    const selection = unit.selection(entity.where && entity.name);
    const taken = selection?.rows.length ?? unit.rows;
    if (taken === accepted) return 0;
    most = taken;
    masks.push(selection!.mask);
  }
  if (masks.length === 0) return 0;
  if (masks.length === 1) return accepted - most;
  const union = masks[0]!.slice();
  for (const mask of masks) for (let row = 0; row < union.length; row++) union[row]! |= mask[row]!;
  let routed = 0;
  for (const bit of union) routed += bit;
  return accepted - routed;
}

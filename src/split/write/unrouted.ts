/**
 * Rows that no rows entity takes: a mixed feed may hold record types that no rows entity's `where` takes. The batch
 * counts them. Those that gave a key to a keyed entity must be told apart from those that went nowhere.
 */
import type { CompiledPipeline } from '../../pipeline/compiled.ts';
import type { FedKeys } from '../keys/fed-keys.ts';
import type { SourceUnit } from '../source-unit.ts';

/** Accepted rows that no rows entity takes. */
export interface LeftRows {
  /** Rows that gave a key to a keyed entity. */
  keysOnly: number;
  /** Rows that went nowhere. */
  unrouted: number;
}

const none: LeftRows = { keysOnly: 0, unrouted: 0 };

/** Counts them in one unit. None for a pipeline without rows entities, where every row would be one. */
export function leftRows(pipeline: CompiledPipeline, unit: SourceUnit, fed: ReadonlyMap<string, FedKeys>): LeftRows {
  const accepted = unit.rows - unit.rejected;
  const masks: Uint8Array[] = [];
  for (const entity of pipeline.entities) {
    if (entity.kind !== 'rows') continue;
    const selection = unit.selection(entity.where && entity.name);
    if ((selection?.rows.length ?? unit.rows) === accepted) return none;
    masks.push(selection!.mask);
  }
  if (masks.length === 0) return none;
  const codes = [...fed.values()].map(({ factor }) => factor.codes);
  const taken = unit.selection(undefined)?.mask;
  const left = { ...none };
  for (let row = 0; row < unit.rows; row++) {
    if ((taken !== undefined && taken[row] === 0) || masks.some((mask) => mask[row] === 1)) continue;
    if (codes.some((ofFeed) => ofFeed[row]! >= 0)) left.keysOnly++;
    else left.unrouted++;
  }
  return left;
}

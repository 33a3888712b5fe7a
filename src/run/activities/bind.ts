/** Activity `bind`: writes what the sequences gave, and which ordinals of it each ID column takes. */
import { z } from 'zod';
import { invariant } from '../../errors.ts';
import type { CompiledPipeline } from '../../pipeline/compiled.ts';
import { writeJson } from '../../storage/json.ts';
import { work } from '../../storage/names.ts';
import { type Ids, idsSchema } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { loadPlan } from '../load.ts';

export const bindInputSchema = z.object({
  runId: z.string(),
  sequences: idsSchema.shape.sequences,
  /** Rows by entity. */
  rows: z.record(z.string(), z.int().nonnegative()),
});
export type BindInput = z.infer<typeof bindInputSchema>;

export async function bindActivity(environment: Environment, input: BindInput): Promise<{ bound: true }> {
  const { pipeline } = await loadPlan(environment, input.runId);
  const { bases, demand } = divide(pipeline, input.rows);
  for (const [name, { count }] of Object.entries(input.sequences)) {
    invariant(demand.get(name) === count, `sequence "${name}" gave ${count} IDs where ${demand.get(name)} are needed`);
  }
  const ids: Ids = { sequences: input.sequences, bases };
  await writeJson(environment.store, environment.config.workContainer, work.ids(input.runId), ids);
  return { bound: true };
}

/**
 * Divides each sequence's reservation among the ID columns that draw on it, in declaration order. Pure: the
 * orchestrator computes the same demand to know what to reserve.
 */
export function divide(
  pipeline: CompiledPipeline,
  rows: Record<string, number>,
): { bases: Ids['bases']; demand: Map<string, number> } {
  const demand = new Map(pipeline.sequences.map((sequence) => [sequence.name, 0]));
  const bases: Ids['bases'] = {};
  for (const entity of pipeline.entities) {
    const count = rows[entity.name] ?? 0;
    for (const column of entity.columns) {
      if (column.kind !== 'id') continue;
      const base = demand.get(column.sequence);
      invariant(base !== undefined, `"${column.sequence}" is among the pipeline's sequences`);
      bases[entity.name] = { ...bases[entity.name], [column.name]: base };
      demand.set(column.sequence, base + count);
    }
  }
  return { bases, demand };
}

/** Activity `bind`: writes what the sequences gave, and which ordinals of it each ID column takes. */
import { z } from 'zod';
import { type Ids, idsSchema, planRefSchema } from '../documents/documents.ts';
import { loadPlan } from '../documents/load.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { writeJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';

export const bindInputSchema = planRefSchema.extend({
  sequences: idsSchema.shape.sequences,
  /** Rows by entity. */
  rows: z.record(z.string(), z.int().nonnegative()),
  /** New rows by keyed entity and key partition; entities of one partition may be left out. */
  partitions: z.record(z.string(), z.array(z.int().nonnegative())).default({}),
});
export type BindInput = z.infer<typeof bindInputSchema>;

export async function bindActivity(environment: Environment, input: BindInput): Promise<{ bound: true }> {
  const { pipeline } = await loadPlan(environment, input);
  const { bases, demand } = divide(pipeline, input.rows);
  for (const [name, { count }] of Object.entries(input.sequences)) {
    invariant(demand.get(name) === count, `sequence "${name}" gave ${count} IDs where ${demand.get(name)} are needed`);
  }
  const partitions = Object.fromEntries(
    pipeline.entities
      .filter((entity) => entity.kind === 'keyed')
      .map(({ name }) => [name, prefixSums(input.partitions[name] ?? [input.rows[name] ?? 0])]),
  );
  for (const [name, starts] of Object.entries(partitions)) {
    invariant(starts.at(-1) === (input.rows[name] ?? 0), `partitions of "${name}" have its rows`);
  }
  const ids: Ids = { sequences: input.sequences, bases, partitions };
  await writeJson(environment.store, environment.config.workContainer, work.ids(input.runId), ids);
  return { bound: true };
}

function prefixSums(counts: readonly number[]): number[] {
  const starts = [0];
  for (const count of counts) starts.push(starts.at(-1)! + count);
  return starts;
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

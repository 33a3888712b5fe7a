/**
 * Activity `bindIds`: writes down which IDs the sequences gave, and which part of them each ID column takes. The
 * orchestrator calls it once the IDs are reserved. It must choose nothing: the same input gives the same document.
 */

import { z } from 'zod';
import { type Ids, idsSchema, planRefSchema } from '../documents/documents.ts';
import { loadPlan } from '../documents/load.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { divide } from '../pipeline/sequences.ts';
import { writeJson } from '../storage/json.ts';
import { work } from '../storage/names.ts';

export const bindInputSchema = planRefSchema.extend({
  sequences: idsSchema.shape.sequences,
  /** Rows by entity. */
  rows: z.record(z.string(), z.int().nonnegative()),
  /** New rows by keyed entity and key partition; entities of one partition may be left out. */
  partitions: z.record(z.string(), z.array(z.int().nonnegative())).default({}),
});
type BindInput = z.infer<typeof bindInputSchema>;

export const bindIds = defineActivity({ name: 'bindIds', input: bindInputSchema, work: bindActivity });

async function bindActivity(environment: Environment, input: BindInput): Promise<{ bound: true }> {
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
  const ids: Ids = { version: 1, sequences: input.sequences, bases, partitions };
  await writeJson(environment.store, environment.config.workContainer, work.ids(input), ids);
  return { bound: true };
}

function prefixSums(counts: readonly number[]): number[] {
  const starts = [0];
  for (const count of counts) starts.push(starts.at(-1)! + count);
  return starts;
}

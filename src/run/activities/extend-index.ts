/**
 * Activities `extendIndex` and `compactIndex`: what follows a publication. The first takes the run's new keys into the
 * heads of their index, under the lease; the second merges small segments, when nobody waits for it any more. Both may
 * be left undone: the next run that resolves against the index finds the pending keys and their manifest.
 */
import { z } from 'zod';
import { compact, mergeable } from '../../keys/compact.ts';
import { compactAttributes, mergeableAttributes } from '../../keys/compact-attributes.ts';
import { settlePending } from '../../keys/key-index.ts';
import type { Environment } from '../environment.ts';
import { keyedEntity, openPartition, publishedIds } from '../key-index.ts';
import { loadPlan } from '../load.ts';

export const indexInputSchema = z.object({ runId: z.string(), entity: z.string() });
export type IndexInput = z.infer<typeof indexInputSchema>;

export interface ExtendOutput {
  /** Keys that the index knows now. */
  keys: number;
  /** Whether segments have become so many that they are to be merged. */
  crowded: boolean;
}

export async function extendIndexActivity(environment: Environment, input: IndexInput): Promise<ExtendOutput> {
  let keys = 0;
  let crowded = false;
  for await (const at of partitions(environment, input)) {
    const head = await settlePending(at, publishedIds(environment, at.partition));
    keys += head.keys;
    crowded ||= mergeable(head) !== undefined || mergeableAttributes(head) !== undefined;
  }
  return { keys, crowded };
}

export async function compactIndexActivity(environment: Environment, input: IndexInput): Promise<{ merges: number }> {
  let merges = 0;
  for await (const at of partitions(environment, input)) {
    merges += await compact(at);
    merges += await compactAttributes(at);
  }
  return { merges };
}

async function* partitions(environment: Environment, { runId, entity: name }: IndexInput) {
  const { plan, pipeline } = await loadPlan(environment, runId);
  const entity = keyedEntity(pipeline, name);
  for (let partition = 0; partition < (entity.partitions ?? 1); partition++) {
    yield await openPartition(environment, entity, plan.keyTypes[name]!, partition);
  }
}

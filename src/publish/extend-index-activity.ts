/**
 * Activities `extendIndex`, `compactIndex` and `compactVersions`: what follows a publication. The first takes the run's
 * new keys into the heads of their indexes, under the leases; the others merge small segments of an index and of the
 * ledger, when nobody waits for it any more. All may be left undone: the next run that resolves against the index finds
 * the pending keys and their manifest.
 */

import { z } from 'zod';
import { type PlanRef, planRefSchema } from '../documents/documents.ts';
import { loadPlan } from '../documents/load.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { compact, mergeable } from '../keys/compact.ts';
import { settlePending } from '../keys/key-index.ts';
import { compactLedger } from '../ledger/ledger.ts';
import type { KeyedEntity } from '../pipeline/compiled.ts';
import { ledgerOf } from '../plan/run-ledger.ts';
import { keyedEntity, openPartition, publishedIds } from '../resolve/run-key-index.ts';
import { mapBounded } from '../storage/in-flight.ts';

const compactInputSchema = planRefSchema.extend({ entity: z.string() });
type CompactInput = z.infer<typeof compactInputSchema>;

export interface ExtendOutput {
  /** Keys that the indexes of all keyed entities know now. */
  keys: number;
  /** Entities whose segments have become so many that they are to be merged. */
  crowded: string[];
}

export const extendIndex = defineActivity({ name: 'extendIndex', input: planRefSchema, work: extendIndexActivity });

async function extendIndexActivity(environment: Environment, ref: PlanRef): Promise<ExtendOutput> {
  const { plan, pipeline } = await loadPlan(environment, ref);
  const partitions = pipeline.entities.flatMap((entity) => (entity.kind === 'keyed' ? partitionsOf(entity) : []));
  let keys = 0;
  const crowded = new Set<string>();
  const manifests: Parameters<typeof publishedIds>[2] = new Map();
  await mapBounded(partitions, environment.config.requestsInFlight, async ({ entity, partition }) => {
    const at = await openPartition(environment, entity, plan, partition);
    const head = await settlePending(at, publishedIds(environment, partition, manifests));
    keys += head.keys;
    if (mergeable(head) !== undefined) crowded.add(entity.name);
  });
  return { keys, crowded: [...crowded].sort() };
}

export const compactIndex = defineActivity({
  name: 'compactIndex',
  input: compactInputSchema,
  work: compactIndexActivity,
});

async function compactIndexActivity(environment: Environment, input: CompactInput): Promise<{ merges: number }> {
  const { plan, pipeline } = await loadPlan(environment, input);
  let merges = 0;
  for (const { entity, partition } of partitionsOf(keyedEntity(pipeline, input.entity))) {
    const at = await openPartition(environment, entity, plan, partition);
    merges += await compact(at);
  }
  return { merges };
}

export const compactVersions = defineActivity({
  name: 'compactVersions',
  input: planRefSchema,
  work: async (environment: Environment, ref: PlanRef): Promise<{ merges: number }> => {
    const { pipeline } = await loadPlan(environment, ref);
    return { merges: await compactLedger(ledgerOf(environment, pipeline)) };
  },
});

function partitionsOf(entity: KeyedEntity): { entity: KeyedEntity; partition: number }[] {
  return Array.from({ length: entity.partitions ?? 1 }, (_, partition) => ({ entity, partition }));
}

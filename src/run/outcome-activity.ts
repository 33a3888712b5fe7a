/**
 * Activity `outcome`: what a run that is dead by its status may have left open: whether it has published, its sequences
 * and its leases. Its successor commits or releases them.
 */

import { manifestSchema, planSchema } from '../documents/documents.ts';
import type { Environment } from '../environment/environment.ts';
import { readJson } from '../storage/json.ts';
import { output, work } from '../storage/names.ts';

export interface OutcomeOutput {
  published: boolean;
  sequences: string[];
}

export async function outcomeActivity(environment: Environment, { runId }: { runId: string }): Promise<OutcomeOutput> {
  const { store, config, pipelines } = environment;
  const plan = await readJson(store, config.workContainer, work.plan(runId), planSchema);
  // Without a plan there may still be reservations: a discard that was cut short had removed the plan.
  const candidates = plan ? [pipelines.get(plan.pipeline)] : [...pipelines.values()];
  const sequences = new Set<string>();
  let published = false;
  for (const pipeline of candidates) {
    if (!pipeline) continue;
    const manifest = await readJson(store, pipeline.output.container, output.manifest(pipeline, runId), manifestSchema);
    published ||= manifest?.outcome === 'published';
    for (const { name } of pipeline.sequences) sequences.add(name);
  }
  return { published, sequences: [...sequences] };
}

/**
 * Activity `outcome`: whether a run that is dead by its status has published, and which sequences it may still hold. Its
 * successor commits or releases them.
 */
import { readJson } from '../../storage/json.ts';
import { output, work } from '../../storage/names.ts';
import { planSchema } from '../documents.ts';
import type { Environment } from '../environment.ts';

export interface OutcomeOutput {
  published: boolean;
  sequences: string[];
}

export async function outcomeActivity(environment: Environment, { runId }: { runId: string }): Promise<OutcomeOutput> {
  const { store, config, pipelines } = environment;
  const plan = await readJson(store, config.workContainer, work.plan(runId), planSchema);
  const pipeline = plan && pipelines.get(plan.pipeline);
  // Without a plan the run never came to reserve anything.
  if (!pipeline) return { published: false, sequences: [] };
  const manifest = await store.head(pipeline.output.container, output.manifest(pipeline, runId));
  return { published: manifest !== undefined, sequences: pipeline.sequences.map((sequence) => sequence.name) };
}

/**
 * Activity `updateTables`: what others open follows a publication. The run has published whether this is done or not; what
 * stays undone is made up by the next publication or by the sweep, for all runs that have a manifest.
 */
import { z } from 'zod';
import { lifeSchema } from '../documents/documents.ts';
import { defineActivity } from '../durable/activity.ts';
import { type Environment, pipelineOf } from '../environment/environment.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { commitTables } from './commit-tables.ts';
import { readSharers, viewsAreLate, writeViews } from './write-views.ts';

const updateTablesInputSchema = lifeSchema.extend({ pipeline: z.string() });

export interface UpdateTablesOutput {
  /** Views and pointers that were written. */
  views: number;
  /** Commits to tables. */
  commits: number;
}

export const updateTables = defineActivity({
  name: 'updateTables',
  input: updateTablesInputSchema,
  work: updateTablesActivity,
});

async function updateTablesActivity(
  environment: Environment,
  input: z.infer<typeof updateTablesInputSchema>,
): Promise<UpdateTablesOutput> {
  const pipeline = pipelineOf(environment, input.pipeline);
  const { blobs: views, published } = await writeViews(environment, pipeline);
  return { views, commits: await commitTables(environment, pipeline, published) };
}

/** Makes up what publications have left undone. The sweep calls it: it writes nothing where nothing is late. */
export async function makeUpTables(environment: Environment, pipeline: CompiledPipeline): Promise<void> {
  const sharing = await readSharers(environment, pipeline);
  const late = await viewsAreLate(environment, sharing);
  const { published } = late ? await writeViews(environment, pipeline) : sharing[0]!;
  await commitTables(environment, pipeline, published);
}

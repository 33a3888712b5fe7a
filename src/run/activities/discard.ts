/**
 * Activity `discard`: forgets a failed run's work in progress, so that the same run ID may be started anew. Staged
 * blocks were never visible; the service collects them.
 */

import { readJson } from '../../storage/json.ts';
import { output, work } from '../../storage/names.ts';
import { planSchema } from '../documents.ts';
import type { Environment } from '../environment.ts';
import { forEachBounded } from '../pool.ts';

export async function discardActivity(
  environment: Environment,
  { runId }: { runId: string },
): Promise<{ removed: number }> {
  const { store, config, pipelines } = environment;
  const plan = await readJson(store, config.workContainer, work.plan(runId), planSchema);
  const pipeline = plan && pipelines.get(plan.pipeline);
  // What a manifest names is never touched.
  if (pipeline && (await store.head(pipeline.output.container, output.manifest(pipeline, runId))))
    return { removed: 0 };
  let removed = 0;
  if (plan && pipeline) {
    for (const entity of pipeline.entities) {
      // Files that were committed before the run failed; no manifest names them.
      const parts = entity.kind === 'keyed' ? 1 : plan.parts.length;
      await forEachBounded(Array(parts).keys(), config.requestsInFlight, async (part) => {
        if (await store.remove(pipeline.output.container, output.part(pipeline, entity.name, runId, part))) removed++;
      });
      if (entity.kind !== 'keyed') continue;
      if (await store.remove(config.workContainer, work.keyDelta(pipeline.name, entity.name, runId))) removed++;
    }
  }
  const names: string[] = [];
  for await (const blob of store.list(config.workContainer, work.runPrefix(runId))) names.push(blob.name);
  // The plan goes last: a discard that is cut short is found, and done again.
  names.sort((a, b) => Number(a === work.plan(runId)) - Number(b === work.plan(runId)));
  await forEachBounded(names.slice(0, -1), config.requestsInFlight, async (name) => {
    if (await store.remove(config.workContainer, name)) removed++;
  });
  const last = names.at(-1);
  if (last && (await store.remove(config.workContainer, last))) removed++;
  return { removed };
}

/**
 * The commands `pipelines accept` and `keys rebuild`. `commands.ts` calls them. A key index is rebuilt by an
 * orchestration and never by this process, because only an orchestration can hold the index's lease.
 */
import type { ActivityResult } from '../src/durable/activity.ts';
import { pipelineOf } from '../src/environment/environment.ts';
import { fromErrorValue } from '../src/errors.ts';
import { noteIdentity } from '../src/plan/pipeline-identity.ts';
import { REBUILD_ORCHESTRATION } from '../src/upkeep/orchestrations.ts';
import type { Given, Result } from './command.ts';

/** Accepts a pipeline as it is now, although it contradicts its earlier runs. */
export async function acceptPipeline({ environment }: Given, name: string): Promise<Result> {
  const pipeline = pipelineOf(environment, name);
  await environment.store.ensureContainer(environment.config.workContainer);
  await noteIdentity(environment, pipeline, 'accepted');
  return {
    lines: [`${pipeline.name}: accepted as it is now. IDs of earlier runs keep the meaning they had.`],
    value: { pipeline: pipeline.name },
  };
}

/** Rebuilds a key index, by an orchestration that holds its lease. */
export async function rebuildKeys(given: Given, index: string): Promise<Result> {
  const id = `ordinal~rebuild~${Date.now().toString(36)}-${process.pid}`;
  const result = (await given.host.run(REBUILD_ORCHESTRATION, id, { index })) as ActivityResult<{
    keys: number;
    partitions: number;
    epoch: number;
  }>;
  if (!result.ok) throw fromErrorValue(result.error);
  const { keys, partitions, epoch } = result.value;
  return { lines: [`${index}: ${keys} keys in ${partitions} partitions (epoch ${epoch})`], value: result.value };
}

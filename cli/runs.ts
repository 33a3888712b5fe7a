import { type Manifest, manifestSchema } from '../src/documents/documents.ts';
import type { Environment } from '../src/environment/environment.ts';
import { OrdinalError } from '../src/errors.ts';
import { TIDY_ORCHESTRATION, tidyInstanceId } from '../src/run/settle-terminated.ts';
import { mapBounded } from '../src/storage/in-flight.ts';
import { readJson } from '../src/storage/json.ts';
import { output, work } from '../src/storage/names.ts';
import { alignColumns } from '../src/view/text-table.ts';
import type { Given, Result } from './command.ts';

async function allManifests({ store, pipelines }: Environment): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const pipeline of pipelines.values()) {
    const { container } = pipeline.output;
    for await (const blob of store.list(container, output.manifestPrefix(pipeline))) {
      const manifest = await readJson(store, container, blob.name, manifestSchema);
      if (manifest) found.push(manifest);
    }
  }
  return found.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
}

export async function listRuns({ environment }: Given): Promise<Result> {
  const manifests = await allManifests(environment);
  const rows = manifests.map(({ runId, pipeline, outcome, startedAt, source, entities }) => {
    const written = entities.reduce((sum, entity) => sum + entity.rows, 0);
    return [runId, pipeline, outcome, startedAt, `${source.rows} source rows`, `${written} rows written`];
  });
  return { lines: alignColumns(rows), value: manifests };
}

export async function showRun(given: Given, runId: string): Promise<Result> {
  const manifest = (await allManifests(given.environment)).find((one) => one.runId === runId);
  if (!manifest) throw new OrdinalError('UnknownRun', `run "${runId}" has no manifest`);
  return { lines: JSON.stringify(manifest, null, 2).split('\n'), value: manifest };
}

/**
 * Removes the work in progress of a run that has ended. A run that has not published is first settled by an
 * orchestration: its reservations are given back, and nothing of it stays.
 */
export async function cleanRun({ environment, host }: Given, runId: string): Promise<Result> {
  const { store, config } = environment;
  const status = await host.status(runId);
  if (status && ['Running', 'Pending', 'Suspended', 'ContinuedAsNew'].includes(status.runtimeStatus)) {
    throw new OrdinalError('RunIdConflict', `run "${runId}" is ${status.runtimeStatus.toLowerCase()}`, {
      remedy: 'Wait for its end, or end it first.',
    });
  }
  // Completes what a dead run published, and undoes what it did not.
  await host.run(TIDY_ORCHESTRATION, tidyInstanceId(runId), { runId, reason: 'cleaned', before: Date.now() });
  const names: string[] = [];
  for await (const blob of store.list(config.workContainer, work.runPrefix(runId))) names.push(blob.name);
  await mapBounded(
    names,
    config.requestsInFlight,
    async (name) => void (await store.remove(config.workContainer, name)),
  );
  return { lines: [`${runId}: ${names.length} blobs removed`], value: { runId, removed: names.length } };
}

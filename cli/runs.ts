/**
 * The commands `runs list`, `runs show` and `runs clean`. `commands.ts` calls them. `clean` must remove only the work
 * in progress of a run that has ended, never what a manifest names.
 */
import { allManifests } from '../src/documents/manifests.ts';
import { OrdinalError } from '../src/errors.ts';
import { claimedLives } from '../src/lives/claims.ts';
import { TIDY_ORCHESTRATION, tidyInstanceId } from '../src/lives/names.ts';
import { mapBounded } from '../src/storage/in-flight.ts';
import { lifeId, work } from '../src/storage/names.ts';
import { alignColumns } from '../src/view/text-table.ts';
import type { Given, Result } from './command.ts';

export async function listRuns({ environment }: Given): Promise<Result> {
  const manifests = await allManifests(environment);
  manifests.sort((a, b) => (a.startedAt < b.startedAt ? -1 : 1));
  const rows = manifests.map(({ runId, life, pipeline, outcome, startedAt, source, entities }) => {
    const written = entities.reduce((sum, entity) => sum + entity.rows, 0);
    return [
      runId,
      `life ${life}`,
      pipeline,
      outcome,
      startedAt,
      `${source.rows} source rows`,
      `${written} rows written`,
    ];
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
  const lives = (await claimedLives(environment, runId)).map((life) => ({ runId, life }));
  if (lives.length === 0) throw new OrdinalError('UnknownRun', `there is no run "${runId}"`);
  for (const of of lives) {
    const status = await host.status(lifeId(of));
    if (status && ['Running', 'Pending', 'Suspended', 'ContinuedAsNew'].includes(status.runtimeStatus)) {
      throw new OrdinalError('RunIdConflict', `run "${runId}" is ${status.runtimeStatus.toLowerCase()}`, {
        remedy: 'Wait for its end, or end it first.',
      });
    }
  }
  // Completes a dead life that published, and undoes one that did not.
  for (const of of lives) await host.run(TIDY_ORCHESTRATION, tidyInstanceId(of), { ...of, reason: 'cleaned' });
  const names: string[] = [];
  for await (const blob of store.list(config.workContainer, work.runsPrefix(runId))) names.push(blob.name);
  await mapBounded(
    names,
    config.requestsInFlight,
    async (name) => void (await store.remove(config.workContainer, name)),
  );
  return { lines: [`${runId}: ${names.length} blobs removed`], value: { runId, removed: names.length } };
}

/**
 * Activity `discardRun`: undoes one life of a run, so that nothing of it counts. First it closes the life: it writes an
 * abandoned manifest, and from then on the life can publish nothing. If the life has already published, the activity
 * changes nothing and says so; the life must then be completed and not undone. `settle.ts` and the sweep call it.
 *
 * It removes only names of this one life, which it recognises by their pattern. So it may run late and any number of
 * times. Staged blocks were never visible; the storage service removes them.
 */

import { lifeSchema } from '../documents/documents.ts';
import { type Manifest, manifestSchema } from '../documents/manifest.ts';
import { decideManifest } from '../documents/manifest-state.ts';
import { keepTimeline, listWork } from '../documents/timeline.ts';
import { defineActivity } from '../durable/activity.ts';
import type { Environment } from '../environment/environment.ts';
import { settleClaims } from '../ledger/ledger.ts';
import { ledgerBlobs } from '../ledger/ledger-documents.ts';
import { type Claim, readClaim } from '../lives/claims.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { identityOf } from '../pipeline/identity.ts';
import { fateOf, ledgerOf } from '../plan/run-ledger.ts';
import { removeBlobs } from '../storage/in-flight.ts';
import { readJson } from '../storage/json.ts';
import { isFileOf, type Life, lifeId, output } from '../storage/names.ts';

export interface DiscardOutput {
  /** True when this life has published, also when it was withdrawn since: nothing was discarded. */
  published: boolean;
  /** Name of the run's manifest, whether it exists or not; empty when the life has no claim. */
  manifest: string;
  /** Source rows of what was published. */
  rows: number;
  removed: number;
  /** What the life may hold: reservations of these sequences, leases of these key indexes. */
  sequences: string[];
  indexes: string[];
}

/**
 * Activity `discardRun`. Input: a life. Output: a `DiscardOutput`. Fails with `StorageConflict` (retryable) when other
 * lives
 * change the manifest all the time, and with the errors of the storage.
 */
export const discardRun = defineActivity({ name: 'discardRun', input: lifeSchema, work: discardActivity });

export async function discardActivity(environment: Environment, of: Life): Promise<DiscardOutput> {
  const claim = await readClaim(environment, of);
  const pipeline = claim && environment.pipelines.get(claim.input.pipeline);
  if (!claim || !pipeline) return await withoutClaim(environment, of, claim !== undefined);
  // A dry run publishes nothing and holds nothing.
  const decided = claim.input.dryRun
    ? undefined
    : await decideManifest(environment, pipeline, abandoned(claim, pipeline));
  const published = decided !== undefined && decided.outcome !== 'abandoned' && decided.life === of.life;
  // A claim is freed after the manifest is closed, and before its segment goes.
  if (decided) await settleClaims(ledgerOf(environment, pipeline), of, fateOf(environment));
  return {
    published,
    manifest: output.manifest(pipeline, of.runId),
    rows: published ? decided.source.rows : 0,
    removed: published ? 0 : await removeAll(environment, pipeline, of),
    ...holdings(claim.input.dryRun ? [] : [pipeline]),
  };
}

/**
 * A life without a claim was settled long ago; only a late request of it may still hold something. A life whose
 * pipeline is no longer registered cannot be judged, so nothing of it is given back.
 */
async function withoutClaim(environment: Environment, { runId, life }: Life, claimed: boolean): Promise<DiscardOutput> {
  const { store, pipelines } = environment;
  let published = false;
  for (const pipeline of pipelines.values()) {
    if (!claimed) await settleClaims(ledgerOf(environment, pipeline), { runId, life }, fateOf(environment));
    const manifest = await readJson(store, pipeline.output.container, output.manifest(pipeline, runId), manifestSchema);
    published ||= manifest !== undefined && manifest.outcome !== 'abandoned' && manifest.life === life;
  }
  return { published, manifest: '', rows: 0, removed: 0, ...holdings(claimed ? [] : [...pipelines.values()]) };
}

function holdings(pipelines: readonly CompiledPipeline[]): Pick<DiscardOutput, 'sequences' | 'indexes'> {
  const sequences = pipelines.flatMap((pipeline) => pipeline.sequences.map(({ name }) => name));
  const indexes = pipelines.flatMap(({ entities }) => entities.flatMap((e) => (e.kind === 'keyed' ? [e.index] : [])));
  return { sequences: [...new Set(sequences)], indexes: [...new Set(indexes)].sort() };
}

/** Removes the life's output files, its key deltas, what it claimed of the source, and its work in progress. */
async function removeAll(environment: Environment, pipeline: CompiledPipeline, of: Life): Promise<number> {
  const { store, config } = environment;
  const { container } = pipeline.output;
  let removed = 0;
  const removeNames = async (place: string, names: readonly string[]): Promise<void> => {
    removed += await removeBlobs(store, place, names, config.requestsInFlight);
  };
  const removeThose = async (place: string, prefix: string, mine: (name: string) => boolean): Promise<void> => {
    const names = await Array.fromAsync(store.list(place, prefix), ({ name }) => name);
    await removeNames(place, names.filter(mine));
  };
  for (const prefix of output.filePrefixes(pipeline, of))
    await removeThose(container, prefix, (name) => isFileOf(of, name));
  // The head of an index may still name such a delta as pending. It never counts, because this life never publishes.
  const delta = `/delta-${lifeId(of)}.keys`;
  for (const index of holdings([pipeline]).indexes)
    await removeThose(config.workContainer, `keys/${index}/`, (name) => name.endsWith(delta));
  await removeThose(config.workContainer, ledgerBlobs.claims(pipeline.name, of), () => true);
  const blobs = await listWork(environment, of);
  // What the life did, and when, stays to be looked at.
  await keepTimeline(environment, of, blobs);
  await removeNames(
    config.workContainer,
    blobs.map(({ name }) => name),
  );
  return removed;
}

function abandoned({ runId, life, input, claimedAt }: Claim, pipeline: CompiledPipeline): Manifest {
  return {
    version: 1,
    outcome: 'abandoned',
    runId,
    life,
    pipeline: pipeline.name,
    pipelineHash: pipeline.hash,
    identity: identityOf(pipeline),
    startedAt: claimedAt,
    finishedAt: claimedAt,
    phases: [],
    source: { container: pipeline.source.container, prefix: input.prefix, rows: 0 },
    inputs: [],
    output: pipeline.output,
    entities: [],
    sequences: {},
  };
}

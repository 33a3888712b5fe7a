/**
 * The states of a manifest, and the only three ways in which they change. The manifest is the one blob name that several
 * lives of a run write. So every write of it must go through this file, with a condition that the storage service
 * checks:
 *
 * - absent → published or abandoned, if it is absent;
 * - abandoned by life N → published or abandoned by a later life, if it is still that version;
 * - published → withdrawn, if it is still that version. Nothing else.
 *
 * Called by a life that publishes, and by whoever closes a life for good. A closed life can publish nothing, whatever
 * requests of it are still on their way, so what it holds may be given to others at once.
 */

import type { Environment } from '../environment/environment.ts';
import { OrdinalError } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { readVersioned, writeJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { changedByOthers, inPlaceOf, unlessConflict } from '../storage/write-once.ts';
import { type Manifest, manifestSchema } from './manifest.ts';

/** Each try that fails means that another life has moved the state on. */
const TRIES = 5;

/**
 * Writes `wanted` if its life may still have the say, and gives the manifest that is there then: `wanted`, what an
 * earlier execution of the same life wrote, or what another life decided. Throws `StorageConflict` (retryable) when
 * others keep being faster.
 */
export async function decideManifest(
  { store }: Pick<Environment, 'store'>,
  pipeline: CompiledPipeline,
  wanted: Manifest,
): Promise<Manifest> {
  const { container } = pipeline.output;
  const name = output.manifest(pipeline, wanted.runId);
  for (let tries = 0; ; tries++) {
    // Mostly there is none.
    const there = tries === 0 ? undefined : await readVersioned(store, container, name, manifestSchema);
    if (there && !mayReplace(there.value, wanted)) return there.value;
    if (await unlessConflict(writeJson(store, container, name, wanted, inPlaceOf(there)))) return wanted;
    if (tries >= TRIES) throw changedByOthers(name);
  }
}

/**
 * Makes the manifest of a published run a withdrawn one. One that is withdrawn already stays as it is. Throws
 * `InvalidRequest` for a run that has not published, and `StorageConflict` (retryable).
 */
export async function withdrawManifest(
  { store }: Pick<Environment, 'store'>,
  pipeline: CompiledPipeline,
  runId: string,
  withdrawn: NonNullable<Manifest['withdrawn']>,
): Promise<Manifest> {
  const { container } = pipeline.output;
  const name = output.manifest(pipeline, runId);
  const there = await readVersioned(store, container, name, manifestSchema);
  if (there?.value.outcome === 'withdrawn') return there.value;
  if (there?.value.outcome !== 'published') {
    throw new OrdinalError('InvalidRequest', `run "${runId}" has not published`, { where: { field: 'runId' } });
  }
  const wanted: Manifest = { ...there.value, outcome: 'withdrawn', withdrawn };
  if (await unlessConflict(writeJson(store, container, name, wanted, inPlaceOf(there)))) return wanted;
  throw changedByOthers(name);
}

function mayReplace(there: Manifest, wanted: Manifest): boolean {
  return there.outcome === 'abandoned' && wanted.life > there.life;
}

/**
 * Reads the manifests of all runs from the output containers. The verifier, the rebuilds and the operator's command
 * call it. Its memory grows with the number of runs, so a run's own activities must never call it.
 */
import type { Environment } from '../environment/environment.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { type Manifest, manifestSchema, runIdSchema } from './documents.ts';

/** The manifests of all pipelines, in the order in which their runs published; abandoned ones are included. */
export async function allManifests({ store, pipelines }: Environment): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const pipeline of pipelines.values()) {
    const { container } = pipeline.output;
    for await (const blob of store.list(container, output.manifestPrefix(pipeline))) {
      const manifest = await readJson(store, container, blob.name, manifestSchema);
      if (manifest) found.push(manifest);
    }
  }
  return inOrderOfPublication(found);
}

/**
 * The manifest of one run, whichever pipeline it is of; undefined when there is none.
 *
 * @param runId a run's ID; a text that is none names no run.
 */
export async function manifestOfRun({ store, pipelines }: Environment, runId: string): Promise<Manifest | undefined> {
  if (!runIdSchema.safeParse(runId).success) return undefined;
  for (const pipeline of pipelines.values()) {
    const manifest = await readJson(store, pipeline.output.container, output.manifest(pipeline, runId), manifestSchema);
    if (manifest) return manifest;
  }
  return undefined;
}

/**
 * Runs that share a key index published one after the other: by the grants of its lease, which count up. Their clocks
 * may say otherwise. Runs that share none come in the order of their finish, as far as that goes.
 */
export function inOrderOfPublication(manifests: readonly Manifest[]): Manifest[] {
  const byFinish = manifests.toSorted((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1));
  const earlier = predecessors(byFinish);
  const ordered = new Set<Manifest>();
  for (const manifest of byFinish) {
    // First the manifests that must come before this one, in their own order.
    const open = [manifest];
    while (open.length > 0) {
      const next = (earlier.get(open.at(-1)!) ?? []).find((one) => !ordered.has(one) && !open.includes(one));
      if (next) open.push(next);
      else ordered.add(open.pop()!);
    }
  }
  return [...ordered];
}

/** By manifest: for each key index that its run held, the run that held it before. */
function predecessors(manifests: readonly Manifest[]): Map<Manifest, Manifest[]> {
  const grants = new Map<string, { term: number; manifest: Manifest }[]>();
  for (const manifest of manifests) {
    for (const { keys } of manifest.entities) {
      const term = keys?.partitions[0]?.term;
      if (keys && term !== undefined) grants.set(keys.index, [...(grants.get(keys.index) ?? []), { term, manifest }]);
    }
  }
  const earlier = new Map<Manifest, Manifest[]>();
  for (const held of grants.values()) {
    held.sort((a, b) => a.term - b.term);
    for (const [i, { manifest }] of held.entries()) {
      const before = held[i - 1]?.manifest;
      if (before && before !== manifest) earlier.set(manifest, [...(earlier.get(manifest) ?? []), before]);
    }
  }
  return earlier;
}

/** The manifests of runs that have published. */
export async function publishedManifests(environment: Environment): Promise<Manifest[]> {
  return (await allManifests(environment)).filter(({ outcome }) => outcome === 'published');
}

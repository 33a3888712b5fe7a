/**
 * Manifests of all runs, read from the output containers. The verifier, rebuilds and the operator's command go through
 * them. Memory grows with the number of runs: a run's own activities never call this.
 */
import type { Environment } from '../environment/environment.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { type Manifest, manifestSchema } from './documents.ts';

/** Manifests of all pipelines in the order in which their runs finished, abandoned ones too. */
export async function allManifests({ store, pipelines }: Environment): Promise<Manifest[]> {
  const found: Manifest[] = [];
  for (const pipeline of pipelines.values()) {
    const { container } = pipeline.output;
    for await (const blob of store.list(container, output.manifestPrefix(pipeline))) {
      const manifest = await readJson(store, container, blob.name, manifestSchema);
      if (manifest) found.push(manifest);
    }
  }
  return inOrderOfFinish(found);
}

export function inOrderOfFinish(manifests: readonly Manifest[]): Manifest[] {
  return manifests.toSorted((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1));
}

/** Those of runs that have published. */
export async function publishedManifests(environment: Environment): Promise<Manifest[]> {
  return (await allManifests(environment)).filter(({ outcome }) => outcome === 'published');
}

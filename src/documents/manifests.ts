/**
 * Reads the manifests of all runs from the output containers. The verifier, the rebuilds and the operator's command
 * call it. Its memory grows with the number of runs, so a run's own activities must never call it.
 */
import type { Environment } from '../environment/environment.ts';
import { readJson } from '../storage/json.ts';
import { output } from '../storage/names.ts';
import { runIdSchema } from './documents.ts';
import { type Manifest, manifestSchema, type PublishedFile } from './manifest.ts';

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

/** The files that hold rows of an entity, each row once: of its unknown members, and of new keys or rows. */
export function rowFilesOf({ files, unknown }: Manifest['entities'][number]): PublishedFile[] {
  return [...(unknown?.files ?? []), ...files];
}

/** The unknown members of a key index that some runs have published, by ID. */
export function membersOf(manifests: readonly Manifest[], index: string): string[] {
  return manifests.flatMap(({ entities }) =>
    entities.flatMap(({ keys }) =>
      keys?.index === index ? keys.partitions.flatMap(({ unknown = [] }) => unknown) : [],
    ),
  );
}

/** Of a run that has published: when it finished by its clock, and its grants of the leases of key indexes. */
export interface Publication {
  finishedAt: string;
  grants: { index: string; term: number }[];
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
  return inOrder(manifests.map((manifest) => ({ manifest, ...publicationOf(manifest) }))).map(
    ({ manifest }) => manifest,
  );
}

/** What orders a run among others. */
export function publicationOf({ finishedAt, entities }: Manifest): Publication {
  const grants = entities.flatMap(({ keys }) => {
    const term = keys?.partitions[0]?.term;
    return keys && term !== undefined ? [{ index: keys.index, term }] : [];
  });
  return { finishedAt, grants };
}

/** The same as `inOrderOfPublication`, of anything that says what orders it. */
export function inOrder<T extends Publication>(runs: readonly T[]): T[] {
  const byFinish = runs.toSorted((a, b) => (a.finishedAt < b.finishedAt ? -1 : 1));
  const earlier = predecessors(byFinish);
  const ordered = new Set<T>();
  for (const run of byFinish) {
    // First the runs that must come before this one, in their own order.
    const open = [run];
    while (open.length > 0) {
      const next = (earlier.get(open.at(-1)!) ?? []).find((one) => !ordered.has(one) && !open.includes(one));
      if (next) open.push(next);
      else ordered.add(open.pop()!);
    }
  }
  return [...ordered];
}

/** By run: for each key index that it held, the run that held it before. */
function predecessors<T extends Publication>(runs: readonly T[]): Map<T, T[]> {
  const grants = new Map<string, { term: number; run: T }[]>();
  for (const run of runs) {
    for (const { index, term } of run.grants) {
      const held = grants.get(index);
      if (held) held.push({ term, run });
      else grants.set(index, [{ term, run }]);
    }
  }
  const earlier = new Map<T, T[]>();
  for (const held of grants.values()) {
    held.sort((a, b) => a.term - b.term);
    for (const [i, { run }] of held.entries()) {
      const before = held[i - 1]?.run;
      if (before) earlier.set(run, [...(earlier.get(run) ?? []), before]);
    }
  }
  return earlier;
}

/** The manifests of runs whose IDs are given: those that have published, and those that were withdrawn since. */
export async function numberedManifests(environment: Environment): Promise<Manifest[]> {
  return (await allManifests(environment)).filter(({ outcome }) => outcome !== 'abandoned');
}

/** The manifests of runs that have published, and were not withdrawn. */
export async function publishedManifests(environment: Environment): Promise<Manifest[]> {
  return (await allManifests(environment)).filter(({ outcome }) => outcome === 'published');
}

/**
 * Holds the IDs of an import against each other, and against all IDs of their sequence: those that runs have given, those of
 * keys that an index has, and those of unknown members. The preparation of an import calls it. It changes nothing.
 */
import { publishedImports } from '../../documents/imports.ts';
import { numberedManifests } from '../../documents/manifests.ts';
import { entitiesOf } from '../../documents/published-keys.ts';
import type { Environment } from '../../environment/environment.ts';
import { type IndexHead, indexBlobs, indexSchema } from '../../keys/index-documents.ts';
import { settlePending } from '../../keys/key-index.ts';
import { readBlocks } from '../../keys/segment.ts';
import { limits } from '../../limits.ts';
import { publishedIds } from '../../resolve/run-key-index.ts';
import { IdMap } from '../../sequence/id-map.ts';
import { commonId, placeAmong } from '../../sequence/id-range.ts';
import { readJson } from '../../storage/json.ts';
import { type GivenIds, givenIds } from './draft.ts';

/** The IDs of an import, ascending, and what they are for. */
export interface NewIds {
  ids: BigInt64Array;
  index: string;
  sequence: { name: string; step: string };
}

/** Reads what has given IDs of a sequence so far, in every pipeline. */
export async function readGiven(environment: Environment, sequence: string): Promise<GivenIds> {
  return givenIds(sequence, await numberedManifests(environment), await publishedImports(environment));
}

/**
 * Calls `refuse` with an ID that is there twice, or that is somebody else's, and why.
 *
 * @param heads of the index, by partition
 * @param refuse must throw
 */
export async function compareIds(
  environment: Environment,
  { ids, index, sequence }: NewIds,
  heads: readonly IndexHead[],
  given: GivenIds,
  refuse: (id: bigint, why: string) => void,
): Promise<void> {
  if (ids.length === 0) return;
  for (let i = 1; i < ids.length; i++) if (ids[i] === ids[i - 1]) refuse(ids[i]!, 'is there twice');
  const step = BigInt(sequence.step);
  const last = ids.at(-1)!;
  if (last > limits.idMax - step) refuse(last, `leaves sequence "${sequence.name}" no ID to give`);
  for (const range of given.ranges) {
    const both = commonId(ids, range, step);
    if (both !== undefined) refuse(both, 'was given by a run');
  }
  for (const member of membersOf(environment, index, heads)) {
    if (ids[placeAmong(ids, member)] === member) refuse(member, 'is that of the unknown member');
  }
  await compareKeys(environment, ids, heads, (id) => refuse(id, 'is that of another key in the index'));
  // Two indexes may draw on one sequence. What runs gave their keys is among the ranges.
  const others = new Set(given.imports.map((one) => one.index).filter((other) => other !== index));
  for (const other of others) {
    const why = `is that of a key in index "${other}", which draws on the same sequence`;
    await compareKeys(environment, ids, await headsOf(environment, other), (id) => refuse(id, why));
  }
}

/** IDs of unknown members: those that were published, and those that pipelines now ask for. */
function membersOf(environment: Environment, index: string, heads: readonly IndexHead[]): bigint[] {
  const asked = entitiesOf(environment, index).flatMap(({ entity }) => entity.unknown ?? []);
  return [...new Set([...(heads[0]?.unknown ?? []), ...asked])].map(BigInt);
}

async function compareKeys(
  { store, config }: Environment,
  ids: BigInt64Array,
  heads: readonly IndexHead[],
  refuse: (id: bigint) => void,
): Promise<void> {
  for (const entry of heads.flatMap(({ entries }) => entries)) {
    const map = entry.ids && new IdMap(entry.ids);
    for await (const { values } of readBlocks(store, config.workContainer, entry)) {
      for (const value of values) {
        const id = map ? map.at(Number(value)) : value;
        if (ids[placeAmong(ids, id)] === id) refuse(id);
      }
    }
  }
}

async function headsOf(environment: Environment, index: string): Promise<IndexHead[]> {
  const at = { store: environment.store, container: environment.config.workContainer };
  const document = await readJson(at.store, at.container, indexBlobs.index(index), indexSchema);
  const partitions = Array.from({ length: document?.partitions ?? 0 }, (_, partition) => partition);
  return await Promise.all(
    partitions.map((partition) =>
      settlePending({ ...at, document: document!, partition }, publishedIds(environment, partition)),
    ),
  );
}

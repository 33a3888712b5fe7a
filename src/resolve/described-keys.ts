/**
 * Which keys an entity has described, in the resolve of one key partition: one bit for each key. The keys that a run
 * describes for the first time are staged as sets, beside its new keys. `changes.ts` calls it. Nothing of it counts
 * before the run has published.
 */
import { namedSet, numberSet, undescribedOf } from '../keys/described.ts';
import { type IndexHead, indexBlobs, type NumberSet, type PendingDelta } from '../keys/index-documents.ts';
import type { IndexPartition } from '../keys/key-index.ts';
import type { Uploads } from '../storage/in-flight.ts';
import { type Life, lifeId } from '../storage/names.ts';
import { writeOnce } from '../storage/write-once.ts';

/** Who describes: `<pipeline>.<entity>` in a life of a run, and the step of the sequence that its keys draw on. */
export interface Describing {
  owner: string;
  step: bigint;
  life: Life;
}

/**
 * Stages which keys a run describes. `fresh` are ordinals of new keys, ascending; `candidates` are IDs of known keys of
 * which the run says something. `late` are those of them that the entity has not described before.
 */
export async function stageDescribed(
  uploads: Uploads,
  at: IndexPartition,
  head: IndexHead,
  of: Describing,
  fresh: readonly bigint[],
  candidates: readonly bigint[],
): Promise<{ late: BigInt64Array; described: PendingDelta['described'] }> {
  const { owner, step } = of;
  const before = head.described?.[owner];
  const late = await undescribedOf(at.store, at.container, before, BigInt64Array.from(candidates));
  if (fresh.length + late.length === 0) return { late, described: undefined };
  const stage = async (what: 'new' | 'known', numbers: BigInt64Array, by: bigint): Promise<NumberSet> => {
    const { ranges, segment } = numberSet(numbers, by);
    if (!segment) return namedSet(numbers.length, ranges, undefined);
    const { index, epoch } = at.document;
    const blob = indexBlobs.described(index, epoch, at.partition, owner, what, lifeId(of.life));
    await uploads.add(() => writeOnce(at.store, at.container, blob, Buffer.concat(segment.pieces)));
    return namedSet(numbers.length, [], { blob, ...segment.place });
  };
  const described = {
    owner,
    step: String(step),
    fresh: await stage('new', BigInt64Array.from(fresh), 1n),
    known: await stage('known', late, step),
  };
  return { late, described };
}

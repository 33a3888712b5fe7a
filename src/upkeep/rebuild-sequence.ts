/**
 * Computes the state that a sequence must have, from the manifests of all runs that used it. `cli/sequences.ts` calls
 * it for the command `sequences rebuild`. It is a pure function and changes nothing.
 */

import type { ImportManifest } from '../documents/imports.ts';
import type { Manifest } from '../documents/manifest.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { ascending, endOf, fromJson, type IdRangeJson, toJson } from '../sequence/id-range.ts';
import { above } from '../sequence/ranges.ts';
import type { SequenceState } from '../sequence/state.ts';

/**
 * Every ID below the largest published one is used, or is free again. Manifests do not hold reservations of running
 * runs, raised values and remembered owners. So rebuild only when nothing runs, and raise the sequence again if it was
 * raised.
 *
 * @param name the sequence.
 * @param options `start` and `step` of the sequence, as decimal strings.
 * @param manifests the manifests of all runs that have published, withdrawn ones included: their IDs are given to nobody.
 * @param imports the manifests of imported keys: no ID up to their largest is given again.
 * @throws OrdinalError `CorruptFile` when two runs published the same IDs.
 */
export function rebuiltSequence(
  name: string,
  { start, step }: { start: string; step: string },
  manifests: readonly Manifest[],
  imports: readonly ImportManifest[] = [],
): SequenceState {
  const by = BigInt(step);
  const ranges = manifests
    .flatMap(({ runId, sequences }) => (sequences[name]?.ranges ?? []).map((range) => ({ ...fromJson(range), runId })))
    .sort(ascending);
  const free: IdRangeJson[] = [];
  let next = BigInt(start);
  for (const { runId, ...range } of ranges) {
    const { first } = range;
    if (first < next) {
      throw new OrdinalError('CorruptFile', `run "${runId}" published IDs of "${name}" that another run has too`, {
        remedy: 'Find both runs with npm run ordinal -- verify --all.',
      });
    }
    if (first > next) free.push(toJson({ first: next, count: (first - next) / by }));
    next = endOf(range, by);
  }
  let raised = BigInt(start);
  for (const { sequence, file } of imports) {
    if (sequence !== name || file.lastId === null) continue;
    const last = BigInt(file.lastId);
    if (last >= raised) raised += ((last - raised) / by + 1n) * by;
  }
  if (raised > next) next = raised;
  // A state may hold only so many free ranges. The newest ones are kept; the others are never given out.
  const given = above(free.map(fromJson), raised, by).map(toJson);
  const kept = given.slice(-limits.sequenceRangesMax);
  return {
    version: 1,
    start,
    step,
    next: String(next),
    floor: kept.length < given.length ? kept[0]!.first : String(raised),
    free: kept,
    open: [],
    finished: [],
  };
}

/**
 * Files that a run has set aside, over plan and split: their share is held to the pipeline's limit before anything is
 * published, and the manifest names them. Called by the tally and the manifest's activity.
 */
import { type BadFile, checkBadFiles, type SetAside } from '../documents/bad-files.ts';
import type { Tally } from '../documents/batch-blob.ts';
import { loadSplitRecord, type Planned } from '../documents/load.ts';
import { loadFiles, type PlannedFile } from '../documents/source-files.ts';
import type { Environment } from '../environment/environment.ts';
import { invariant } from '../errors.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { batchesToRepeat } from './split-again.ts';

/** All files that were set aside, in the order of the run's files. */
async function badFilesOf(environment: Environment, { plan }: Planned, tally: Tally): Promise<BadFile[]> {
  const batches = tally.badFiles.flatMap((files, batch) => (files > 0 ? [batch] : []));
  const found = await mapBounded(batches, environment.config.requestsInFlight, async (batch) => {
    const { record } = await loadSplitRecord(environment, tally, batch);
    return [batch, record.badFiles ?? []] as const;
  });
  // Each batch that shares a file sets it aside, or some of its rows would be published.
  invariant(batchesToRepeat(plan, new Map(found)).length === 0, 'files are set aside whole');
  const bySplit = new Map(found.flatMap(([, files]) => files.map((one) => [one.file, one] as const)).reverse());
  return [...(plan.badFiles ?? []), ...bySplit.values()].sort((a, b) => a.file - b.file);
}

/** Throws `TooManyBadFiles` where plan and split together have set aside more files than the pipeline allows. */
export async function checkSetAside(environment: Environment, planned: Planned, tally: Tally): Promise<void> {
  if (!tally.badFiles.some((files) => files > 0)) return;
  const { plan, pipeline } = planned;
  const bad = await badFilesOf(environment, planned, tally);
  const [first, ...rest] = bad;
  const [file] = await loadFiles(environment, plan, plan.files, first!.file, first!.file + 1);
  const named = [{ ...first!, blob: file!.blob }, ...rest.map((one) => ({ ...one, blob: file!.blob }))];
  checkBadFiles(pipeline, named, plan.files.count);
}

/** The run's files that count, and those that were set aside. */
export async function inputsOf(
  environment: Environment,
  planned: Planned,
  tally: Tally,
): Promise<{ inputs: PlannedFile[]; setAside: SetAside[] }> {
  const { plan } = planned;
  const files = await loadFiles(environment, plan, plan.files, 0, plan.files.count);
  const bad = await badFilesOf(environment, planned, tally);
  const out = new Set(bad.map(({ file }) => file));
  const setAside = bad.map(({ file, code, reason }): SetAside => {
    const { blob, etag, size } = files[file]!;
    return { blob, etag, size, code, reason };
  });
  return { inputs: out.size === 0 ? files : files.filter((_, file) => !out.has(file)), setAside };
}

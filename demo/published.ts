/**
 * Fetches what a run published, and checks what can be seen before any file is opened. The demo calls it before it
 * verifies.
 */

import { count } from '../cli/terminal/text.ts';
import type { DemoBlobs, ListedBlob } from './blobs.ts';
import type { RunEntity, RunStatus } from './runs.ts';
import type { PublishedRun } from './verify/meaning.ts';

export const publishedContainer = 'published';

/** A check of the demo itself, in the form that the report shows. */
export interface DemoCheck {
  entity: string;
  check: string;
  claim: string;
  ok: boolean;
  figure: string;
  fault?: string;
}

/** Downloads all files of a run, in the order of its status, and names them by entity. */
export async function downloadRun(
  blobs: DemoBlobs,
  status: RunStatus,
  sources: string[],
  folder: string,
  signal: AbortSignal,
): Promise<PublishedRun> {
  const files: PublishedRun['files'] = {};
  for (const entity of status.entities ?? []) {
    const paths: string[] = [];
    for (const file of entity.files) {
      paths.push(await blobs.download(publishedContainer, file.blob, folder, signal));
    }
    files[entity.entity] = paths;
  }
  return { sources, files };
}

const isData = (blob: ListedBlob): boolean => blob.name.endsWith('.parquet');

/** The published folder holds exactly the files that the runs report, with the sizes that they report. */
export function checkListing(listed: readonly ListedBlob[], runs: readonly RunStatus[]): DemoCheck {
  const reported = new Map(
    runs.flatMap((run) => (run.entities ?? []).flatMap((one) => one.files.map((file) => [file.blob, file.bytes]))),
  );
  const data = listed.filter(isData);
  const faults = [
    ...data.filter((blob) => !reported.has(blob.name)).map((blob) => `${blob.name} is of no run`),
    ...[...reported.keys()]
      .filter((name) => !data.some((blob) => blob.name === name))
      .map((name) => `${name} is missing`),
    ...data
      .filter((blob) => reported.has(blob.name) && reported.get(blob.name) !== blob.bytes)
      .map((blob) => `${blob.name} has ${count(blob.bytes)} bytes, not ${count(reported.get(blob.name)!)}`),
  ];
  return {
    entity: '(all)',
    check: 'listing',
    claim: 'published blobs are those reported, in name and size',
    ok: faults.length === 0,
    figure: `${count(data.length)} blobs`,
    ...(faults[0] !== undefined && { fault: faults.join('; ') }),
  };
}

/** What the demo reads of a manifest. */
interface ManifestText {
  runId: string;
  inputs: { blob: string; etag: string; rows: number }[];
  entities: RunEntity[];
}

/** The manifest, which is the truth about a run, names its input as it is and the same files and IDs as the status. */
export function checkManifest(text: string, status: RunStatus, source: ListedBlob): DemoCheck {
  const manifest = JSON.parse(text) as ManifestText;
  const bare = (etag: string): string => etag.replaceAll('"', '');
  const faults: string[] = [];
  if (manifest.runId !== status.runId) faults.push(`it is of run ${manifest.runId}`);
  const [input, ...others] = manifest.inputs;
  if (input?.blob !== source.name || bare(input.etag) !== bare(source.etag) || others.length > 0) {
    faults.push(`its inputs are not ${source.name} with ETag ${source.etag} alone`);
  }
  for (const entity of status.entities ?? []) {
    const same = manifest.entities.find((one) => one.entity === entity.entity);
    const tell = (one: RunEntity | undefined): string =>
      JSON.stringify([
        one?.rows,
        one?.firstId,
        one?.lastId,
        one?.files.map(({ blob, rows, bytes }) => [blob, rows, bytes]),
      ]);
    if (tell(same) !== tell(entity)) faults.push(`${entity.entity} is ${tell(same)}, reported as ${tell(entity)}`);
  }
  return {
    entity: '(all)',
    check: 'manifest',
    claim: 'the manifest names the input, the files and the IDs',
    ok: faults.length === 0,
    figure: `${count(manifest.inputs.reduce((total, one) => total + one.rows, 0))} rows in`,
    ...(faults[0] !== undefined && { fault: faults.join('; ') }),
  };
}

/** What earlier runs published is as it was, by ETag. */
export function checkUntouched(before: readonly ListedBlob[], after: readonly ListedBlob[]): DemoCheck {
  const now = new Map(after.map((blob) => [blob.name, blob.etag]));
  const changed = before.filter((blob) => isData(blob) && now.get(blob.name) !== blob.etag);
  return {
    entity: '(all)',
    check: 'untouched',
    claim: 'files of the run before are untouched',
    ok: changed.length === 0,
    figure: `${count(before.filter(isData).length)} blobs`,
    ...(changed[0] !== undefined && { fault: changed.map((blob) => blob.name).join(', ') }),
  };
}

/** A run over keys that are all known adds none. */
export function checkNoNewKeys(entities: readonly RunEntity[], keyed: readonly string[]): DemoCheck[] {
  return keyed.map((name) => {
    const rows = entities.find((one) => one.entity === name)?.rows ?? 0;
    return {
      entity: name,
      check: 'known-keys',
      claim: 'no new key: all keep the IDs that they have',
      ok: rows === 0,
      figure: `${count(rows)} new rows`,
      ...(rows !== 0 && { fault: `${count(rows)} keys were given a new ID` }),
    };
  });
}

/** The status counts what the verifier counted: rows, and first and last ID of each entity. */
export function checkReported(entities: readonly RunEntity[], rowsOf: ReadonlyMap<string, number>): DemoCheck {
  const faults = entities.flatMap((one) => {
    const rows = rowsOf.get(one.entity) ?? 0;
    const ids = one.firstId === null || one.lastId === null ? 0n : BigInt(one.lastId) - BigInt(one.firstId) + 1n;
    const summed = one.files.reduce((total, file) => total + file.rows, 0);
    if (one.rows === rows && ids === BigInt(rows) && summed === rows) return [];
    return [
      `${one.entity}: reported ${count(one.rows)} rows and ${count(ids)} IDs, its files hold ${count(rows)} rows`,
    ];
  });
  return {
    entity: '(all)',
    check: 'reported',
    claim: "the run's own figures agree with its files",
    ok: faults.length === 0,
    figure: `${count(entities.length)} entities`,
    ...(faults[0] !== undefined && { fault: faults.join('; ') }),
  };
}

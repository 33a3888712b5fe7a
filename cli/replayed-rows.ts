/**
 * Refused rows of a run on their way back: which of them may be taken in, and as which blobs. The command
 * `runs replay-rejects` calls it. No row may come in twice: each must be one that the run refused, and that no published
 * replay has taken in.
 */
import { createHash } from 'node:crypto';
import type { Manifest } from '../src/documents/documents.ts';
import { publishedManifests } from '../src/documents/manifests.ts';
import type { Environment } from '../src/environment/environment.ts';
import { OrdinalError } from '../src/errors.ts';
import { reader } from '../src/parquet/logical.ts';
import { readTable, type Table, type TableColumn, writeTable } from '../src/parquet/table.ts';
import { gather } from '../src/parquet/values.ts';
import type { CompiledPipeline } from '../src/pipeline/compiled.ts';
import { foldersOf } from '../src/pipeline/folders.ts';
import { mapBounded } from '../src/storage/in-flight.ts';
import { requireBytes } from '../src/storage/json.ts';

/** A blob of refused rows, to be put into the source. */
export interface ReplayBlob {
  blob: string;
  bytes: Uint8Array;
}

/** Columns of the rejected rows that say where a row is from, and what they are called in the replayed blob. */
const placeColumns = { _blob: '_from_blob', _row: '_from_row' } as const;

const hash = (...texts: (string | Uint8Array)[]) => {
  const digest = createHash('sha256');
  for (const text of texts) digest.update(text);
  return digest.digest('hex');
};

/** What the IDs of all replays of a run begin with: the run's own ID may be as long as an ID can be. */
const replaysOf = (runId: string) => `replay-${hash(runId).slice(0, 8)}-`;

/**
 * The ID of the run that takes rows in: the same rows are the same run.
 * @param runId the run that refused them
 * @param bytes the file with the rows
 */
export function replayRunId(runId: string, bytes: Uint8Array): string {
  return `${replaysOf(runId)}${hash(runId, bytes).slice(0, 16)}`;
}

/**
 * Divides refused rows into blobs of the source: one, or one for each folder where folders are columns. Blobs of earlier
 * replays of the run that nobody has read are given up: they are removed.
 * @param manifest of the run that refused them
 * @param given the rows that it kept, or mended ones
 * @param name where they come from, for errors
 * @throws OrdinalError `InvalidRequest` for a row that the run did not refuse, that is there twice, or was taken in already
 */
export async function prepareReplay(
  environment: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
  given: Uint8Array,
  name: string,
): Promise<ReplayBlob[]> {
  const { runId } = manifest;
  const { store, config } = environment;
  const { source } = pipeline;
  const own = replayRunId(runId, given);
  const kept = manifest.rejected!.sourceRows!;
  const whole = readTable(await requireBytes(store, manifest.output.container, kept), kept);
  const refused = new Set(placesIn(whole, kept));
  const table = readTable(given, name);
  const places = placesIn(table, name);
  const isInFolders = foldersOf(pipeline).length > 0;
  const folderOf = (blob: string) =>
    isInFolders ? blob.slice(0, blob.lastIndexOf('/') + 1) : `${source.prefix}_replayed/`;
  const folders = new Set(textsOf(whole, '_blob').map(folderOf));
  checkReaders(environment, pipeline, [...folders]);
  const { taken, unread } = await earlierReplays(environment, pipeline, runId, [...folders]);
  const seen = new Set<string>();
  for (const place of places) {
    if (!refused.has(place)) refuse(name, `has ${place}, which run "${runId}" did not refuse`, onlyItsRows);
    if (seen.has(place)) refuse(name, `has ${place} twice`, 'Give each refused row once.');
    const by = taken.get(place);
    if (by !== undefined && by !== own) refuse(name, `has ${place}, which run "${by}" has taken in`, onlyNewRows);
    seen.add(place);
  }
  if (places.length === 0) refuse(name, 'has no row', onlyItsRows);
  const file = `${own}${source.suffix}`;
  const stale = unread.filter((blob) => !blob.endsWith(`/${file}`));
  await mapBounded(stale, config.requestsInFlight, (blob) => store.remove(source.container, blob));
  const rows = new Map<string, number[]>();
  for (const [row, blob] of textsOf(table, '_blob').entries()) {
    const folder = folderOf(blob);
    rows.set(folder, [...(rows.get(folder) ?? []), row]);
  }
  return [...rows].map(([folder, at]) => ({
    blob: `${folder}${file}`,
    bytes: writeTable(columnsOf(table, at), { keyValues: { 'ordinal.replay': runId } }),
  }));
}

const onlyItsRows = 'Give a file with mended rows of this run and no others.';
const onlyNewRows = 'Leave out rows that a replay has taken in, or replay what that run has refused.';

function refuse(name: string, what: string, remedy: string): never {
  throw new OrdinalError('InvalidRequest', `"${name}" ${what}`, { remedy });
}

/** Refuses to put rows where another pipeline would read them too: it may have accepted them when they first came. */
function checkReaders(
  { pipelines }: Environment,
  { name, source }: CompiledPipeline,
  folders: readonly string[],
): void {
  for (const other of pipelines.values()) {
    if (other.name === name || other.source.container !== source.container) continue;
    const shared = folders.find((folder) => folder.startsWith(other.source.prefix));
    if (shared === undefined || other.source.suffix !== source.suffix) continue;
    throw new OrdinalError(
      'InvalidRequest',
      `pipeline "${other.name}" reads "${shared}" too, and would take the rows in`,
      {
        remedy: 'Give each pipeline a prefix of its own, and replay the rows then.',
      },
    );
  }
}

/** What became of earlier replays of the run: rows that some run has taken in from their blobs, and blobs that none has read. */
async function earlierReplays(
  environment: Environment,
  { source }: CompiledPipeline,
  runId: string,
  folders: readonly string[],
): Promise<{ taken: Map<string, string>; unread: string[] }> {
  const { store, config } = environment;
  const unread = new Set<string>();
  for (const folder of folders) {
    for await (const { name } of store.list(source.container, `${folder}${replaysOf(runId)}`)) unread.add(name);
  }
  const taken = new Map<string, string>();
  if (unread.size === 0) return { taken, unread: [] };
  for (const { runId: by, inputs, rejected, output: place } of await publishedManifests(environment)) {
    const again = rejected?.sourceRows;
    const blobs = inputs.flatMap(({ blob }) => (unread.delete(blob) ? [blob] : []));
    if (blobs.length === 0) continue;
    const kept = again === undefined ? undefined : await requireBytes(store, place.container, again);
    const refused = new Set(kept ? placesIn(readTable(kept, again), again!) : []);
    await mapBounded(blobs, config.requestsInFlight, async (blob) => {
      const from = placesIn(readTable(await requireBytes(store, source.container, blob), blob), blob, placeColumns);
      for (const [row, one] of from.entries()) if (!refused.has(placeOf(blob, row))) taken.set(one, by);
    });
  }
  return { taken, unread: [...unread] };
}

const placeOf = (blob: string, row: unknown) => `row ${String(row)} of ${blob}`;

function placesIn(
  table: Table,
  name: string,
  columns: { _blob: string; _row: string } = { _blob: '_blob', _row: '_row' },
) {
  for (const column of Object.values(columns)) {
    if (!table.columns.some((one) => one.name === column)) {
      refuse(
        name,
        `has no column "${column}"`,
        'Keep _blob and _row of the rejected rows: they say where a row is from.',
      );
    }
  }
  const numbers = textsOf(table, columns._row);
  return textsOf(table, columns._blob).map((blob, row) => placeOf(blob, numbers[row]));
}

function textsOf(table: Table, name: string): string[] {
  const { type, values, valid } = table.columns.find((column) => column.name === name)!;
  const read = reader(type, 'any');
  return Array.from({ length: table.rows }, (_, row) => (valid?.[row] === 0 ? '' : String(read(values, row))));
}

/** Some rows of the table, as a source file: without the reasons, and with the places under names of their own. */
function columnsOf({ columns }: Table, at: readonly number[]): TableColumn[] {
  const rows = Int32Array.from(at);
  return columns
    .filter(({ name }) => name !== '_reason')
    .map(({ name, type, values, valid }) => ({
      name: name in placeColumns ? placeColumns[name as keyof typeof placeColumns] : name,
      type,
      values: gather(values, rows),
      valid: valid && Uint8Array.from(at, (row) => valid[row]!),
    }));
}

/**
 * Refused rows of a run on their way back: which of them may be taken in, and as which blobs. The command
 * `runs replay-rejects` calls it. No row may come in twice: each must be one that the run refused, that no replay has taken
 * in, and that none is taking in.
 */
import { createHash } from 'node:crypto';
import type { Manifest } from '../src/documents/manifest.ts';
import { publishedManifests } from '../src/documents/manifests.ts';
import type { Environment } from '../src/environment/environment.ts';
import { OrdinalError } from '../src/errors.ts';
import { holdersOf } from '../src/ledger/take-versions.ts';
import { reader } from '../src/parquet/logical.ts';
import { readTable, type Table, type TableColumn, writeTable } from '../src/parquet/table.ts';
import { gather } from '../src/parquet/values.ts';
import type { CompiledPipeline } from '../src/pipeline/compiled.ts';
import { foldersOf } from '../src/pipeline/folders.ts';
import { fateOf, ledgerOf } from '../src/plan/run-ledger.ts';
import { mapBounded, removeBlobs } from '../src/storage/in-flight.ts';
import { requireBytes } from '../src/storage/json.ts';
import { replaysOf } from '../src/storage/names.ts';
import type { BlobItem } from '../src/storage/store.ts';
import { unlessConflict } from '../src/storage/write-once.ts';

/** A blob of refused rows, to be put into the source. */
export interface ReplayBlob {
  blob: string;
  bytes: Uint8Array;
}

/** A replay that may be put into the source. */
export interface Replay {
  /** The run that takes the rows in. */
  runId: string;
  /** The run that refused them. */
  of: string;
  blobs: ReplayBlob[];
  /** Folders of the source that replays of that run may have blobs in. */
  folders: string[];
}

/** Columns of the rejected rows that say where a row is from, and what they are called in the replayed blob. */
const placeColumns = { _blob: '_from_blob', _row: '_from_row' } as const;
/** Key of a replayed blob's footer: the run that refused the rows. */
const replayOf = 'ordinal.replay';

const hash = (...texts: (string | Uint8Array)[]) => {
  const digest = createHash('sha256');
  for (const text of texts) digest.update(text);
  return digest.digest('hex');
};

const isReplayed = (blob: string) => /(^|\/)replay-[\da-f]{8}-[\da-f]{16}[^/]*$/.test(blob);

/** The ID of the run that takes rows in: the same rows are the same run. */
function replayRunId(runId: string, bytes: Uint8Array): string {
  return `${replaysOf(runId)}${hash(runId, bytes).slice(0, 16)}`;
}

/**
 * Divides refused rows into blobs of the source: one, or one for each folder where folders are columns. Blobs of earlier
 * replays of the run that nobody has read are given up: they are removed.
 * @param manifest of the run that refused them
 * @param given the rows that it kept, or mended ones
 * @param name where they come from, for errors
 * @throws OrdinalError `InvalidRequest` for a row that the run did not refuse, that is there twice, or was taken in already,
 *   and for a run that was withdrawn;
 *   `AlreadyRead` while a run is taking rows of an earlier replay in
 */
export async function prepareReplay(
  environment: Environment,
  pipeline: CompiledPipeline,
  manifest: Manifest,
  given: Uint8Array,
  name: string,
): Promise<Replay> {
  const { runId } = manifest;
  if (manifest.outcome === 'withdrawn') {
    throw new OrdinalError('InvalidRequest', `run "${runId}" was withdrawn: what it had read is new again`, {
      remedy: 'Start a run: it reads these rows again, and refuses those that the contract still refuses.',
    });
  }
  const { store } = environment;
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
  const folders = [...new Set(textsOf(whole, '_blob').map(folderOf))];
  checkReaders(environment, pipeline, folders);
  await refuseReplayed(environment, pipeline, textsOf(table, '_blob'), name);
  const { taken, unread } = await earlierReplays(environment, pipeline, runId, folders);
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
  await giveUp(
    environment,
    pipeline,
    runId,
    unread.filter(({ name: blob }) => !blob.endsWith(`/${file}`)),
  );
  const rows = new Map<string, number[]>();
  for (const [row, blob] of textsOf(table, '_blob').entries()) {
    const folder = folderOf(blob);
    rows.set(folder, [...(rows.get(folder) ?? []), row]);
  }
  const blobs = [...rows].map(([folder, at]) => ({
    blob: `${folder}${file}`,
    bytes: writeTable(columnsOf(table, at), { keyValues: { [replayOf]: runId } }),
  }));
  return { runId: own, of: runId, blobs, folders };
}

/**
 * Puts a replay into the source. Of two replays of one run at once, the one that sees the other takes its blobs back: both
 * write before they look, so one of them sees the other.
 * @param replay as `prepareReplay` gave it
 * @throws OrdinalError `AlreadyRead` when another replay of the same run is under way
 */
export async function putReplay(environment: Environment, pipeline: CompiledPipeline, replay: Replay): Promise<void> {
  const { store } = environment;
  const { container } = pipeline.source;
  const written: string[] = [];
  for (const { blob, bytes } of replay.blobs) {
    // At a conflict, the same rows are there already.
    if (await unlessConflict(store.write(container, blob, bytes, { ifAbsent: true }))) written.push(blob);
  }
  const { unread } = await earlierReplays(environment, pipeline, replay.of, replay.folders);
  const own = new Set(replay.blobs.map(({ blob }) => blob));
  const other = unread.find(({ name }) => !own.has(name));
  if (!other) return;
  for (const blob of written) await store.remove(container, blob);
  throw underWay(other.name, replay.of);
}

function underWay(blob: string, runId: string, by?: string): OrdinalError {
  const who = by === undefined ? 'another command' : `run "${by}"`;
  const message = `${who} is taking in rows that run "${runId}" refused ("${blob}")`;
  return new OrdinalError('AlreadyRead', message, {
    where: { blob },
    remedy: 'Wait until it has ended, and give the command again. Then it is known which rows are in.',
  });
}

/** Removes blobs of earlier replays that nobody has read. Who had claimed one before it was gone may have read it. */
async function giveUp(
  environment: Environment,
  pipeline: CompiledPipeline,
  runId: string,
  stale: readonly BlobItem[],
): Promise<void> {
  if (stale.length === 0) return;
  const { store, config } = environment;
  const { container } = pipeline.source;
  const versions = stale.map(({ name, etag }) => ({ blob: name, etag }));
  const refuseHeld = async () => {
    const holders = await holdersOf(ledgerOf(environment, pipeline), versions, fateOf(environment));
    const held = holders.findIndex((by) => by !== undefined);
    if (held >= 0) throw underWay(versions[held]!.blob, runId, holders[held]);
  };
  await refuseHeld();
  const names = stale.map(({ name }) => name);
  await removeBlobs(store, container, names, config.requestsInFlight);
  await refuseHeld();
}

const onlyItsRows = 'Give a file with mended rows of this run and no others.';
const onlyNewRows = 'Leave out rows that a replay has taken in, or replay what that run has refused.';

function refuse(name: string, what: string, remedy: string): never {
  throw new OrdinalError('InvalidRequest', `"${name}" ${what}`, { remedy });
}

/** Refuses rows that another run refused first: only by that run is it known which of them are in. */
async function refuseReplayed(
  environment: Environment,
  pipeline: CompiledPipeline,
  blobs: readonly string[],
  name: string,
): Promise<void> {
  const replayed = blobs.find(isReplayed);
  if (replayed === undefined) return;
  const { keyValues } = await readReplayed(environment, pipeline, replayed);
  const first = keyValues[replayOf] ?? 'unknown';
  refuse(
    name,
    `has rows of "${replayed}", which run "${first}" refused first`,
    `Replay them as rows of that run: runs replay-rejects ${first}.`,
  );
}

/** A blob of an earlier replay: without it nobody knows which rows that replay has brought. */
async function readReplayed({ store }: Environment, { source }: CompiledPipeline, blob: string): Promise<Table> {
  const bytes = await store.read(source.container, blob);
  if (bytes) return readTable(bytes, blob);
  throw new OrdinalError('StorageFailed', `"${source.container}/${blob}" is gone, and with it which rows it brought`, {
    where: { blob },
    remedy: 'Restore it. Keep the blobs of replays as long as rows of that run may be replayed.',
  });
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
  pipeline: CompiledPipeline,
  runId: string,
  folders: readonly string[],
): Promise<{ taken: Map<string, string>; unread: BlobItem[] }> {
  const { store, config } = environment;
  const { source } = pipeline;
  const prefixes = folders.map((folder) => `${folder}${replaysOf(runId)}`);
  const unread = new Map<string, BlobItem>();
  for (const prefix of prefixes)
    for await (const blob of store.list(source.container, prefix)) unread.set(blob.name, blob);
  const taken = new Map<string, string>();
  for (const { runId: by, inputs, rejected, output: place } of await publishedManifests(environment)) {
    const again = rejected?.sourceRows;
    const blobs = inputs.flatMap(({ blob }) => (prefixes.some((prefix) => blob.startsWith(prefix)) ? [blob] : []));
    if (blobs.length === 0) continue;
    for (const blob of blobs) unread.delete(blob);
    const kept = again === undefined ? undefined : await requireBytes(store, place.container, again);
    const refused = new Set(kept ? placesIn(readTable(kept, again), again!) : []);
    await mapBounded(blobs, config.requestsInFlight, async (blob) => {
      const from = placesIn(await readReplayed(environment, pipeline, blob), blob, placeColumns);
      for (const [row, one] of from.entries()) if (!refused.has(placeOf(blob, row))) taken.set(one, by);
    });
  }
  return { taken, unread: [...unread.values()] };
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

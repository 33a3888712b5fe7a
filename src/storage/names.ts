/**
 * The names of all blobs. Every name is a pure function of the run, so a repeated activity finds and writes the same
 * blobs. Two places:
 * - the output container holds what readers see: entity files and, under `_manifests/`, one manifest per run. Names
 *   that begin with `_` are skipped by Spark, DuckDB globs and ADF's wildcard folders;
 * - the work container holds what a run leaves for its next phase, and the key index.
 */
import { createHash } from 'node:crypto';
import { invariant } from '../errors.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';

const pad = (n: number, width: number) => String(n).padStart(width, '0');

/**
 * One life of a run, counted from 1. A run that failed or was ended is started again under its ID as its next life. What
 * a life writes or deletes carries the life in its name, so that no late request of one life can touch another.
 */
export interface Life {
  runId: string;
  life: number;
}

/**
 * The name of a life: of its orchestration instance, of its output files, and as owner of reservations and leases. The
 * first life has the run's own name. `~` is outside a run ID's alphabet, so no life has the name of another run.
 * @param of a life of a run
 * @returns the name
 */
export function lifeId({ runId, life }: Life): string {
  return life === 1 ? runId : `${runId}~${life}`;
}

/**
 * The life of that name; undefined for a name that is none, as those of helpers are.
 * @param id name of an orchestration instance
 * @returns the life, if it is one
 */
export function lifeOfId(id: string): Life | undefined {
  const [, runId, number] = /^([A-Za-z0-9][A-Za-z0-9_-]*)(?:~([1-9]\d*))?$/.exec(id) ?? [];
  if (runId === undefined || number === '1') return undefined;
  return { runId, life: Number(number ?? 1) };
}

/**
 * What the names of all replays of a run begin with, and of the source blobs that they put: those by which rows that the
 * run refused come back. The run's own ID may be as long as an ID can be.
 * @param runId the run that refused the rows
 * @returns the beginning of run IDs and of blob names without their folder
 */
export function replaysOf(runId: string): string {
  return `replay-${createHash('sha256').update(runId).digest('hex').slice(0, 8)}-`;
}

/** A keyed entity's rows of a run: of new keys, of keys that were known, of keys whose attributes changed, of unknown members. */
export type KeyedDatasetKind = 'new' | 'known' | 'changes' | 'unknown';

const tail = (dataset: KeyedDatasetKind) => (dataset === 'new' ? '' : `-${dataset}`);

/** What one life leaves for its next phases. */
const folderOf = ({ runId, life }: Life) => `runs/${runId}/${life}/`;

/** Times in names are counted down from here: 13 digits, enough until 2286. */
const START_MS_MAX = 9_999_999_999_999;

/** Blobs of the work container. */
export const work = {
  /** Everything that a life leaves for its next phases. */
  runPrefix: folderOf,
  /** Of all lives of a run. */
  runsPrefix: (runId: string) => `runs/${runId}/`,
  /** The plan: pinned blobs, batches, output schemas and files. */
  plan: (of: Life) => `${folderOf(of)}plan.json`,
  /** Some of the life's source files; `digest` is of all of them. */
  files: (of: Life, digest: string, part: number) => `${folderOf(of)}files/${digest}-${pad(part, 5)}.json`,
  /** The same before their footers were read, of many files. */
  listing: (of: Life, digest: string, part: number) => `${folderOf(of)}listing/${digest}-${pad(part, 5)}.json`,
  /**
   * What one split batch leaves: counts, chunk metadata of staged blocks, foreign-key dictionaries; refused rows; the
   * distinct keys of each keyed entity in first-seen order.
   */
  split: (of: Life, batch: number) => `${folderOf(of)}split/${pad(batch, 6)}.bin`,
  /** What all batches leave. */
  splitPrefix: (of: Life) => `${folderOf(of)}split/`,
  /** What a batch leaves that was split again, without files that other batches have found to be bad. */
  splitAgain: (of: Life, batch: number) => `${folderOf(of)}split-again/${pad(batch, 6)}.bin`,
  /** What all batches leave that were split again. */
  splitAgainPrefix: (of: Life) => `${folderOf(of)}split-again/`,
  /** Which batches are split again, and without which files. */
  setAside: (of: Life) => `${folderOf(of)}set-aside.json`,
  /** For one key partition of a keyed entity: batch-local key → ID, new ordinal, or none of its keys. */
  slots: (of: Life, entity: string, partition: number) =>
    `${folderOf(of)}resolved/${entity}-${pad(partition, 3)}.slots`,
  /** For one key partition of a keyed entity: the staged blocks of a dataset's rows. */
  resolved: (of: Life, entity: string, partition: number, dataset: KeyedDatasetKind) =>
    `${folderOf(of)}resolved/${entity}-${pad(partition, 3)}${tail(dataset)}.bin`,
  /** For one key partition of a keyed entity: what resolving it came to. */
  resolution: (of: Life, entity: string, partition: number) =>
    `${folderOf(of)}resolved/${entity}-${pad(partition, 3)}.json`,
  /** The ranges that the run's sequences gave it. */
  ids: (of: Life) => `${folderOf(of)}ids.json`,
  /** What one seal leaves: the complete metadata of its chunks. */
  sealed: (of: Life, tag: string) => `${folderOf(of)}sealed/${tag}.json`,
  /** What all seals leave. */
  sealedPrefix: (of: Life) => `${folderOf(of)}sealed/`,
  /** What publishing a file came to. */
  published: (of: Life, entity: string, part: number, dataset: KeyedDatasetKind = 'new') =>
    `${folderOf(of)}published/${entity}-${pad(part, 5)}${tail(dataset)}.json`,
  /** Which tasks of a short run have ended: what their records, which are in memory, would say of them. */
  taskNotes: (of: Life) => `${folderOf(of)}tasks.json`,
  /**
   * Whether a blob, or all blobs with that beginning of a name, is work that only later phases of the same life read. A
   * short run keeps them in memory. The plan and the source's files are none of them: they pin what is made again.
   */
  inProgress: (of: Life, name: string) => {
    const folder = folderOf(of);
    return (
      name.startsWith(folder) &&
      /^(split(-again)?\/|resolved\/|sealed\/|published\/|(ids|set-aside)\.json$)/.test(name.slice(folder.length))
    );
  },
  /** Whether a blob is what a life's plan has written down for good: the plan itself, and the source's files. */
  pinned: (of: Life, name: string) => {
    const folder = folderOf(of);
    return name.startsWith(folder) && /^(plan\.json$|files\/)/.test(name.slice(folder.length));
  },
  /** The identity of a pipeline's last published run. */
  identity: (pipeline: string) => `pipelines/${pipeline}.json`,
  /** What a dry run would write. */
  preview: (of: Life) => `${folderOf(of)}preview.json`,
  /** That a life of a run was asked for, and with which input. Decides who starts it: put if absent. */
  claim: ({ runId, life }: Life) => `lives/${runId}/${life}.json`,
  /** Of all lives of a run. */
  claims: (runId: string) => `lives/${runId}/`,
  claimPrefix: 'lives/',
  /**
   * That a life was claimed, and when: names in order list the newest first. `at` is the claim's time, in milliseconds
   * since 1970.
   */
  start: (of: Life, at: number) => `${work.startPrefix}${pad(START_MS_MAX - at, 13)}-${lifeId(of)}`,
  startPrefix: 'starts/',
  /** When each batch was worked on, and by whom: what is left of a life's times when its work is gone. */
  timeline: ({ runId, life }: Life) => `timelines/${runId}/${life}.json`,
  timelinePrefix: 'timelines/',
  /** A list of blobs that a run was started with: another list of the same run has another name. */
  selection: (runId: string, sha256: string) => `selections/${runId}/${sha256}.json`,
  selectionPrefix: 'selections/',
  /** That a run is withdrawn: what is left to do for it. */
  withdrawal: (runId: string) => `withdrawals/${runId}.json`,
  withdrawalPrefix: 'withdrawals/',
  /** That a version of a blob arrived; its name is a digest of the blob's name and ETag. */
  receipt: (pipeline: string, digest: string) => `arrivals/${pipeline}/received/${digest}`,
  /** All receipts of a pipeline. */
  receipts: (pipeline: string) => `arrivals/${pipeline}/received/`,
  /** Written to have the storage say what time it is. */
  arrivalClock: (pipeline: string) => `arrivals/${pipeline}/clock`,
  /** That an arrived blob is not what the pipeline reads. */
  refusal: (pipeline: string, digest: string) => `arrivals/${pipeline}/refused/${digest}.json`,
  arrivalPrefix: 'arrivals/',
};

/** Blobs of the output container. */
export const output = {
  /** An entity's folder. */
  folder: (pipeline: CompiledPipeline, entity: string) => `${pipeline.output.prefix}${entity}`,
  /** The files of one life of a run in an entity's folder. */
  wildcard: (of: Life) => `${lifeId(of)}-*.parquet`,
  /** A file of a rows entity. */
  part: (pipeline: CompiledPipeline, entity: string, of: Life, part: number) =>
    `${pipeline.output.prefix}${entity}/${lifeId(of)}-${pad(part, 5)}.parquet`,
  /**
   * A file of one of a keyed entity's datasets. Rows of known keys lie beside those of new ones; but in a folder of their
   * own where the entity's folder is a table, which they are no part of: a VACUUM of the table would remove them. Unknown
   * members lie in front of a run's other files.
   */
  keyed: (pipeline: CompiledPipeline, entity: string, of: Life, partition: number, dataset: KeyedDatasetKind) =>
    dataset === 'changes'
      ? `${pipeline.output.prefix}_changes/${entity}/${lifeId(of)}-${pad(partition, 5)}.parquet`
      : `${pipeline.output.prefix}${dataset === 'known' && pipeline.output.table ? '_known/' : ''}${entity}/${lifeId(of)}-${pad(partition, 5)}${tail(dataset)}.parquet`,
  /** The refused rows of a run. */
  rejectedRows: (pipeline: CompiledPipeline, of: Life) =>
    `${pipeline.output.prefix}_rejected_rows/${lifeId(of)}-${pad(0, 5)}.parquet`,
  /** The refused values of a run, with the reasons. */
  quarantine: (pipeline: CompiledPipeline, of: Life) =>
    `${pipeline.output.prefix}_quarantine/${lifeId(of)}-${pad(0, 5)}.parquet`,
  /** Beginnings of the names of all files that a life may have written: of some of other runs too. See `isFileOf`. */
  filePrefixes: (pipeline: CompiledPipeline, of: Life) => {
    const { prefix, table } = pipeline.output;
    const folders = pipeline.entities.flatMap(({ kind, name }) =>
      kind === 'keyed'
        ? [`${prefix}${name}/`, `${prefix}_changes/${name}/`, ...(table ? [`${prefix}_known/${name}/`] : [])]
        : [`${prefix}${name}/`],
    );
    return [...folders, `${prefix}_quarantine/`, `${prefix}_rejected_rows/`].map((folder) => `${folder}${lifeId(of)}-`);
  },
  /** The keys of an import, and its manifest. */
  importedKeys: (pipeline: CompiledPipeline, index: string, importId: string) =>
    `${pipeline.output.prefix}_imports/${index}/${importId}.parquet`,
  /** The manifest of an import of keys. */
  importManifest: (pipeline: CompiledPipeline, index: string, importId: string) =>
    `${pipeline.output.prefix}_imports/${index}/${importId}.json`,
  /** All imports that were published beside a pipeline's datasets. */
  importPrefix: (pipeline: CompiledPipeline) => `${pipeline.output.prefix}_imports/`,
  /** A run's manifest. */
  manifest: (pipeline: CompiledPipeline, runId: string) => `${pipeline.output.prefix}_manifests/${runId}.json`,
  /** `folder` is an entity's, or empty. */
  marker: (pipeline: CompiledPipeline, folder: string) => `${pipeline.output.prefix}${folder}_SUCCESS`,
  /** The folder of the table over an entity's rows, or over its changes, without a slash at its end. */
  table: (pipeline: CompiledPipeline, entity: string, dataset: 'rows' | 'changes') =>
    `${pipeline.output.prefix}${dataset === 'changes' ? '_changes/' : ''}${entity}`,
  /** Points to the manifest of the newest run. */
  latest: (pipeline: CompiledPipeline) => `${pipeline.output.prefix}_latest.json`,
  /** What is known of a pipeline's runs, for its views. */
  publishedRuns: (pipeline: CompiledPipeline) => `${pipeline.output.prefix}_current/runs.json`,
  /** The statement that makes the view of an entity's current rows. DuckDB's has the plain name. */
  current: (pipeline: CompiledPipeline, entity: string, engine: 'duckdb' | 'synapse' | 'spark') =>
    `${pipeline.output.prefix}_current/${entity}${engine === 'duckdb' ? '' : `.${engine}`}.sql`,
  /** All manifests of a pipeline. */
  manifestPrefix: (pipeline: CompiledPipeline) => `${pipeline.output.prefix}_manifests/`,
};

/**
 * The life and the time of its claim that the name of a start says.
 * @param name name of a blob under `starts/`
 * @returns the life and milliseconds since 1970; undefined for another name
 */
export function startOfName(name: string): (Life & { at: number }) | undefined {
  const [, digits, id = ''] = /^starts\/(\d{13})-(.+)$/.exec(name) ?? [];
  const of = lifeOfId(id);
  return digits === undefined || of === undefined ? undefined : { ...of, at: START_MS_MAX - Number(digits) };
}

/**
 * Whether an output file is of this very life: `a-1` is a run of its own, and no file of it is one of run `a`.
 * @param name name of the blob
 * @param of a life of a run
 * @returns true when that life wrote it
 */
export function isFileOf(of: Life, name: string): boolean {
  const own = `${lifeId(of)}-`;
  const file = name.slice(name.lastIndexOf('/') + 1);
  return file.startsWith(own) && /^\d{5}(-known|-unknown)?\.parquet$/.test(file.slice(own.length));
}

/** Names of what one seal leaves: that of a group of batches, or of a keyed entity's key partition. */
export const sealTag = {
  /** A group of batches of rows entities. */
  group: (group: number) => `g${pad(group, 6)}`,
  /** Rows of one dataset of a keyed entity, by key partition. */
  keyed: (entity: string, partition: number, dataset: KeyedDatasetKind) =>
    `k-${entity}-${pad(partition, 3)}${tail(dataset)}`,
};

/**
 * A block's id: `owner` (a batch number, or 0 for a keyed entity's own rows), its row group within that owner, and the
 * segment within the row group. A batch that is split without some of its files has other bytes, so each such revision of
 * it has blocks of other names. All ids of a blob have one length, as the service demands.
 * @param owner batch number, or 0 for a keyed entity's own rows
 * @param rowGroup row group within the owner
 * @param segment segment within the row group; `head` and `foot` are the file's
 * @param revision of the batch; 0 for one that reads all of its files
 * @returns the id in base64, as the service wants it
 */
export function blockId(
  owner: number,
  rowGroup: number,
  segment: number | 'head' | 'foot',
  revision: number = 0,
): string {
  if (revision > 0) return revisedId(revision, owner, rowGroup, placeOf(segment), 0);
  const tail = segment === 'head' ? 'head' : segment === 'foot' ? 'foot' : pad(segment, 4);
  return Buffer.from(`${pad(owner, 7)}.${pad(rowGroup, 6)}.${tail}`).toString('base64');
}

/** Segments have four digits; the head and the foot of a file get numbers beyond. */
function placeOf(segment: number | string): number {
  return segment === 'head' ? 10_000 : segment === 'foot' ? 10_001 : Number(segment);
}

/** As long as other ids, and never one of them. `length` is 0 for a single block. */
function revisedId(revision: number, owner: number, rowGroup: number, at: number, length: number): string {
  const id = `r${base36(revision, 2)}${base36(owner, 3)}${base36(rowGroup, 3)}${base36(at, 3)}${base36(length, 7)}`;
  return Buffer.from(id).toString('base64');
}

function base36(value: number, width: number): string {
  const digits = value.toString(36).padStart(width, '0');
  invariant(digits.length === width, `${value} has ${width} digits`);
  return digits;
}

/**
 * The id of several blocks that are staged as one. It says with which one they begin and how many bytes they have, so
 * that it names the same bytes whoever stages them, and it is never the id of a single block.
 * @param first id of the first of them, by `blockId`
 * @param length bytes of all
 * @returns the id in base64, as long as the others
 */
export function joinedBlockId(first: string, length: number): string {
  const text = Buffer.from(first, 'base64').toString();
  if (text.startsWith('r')) return Buffer.from(`${text.slice(0, -7)}${base36(length, 7)}`).toString('base64');
  const [owner, rowGroup, segment] = text.split('.') as [string, string, string];
  const id = `j${base36(Number(owner), 4)}${base36(Number(rowGroup), 4)}${base36(placeOf(segment), 3)}${base36(length, 7)}`;
  return Buffer.from(id).toString('base64');
}

/**
 * The log of a Delta table: which blobs it consists of, what its actions are, and the state that they add up to. `delta.ts`
 * calls it. It only reads. A log with a hole, or with a line that is no action, is refused: what a table holds must never
 * be guessed.
 *
 * Specification: Delta `PROTOCOL.md`, "Delta Log Entries", "Actions", "Action Reconciliation".
 */
import { OrdinalError } from '../errors.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { requireBytes } from '../storage/json.ts';
import { type Action, actionSchema, apply, type TableState } from './delta-actions.ts';
import { readCheckpoint } from './delta-checkpoint.ts';
import { keepState, takeState } from './kept-states.ts';
import type { TablePlace } from './table-format.ts';

const pad = (version: number) => String(version).padStart(20, '0');

export const logBlobs = {
  folder: ({ folder }: Pick<TablePlace, 'folder'>) => `${folder}/_delta_log/`,
  commit: (place: Pick<TablePlace, 'folder'>, version: number) => `${logBlobs.folder(place)}${pad(version)}.json`,
  checkpoint: (place: Pick<TablePlace, 'folder'>, version: number) =>
    `${logBlobs.folder(place)}${pad(version)}.checkpoint.parquet`,
  lastCheckpoint: (place: Pick<TablePlace, 'folder'>) => `${logBlobs.folder(place)}_last_checkpoint`,
};

/** A checkpoint by its blobs: one, or the parts that some writers cut it into. */
interface Checkpoint {
  version: number;
  blobs: string[];
}

interface LogListing {
  /** By version, ascending: the ETag of each commit. */
  commits: Map<number, string>;
  /** The newest complete checkpoint. */
  checkpoint?: Checkpoint;
  /** There are checkpoints of a form that is not read here. */
  hasOtherCheckpoints: boolean;
}

/** What there is of a log. */
export async function listLog(place: TablePlace): Promise<LogListing> {
  const commits: [version: number, etag: string][] = [];
  const checkpoints: Checkpoint[] = [];
  const parts = new Map<string, { version: number; of: number; blobs: string[] }>();
  let hasOtherCheckpoints = false;
  const folder = logBlobs.folder(place);
  for await (const { name, etag } of place.store.list(place.container, folder)) {
    const [, digits, tail] = /^(\d{20})\.(.+)$/.exec(name.slice(folder.length)) ?? [];
    if (digits === undefined || tail === undefined) continue;
    const version = Number(digits);
    const [, of] = /^checkpoint\.\d{10}\.(\d{10})\.parquet$/.exec(tail) ?? [];
    if (tail === 'json') commits.push([version, etag]);
    else if (tail === 'checkpoint.parquet') checkpoints.push({ version, blobs: [name] });
    else if (of !== undefined) {
      const whole = parts.get(`${digits}/${of}`) ?? { version, of: Number(of), blobs: [] };
      whole.blobs.push(name);
      parts.set(`${digits}/${of}`, whole);
    } else if (/^checkpoint\.[\da-f-]{36}\.(json|parquet)$/.test(tail)) hasOtherCheckpoints = true;
  }
  for (const { version, of, blobs } of parts.values()) if (blobs.length === of) checkpoints.push({ version, blobs });
  const newest = checkpoints.sort((a, b) => a.version - b.version).at(-1);
  const inOrder = new Map(commits.sort(([a], [b]) => a - b));
  return { commits: inOrder, ...(newest && { checkpoint: newest }), hasOtherCheckpoints };
}

/**
 * Reads a table's log: what this process has not read before, or all since the newest checkpoint.
 *
 * @throws OrdinalError `CorruptFile` when a version is missing, or a line is no action; `UnsupportedFile` when what is
 * missing is in checkpoints of a form that is not read here.
 */
export async function readState(place: TablePlace): Promise<TableState> {
  const listing = await listLog(place);
  const { commits, checkpoint, hasOtherCheckpoints } = listing;
  let next = (checkpoint?.version ?? -1) + 1;
  for (const version of commits.keys()) {
    if (version < next) continue;
    if (version > next)
      throw hasOtherCheckpoints ? otherCheckpoints(place) : damaged(place, `version ${next} is missing`);
    next++;
  }
  const state = stillThere(place, listing) ?? (await stateOfCheckpoint(place, checkpoint));
  const later = [...commits.keys()].filter((version) => version > state.version);
  const all = await mapBounded(later, place.requestsInFlight, (version) => readCommit(place, version));
  for (const [i, commit] of all.entries()) {
    if (!commit) throw damaged(place, `version ${later[i]} is missing`);
    addCommit(state, later[i]!, commit);
  }
  if (state.version >= 0 && !(state.protocol && state.metaData)) throw damaged(place, 'it states no columns');
  if (later.length > 0) keepState(place, state);
  return state;
}

/** The state that this process has kept, if the log begins with the commits that it was made of. */
function stillThere(place: TablePlace, { commits, checkpoint }: LogListing): TableState | undefined {
  const state = takeState(place);
  const from = checkpoint?.version ?? 0;
  if (!state || state.version < from) return undefined;
  const own = [...state.commits].filter(([version]) => version >= from);
  const same = own.every(([version, etag]) => commits.get(version) === etag);
  return same ? { ...state, commits: new Map(own) } : undefined;
}

async function stateOfCheckpoint(place: TablePlace, checkpoint: Checkpoint | undefined): Promise<TableState> {
  const state: TableState = {
    version: checkpoint?.version ?? -1,
    commits: new Map(),
    transactions: new Map(),
    files: new Map(),
    removed: new Map(),
  };
  for (const blob of checkpoint?.blobs ?? []) {
    const bytes = await requireBytes(place.store, place.container, blob);
    for (const action of await readCheckpoint(bytes, blob)) apply(state, checked(action, blob));
  }
  return state;
}

/** A commit's actions, and the version of its blob. */
export interface Commit {
  actions: Action[];
  etag: string;
}

/** Adds the commit that follows. */
export function addCommit(state: TableState, version: number, { actions, etag }: Commit): void {
  for (const action of actions) apply(state, action);
  state.version = version;
  state.commits.set(version, etag);
}

/** One commit; undefined when there is none of this version. */
export async function readCommit(place: TablePlace, version: number): Promise<Commit | undefined> {
  const name = logBlobs.commit(place, version);
  const there = await place.store.readVersion(place.container, name);
  if (!there) return undefined;
  const lines = Buffer.from(there.bytes)
    .toString('utf8')
    .split('\n')
    .filter((line) => line.trim() !== '');
  const actions = lines.map((line) => {
    let action: unknown;
    try {
      action = JSON.parse(line);
    } catch {
      throw damaged(place, `"${name}" has a line that is not JSON`);
    }
    return checked(action, name);
  });
  return { actions, etag: there.etag };
}

function checked(action: unknown, blob: string): Action {
  const parsed = actionSchema.safeParse(action);
  if (parsed.success) return parsed.data;
  throw new OrdinalError('CorruptFile', `"${blob}" has a line that is no action: ${parsed.error.issues[0]?.message}`, {
    where: { blob },
    remedy: REPAIR,
  });
}

function otherCheckpoints({ folder }: Pick<TablePlace, 'folder'>): OrdinalError {
  return new OrdinalError('UnsupportedFile', `table "${folder}" has the feature v2Checkpoint`, {
    where: { blob: `${folder}/_delta_log/` },
    remedy: 'Take that from the table; or leave it to its other writers, and give the pipeline another output.',
  });
}

export const REPAIR = 'Make the log anew from manifests: npm run ordinal -- delta repair PIPELINE.';

export function damaged({ folder }: Pick<TablePlace, 'folder'>, what: string): OrdinalError {
  return new OrdinalError('CorruptFile', `the log of table "${folder}" is damaged: ${what}`, {
    where: { blob: `${folder}/_delta_log/` },
    remedy: REPAIR,
  });
}

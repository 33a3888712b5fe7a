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
  /** Versions of commits, ascending. */
  commits: number[];
  /** The newest complete checkpoint. */
  checkpoint?: Checkpoint;
}

/** What there is of a log. */
export async function listLog(place: TablePlace): Promise<LogListing> {
  const commits: number[] = [];
  const checkpoints: Checkpoint[] = [];
  const parts = new Map<string, { version: number; of: number; blobs: string[] }>();
  const folder = logBlobs.folder(place);
  for await (const { name } of place.store.list(place.container, folder)) {
    const [, digits, tail] = /^(\d{20})\.(.+)$/.exec(name.slice(folder.length)) ?? [];
    if (digits === undefined || tail === undefined) continue;
    const version = Number(digits);
    const [, of] = /^checkpoint\.\d{10}\.(\d{10})\.parquet$/.exec(tail) ?? [];
    if (tail === 'json') commits.push(version);
    else if (tail === 'checkpoint.parquet') checkpoints.push({ version, blobs: [name] });
    else if (of !== undefined) {
      const whole = parts.get(`${digits}/${of}`) ?? { version, of: Number(of), blobs: [] };
      whole.blobs.push(name);
      parts.set(`${digits}/${of}`, whole);
    }
  }
  for (const { version, of, blobs } of parts.values()) if (blobs.length === of) checkpoints.push({ version, blobs });
  const newest = checkpoints.sort((a, b) => a.version - b.version).at(-1);
  return { commits: commits.sort((a, b) => a - b), ...(newest && { checkpoint: newest }) };
}

/**
 * Reads a table's log.
 *
 * @throws OrdinalError `CorruptFile` when a version is missing, or a line is no action.
 */
export async function readState(place: TablePlace): Promise<TableState> {
  const { commits, checkpoint } = await listLog(place);
  const state: TableState = {
    version: checkpoint?.version ?? -1,
    checkpoint: checkpoint?.version ?? -1,
    transactions: new Map(),
    files: new Map(),
    removed: new Map(),
  };
  if (checkpoint) {
    for (const blob of checkpoint.blobs) {
      const bytes = await requireBytes(place.store, place.container, blob);
      for (const action of await readCheckpoint(bytes, blob)) apply(state, checked(action, blob));
    }
  }
  const later = commits.filter((version) => version > state.version);
  later.forEach((version, i) => {
    if (version !== state.version + 1 + i) throw damaged(place, `version ${state.version + 1 + i} is missing`);
  });
  const all = await mapBounded(later, place.requestsInFlight, (version) => readCommit(place, version));
  for (const [i, actions] of all.entries()) {
    for (const action of actions) apply(state, action);
    state.version = later[i]!;
  }
  if (state.version >= 0 && !(state.protocol && state.metaData)) throw damaged(place, 'it states no columns');
  return state;
}

/** The actions of one commit. */
export async function readCommit(place: TablePlace, version: number): Promise<Action[]> {
  const name = logBlobs.commit(place, version);
  const text = Buffer.from(await requireBytes(place.store, place.container, name)).toString('utf8');
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  return lines.map((line) => {
    let action: unknown;
    try {
      action = JSON.parse(line);
    } catch {
      throw damaged(place, `"${name}" has a line that is not JSON`);
    }
    return checked(action, name);
  });
}

function checked(action: unknown, blob: string): Action {
  const parsed = actionSchema.safeParse(action);
  if (parsed.success) return parsed.data;
  throw new OrdinalError('CorruptFile', `"${blob}" has a line that is no action: ${parsed.error.issues[0]?.message}`, {
    where: { blob },
    remedy: REPAIR,
  });
}

export const REPAIR = 'Make the log anew from manifests: npm run ordinal -- delta repair PIPELINE.';

export function damaged({ folder }: Pick<TablePlace, 'folder'>, what: string): OrdinalError {
  return new OrdinalError('CorruptFile', `the log of table "${folder}" is damaged: ${what}`, {
    where: { blob: `${folder}/_delta_log/` },
    remedy: REPAIR,
  });
}

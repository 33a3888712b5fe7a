/**
 * Delta Lake tables: `TableFormat` over a log of JSON commits. A commit is one blob that is put if it is absent; so of
 * those who race for a version one wins, and the others read what it did and try the next. Nothing is ever done twice,
 * because a commit names what it did (`txn`).
 *
 * Specification: Delta `PROTOCOL.md`. Written are protocol 1/2, or 3/7 with `timestampNtz`.
 */
import { OrdinalError } from '../errors.ts';
import { deltaType, refusedColumnName } from '../pipeline/delta-types.ts';
import { mapBounded } from '../storage/in-flight.ts';
import { unlessConflict } from '../storage/write-once.ts';
import type { Action, TableState } from './delta-actions.ts';
import { writeCheckpoint } from './delta-checkpoint.ts';
import { columnsOf, isOwn, mustFit, sameType, withColumns } from './delta-columns.ts';
import { needsWhat } from './delta-features.ts';
import { addCommit, listLog, logBlobs, readCommit, readState } from './delta-log.ts';
import { deltaStatistics } from './delta-statistics.ts';
import { keepState } from './kept-states.ts';
import type { Rewrite, TableChange, TableColumn, TableFormat, TablePlace, TableTransaction } from './table-format.ts';

/** Commits between two checkpoints. */
export const COMMITS_PER_CHECKPOINT = 100;
/** Races in a row that a commit may lose. */
const RACES_MAX = 50;
const ENGINE = 'Ordinal';

class DeltaTransaction implements TableTransaction {
  readonly #place: TablePlace;
  #state: TableState;
  #wanted: TableColumn[] = [];
  readonly #changes: TableChange[] = [];

  constructor(place: TablePlace, state: TableState) {
    this.#place = place;
    this.#state = state;
  }

  get columns(): TableColumn[] | undefined {
    const { metaData } = this.#state;
    return metaData && columnsOf(metaData);
  }

  get files(): ReadonlySet<string> {
    return new Set([...this.#state.files.values()].map(({ path }) => nameOf(path)));
  }

  has(app: string, version: number): boolean {
    return (this.#state.transactions.get(app) ?? -1) >= version;
  }

  setColumns(columns: readonly TableColumn[]): void {
    this.#wanted = [...columns];
    withColumns(this.#place, this.#state, this.#wanted, 0);
  }

  add(change: TableChange): void {
    const columns = new Map((this.columns ?? []).map(({ name, type }) => [name, type]));
    for (const { name, type } of this.#wanted) columns.set(name, columns.get(name) ?? type);
    for (const file of change.add ?? []) mustFit(this.#place, file, columns);
    this.#changes.push(change);
  }

  async commit(): Promise<number | undefined> {
    const place = this.#place;
    for (let races = 0; ; races++) {
      const now = Date.now();
      const actions = this.#actions(now);
      if (actions.length === 0) return undefined;
      const version = this.#state.version + 1;
      const lines = actions.map((action) => `${JSON.stringify(action)}\n`).join('');
      const options = { ifAbsent: true, contentType: 'application/json' };
      const name = logBlobs.commit(place, version);
      const written = await unlessConflict(place.store.write(place.container, name, Buffer.from(lines), options));
      if (written) {
        addCommit(this.#state, version, { actions, etag: written.etag });
        keepState(place, this.#state);
        await this.#checkpoint(now);
        return version;
      }
      if (races >= RACES_MAX) {
        const message = `others keep committing to table "${place.folder}"`;
        throw new OrdinalError('StorageConflict', message, { retryable: true });
      }
      await this.#catchUp(version);
    }
  }

  /** Reads what others have committed. */
  async #catchUp(from: number): Promise<void> {
    for (let version = from; ; version++) {
      const commit = await readCommit(this.#place, version);
      if (!commit) break;
      addCommit(this.#state, version, commit);
    }
    mustUnderstand(this.#place, this.#state);
  }

  /** What is left to commit, by the state as it is known. */
  #actions(now: number): Action[] {
    const shaped = withColumns(this.#place, this.#state, this.#wanted, now);
    const done: Action[] = [];
    for (const { app, version, add = [], remove, unless } of this.#changes) {
      if (this.has(app, version) || (unless && this.has(unless.app, unless.version))) continue;
      done.push({ txn: { appId: app, version, lastUpdated: now } });
      for (const { name, bytes, publishedAt, footer } of add) {
        const stats = deltaStatistics(footer);
        const common = { partitionValues: {}, size: bytes, modificationTime: publishedAt, dataChange: true, stats };
        done.push({ add: { path: encodeURIComponent(name), ...common } });
      }
      if (remove) done.push(...this.#removes(remove, now));
    }
    // Of a table that has no columns yet there is nothing to say.
    if (shaped.length === 0 && (done.length === 0 || !this.#state.metaData)) return [];
    return [commitInfo(shaped, done, now), ...shaped, ...done];
  }

  #removes(wanted: (name: string) => boolean, now: number): Action[] {
    const { files, metaData } = this.#state;
    const gone = [...files.values()].filter(({ path }) => wanted(nameOf(path)));
    if (gone.length > 0 && metaData?.configuration?.['delta.appendOnly'] === 'true') {
      throw new OrdinalError('UnsupportedFile', `table "${this.#place.folder}" is append-only: no file may leave it`, {
        where: { blob: logBlobs.folder(this.#place) },
        remedy: "Set the table's property delta.appendOnly to false.",
      });
    }
    return gone.map(({ path, size, partitionValues, deletionVector }) => ({
      remove: {
        ...{ path, deletionTimestamp: now, dataChange: true, extendedFileMetadata: true },
        ...{ partitionValues: partitionValues ?? {}, size, ...(deletionVector && { deletionVector }) },
      },
    }));
  }

  /** Every so many commits. Others make checkpoints of tables that have more than this code writes. */
  async #checkpoint(now: number): Promise<void> {
    const { version, protocol, files } = this.#state;
    if (version === 0 || version % COMMITS_PER_CHECKPOINT !== 0 || !isOwn(protocol!)) return;
    const { store, container } = this.#place;
    const { bytes, size } = writeCheckpoint(this.#state, now);
    const options = { ifAbsent: true, contentType: 'application/vnd.apache.parquet' };
    try {
      await store.write(container, logBlobs.checkpoint(this.#place, version), bytes, options);
      const last = { version, size, sizeInBytes: bytes.byteLength, numOfAddFiles: files.size };
      await store.write(container, logBlobs.lastCheckpoint(this.#place), Buffer.from(JSON.stringify(last)));
    } catch (thrown) {
      // The commit counts without it. Somebody else may have made it, too.
      if (!(thrown instanceof OrdinalError)) throw thrown;
    }
  }
}

/** A file's name by the path of an action: a URI, relative to the table. */
function nameOf(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function mustUnderstand(place: TablePlace, { protocol, metaData }: TableState): void {
  if (!protocol || !metaData) return;
  const needs = needsWhat(protocol, metaData);
  if (needs === undefined) return;
  throw new OrdinalError('UnsupportedFile', `table "${place.folder}" ${needs}`, {
    where: { blob: logBlobs.folder(place) },
    remedy: 'Take that from the table; or leave it to its other writers, and give the pipeline another output.',
  });
}

function commitInfo(shaped: readonly Action[], done: readonly Action[], now: number): Action {
  const created = shaped.some(({ metaData }) => metaData) && done.length === 0;
  const removes = done.some(({ remove }) => remove);
  return {
    commitInfo: {
      timestamp: now,
      operation: created ? 'SET COLUMNS' : removes ? 'REMOVE' : 'WRITE',
      operationParameters: created || removes ? {} : { mode: 'Append' },
      isBlindAppend: !removes,
      engineInfo: ENGINE,
    },
  };
}

export const delta: TableFormat = {
  storedType(type) {
    const made = deltaType(type);
    return 'refused' in made ? made : { type: made.stored };
  },

  same: sameType,

  refusedName: refusedColumnName,

  async begin(place) {
    const state = await readState(place);
    mustUnderstand(place, state);
    return new DeltaTransaction(place, state);
  },

  async rewrites(place): Promise<Rewrite[]> {
    const { commits } = await listLog(place);
    const all = await mapBounded(commits.keys(), place.requestsInFlight, async (version): Promise<Rewrite[]> => {
      // A cleaner of logs may have been faster.
      const { actions } = (await readCommit(place, version)) ?? { actions: [] };
      const info = actions.find((action) => action.commitInfo)?.commitInfo;
      if (info?.engineInfo === ENGINE) return [];
      return actions.flatMap(({ remove }) =>
        remove ? [{ name: nameOf(remove.path), version, operation: info?.operation ?? 'another writer' }] : [],
      );
    });
    return all.flat();
  },

  async repair(place) {
    const listed = place.store.list(place.container, logBlobs.folder(place));
    const names = await Array.fromAsync(listed, ({ name }) => name);
    // First what points to a checkpoint, then from the oldest on: a reader in between finds no table, and no older one.
    const last = logBlobs.lastCheckpoint(place);
    if (await place.store.remove(place.container, last)) names.splice(names.indexOf(last), 1);
    for (const name of names) await place.store.remove(place.container, name);
    return names.length;
  },
};

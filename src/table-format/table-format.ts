/**
 * The one interface between what runs publish and a table format: begin, add files, commit, repair. `delta.ts` implements
 * it; another format would too. `src/tables` says what belongs to a table, and `src/plan` which columns it has. A format
 * knows no runs and no manifests.
 */
import type { ColumnType, FileMeta } from '../parquet/types.ts';
import type { BlobStore } from '../storage/store.ts';

/** Where a table is: a folder of a container, without a slash at its end. */
export interface TablePlace {
  store: BlobStore;
  container: string;
  folder: string;
  /** Requests under way at a time. */
  requestsInFlight: number;
}

/** A column of a table, by the Parquet type that its files have. */
export interface TableColumn {
  name: string;
  type: ColumnType;
}

/** A file that is added: a whole file, directly in the table's folder. */
export interface TableFile {
  /** Its name in the folder. */
  name: string;
  bytes: number;
  /** Milliseconds of the epoch. */
  publishedAt: number;
  footer: FileMeta;
}

/**
 * Files that come or go together, once. `app` and `version` name the change: what a table has seen of an app under this
 * version, or a higher one, is not done again.
 */
export interface TableChange {
  app: string;
  version: number;
  add?: readonly TableFile[];
  /** Files to take out of the table, if they are in it. */
  remove?: (name: string) => boolean;
  /** The change is not made when this app has been seen under this version or a higher one. */
  unless?: { app: string; version: number };
}

/** A table as it was when it was read, and what is to be committed to it. */
export interface TableTransaction {
  /** Its columns, as their type in files; undefined when there is no table yet. */
  readonly columns: readonly TableColumn[] | undefined;
  /** Names of the files that are in the table. */
  readonly files: ReadonlySet<string>;
  /** Whether a change of this name was made. */
  has(app: string, version: number): boolean;
  /**
   * Has the table have these columns, beside those that it has.
   * @throws `ColumnTypeMismatch` when it has a column of another type
   */
  setColumns(columns: readonly TableColumn[]): void;
  /** Adds a change. Nothing is written before `commit`. */
  add(change: TableChange): void;
  /**
   * Writes what was added, at once or not at all. Whoever was faster is read again, and nothing is done twice.
   * @returns the version of the table then; undefined when there was nothing left to write
   * @throws `StorageConflict` (retryable) when others keep being faster
   */
  commit(): Promise<number | undefined>;
}

/** What a file of a table was replaced by, and when. */
export interface Rewrite {
  name: string;
  /** The table's version that took the file out. */
  version: number;
  /** What was done, as the one who did it calls it: `OPTIMIZE`, `DELETE`. */
  operation: string;
}

export interface TableFormat {
  /** The type that files must have for a column; or why no table can have it. */
  storedType(type: ColumnType): { type: ColumnType } | { refused: string };
  /** Whether a column of a table may have both types, from file to file. */
  same(one: ColumnType, other: ColumnType): boolean;
  /** Why no table can have a column of this name; undefined when it can. */
  refusedName(name: string): string | undefined;
  /**
   * Reads a table.
   * @throws `CorruptFile` when its log is damaged, `UnsupportedFile` when it needs what this format does not do
   */
  begin(place: TablePlace): Promise<TableTransaction>;
  /** Files that others took out of a table, as far as its log still says. */
  rewrites(place: TablePlace): Promise<Rewrite[]>;
  /** Removes the log of a table, so that the next commits make it anew. The files of the table stay. */
  repair(place: TablePlace): Promise<number>;
}

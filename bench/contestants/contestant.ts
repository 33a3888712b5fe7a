/**
 * What each contestant is to the harness: a module with `open`, run in a process of its own (`process.ts`), so that
 * its memory and its libraries are nobody else's.
 */

/** Names of the data sets. */
export type SetName = 'flights' | 'sales';

export type Engine = 'ordinal' | 'duckdb' | 'duckdb-checked' | 'polars' | 'dsnp';

export interface Work {
  set: SetName;
  /** Path of the source file. */
  source: string;
  threads: number;
  /** Set where the source is a folder of many files: their number, and rows of each. */
  many?: { files: number; rows: number };
  /** Of the set `daily`: `<container>/<blob>` of the keys that are known, and the largest of their IDs. */
  known?: { source: string; lastId: number };
  /** Connection string of the account that the source comes from and outputs go to. @default local files */
  storage?: string;
  /** The process that serves that account. */
  storagePid?: number;
}

export interface RunResult {
  /** Published files by entity, one or several in order. */
  files: Record<string, string[]>;
  /** Calls that would be requests to a blob service; absent where there is no such thing. */
  requests?: number;
  /** Bytes through the blob store; where there is none, what the process's system calls have read and written. */
  bytesRead?: number;
  bytesWritten?: number;
  /** Milliseconds by phase. */
  phases?: Record<string, number>;
}

export interface Contestant {
  /** Splits the source into files below `folder`, which is empty and the run's own. */
  run(folder: string): Promise<RunResult>;
}

export interface ContestantModule {
  open(work: Work): Promise<Contestant>;
}

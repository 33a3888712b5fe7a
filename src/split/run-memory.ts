/**
 * Memory that the batches of one run share in a process: the string pools of its columns, and buffers that the next
 * batch uses again. Splits, the resolve and the seal take it, and give it back when the run needs it no more. New
 * memory costs page faults, and garbage collection counts it. What is kept here must never be part of a result.
 */
import { KeyTable } from '../keys/table.ts';
import { StringPool } from './contract/string-pool.ts';

/** Batches whose memory is kept for others: as many as usually run side by side in a process. */
const SPARE_MAX = 2;
/** Larger lists and tables are not kept. */
const LIST_LENGTH_MAX = 4 * 1024 * 1024;
const TABLE_BYTES_MAX = 16 * 1024 * 1024;

export class RunMemory {
  readonly #pools = new Map<string, StringPool>();
  readonly #spare: BatchMemory[] = [];

  /** The pool of a contract column. */
  pool(column: string): StringPool {
    let pool = this.#pools.get(column);
    if (!pool) {
      pool = new StringPool();
      this.#pools.set(column, pool);
    }
    return pool;
  }

  takeBatch(): BatchMemory {
    return this.#spare.pop() ?? new BatchMemory(this);
  }

  /** The batch is done, and nothing that was made in its memory is used any more. */
  giveBatch(memory: BatchMemory): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(memory);
  }
}

export class BatchMemory {
  readonly run: RunMemory;
  readonly #tables = new Map<string, KeyTable>();
  readonly #lists: Int32Array[] = [];
  #given = 0;

  constructor(run: RunMemory) {
    this.run = run;
  }

  /** An empty table for an entity's keys, once a batch. */
  table(entity: string): KeyTable {
    let table = this.#tables.get(entity);
    if (!table || table.byteLength > TABLE_BYTES_MAX) {
      table = new KeyTable();
      this.#tables.set(entity, table);
    } else table.clear();
    return table;
  }

  /** A unit begins: the lists that were given to the last one are nobody's. */
  beginUnit(): void {
    this.#given = 0;
  }

  /** A list for the unit, with whatever was in it before. */
  list(length: number): Int32Array {
    if (length > LIST_LENGTH_MAX) return new Int32Array(length);
    const at = this.#given++;
    let list = this.#lists[at];
    if (!list || list.length < length) {
      list = new Int32Array(length);
      this.#lists[at] = list;
    }
    return list.length === length ? list : list.subarray(0, length);
  }
}

/** Runs whose memory a process keeps: another one's splits end the oldest's. */
const RUNS_MAX = 2;

/** The run used last is the last. */
const memories = new Map<object, RunMemory>();

/** The memory of `run`, an object that the run's splits share. */
export function memoryOf(run: object): RunMemory {
  const memory = memories.get(run) ?? new RunMemory();
  memories.delete(run);
  memories.set(run, memory);
  for (const oldest of memories.keys()) {
    if (memories.size <= RUNS_MAX) break;
    memories.delete(oldest);
  }
  return memory;
}

/** Gives a run's memory back: its splits are over. A straggler makes it anew. */
export function forgetMemory(run: object): void {
  memories.delete(run);
}

/** Gives the memory of all runs back. */
export function forgetAllMemory(): void {
  memories.clear();
}

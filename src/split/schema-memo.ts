/**
 * What a schema made of strings that earlier row groups held. Schemas are pure, the same strings come again and again,
 * and a look-up by bytes costs a tenth of decoding a string and running zod on it. Kept per run and process, and bounded.
 */
import { KeyTable } from '../keys/table.ts';

/** Bounds of one column's memory: what comes after them runs through the schema every time. */
const ENTRIES_MAX = 1 << 20;
const BYTES_MAX = 64 * 1024 * 1024;

/** Look-ups after which a memory shows whether it is worth its room, and the share of hits below which it is not. */
const TRIAL_LOOKUPS = 131_072;
const HIT_SHARE_MIN = 0.1;

/** The schema accepts the string and leaves it. */
export const SAME = -1;

export class SchemaMemo {
  #inputs = new KeyTable();
  /** By input: `SAME`, or the output's number. */
  #outcomes = new Int32Array(1024);
  outputs = new KeyTable();
  #lookups = 0;
  #hits = 0;
  #abandoned = false;

  /**
   * Whether it pays to ask, for the distinct strings of another row group: a column of order numbers hardly repeats
   * from one group to the next, and is forgotten at once.
   */
  get worthwhile(): boolean {
    if (!this.#abandoned && this.#lookups > TRIAL_LOOKUPS && this.#hits < this.#lookups * HIT_SHARE_MIN) {
      this.#abandoned = true;
      this.#inputs = new KeyTable();
      this.outputs = new KeyTable();
    }
    return !this.#abandoned;
  }

  /** `SAME`, the number of the output in `outputs`, or undefined when the string is new. */
  find(bytes: Uint8Array, start: number, end: number): number | undefined {
    const input = this.#inputs.find(bytes, start, end);
    this.#lookups++;
    if (input >= 0) this.#hits++;
    return input < 0 ? undefined : this.#outcomes[input]!;
  }

  /** Remembers an accepted string. Returns what `find` will. Undefined when the memory is full. */
  add(bytes: Uint8Array, start: number, end: number, output: Uint8Array | undefined): number | undefined {
    if (this.#inputs.size >= ENTRIES_MAX || this.#inputs.byteLength + this.outputs.byteLength > BYTES_MAX)
      return undefined;
    const input = this.#inputs.intern(bytes, start, end);
    if (input >= this.#outcomes.length) {
      const larger = new Int32Array(this.#outcomes.length * 2);
      larger.set(this.#outcomes);
      this.#outcomes = larger;
    }
    const outcome = output === undefined ? SAME : this.outputs.intern(output);
    this.#outcomes[input] = outcome;
    return outcome;
  }
}

const memos = new WeakMap<object, Map<string, SchemaMemo>>();

/** The memory of a contract column among the units that share `run`, any object that lives as long as the run's plan. */
export function memoOf(run: object, column: string): SchemaMemo {
  let columns = memos.get(run);
  if (!columns) {
    columns = new Map();
    memos.set(run, columns);
  }
  let memo = columns.get(column);
  if (!memo) {
    memo = new SchemaMemo();
    columns.set(column, memo);
  }
  return memo;
}

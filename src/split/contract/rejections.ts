/**
 * The rows of a unit that the contract refuses, and why. Columns and checks of rows note them here, where the pipeline
 * sets refused rows aside. Without that, the first refused row fails the run and nothing comes here.
 */
import { shown } from './js-view.ts';

export interface Rejection {
  /** Row within the unit. */
  row: number;
  column: string;
  /** The refused value as a short text; null for null. */
  value: string | null;
  reason: string;
}

/** Characters of a refused value that are kept. */
const VALUE_LENGTH_MAX = 1000;

function textOf(value: unknown): string | null {
  if (value === null) return null;
  return typeof value === 'string' ? value.slice(0, VALUE_LENGTH_MAX) : shown(value);
}

export class Rejections {
  readonly list: Rejection[] = [];
  readonly #rows: number;
  #accepted: Uint8Array | undefined;

  constructor(rows: number) {
    this.#rows = rows;
  }

  add(row: number, column: string, value: unknown, reason: string): void {
    this.#accepted ??= new Uint8Array(this.#rows).fill(1);
    this.#accepted[row] = 0;
    this.list.push({ row, column, value: textOf(value), reason });
  }

  /** 1 for each row that nothing speaks against; undefined while nothing was refused at all. */
  get accepted(): Uint8Array | undefined {
    return this.#accepted;
  }
}

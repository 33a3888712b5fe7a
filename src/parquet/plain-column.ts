/**
 * Puts the values of pages, which leave nulls out, in their rows. Values of fixed width go straight to their place in
 * one array; byte arrays are kept by page and joined at the end. `decode.ts` calls it.
 */
import { limits } from '../limits.ts';
import { widthOf } from './constants.ts';
import type { Validity } from './levels.ts';
import { plainBytes } from './plain.ts';
import type { ColumnType, Values } from './types.ts';
import { allocate, byteLength, bytesOf, checkBytes, concat } from './values.ts';

/** A column in plain form, page by page. */
export class PlainColumnBuilder {
  readonly #type: ColumnType;
  readonly #rows: number;
  readonly #validity: Validity;
  /** Pages of byte arrays. */
  readonly #pieces: Values[] = [];
  /** Values of fixed width, without nulls up to now. */
  readonly #fixed: Values | undefined;
  /** Bytes of values so far. */
  #filled = 0;

  constructor(type: ColumnType, rows: number, validity: Validity) {
    this.#type = type;
    this.#rows = rows;
    this.#validity = validity;
    this.#fixed = type.physical === 'BYTE_ARRAY' ? undefined : allocate(type, rows);
  }

  /** Whether `addPlain` can take the column's PLAIN pages. */
  get takesPlain(): boolean {
    return this.#type.physical !== 'BYTE_ARRAY' && this.#type.physical !== 'BOOLEAN';
  }

  /**
   * Adds the non-null values of the next page.
   * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
   */
  add(values: Values): void {
    const length = byteLength(values);
    if (this.#fixed) this.#place(bytesOf(values.data).subarray(0, length));
    else {
      this.#filled += length;
      checkBytes(this.#filled, limits.columnBytesMax);
      this.#pieces.push(values);
    }
  }

  /**
   * Adds `count` values of fixed width from PLAIN bytes [start, end).
   * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
   */
  addPlain(bytes: Uint8Array, start: number, end: number, count: number): void {
    this.#place(plainBytes(this.#type, bytes, start, end, count));
  }

  /**
   * One value per row; null rows hold zero or an empty value.
   * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
   */
  finish(): Values {
    const { valid, nulls } = this.#validity;
    const marks = nulls > 0 ? valid : undefined;
    if (this.#fixed) {
      if (marks)
        spreadFixed(this.#fixed, this.#rows, this.#filled, marks, widthOf(this.#type.physical, this.#type.typeLength));
      return this.#fixed;
    }
    const only = this.#pieces.length === 1 ? this.#pieces[0] : undefined;
    const compact = only ?? concat(this.#type, this.#pieces);
    return marks && compact.kind === 'bytes' ? spreadBytes(compact, marks, this.#rows) : compact;
  }

  #place(bytes: Uint8Array): void {
    bytesOf(this.#fixed!.data).set(bytes, this.#filled);
    this.#filled += bytes.length;
  }
}

function spreadBytes(compact: Values & { kind: 'bytes' }, valid: Uint8Array, rows: number): Values {
  const offsets = new Uint32Array(rows + 1);
  for (let r = 0, k = 0; r < rows; r++) {
    if (valid[r] !== 0) k++;
    offsets[r + 1] = compact.offsets[k]!;
  }
  return { kind: 'bytes', length: rows, data: compact.data, offsets };
}

/**
 * Moves values that lie together in the first `filled` bytes to the rows that `valid` marks, from the last to the
 * first, so that none is overwritten before it has moved. Widths of whole words move by words, which keeps every bit.
 */
function spreadFixed(values: Values, rows: number, filled: number, valid: Uint8Array, width: number): void {
  if (width === 0) return;
  const bytes = bytesOf(values.data);
  const wordwise = width % 4 === 0 && bytes.byteOffset % 4 === 0;
  const units = wordwise ? new Int32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2) : bytes;
  const step = wordwise ? width >>> 2 : width;
  for (let r = rows - 1, k = filled / width - 1; r >= 0; r--) {
    if (valid[r] === 0) for (let u = 0; u < step; u++) units[r * step + u] = 0;
    else {
      if (k !== r) for (let u = 0; u < step; u++) units[r * step + u] = units[k * step + u]!;
      k--;
    }
  }
}

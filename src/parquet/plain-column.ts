/**
 * Puts the values of pages, which leave nulls out, in their rows. A chunk of one page without nulls, and byte arrays
 * of any number of pages, cost no second copy beyond one concatenation.
 */
import type { Validity } from './levels.ts';
import type { ColumnType, Values } from './types.ts';
import { allocate, concat, slice } from './values.ts';

interface Piece {
  values: Values;
  row: number;
  rows: number;
}

export class PlainColumnBuilder {
  readonly #type: ColumnType;
  readonly #rows: number;
  readonly #validity: Validity;
  readonly #pieces: Piece[] = [];

  constructor(type: ColumnType, rows: number, validity: Validity) {
    this.#type = type;
    this.#rows = rows;
    this.#validity = validity;
  }

  /** Adds the non-null values of rows [row, row + rows). */
  add(values: Values, row: number, rows: number): void {
    this.#pieces.push({ values, row, rows });
  }

  /** One value per row; null rows hold zero or an empty value. */
  finish(): Values {
    const only = this.#pieces[0];
    if (this.#validity.nulls === 0 && this.#pieces.length === 1 && only) return only.values;
    const compact = concat(
      this.#type,
      this.#pieces.map((piece) => piece.values),
    );
    const { valid } = this.#validity;
    return valid && this.#validity.nulls > 0 ? spread(this.#type, compact, valid, this.#rows) : compact;
  }
}

/** Moves values that lie together to the rows that `valid` marks. */
export function spread(type: ColumnType, compact: Values, valid: Uint8Array, rows: number): Values {
  if (compact.kind === 'bytes') {
    const offsets = new Uint32Array(rows + 1);
    for (let r = 0, k = 0; r < rows; r++) {
      if (valid[r] !== 0) k++;
      offsets[r + 1] = compact.offsets[k]!;
    }
    return { kind: 'bytes', length: rows, data: compact.data, offsets };
  }
  const out = allocate(type, rows);
  if (out.kind === 'int64' && compact.kind === 'int64') {
    const from = new Int32Array(compact.data.buffer, compact.data.byteOffset, compact.length * 2);
    const to = new Int32Array(out.data.buffer);
    for (let r = 0, k = 0; r < rows; r++) {
      if (valid[r] === 0) continue;
      to[2 * r] = from[k++]!;
      to[2 * r + 1] = from[k++]!;
    }
  } else if (out.kind === 'fixed' && compact.kind === 'fixed') {
    for (let r = 0, k = 0; r < rows; r++) {
      if (valid[r] !== 0) out.data.set(slice(compact, k, ++k).data as Uint8Array, r * out.width);
    }
  } else {
    const to = out.data as Int32Array;
    const from = compact.data as Int32Array;
    for (let r = 0, k = 0; r < rows; r++) if (valid[r] !== 0) to[r] = from[k++]!;
  }
  return out;
}

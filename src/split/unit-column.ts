/**
 * A column of a unit as entities use it, wherever it comes from, and columns that are made and not read: of a blob's name,
 * of a row's place, of a function. `source-unit.ts` makes them. What is made has no source chunk, so nothing of it is
 * ever copied.
 */

import { OrdinalError } from '../errors.ts';
import { gatherColumn, toPlain } from '../parquet/columns.ts';
import type { Int64Run } from '../parquet/int64-sequence.ts';
import { builder } from '../parquet/logical.ts';
import type { ChunkShape } from '../parquet/pages.ts';
import type { Codec, Column, ColumnType } from '../parquet/types.ts';
import type { JsKind } from '../pipeline/compiled.ts';
import type { SourceChunk, UnitPlace } from '../source/source-chunk.ts';
import { type JsView, jsView } from './contract/js-view.ts';
import type { UnreadChunk } from './unread-chunks.ts';

/** What entities need of a column. */
export interface UnitColumn {
  /** Type of the values after the contract. */
  readonly type: ColumnType;
  /** The codec of its first chunk; undefined where it has none. */
  readonly codec: Codec | undefined;
  /** True when the bytes of the source are values of `type` as they are. */
  readonly copyable: boolean;
  /** True when the source's levels no longer hold. */
  readonly nullsAdded: boolean;
  /** The chunks that the column is, with their pages; none where it is something else. */
  sources(): { chunk: SourceChunk; shape: ChunkShape }[];
  /** Whether the bytes of the chunks may stand in an output. */
  provenToCopy(): boolean;
  /** Decoded values after the contract. */
  column(): Column;
  /** The same values, perhaps in dictionary form where `column` is plain: a key is found once for each entry. */
  keyColumn?(): Column;
  /** The values of the rows `at`, in that order. */
  gather(at: Int32Array): Column;
  js(): JsView;
  /** The column as arithmetic runs, where it is such. */
  runs?(): Int64Run[];
  /** The chunk that the column is, where the service copies it: there are no values then. */
  readonly unread?: UnreadChunk;
}

/** The rows of a unit, for who makes columns of its columns. */
export interface UnitRows {
  readonly rows: number;
  readonly place: UnitPlace;
  column(name: string): UnitColumn;
}

/** A column that is made. */
export class MadeColumn implements UnitColumn {
  readonly type: ColumnType;
  readonly codec = undefined;
  readonly copyable = false;
  readonly nullsAdded = false;
  readonly #kind: JsKind;
  readonly #make: () => Column;
  #column: Column | undefined;
  #js: JsView | undefined;

  /** `make` is called at most once. `kind` is what functions see. */
  constructor(type: ColumnType, kind: JsKind, make: () => Column) {
    this.type = type;
    this.#kind = kind;
    this.#make = make;
  }

  sources(): [] {
    return [];
  }

  provenToCopy(): boolean {
    return false;
  }

  column(): Column {
    this.#column ??= this.#make();
    return this.#column;
  }

  gather(at: Int32Array): Column {
    return gatherColumn(this.column(), at);
  }

  js(): JsView {
    this.#js ??= jsView(this.column(), this.type, this.#kind, () => ({}));
    return this.#js;
  }
}

/** A column that nobody reads: the footer has proven it, and all that is done with it is to copy its chunk. */
export class UnreadColumn implements UnitColumn {
  readonly type: ColumnType;
  readonly codec: Codec;
  readonly copyable = true;
  readonly nullsAdded = false;
  readonly unread: UnreadChunk;

  constructor(unread: UnreadChunk) {
    this.type = unread.type;
    this.codec = unread.meta.codec;
    this.unread = unread;
  }

  sources(): [] {
    return [];
  }

  provenToCopy(): boolean {
    return false;
  }

  column(): never {
    throw new OrdinalError('Internal', 'a column that nobody reads was to be read');
  }

  gather(): never {
    return this.column();
  }

  js(): never {
    return this.column();
  }
}

/** The numbers that a unit's rows have in their blobs: one arithmetic run for each piece. */
export class RowNumbers extends MadeColumn {
  readonly #place: UnitPlace;

  constructor(type: ColumnType, place: UnitPlace) {
    super(type, 'number', () => numbersOf(this.runs(), place.rows));
    this.#place = place;
  }

  runs(): Int64Run[] {
    const { pieces, rows } = this.#place;
    return pieces.map(({ start, firstRow }, p) => ({
      first: BigInt(firstRow),
      count: (pieces[p + 1]?.start ?? rows) - start,
      step: 1n,
    }));
  }
}

function numbersOf(runs: readonly Int64Run[], rows: number): Column {
  const data = new BigInt64Array(rows);
  let row = 0;
  for (const { first, count } of runs) for (let k = 0; k < count; k++) data[row++] = first + BigInt(k);
  return { form: 'plain', rows, nulls: 0, values: { kind: 'int64', length: rows, data }, valid: undefined };
}

/**
 * A column whose value is the same in all rows of a blob.
 *
 * @param valueIn the value for a blob, null for null; called once for each piece.
 */
export function columnOfBlobs(type: ColumnType, place: UnitPlace, valueIn: (blob: string) => unknown): Column {
  const { pieces, rows } = place;
  const build = builder(type);
  const entries = new Map<unknown, number>();
  const indices = new Int32Array(rows);
  let nulls = 0;
  for (const [p, { blob, start }] of pieces.entries()) {
    const end = pieces[p + 1]?.start ?? rows;
    const value = valueIn(blob);
    const entry = value === null ? -1 : entryOf(entries, value, () => build.push(value));
    if (entry < 0) nulls += end - start;
    indices.fill(entry, start, end);
  }
  return spread({ form: 'dictionary', rows, nulls, dictionary: build.finish().values, indices });
}

function entryOf(entries: Map<unknown, number>, value: unknown, add: () => void): number {
  // A date is an object, and equal ones are two.
  const key = value instanceof Date ? value.getTime() : value;
  const known = entries.get(key);
  if (known !== undefined) return known;
  add();
  entries.set(key, entries.size);
  return entries.size - 1;
}

/** The same value in each row. */
export function columnOfConstant(type: ColumnType, rows: number, value: unknown): Column {
  const build = builder(type);
  build.push(value);
  return spread({
    form: 'dictionary',
    rows,
    nulls: 0,
    dictionary: build.finish().values,
    indices: new Int32Array(rows),
  });
}

/** Booleans have no dictionary encoding. */
function spread(column: Extract<Column, { form: 'dictionary' }>): Column {
  return column.dictionary.kind === 'boolean' ? toPlain(column) : column;
}

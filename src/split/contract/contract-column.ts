/**
 * A source column of one unit, checked against the contract. It takes the cheapest proof that is enough: footer
 * statistics (nothing is read), then the dictionary (each distinct value once), then the rows. Units make it. What the
 * contract leaves unchanged can still be copied as bytes.
 */
import { type ErrorLocation, locating, OrdinalError } from '../../errors.ts';
import { gatherColumn, joinColumns, valuesOf } from '../../parquet/columns.ts';
import { checkNullCount } from '../../parquet/decode.ts';
import type { ChunkShape } from '../../parquet/pages.ts';
import { proveChunk } from '../../parquet/prove-chunk.ts';
import { isText, textHolds } from '../../parquet/text.ts';
import { typeText } from '../../parquet/type-text.ts';
import type { Column, ColumnType } from '../../parquet/types.ts';
import { nullReason } from '../../pipeline/by-row.ts';
import type { ContractColumn } from '../../pipeline/compiled.ts';
import { retypeColumn } from '../../source/retype.ts';
import {
  checkPages,
  chunkLocation,
  decodeSource,
  locationOf,
  rowsOf,
  type SourceChunk,
  shapeOfChunk,
  type UnitPlace,
} from '../../source/source-chunk.ts';
import { widenColumn } from '../../source/widen.ts';
import type { BatchMemory } from '../run-memory.ts';
import type { UnitColumn } from '../unit-column.ts';
import { cleanColumn } from './clean-column.ts';
import { decodePromoted, plainOf, promote } from './dictionary-encode.ts';
import { joinChunks } from './join-chunks.ts';
import { type JsView, jsView, shown } from './js-view.ts';
import { refusedNulls } from './nulls.ts';
import { numbersHold, provenByStatistics } from './number-proof.ts';
import type { Rejections } from './rejections.ts';
import type { PooledColumn, StringPool } from './string-pool.ts';
import { rowsWithoutText } from './text-rows.ts';

export interface CleanContext {
  /** The column's type over all files of the run. */
  source: ColumnType;
  /** The type in which the contract finds it: the same, unless the readers of the datasets do not know it. */
  type: ColumnType;
  place: UnitPlace;
  /** The column's distinct values will be needed (it feeds keys, or its schema looks at values). */
  distinct: boolean;
  /** The column is going to be decoded in any case, so that decoding it is its proof. */
  read: boolean;
  /** Pages that are copied are not walked, and text that no schema reads is not held to UTF-8. */
  trust: boolean;
  /** 1 for each row that the schema holds for, where record types have schemas of their own. @default all rows */
  applies?: Uint8Array | undefined;
  /** Of a schema that is not the column's only one: its number. What a pool remembers is one schema's. @default 0 */
  variant?: number;
  /** Takes refused rows; without it a refused row is an error. */
  rejections: Rejections | undefined;
  /** The unit's lists, and the column's strings, which earlier units of the run share. */
  memory: BatchMemory;
}

export class CleanColumn implements UnitColumn {
  readonly contract: ContractColumn;
  readonly rows: number;
  /** Type of the values after the contract. */
  readonly type: ColumnType;
  /** True when the contract changed no value of this unit. */
  unchanged = true;
  /** True when the contract turned a value into null: the source's levels, and so its data pages, no longer hold. */
  nullsAdded = false;
  readonly #chunks: readonly SourceChunk[];
  readonly #context: CleanContext;
  #shapes: ChunkShape[] | undefined;
  #column: Column | undefined;
  /** A plain column in dictionary form: keys are found by it. */
  #numbered: { by: PooledColumn; of: Column } | undefined;
  #js: JsView | undefined;
  /** Whether every value, used or not, is UTF-8 where the type says text; undefined as long as nobody looked. */
  #allText: boolean | undefined;

  /** `chunks`: the column's chunks in the unit's row groups. */
  constructor(contract: ContractColumn, chunks: readonly SourceChunk[], context: CleanContext) {
    this.contract = contract;
    this.#chunks = chunks;
    this.#context = context;
    this.rows = chunks.reduce((sum, chunk) => sum + rowsOf(chunk), 0);
    this.type = contract.outputType ?? context.type;
    if (this.rows > 0) {
      this.#checkNulls();
      const proven = chunks.every((chunk) => provenByStatistics(contract, chunk.leaf.type, chunk.meta, chunk.rows));
      if (!proven) this.#checkValues();
      // What is set aside must be known before rows are selected.
      if (context.rejections && this.#textUnread()) this.column();
    }
  }

  /** The chunks that the column is, with their pages: one for each row group; none where the unit is a part of one. */
  sources(): { chunk: SourceChunk; shape: ChunkShape }[] {
    if (this.#chunks.some((chunk) => chunk.window)) return [];
    const shapes = this.#shapesOf();
    return this.#chunks.map((chunk, c) => ({ chunk, shape: shapes[c]! }));
  }

  /** The codec of the column's first chunk. */
  get codec() {
    return this.#chunks[0]!.meta.codec;
  }

  /** True when the bytes of the source are values of `type` as they are. */
  get copyable(): boolean {
    return this.unchanged && this.#chunks.every((chunk) => typeText(chunk.leaf.type) === typeText(this.type));
  }

  /**
   * Whether the bytes of the chunks that `sources` gave may stand in an output: their pages are whole, and all their text
   * is UTF-8. Walked at most once, and not at all where decoding has done it. Throws `CorruptFile` for damaged pages, and
   * `InvalidValue` with the row for a value that is not text; false where only a dictionary entry that no row uses is none.
   */
  provenToCopy(): boolean {
    const found = this.sources();
    if (this.#context.trust) {
      for (const { chunk, shape } of found) checkPages(chunk, shape);
      return true;
    }
    if (this.#allText === undefined && !this.#column && !this.#context.read) {
      const proven = found.map(({ chunk, shape }) => proveChunk(chunk, chunkLocation(chunk), shape));
      this.#allText = proven.every((text) => text);
      if (!this.#allText) this.column();
    }
    this.#allText ??= !isText(this.type) || textHolds(valuesOf(this.column()));
    return this.#allText;
  }

  /** Decoded values after the contract. Decoded at most once. */
  column(): Column {
    this.#column ??= this.#decode();
    return this.#column;
  }

  keyColumn(): Column {
    const column = this.column();
    // What the contract has changed is another column.
    return this.#numbered?.of === column ? this.#numbered.by : column;
  }

  /** The values of the rows `at`, in that order. */
  gather(at: Int32Array): Column {
    return gatherColumn(this.column(), at);
  }

  js(): JsView {
    this.#js ??= jsView(this.column(), this.type, this.contract.output, (row) => this.#at(row));
    return this.#js;
  }

  /** Name of the pool of the column's strings. */
  get #pool(): string {
    const { variant = 0 } = this.#context;
    return variant === 0 ? this.contract.name : `${variant}:${this.contract.name}`;
  }

  #shapesOf(): ChunkShape[] {
    this.#shapes ??= this.#chunks.map((chunk) => shapeOfChunk(chunk));
    return this.#shapes;
  }

  #decode(): Column {
    const { source: type, distinct, memory } = this.#context;
    const retyped = typeText(type) !== typeText(this.#context.type);
    const pool = distinct && !retyped ? memory.run.pool(this.#pool) : undefined;
    const list = (length: number) => memory.list(length);
    const several = this.#chunks.length > 1;
    const joined = several ? joinChunks(this.#chunks, this.#shapesOf(), { type, pool, list }) : undefined;
    const column = joined ?? this.#decodeEach(type, several ? undefined : pool, list);
    const own = retyped ? retypeColumn(column, type, this.#context.type, (row) => this.#at(row)) : column;
    const promoted = pool && !joined && !this.#numbered ? promote(own, pool, list) : own;
    if (this.#textUnread()) this.#checkText(promoted);
    return promoted;
  }

  /** Each chunk by itself, as the column's type, one after the other. */
  #decodeEach(type: ColumnType, pool: StringPool | undefined, list: (length: number) => Int32Array): Column {
    const shapes = this.#shapesOf();
    let first = 0;
    const pieces = this.#chunks.map((chunk, c) => {
      const at = chunkLocation(chunk);
      const promoted = pool && !chunk.window ? decodePromoted(chunk, at, shapes[c]!, pool, list) : undefined;
      const read = promoted?.repeats ? promoted.column : promoted && plainOf(promoted.column);
      const decoded = read ?? decodeSource(chunk, shapes[c]!, list);
      if (promoted && !promoted.repeats && typeText(chunk.leaf.type) === typeText(type)) {
        this.#numbered = { by: promoted.column, of: decoded };
      }
      if (!chunk.window && !chunk.leaf.path) checkNullCount(chunk.meta, decoded.nulls, at);
      const before = first;
      first += decoded.rows;
      return widenColumn(decoded, chunk.leaf.type, type, (row) => this.#at(before + row));
    });
    return locating(chunkLocation(this.#chunks[0]!), () => joinColumns(type, pieces));
  }

  /** Whether values are text that no schema reads: a schema that does refuses what is not UTF-8. */
  #textUnread(): boolean {
    const { type, trust } = this.#context;
    return !trust && isText(type) && !(this.contract.active && this.contract.input === 'string');
  }

  /** Refuses rows whose text is not UTF-8. */
  #checkText(column: Column): void {
    this.#allText = textHolds(valuesOf(column));
    if (this.#allText) return;
    for (const { row, bytes } of rowsWithoutText(column)) this.#refuse(row, bytes, 'it is not UTF-8 text');
  }

  #at(row: number): ErrorLocation {
    return { ...locationOf(this.#context.place, row), column: this.contract.name };
  }

  /** Refuses the rows of `mask` that hold a value. */
  refuseValues(mask: Uint8Array, reasonOf: (row: number) => string): void {
    const { rejections } = this.#context;
    const column = this.column();
    for (let row = 0; row < this.rows; row++) {
      if (mask[row] === 0) continue;
      const isNull = column.form === 'dictionary' ? column.indices[row]! < 0 : column.valid?.[row] === 0;
      if (isNull) continue;
      const value = gatherColumn(column, Int32Array.of(row));
      const shownValue = jsView(value, this.type, this.contract.output, () => this.#at(row)).at(0);
      refuseCell(this.contract.name, () => this.#at(row), rejections, {
        row,
        value: shownValue,
        reason: reasonOf(row),
      });
    }
  }

  #checkNulls(): void {
    const { nullable, nullableAt = [nullable] } = this.contract;
    if (!nullableAt.includes(false)) return;
    let first = 0;
    for (const [c, chunk] of this.#chunks.entries()) {
      const rows = rowsOf(chunk);
      const { leaf, meta } = chunk;
      // What a footer counts as the nulls of a leaf in groups is told in more than one way.
      if (leaf.optional && (leaf.path || meta.statistics?.nullCount !== 0)) {
        const refused = refusedNulls(chunk, this.#shapesOf()[c]!, nullableAt);
        for (let row = 0; refused !== undefined && row < rows; row++) {
          if (refused[row] === 1) this.#refuse(first + row, null, nullReason);
        }
      }
      first += rows;
    }
  }

  /** Runs the schema, unless the numbers prove that it holds. Takes the values that it gives, where it changed any. */
  #checkValues(): void {
    const column = this.column();
    const { contract } = this;
    const { type, memory } = this.#context;
    const simple = contract.input === 'number' && (!contract.active || contract.bounds !== undefined);
    if (simple && !contract.changes && numbersHold(column, type, contract)) return;
    const pool = () => memory.run.pool(this.#pool);
    const cleaned = cleanColumn(column, contract, type, pool, (row, { value, reason }) => {
      this.#refuse(row, value, reason);
    });
    this.#column = cleaned.column;
    this.unchanged = !cleaned.changed;
    this.nullsAdded = cleaned.nullsAdded === true;
    if (cleaned.allText) this.#allText = true;
  }

  /** Sets a row aside, or fails. */
  #refuse(row: number, value: unknown, reason: string): void {
    const { rejections, applies } = this.#context;
    if (applies && applies[row] === 0) return;
    refuseCell(this.contract.name, () => this.#at(row), rejections, { row, value, reason });
  }
}

/** Sets a row aside, or fails. */
function refuseCell(
  column: string,
  at: () => ErrorLocation,
  rejections: Rejections | undefined,
  { row, value, reason }: { row: number; value: unknown; reason: string },
): void {
  if (rejections) {
    rejections.add(row, column, value, reason);
    return;
  }
  throw new OrdinalError('InvalidValue', `column "${column}" holds ${shown(value)}: ${reason}`, {
    where: at(),
    remedy: "Correct the source, or widen this column's schema in the pipeline.",
  });
}

/**
 * A unit of the split: one row group of a source blob, or several small ones. Its columns are checked against the
 * contract here, and the rows of each entity are selected. The batch makes it. A row that the contract refuses is in no
 * selection.
 */
import { invariant, OrdinalError } from '../errors.ts';
import { writtenType } from '../parquet/readers.ts';
import type { Codec, ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, DerivedColumn, Predicate } from '../pipeline/compiled.ts';
import { foldersOf, folderValues } from '../pipeline/folders.ts';
import { rowObject } from '../pipeline/row-checks.ts';
import { locationOf, type UnitPlace } from '../source/source-chunk.ts';
import { columnsRead } from './columns-read.ts';
import { CleanColumn } from './contract/contract-column.ts';
import { type Factor, factorize } from './contract/factorize.ts';
import { reasonOf, shown } from './contract/js-view.ts';
import { recordTypesOf, variantColumn } from './contract/record-types.ts';
import { type Rejection, Rejections } from './contract/rejections.ts';
import type { FetchedUnit } from './read-units.ts';
import type { BatchMemory } from './run-memory.ts';
import {
  columnOfBlobs,
  columnOfConstant,
  MadeColumn,
  RowNumbers,
  type UnitColumn,
  UnreadColumn,
} from './unit-column.ts';
import { computeSelected } from './write/evaluate.ts';

/** Selected rows, ascending, and the same as a mask over all rows. Undefined stands for all rows. */
export interface Selection {
  rows: Int32Array;
  mask: Uint8Array;
}

export class SourceUnit {
  readonly rows: number;
  readonly place: UnitPlace;
  readonly #columns = new Map<string, UnitColumn>();
  readonly #selections = new Map<string, Selection | undefined>();
  readonly #factors = new Map<string, Factor>();
  readonly #pipeline: CompiledPipeline;

  readonly #rejections: Rejections | undefined;
  #accepted: Selection | undefined;

  /**
   * Checks every contract column. `types` are the columns' types over all files of the run; The unit's lists
   * are in `memory`, and hold until the next unit begins in it. Throws `InvalidValue` that names blob, row group, column and row, where refused rows
   * are not to be set aside.
   */
  constructor(
    pipeline: CompiledPipeline,
    types: ReadonlyMap<string, ColumnType>,
    { chunks, unread, place }: FetchedUnit,
    memory: BatchMemory,
  ) {
    memory.beginUnit();
    this.#pipeline = pipeline;
    this.rows = place.rows;
    this.place = place;
    this.#rejections = pipeline.onInvalid === 'quarantine' ? new Rejections(this.rows) : undefined;
    const keyed = new Set(pipeline.feeds.flatMap((feed) => feed.columns));
    const read = columnsRead(pipeline);
    const { recordTypes } = pipeline;
    let typeOf: Int32Array | undefined;
    for (const contract of pipeline.contract) {
      const { name } = contract;
      const fetched = chunks.get(name);
      const passing = unread.get(name);
      if (passing) {
        this.#columns.set(name, new UnreadColumn(passing));
        continue;
      }
      const source = types.get(name);
      const type = source && writtenType(source, contract.input, pipeline.readers);
      invariant(fetched && source && type, `the chunks of contract column "${name}" were fetched`);
      const context = {
        source,
        type,
        place,
        distinct: contract.active || keyed.has(name),
        read: read.has(name),
        trust: pipeline.trust === true,
        rejections: this.#rejections,
        memory,
      };
      if (contract.variants && recordTypes && typeOf) {
        this.#columns.set(name, variantColumn(contract, fetched, context, recordTypes, typeOf));
        continue;
      }
      const column = new CleanColumn(contract, fetched, context);
      this.#columns.set(name, column);
      // It is the first of the contract's columns.
      if (name === recordTypes?.column) typeOf = recordTypesOf(column, recordTypes, this.#rejections?.accepted);
    }
    for (const column of pipeline.derived ?? []) this.#columns.set(column.name, this.#made(column));
    this.#checkRows(typeOf);
    const accepted = this.#rejections?.accepted;
    if (accepted) this.#accepted = selectionOf(accepted);
  }

  #made(column: DerivedColumn): UnitColumn {
    const { place, rows } = this;
    const { name, type } = column;
    switch (column.kind) {
      case 'folder': {
        const folders = foldersOf(this.#pipeline);
        const valueIn = (blob: string) => folderValues(folders, blob).get(name);
        return new MadeColumn(type, column.contract.output, () => columnOfBlobs(type, place, valueIn));
      }
      case 'file':
        return new MadeColumn(type, 'string', () => columnOfBlobs(type, place, (blob) => blob));
      case 'row':
        return new RowNumbers(type, place);
      case 'constant':
        return new MadeColumn(type, 'any', () => columnOfConstant(type, rows, column.value));
      case 'compute':
        return new MadeColumn(type, 'any', () =>
          computeSelected(column, this, this.selection(column.selectedBy)?.rows),
        );
    }
  }

  /** Holds the rows that no column has refused to the checks of rows: one call for each row and check. */
  #checkRows(typeOf: Int32Array | undefined): void {
    const { rowChecks = [], recordTypes } = this.#pipeline;
    if (rowChecks.length === 0) return;
    const accepted = this.#rejections?.accepted?.slice();
    let present = 0;
    const checks = rowChecks.map((check) => ({
      check,
      row: rowObject(check.columns, (name) => this.column(name).js().at(present)),
      types: check.types && new Set(check.types.map((type) => recordTypes!.types.indexOf(type))),
    }));
    for (; present < this.rows; present++) {
      if (accepted?.[present] === 0) continue;
      for (const { check, row, types } of checks) {
        if (types && !types.has(typeOf![present]!)) continue;
        for (const { column, reason } of check.test(row)) this.#refuseRow(present, column, reason);
      }
    }
  }

  #refuseRow(row: number, column: string, reason: string): void {
    const value = this.#columns.has(column) ? this.column(column).js().at(row) : undefined;
    if (this.#rejections) {
      this.#rejections.add(row, column, value ?? null, reason);
      return;
    }
    const holds = value === undefined ? '' : ` ("${column}" holds ${shown(value)})`;
    throw new OrdinalError('InvalidValue', `a check of the row contract refuses the row: ${reason}${holds}`, {
      where: { ...locationOf(this.place, row), column },
      remedy: 'Correct the source, or the check in the row contract.',
    });
  }

  /** What the contract refused, row by row, in the order of the contract's columns. */
  rejections(): Rejection[] {
    const order = new Map(this.#pipeline.contract.map(({ name }, c) => [name, c]));
    const list = this.#rejections?.list ?? [];
    // What checks of rows refuse, no column refuses: it stays in the order of the checks.
    const placeOf = (column: string) => order.get(column) ?? order.size;
    return list.toSorted((a, b) => a.row - b.row || placeOf(a.column) - placeOf(b.column));
  }

  /** Number of refused rows. */
  get rejected(): number {
    return this.#accepted ? this.rows - this.#accepted.rows.length : 0;
  }

  column(name: string): UnitColumn {
    const column = this.#columns.get(name);
    invariant(column, `"${name}" is a contract column or a derived one`);
    return column;
  }

  /** Codes of a column's values in the rows that an entity's predicate selects; worked out once for all feeds. */
  factor(name: string, selectedBy: string | undefined): Factor {
    const selection = this.selection(selectedBy);
    const key = selection ? `${selectedBy}:${name}` : `:${name}`;
    let factor = this.#factors.get(key);
    if (!factor) {
      const cleaned = this.column(name);
      factor = factorize(cleaned.keyColumn?.() ?? cleaned.column(), cleaned.type, selection?.mask);
      this.#factors.set(key, factor);
    }
    return factor;
  }

  /** The codec of the first contract column: for new columns that have no source column of their own. */
  codec(): Codec {
    const codec = this.#pipeline.contract.map(({ name }) => this.column(name).codec).find((one) => one !== undefined);
    return codec ?? 'ZSTD';
  }

  /** The accepted rows that pass an entity's predicate, if it has one; undefined when all rows do. */
  selection(entity: string | undefined): Selection | undefined {
    if (entity === undefined) return this.#accepted;
    if (!this.#selections.has(entity)) {
      const where = this.#pipeline.entities.find((e) => e.name === entity)?.where;
      this.#selections.set(entity, where ? this.#select(where) : this.#accepted);
    }
    return this.#selections.get(entity);
  }

  #select(where: Predicate): Selection | undefined {
    const accepted = this.#accepted?.mask;
    const mask = new Uint8Array(this.rows);
    let count = 0;
    const views = where.columns.map((name) => this.column(name).js());
    const only = views.length === 1 ? views[0]! : undefined;
    let row = 0;
    try {
      if (only?.form === 'dictionary') {
        // Once per distinct value: 0 unknown, 1 dropped, 2 kept. The last slot is null's.
        const verdicts = new Uint8Array(only.values.length + 1);
        for (; row < this.rows; row++) {
          if (accepted !== undefined && accepted[row] === 0) continue;
          const entry = only.indices[row]!;
          const slot = entry < 0 ? only.values.length : entry;
          let verdict = verdicts[slot]!;
          if (verdict === 0) {
            verdict = where.test(only.at(row)) ? 2 : 1;
            verdicts[slot] = verdict;
          }
          if (verdict === 2) {
            mask[row] = 1;
            count++;
          }
        }
      } else {
        const values = new Array<unknown>(views.length);
        for (; row < this.rows; row++) {
          if (accepted !== undefined && accepted[row] === 0) continue;
          for (let c = 0; c < views.length; c++) values[c] = views[c]!.at(row);
          if (where.test(...values)) {
            mask[row] = 1;
            count++;
          }
        }
      }
    } catch (thrown) {
      throw this.#predicateFailed(where, row, thrown);
    }
    return count === this.rows ? undefined : selectionOf(mask, count);
  }

  #predicateFailed(where: Predicate, row: number, thrown: unknown): OrdinalError {
    const values = where.columns.map((name) => {
      try {
        return shown(this.column(name).js().at(row));
      } catch {
        return '?';
      }
    });
    const message = `where(${where.columns.join(', ')}) of (${values.join(', ')}): ${reasonOf(thrown)}`;
    return new OrdinalError('InvalidValue', message, {
      where: { ...locationOf(this.place, row), column: where.columns.join(', ') },
      remedy: 'Correct the predicate, or refuse such rows in the row contract.',
      cause: thrown,
    });
  }
}

function selectionOf(mask: Uint8Array, count?: number): Selection {
  let total = count ?? 0;
  if (count === undefined) for (const bit of mask) total += bit;
  const rows = new Int32Array(total);
  for (let row = 0, i = 0; row < mask.length; row++) if (mask[row] === 1) rows[i++] = row;
  return { rows, mask };
}

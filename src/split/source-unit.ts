/**
 * A unit of the split: one row group of a source blob, or several small ones, with its contract columns held to the
 * contract, and the rows that each entity's predicate selects. Rows that the contract refuses are in no selection.
 */
import { invariant, OrdinalError } from '../errors.ts';
import { writtenType } from '../parquet/readers.ts';
import type { Codec, ColumnType } from '../parquet/types.ts';
import type { CompiledPipeline, Predicate } from '../pipeline/compiled.ts';
import { locationOf, type SourceChunk, type UnitPlace } from '../source/source-chunk.ts';
import { CleanColumn } from './contract/contract-column.ts';
import { type Factor, factorize } from './contract/factorize.ts';
import { reasonOf, shown } from './contract/js-view.ts';
import { type Rejection, Rejections } from './contract/rejections.ts';
import type { BatchMemory } from './run-memory.ts';

/** Selected rows, ascending, and the same as a mask over all rows. Undefined stands for all rows. */
export interface Selection {
  rows: Int32Array;
  mask: Uint8Array;
}

export class SourceUnit {
  readonly rows: number;
  readonly place: UnitPlace;
  readonly #columns = new Map<string, CleanColumn>();
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
    chunks: ReadonlyMap<string, readonly SourceChunk[]>,
    place: UnitPlace,
    memory: BatchMemory,
  ) {
    memory.beginUnit();
    this.#pipeline = pipeline;
    this.rows = place.rows;
    this.place = place;
    this.#rejections = pipeline.onInvalid === 'quarantine' ? new Rejections(this.rows) : undefined;
    const keyed = new Set(pipeline.feeds.flatMap((feed) => feed.columns));
    const read = columnsRead(pipeline);
    for (const contract of pipeline.contract) {
      const { name } = contract;
      const fetched = chunks.get(name);
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
      this.#columns.set(name, new CleanColumn(contract, fetched, context));
    }
    const accepted = this.#rejections?.accepted;
    if (accepted) this.#accepted = selectionOf(accepted);
  }

  /** What the contract refused, row by row, in the order of the contract's columns. */
  rejections(): Rejection[] {
    const order = new Map(this.#pipeline.contract.map(({ name }, c) => [name, c]));
    const list = this.#rejections?.list ?? [];
    return list.toSorted((a, b) => a.row - b.row || order.get(a.column)! - order.get(b.column)!);
  }

  /** Number of refused rows. */
  get rejected(): number {
    return this.#accepted ? this.rows - this.#accepted.rows.length : 0;
  }

  column(name: string): CleanColumn {
    const column = this.#columns.get(name);
    invariant(column, `"${name}" is a contract column`);
    return column;
  }

  /** Codes of a column's values in the rows that an entity's predicate selects; worked out once for all feeds. */
  factor(name: string, selectedBy: string | undefined): Factor {
    const selection = this.selection(selectedBy);
    const key = selection ? `${selectedBy}:${name}` : `:${name}`;
    let factor = this.#factors.get(key);
    if (!factor) {
      const cleaned = this.column(name);
      factor = factorize(cleaned.column(), cleaned.type, selection?.mask);
      this.#factors.set(key, factor);
    }
    return factor;
  }

  /** The codec of the first contract column: for new columns that have no source column of their own. */
  codec(): Codec {
    return this.column(this.#pipeline.contract[0]!.name).codec;
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

/** Contract columns of which some entity needs the values, and not only the bytes. */
function columnsRead({ entities, feeds }: CompiledPipeline): Set<string> {
  const names = feeds.flatMap((feed) => feed.columns);
  for (const { kind, where, columns } of entities) {
    names.push(...(where?.columns ?? []));
    for (const column of columns) {
      if (column.kind === 'map' || (column.kind === 'copy' && (kind === 'keyed' || where))) names.push(column.source);
      if (column.kind === 'compute') names.push(...column.sources);
    }
  }
  return new Set(names);
}

function selectionOf(mask: Uint8Array, count?: number): Selection {
  let total = count ?? 0;
  if (count === undefined) for (const bit of mask) total += bit;
  const rows = new Int32Array(total);
  for (let row = 0, i = 0; row < mask.length; row++) if (mask[row] === 1) rows[i++] = row;
  return { rows, mask };
}

/**
 * One row group of a source blob on its way through a split: its contract columns, cleaned as they are needed, and
 * the rows that each entity's predicate selects.
 */
import { invariant } from '../errors.ts';
import type { Codec } from '../parquet/types.ts';
import type { CompiledPipeline, Predicate } from '../pipeline/compiled.ts';
import { type ChunkPlace, CleanColumn, type SourceChunk } from './clean.ts';
import { type Factor, factorize } from './factorize.ts';

/** Selected rows, ascending, and the same as a mask over all rows. Undefined stands for all rows. */
export interface Selection {
  rows: Int32Array;
  mask: Uint8Array;
}

export class SourceUnit {
  readonly rows: number;
  readonly place: ChunkPlace;
  readonly #columns = new Map<string, CleanColumn>();
  readonly #selections = new Map<string, Selection | undefined>();
  readonly #factors = new Map<string, Factor>();
  readonly #pipeline: CompiledPipeline;

  /** Checks every contract column. Throws `InvalidValue` that names blob, row group, column and row. */
  constructor(pipeline: CompiledPipeline, chunks: ReadonlyMap<string, SourceChunk>, rows: number, place: ChunkPlace) {
    this.#pipeline = pipeline;
    this.rows = rows;
    this.place = place;
    const keyed = new Set(pipeline.feeds.flatMap((feed) => feed.columns));
    for (const contract of pipeline.contract) {
      const chunk = chunks.get(contract.name);
      invariant(chunk, `the chunk of contract column "${contract.name}" was fetched`);
      this.#columns.set(contract.name, new CleanColumn(contract, chunk, contract.active || keyed.has(contract.name)));
    }
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
    return this.column(this.#pipeline.contract[0]!.name).source.meta.codec;
  }

  /** The rows that pass an entity's predicate; undefined when all do, or when the entity has none. */
  selection(entity: string | undefined): Selection | undefined {
    if (entity === undefined) return undefined;
    if (!this.#selections.has(entity)) {
      const where = this.#pipeline.entities.find((e) => e.name === entity)?.where;
      this.#selections.set(entity, where && this.#select(where));
    }
    return this.#selections.get(entity);
  }

  #select(where: Predicate): Selection | undefined {
    const mask = new Uint8Array(this.rows);
    let count = 0;
    const views = where.columns.map((name) => this.column(name).js());
    const only = views.length === 1 ? views[0]! : undefined;
    if (only?.form === 'dictionary') {
      // Once per distinct value: 0 unknown, 1 dropped, 2 kept. The last slot is null's.
      const verdicts = new Uint8Array(only.values.length + 1);
      for (let row = 0; row < this.rows; row++) {
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
      for (let row = 0; row < this.rows; row++) {
        for (let c = 0; c < views.length; c++) values[c] = views[c]!.at(row);
        if (where.test(...values)) {
          mask[row] = 1;
          count++;
        }
      }
    }
    if (count === this.rows) return undefined;
    const rows = new Int32Array(count);
    for (let row = 0, i = 0; row < this.rows; row++) if (mask[row] === 1) rows[i++] = row;
    return { rows, mask };
  }
}

/**
 * Computes what a pipeline makes of source rows, one row at a time: predicates, functions and keys are called for each
 * row. The comparison of values calls it. It must not call the code of the split, because it checks that code.
 */
import { functionValue, passes, type RowReader } from '../pipeline/by-row.ts';
import type { CompiledPipeline, Entity, OutColumn } from '../pipeline/compiled.ts';
import { type Canon, canonOfJs, type KeyText, keyText, shortest } from './canonical-value.ts';
import type { KeyBook } from './key-book.ts';
import type { SourceRows } from './source-rows.ts';

/** What one pipeline makes of the rows of one row group. */
export class ExpectedRows {
  readonly source: SourceRows;
  readonly #pipeline: CompiledPipeline;
  readonly #book: KeyBook;
  readonly #passes = new Map<string, Uint8Array>();
  readonly #keys = new Map<string, (KeyText | undefined)[]>();

  constructor(pipeline: CompiledPipeline, book: KeyBook, source: SourceRows) {
    this.#pipeline = pipeline;
    this.#book = book;
    this.source = source;
  }

  /** Whether a row is accepted, and passes the predicate of the named entity if it has one. */
  passes(selectedBy: string | undefined, row: number): boolean {
    const name = selectedBy ?? '';
    let mask = this.#passes.get(name);
    if (!mask) {
      const where = selectedBy === undefined ? undefined : this.#entity(selectedBy)?.where;
      mask = new Uint8Array(this.source.rows);
      for (let r = 0; r < mask.length; r++) {
        const accepted = !this.source.refused.has(r);
        mask[r] = accepted && passes(where, this.#reader(r)) ? 1 : 0;
      }
      this.#passes.set(name, mask);
    }
    return mask[row] === 1;
  }

  /** The natural key that a row has in these columns; undefined when one of them is null. */
  key(columns: readonly string[], row: number): KeyText | undefined {
    const name = JSON.stringify(columns);
    let keys = this.#keys.get(name);
    if (!keys) {
      const cells = columns.map((column) => this.source.cells.get(column)!.canon);
      keys = Array.from({ length: this.source.rows }, (_, r) => keyText(cells.map((canon) => canon[r]!)));
      this.#keys.set(name, keys);
    }
    return keys[row];
  }

  /** Whether a row gives a key to some keyed entity. */
  givesKey(row: number): boolean {
    return this.#pipeline.feeds.some(
      ({ columns, selectedBy }) => this.passes(selectedBy, row) && this.key(columns, row) !== undefined,
    );
  }

  /** The value of an output column that depends on the row alone. `rowId` gives the row's ID in another entity. */
  value(column: OutColumn, row: number, rowId: (entity: string) => Canon): Canon {
    switch (column.kind) {
      case 'copy':
        return this.source.cells.get(column.source)!.canon[row]!;
      case 'map':
      case 'compute':
      case 'constant':
        return canonOfJs(functionValue(column, this.#reader(row)), column.type);
      case 'ref': {
        const key = this.key(column.columns, row);
        const target = this.#entity(column.entity);
        if (target?.kind !== 'keyed') return null;
        if (key === undefined) return column.missing === undefined ? null : shortest(BigInt(column.missing));
        const id = this.#book.keys.get(target.index)?.get(key)?.id;
        return id === undefined ? null : shortest(id);
      }
      case 'rowRef':
        return this.passes(column.entity, row) ? rowId(column.entity) : null;
      case 'id':
      case 'key':
        return null;
    }
  }

  #entity(name: string): Entity | undefined {
    return this.#pipeline.entities.find((entity) => entity.name === name);
  }

  #reader(row: number): RowReader {
    return (column) => this.source.cells.get(column)!.js[row] ?? null;
  }
}

/**
 * The vocabulary of a pipeline's `entities`. `Builder<Row>` gives each word the types of the row contract, so that a
 * misspelt column or a wrong function is a compile error where it stands; `builder` is the same at run time, where the
 * words only tag what they were given and `compile` checks it. A pipeline's module calls the words. They must never
 * throw: `compile` knows the field to name.
 */
import type { OutputType } from './output-type.ts';
import type {
  ComputeColumn,
  ConstantColumn,
  FirstColumn,
  IdColumn,
  IdSettings,
  KeyPart,
  MapColumn,
  NextIdColumn,
  RefColumn,
  RefSettings,
  RowRefColumn,
  SequenceSettings,
  SourceFileColumn,
  SourceRowColumn,
  Where,
} from './words.ts';

type ValuesOf<Row, C extends readonly (keyof Row)[]> = { -readonly [I in keyof C]: Row[C[I]] };

/**
 * The words that `entities` is written with. `Row` is what functions see of a source row. The examples are about tickets:
 * `z.object({ email: z.string(), kind: z.enum(['sale', 'refund']), sold_at: z.date(), price: z.number().nullable() })`.
 */
export interface Builder<Row> {
  /**
   * The name of an entity's ID column, and its sequence.
   * @param column name of the output column
   * @param settings name, start and step of the sequence
   * @returns the ID column
   * @example
   * const saleId = id('sale_id', { sequence: 'shop.documents', start: 1_000_000 });
   */
  id<const N extends string, const S extends string = string>(column: N, settings?: IdSettings<S>): IdColumn<N, S>;
  /**
   * A further ID, from another sequence.
   * @param sequence name of the sequence, shared by all that name it
   * @param settings its start and its step
   * @returns the column
   * @example
   * const columns = { receipt_no: nextId('shop.receipts', { start: 1 }) };
   */
  nextId<const S extends string>(sequence: S, settings?: SequenceSettings): NextIdColumn<S>;
  /**
   * The value in the first row that brought the key. For keyed entities.
   * @param source name of the source column
   * @returns the column
   * @example
   * const columns = { first_seen: first('sold_at') };
   */
  first<const S extends keyof Row & string>(source: S): FirstColumn<Row[S], S>;
  /**
   * A pure function of one source column, run once for each distinct value; sees null where the contract has it.
   * @param source name of the source column
   * @param fn takes a value as the contract gives it out; null is written as null
   * @param type type of the output column
   * @returns the column
   * @example
   * const columns = { year: map('sold_at', (date) => date.getUTCFullYear(), type.int32) };
   */
  map<const S extends keyof Row & string, T, V extends Row[S] = Row[S]>(
    source: S,
    fn: (value: V) => NoInfer<T> | null,
    type: OutputType<T>,
  ): MapColumn<T, S, V>;
  /**
   * A pure function of several source columns, run for each row.
   * @param sources names of source columns
   * @param fn takes their values, in that order; null is written as null
   * @param type type of the output column
   * @returns the column
   * @example
   * const columns = {
   *   free: compute(['price', 'kind'], (price, kind) => price === null && kind === 'sale', type.boolean),
   * };
   */
  compute<const C extends readonly (keyof Row & string)[], T, V extends ValuesOf<Row, C> = ValuesOf<Row, C>>(
    sources: C,
    fn: (...values: V) => NoInfer<T> | null,
    type: OutputType<T>,
  ): ComputeColumn<T, C, V>;
  /**
   * The same value in each row, also as a part of a key. (A text alone is the name of a source column.)
   * @param value the value
   * @param type type of the output column; may be left out for a text (STRING), a boolean and a whole number (INT64)
   * @returns the column, or the part of a key
   * @example
   * const columns = { currency: constant('EUR', type.string) };
   */
  constant<T>(value: NoInfer<T>, type?: OutputType<T>): ConstantColumn<T>;
  /**
   * Name of the source blob of each row. For a keyed entity: of the first row that brought the key.
   * @returns the column, or the part of a key
   * @example
   * const columns = { file: sourceFile(), line: sourceRow() };
   */
  sourceFile(): SourceFileColumn;
  /**
   * Number of each row in its source blob, counted from 0.
   * @returns the column, or the part of a key
   * @example
   * const columns = { file: sourceFile(), line: sourceRow() };
   */
  sourceRow(): SourceRowColumn;
  /**
   * The ID of the keyed entity's row with this key; brings the key to the entity where it is new.
   * @param entity name of the keyed entity
   * @param key key component → source column, or a word that makes it
   * @param settings what stands for a key that has a null
   * @returns the column; a row whose key has a null has null, or the ID that `missing` says
   * @example
   * const columns = { customer_id: ref('customers', { email: 'email' }) };
   */
  ref<const E extends string, const K extends Readonly<Record<string, (keyof Row & string) | KeyPart>>>(
    entity: E,
    key: K,
    settings?: RefSettings,
  ): RefColumn<E, K>;
  /**
   * The ID that a rows entity gave to the same source row; null where its `where` dropped the row.
   * @param entity name of the rows entity
   * @returns the column
   * @example
   * const columns = { sale_id: rowRef('sales'), price: 'price' };
   */
  rowRef<const E extends string>(entity: E): RowRefColumn<E>;
  /**
   * A predicate over source columns.
   * @param sources names of source columns
   * @param fn takes their values, in that order
   * @returns the predicate, for `where` of an entity
   * @example
   * const refunds = where(['kind', 'price'], (kind, price) => kind === 'refund' && price !== null);
   */
  where<const C extends readonly (keyof Row & string)[], V extends ValuesOf<Row, C> = ValuesOf<Row, C>>(
    sources: C,
    fn: (...values: V) => boolean,
  ): Where<C, V>;
}

/**
 * `Builder` without a contract. What a JavaScript user hands in is kept as it is, for `compile` to judge.
 * @internal
 */
export const builder = Object.freeze({
  id: (column: unknown, settings: unknown = {}) => ({ kind: 'id' as const, column, settings }),
  nextId: (sequence: unknown, settings: unknown = {}) => ({ kind: 'nextId' as const, sequence, settings }),
  first: (source: unknown) => ({ kind: 'first' as const, source }),
  map: (source: unknown, fn: unknown, type: unknown) => ({ kind: 'map' as const, source, fn, type }),
  compute: (sources: unknown, fn: unknown, type: unknown) => ({ kind: 'compute' as const, sources, fn, type }),
  constant: (value: unknown, type?: unknown) => ({ kind: 'constant' as const, value, type }),
  ref: (entity: unknown, key: unknown, settings: unknown = {}) => ({ kind: 'ref' as const, entity, key, settings }),
  rowRef: (entity: unknown) => ({ kind: 'rowRef' as const, entity }),
  sourceFile: () => ({ kind: 'sourceFile' as const }),
  sourceRow: () => ({ kind: 'sourceRow' as const }),
  where: (sources: unknown, fn: unknown) => ({ kind: 'where' as const, sources, fn }),
});

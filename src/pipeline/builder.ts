/**
 * The vocabulary of a pipeline's `entities`. `Builder<Row>` gives each word the types of the row contract, so that a
 * misspelt column or a wrong function is a compile error where it stands; `builder` is the same at run time, where the
 * words only tag what they were given and `compile` checks it. A pipeline's module calls the words. They must never
 * throw: `compile` knows the field to name.
 */
import type { core } from 'zod';
import type {
  ComputeColumn,
  ConstantColumn,
  FirstColumn,
  IdColumn,
  IdSettings,
  KeyedColumn,
  KeyedEntity,
  KeyPart,
  MapColumn,
  NextIdColumn,
  RefColumn,
  RefSettings,
  RowRefColumn,
  RowsColumn,
  RowsEntity,
  SequenceSettings,
  SourceFileColumn,
  SourceRowColumn,
  Where,
} from './definition.ts';
import type { OutputType } from './output-type.ts';
import type { SharedEntity, UseFrom } from './shared-entity.ts';
import type { SharedIndex } from './shared-index.ts';

type ValuesOf<Row, C extends readonly (keyof Row)[]> = { -readonly [I in keyof C]: Row[C[I]] };
type NoColumns = Readonly<Record<never, never>>;

/**
 * The words that `entities` is written with. `Row` is what functions see of a source row. The examples are about tickets:
 * `z.object({ email: z.string(), kind: z.enum(['sale', 'refund']), sold_at: z.date(), price: z.number().nullable() })`.
 */
export interface Builder<Row> {
  /**
   * One output row for each new natural key; the same key has the same ID for ever. `key` maps each component to a
   * source column (`{ from: 'origin' }`), or to a zod type (`{ code: z.string() }`) when only references bring keys.
   * @param entity ID column, key, attributes, and which rows bring keys
   * @returns the entity, to be given a name in `entities`
   * @example
   * const customers = keyed({
   *   id: id('customer_id'),
   *   key: { email: 'email' },
   *   columns: { first_seen: first('sold_at') },
   * });
   */
  keyed<
    const K extends Readonly<Record<string, (keyof Row & string) | KeyPart | core.$ZodType>>,
    const C extends Readonly<Record<string, KeyedColumn>> = NoColumns,
    const I extends IdColumn = IdColumn,
  >(entity: {
    /**
     * The entity's ID column, and its sequence.
     * @example
     * const customers = keyed({ id: id('customer_id', { start: 1000 }), key: { email: 'email' } });
     */
    id: I;
    /**
     * The natural key: component → source column, or a word that makes it (`compute`, `map`, `constant`, `sourceFile`,
     * `sourceRow`); or component → zod type where only references bring keys. Components are output columns.
     * @example
     * const customers = keyed({ id: id('customer_id'), key: { email: z.string() } });
     */
    key: K;
    /**
     * Attributes: what the first row that brought the key says of it. Null for a key that came by a reference only.
     * @default none
     * @example
     * const customers = keyed({
     *   id: id('customer_id'),
     *   key: { email: 'email' },
     *   columns: { first_seen: first('sold_at') },
     * });
     */
    columns?: C;
    /**
     * Rows that may bring keys. Needs a key of source columns.
     * @default all rows
     * @example
     * const buyers = keyed({
     *   id: id('buyer_id'),
     *   key: { email: 'email' },
     *   where: where(['kind'], (kind) => kind === 'sale'),
     * });
     */
    where?: Where;
    /**
     * The key index, where several pipelines share it.
     * @default one named `<pipeline>.<entity>`
     * @example
     * const customers = sharedIndex('customers');
     * const people = keyed({ id: id('customer_id'), key: { email: 'email' }, index: customers });
     */
    index?: SharedIndex;
    /**
     * Hash partitions of the key index, 1 to 64: each is resolved by an activity of its own, and new keys are in
     * first-seen order within each. Fixed when the index is first used.
     * @default 1
     * @example
     * const customers = keyed({ id: id('customer_id'), key: { email: 'email' }, partitions: 8 });
     */
    partitions?: number;
    /**
     * Which keys of a run get a row in its files: those that are new, or all that it has seen. Rows of known keys
     * have the ID that they have had, and lie in files of their own.
     * @default 'new'
     * @example
     * const customers = keyed({ id: id('customer_id'), key: { email: 'email' }, publish: 'seen' });
     */
    publish?: 'new' | 'seen';
    /**
     * What becomes of attributes that change after a key was described: nothing, or a row with the new ones in the
     * entity's changes dataset. The description itself is always published; there, when the key was made before.
     * @default 'ignore'
     * @example
     * const customers = keyed({
     *   id: id('customer_id'),
     *   key: { email: 'email' },
     *   columns: { last_price: first('price') },
     *   onChange: 'report',
     * });
     */
    onChange?: 'ignore' | 'report';
  }): KeyedEntity<K, C, I>;

  /**
   * One output row for each source row that passes `where`. A column that is a source column's name is unchanged.
   * @param entity ID column, output columns in their order, and which rows it takes
   * @returns the entity, to be given a name in `entities`
   * @example
   * const sales = rows({
   *   id: id('sale_id'),
   *   where: where(['kind'], (kind) => kind === 'sale'),
   *   columns: { customer_id: ref('customers', { email: 'email' }), sold_at: 'sold_at', price: 'price' },
   * });
   */
  rows<
    const C extends Readonly<Record<string, (keyof Row & string) | RowsColumn>>,
    const I extends IdColumn = IdColumn,
  >(entity: {
    /**
     * The entity's ID column, and its sequence.
     * @example
     * const sales = rows({ id: id('sale_id', { sequence: 'shop.documents' }), columns: { price: 'price' } });
     */
    id: I;
    /**
     * Output columns in their order, behind the ID. A source column's name alone means: unchanged.
     * @example
     * const sales = rows({ id: id('sale_id'), columns: { price: 'price', currency: constant('EUR', type.string) } });
     */
    columns: C;
    /**
     * Rows that the entity takes.
     * @default all rows
     * @example
     * const refunds = rows({
     *   id: id('refund_id'),
     *   where: where(['kind'], (kind) => kind === 'refund'),
     *   columns: { price: 'price' },
     * });
     */
    where?: Where;
  }): RowsEntity<C, I>;

  /**
   * A keyed entity that several pipelines share, with the values that this pipeline has for it.
   * @param entity what `shared` gave
   * @param from where the values come from
   * @returns the entity, to be given a name in `entities`
   * @example
   * const entity = use(shared('customers', { id: 'customer_id', key: { email: z.string() } }), { key: { email: 'email' } });
   */
  use<const N extends string, const K, const C, const From extends UseFrom<Row, K, C> = UseFrom<Row, K, C>>(
    entity: SharedEntity<N, K, C>,
    from?: From,
  ): KeyedEntity<
    From extends { readonly key: infer Key } ? Key : K,
    From extends { readonly columns: infer Columns } ? Columns : NoColumns,
    IdColumn<N>
  >;

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
  first<const S extends keyof Row & string>(source: S): FirstColumn<Row[S]>;
  /**
   * A pure function of one source column, run once for each distinct value; sees null where the contract has it.
   * @param source name of the source column
   * @param fn takes a value as the contract gives it out; null is written as null
   * @param type type of the output column
   * @returns the column
   * @example
   * const columns = { year: map('sold_at', (date) => date.getUTCFullYear(), type.int32) };
   */
  map<const S extends keyof Row & string, T>(
    source: S,
    fn: (value: Row[S]) => NoInfer<T> | null,
    type: OutputType<T>,
  ): MapColumn<T>;
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
  compute<const C extends readonly (keyof Row & string)[], T>(
    sources: C,
    fn: (...values: ValuesOf<Row, C>) => NoInfer<T> | null,
    type: OutputType<T>,
  ): ComputeColumn<T>;
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
   * const lines = rows({ id: id('line_id'), columns: { sale_id: rowRef('sales'), price: 'price' } });
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
  where<const C extends readonly (keyof Row & string)[]>(
    sources: C,
    fn: (...values: ValuesOf<Row, C>) => boolean,
  ): Where;
}

type Loose = Readonly<Record<string, unknown>>;

/**
 * `Builder` without a contract. What a JavaScript user hands in is kept as it is, for `compile` to judge.
 * @internal
 */
export const builder = Object.freeze({
  keyed: (entity: Loose) => ({ ...entity, kind: 'keyed' as const }),
  rows: (entity: Loose) => ({ ...entity, kind: 'rows' as const }),
  use: (entity: unknown, from: Loose = {}) => ({ ...from, shared: entity, kind: 'keyed' as const }),
  when: (types: unknown, make: unknown): unknown => {
    const entity: unknown = typeof make === 'function' ? make(builder) : make;
    if (typeof entity !== 'object' || entity === null) return entity;
    // Within another `when` it would mean two things.
    return { ...entity, when: 'when' in entity ? [types, [entity.when]] : types };
  },
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

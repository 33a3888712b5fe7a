/**
 * Entities, as a pipeline module writes them: literals of two kinds. `pipeline` gives their types to the type checker, and
 * `compile` checks them again at start-up. A literal, and no call: the type checker shows a mistake at the column where it
 * is, also one that only shows when all entities are known. `Row` is the row contract's columns, which an editor proposes.
 */
import type { core } from 'zod';
import type { SharedEntity } from './shared-entity.ts';
import type { SharedIndex } from './shared-index.ts';
import type { IdColumn, KeyedColumn, KeyPart, RowsColumn, Where } from './words.ts';

/** A name that may be misspelt: `Checked` says so, and names what is near. */
type Spelt<Name> = Name | (string & Record<never, never>);

type NameOf<Row> = Spelt<keyof Row & string>;

/** Of whatever kind: `Checked` says what belongs to the other one. */
type ColumnsOf<Row> = Readonly<Record<string, NameOf<Row> | KeyedColumn | RowsColumn>>;

/** Record types of a mixed feed: one, or several. */
type TypesOf<Types> = Spelt<Types> | number | boolean | readonly (Spelt<Types> | number | boolean)[];

/** One output row for each source row that passes `when` and `where`. */
export interface RowsLiteral<Row = Record<string, unknown>, Types = string> {
  /**
   * What the entity has a row for: `rows`, for each source row.
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({ sales: { kind: 'rows', id: id('sale_id'), columns: { price: 'price' } } }),
   * });
   */
  readonly kind: 'rows';
  /**
   * The entity's ID column, and its sequence.
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({
   *     sales: { kind: 'rows', id: id('sale_id', { sequence: 'shop.documents' }), columns: { price: 'price' } },
   *   }),
   * });
   */
  readonly id: IdColumn;
  /**
   * Output columns in their order, behind the ID. A source column's name alone means: unchanged.
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id, constant, map }) => ({
   *     sales: {
   *       kind: 'rows',
   *       id: id('sale_id'),
   *       columns: {
   *         price: 'price',
   *         currency: constant('EUR', type.string),
   *         year: map('sold_at', (date) => date.getUTCFullYear(), type.int32),
   *       },
   *     },
   *   }),
   * });
   */
  readonly columns: ColumnsOf<Row>;
  /**
   * Record types of the rows that the entity takes: one, or a list. Needs a row contract with record types.
   * @default rows of all types
   * @example
   * pipeline({
   *   ...rest,
   *   row: records,
   *   entities: ({ id }) => ({ sales: { kind: 'rows', when: 'sale', id: id('sale_id'), columns: { price: 'price' } } }),
   * });
   */
  readonly when?: TypesOf<Types>;
  /**
   * Rows that the entity takes, of those that `when` allows.
   * @default all rows
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id, where }) => ({
   *     refunds: {
   *       kind: 'rows',
   *       id: id('refund_id'),
   *       where: where(['kind'], (kind) => kind === 'refund'),
   *       columns: { price: 'price' },
   *     },
   *   }),
   * });
   */
  readonly where?: Where;
}

/** One output row for each new natural key; the same key has the same ID for ever. */
export interface KeyedLiteral<Row = Record<string, unknown>, Types = string> {
  /**
   * What the entity has a row for: `keyed`, for each natural key.
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({ customers: { kind: 'keyed', id: id('customer_id'), key: { email: 'email' } } }),
   * });
   */
  readonly kind: 'keyed';
  /**
   * The entity's ID column, and its sequence.
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({
   *     customers: { kind: 'keyed', id: id('customer_id', { start: 1000 }), key: { email: 'email' } },
   *   }),
   * });
   */
  readonly id: IdColumn;
  /**
   * The natural key: component → source column, or a word that makes it (`compute`, `map`, `constant`, `sourceFile`,
   * `sourceRow`); or component → zod type where only references bring keys. Components are output columns.
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id, ref }) => ({
   *     customers: { kind: 'keyed', id: id('customer_id'), key: { email: z.string() } },
   *     sales: { kind: 'rows', id: id('sale_id'), columns: { customer_id: ref('customers', { email: 'email' }) } },
   *   }),
   * });
   */
  readonly key: Readonly<Record<string, NameOf<Row> | KeyPart | core.$ZodType>>;
  /**
   * Attributes: what the first row that brought the key says of it. Null for a key that came by a reference only.
   * @default none
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id, first }) => ({
   *     customers: {
   *       kind: 'keyed',
   *       id: id('customer_id'),
   *       key: { email: 'email' },
   *       columns: { first_seen: first('sold_at') },
   *     },
   *   }),
   * });
   */
  readonly columns?: ColumnsOf<Row>;
  /**
   * Record types of the rows that may bring keys: one, or a list. Needs a row contract with record types.
   * @default rows of all types
   * @example
   * pipeline({
   *   ...rest,
   *   row: records,
   *   entities: ({ id }) => ({
   *     customers: { kind: 'keyed', when: ['refund'], id: id('customer_id'), key: { email: 'email' } },
   *   }),
   * });
   */
  readonly when?: TypesOf<Types>;
  /**
   * Rows that may bring keys. Needs a key of source columns.
   * @default all rows
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id, where }) => ({
   *     buyers: {
   *       kind: 'keyed',
   *       id: id('buyer_id'),
   *       key: { email: 'email' },
   *       where: where(['kind'], (kind) => kind === 'sale'),
   *     },
   *   }),
   * });
   */
  readonly where?: Where;
  /**
   * The key index, where several pipelines share it.
   * @default one named `<pipeline>.<entity>`
   * @example
   * const people = sharedIndex('people');
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({
   *     customers: { kind: 'keyed', id: id('customer_id'), key: { email: 'email' }, index: people },
   *   }),
   * });
   */
  readonly index?: SharedIndex;
  /**
   * Hash partitions of the key index, 1 to 64: each is resolved by an activity of its own, and new keys are in
   * first-seen order within each. Fixed when the index is first used.
   * @default 1
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({
   *     customers: { kind: 'keyed', id: id('customer_id'), key: { email: 'email' }, partitions: 8 },
   *   }),
   * });
   */
  readonly partitions?: number;
  /**
   * Which keys of a run get a row in its files: those that are new, or all that it has seen. Rows of known keys
   * have the ID that they have had, and lie in files of their own.
   * @default 'new'
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id }) => ({
   *     customers: { kind: 'keyed', id: id('customer_id'), key: { email: 'email' }, publish: 'seen' },
   *   }),
   * });
   */
  readonly publish?: 'new' | 'seen';
  /**
   * What becomes of attributes that change after a key was described: nothing, or a row with the new ones in the
   * entity's changes dataset. The description itself is always published; there, when the key was made before.
   * @default 'ignore'
   * @example
   * pipeline({
   *   ...rest,
   *   entities: ({ id, first }) => ({
   *     customers: {
   *       kind: 'keyed',
   *       id: id('customer_id'),
   *       key: { email: 'email' },
   *       columns: { last_price: first('price') },
   *       onChange: 'report',
   *     },
   *   }),
   * });
   */
  readonly onChange?: 'ignore' | 'report';
}

/** A keyed entity that several pipelines share, with the values that this pipeline has for it. */
export interface SharedLiteral<Row = Record<string, unknown>, Types = string> {
  /**
   * What the entity has a row for: `shared`, for each natural key, as `keyed`.
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() } });
   * pipeline({
   *   ...rest,
   *   entities: () => ({ customers: { kind: 'shared', entity: customers, key: { email: 'email' } } }),
   * });
   */
  readonly kind: 'shared';
  /**
   * What `shared` gave: ID, sequence, types of key and columns, and choices.
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() } });
   * pipeline({
   *   ...rest,
   *   entities: ({ id, ref }) => ({
   *     customers: { kind: 'shared', entity: customers },
   *     sales: { kind: 'rows', id: id('sale_id'), columns: { customer_id: ref('customers', { email: 'email' }) } },
   *   }),
   * });
   */
  readonly entity: SharedEntity;
  /**
   * Key component → source column, or a word that makes it.
   * @default only references bring keys
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() } });
   * pipeline({
   *   ...rest,
   *   entities: () => ({ customers: { kind: 'shared', entity: customers, key: { email: 'email' } } }),
   * });
   */
  readonly key?: Readonly<Record<string, NameOf<Row> | KeyPart>>;
  /**
   * Attributes that this pipeline knows; the others are null.
   * @default none
   * @example
   * const customers = shared('customers', {
   *   id: 'customer_id',
   *   key: { email: z.string() },
   *   columns: { first_seen: type.timestamp },
   * });
   * pipeline({
   *   ...rest,
   *   entities: ({ first }) => ({
   *     customers: {
   *       kind: 'shared',
   *       entity: customers,
   *       key: { email: 'email' },
   *       columns: { first_seen: first('sold_at') },
   *     },
   *   }),
   * });
   */
  readonly columns?: ColumnsOf<Row>;
  /**
   * Record types of the rows that may bring keys: one, or a list. Needs a row contract with record types.
   * @default rows of all types
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() } });
   * pipeline({
   *   ...rest,
   *   row: records,
   *   entities: () => ({ customers: { kind: 'shared', entity: customers, when: 'refund', key: { email: 'email' } } }),
   * });
   */
  readonly when?: TypesOf<Types>;
  /**
   * Rows that may bring keys.
   * @default all rows
   * @example
   * const customers = shared('customers', { id: 'customer_id', key: { email: z.string() } });
   * pipeline({
   *   ...rest,
   *   entities: ({ where }) => ({
   *     customers: {
   *       kind: 'shared',
   *       entity: customers,
   *       key: { email: 'email' },
   *       where: where(['kind'], (kind) => kind === 'sale'),
   *     },
   *   }),
   * });
   */
  readonly where?: Where;
}

/** What `entities` gives: entities by name, in the order of their declaration. `Checked` says what an entity lacks. */
export type Entities<Row = Record<string, unknown>, Types = string> = Readonly<
  Record<
    string,
    Partial<RowsLiteral<Row, Types>> | Partial<KeyedLiteral<Row, Types>> | Partial<SharedLiteral<Row, Types>>
  >
>;

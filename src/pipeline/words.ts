/**
 * What the words of `builder.ts` give, as plain tagged values, and what they take. Nothing here is checked yet: a JavaScript
 * user may have put anything anywhere. `compile` reads these values; it must never trust their types.
 */
import type { OutputType } from './output-type.ts';

/** Where a sequence starts and how it steps. */
export interface SequenceSettings {
  /**
   * First ID ever given, 0 to 2^63-1.
   * @default 1
   * @example
   * const saleId = id('sale_id', { start: 1_000_000 });
   */
  readonly start?: number | bigint;
  /**
   * Distance between IDs, at least 1.
   * @default 1
   * @example
   * const saleId = id('sale_id', { start: 10, step: 10n });
   */
  readonly step?: number | bigint;
}

/** The sequence of an entity's own IDs. */
export interface IdSettings<S extends string = string> extends SequenceSettings {
  /**
   * Name of the sequence, shared by all that name it.
   * @default `<pipeline>.<entity>`, or the name of the entity's shared index
   * @example
   * const saleId = id('sale_id', { sequence: 'shop.documents' });
   */
  readonly sequence?: S;
}

/** What `id` gives. */
export interface IdColumn<N extends string = string, S extends string = string> {
  readonly kind: 'id';
  readonly column: N;
  readonly settings: IdSettings<S>;
}

/** What `nextId` gives. */
export interface NextIdColumn<S extends string = string> {
  readonly kind: 'nextId';
  readonly sequence: S;
  readonly settings: SequenceSettings;
}

/** What `first` gives. */
export interface FirstColumn<T = unknown, S extends string = string> {
  readonly kind: 'first';
  readonly source: S;
  /** The type of its values, for the type checker alone. */
  readonly values?: T;
}

/** What `map` gives: of source column `S`, by a function that takes `V`. */
export interface MapColumn<T = unknown, S extends string = string, V = unknown> {
  readonly kind: 'map';
  readonly source: S;
  /** Runs once for each distinct value. */
  readonly fn: (value: never) => unknown;
  /** What the function takes, for the type checker alone. */
  readonly takes?: V;
  readonly type: OutputType<T>;
}

/** What `compute` gives: of source columns `C`, by a function that takes `V`. */
export interface ComputeColumn<T = unknown, C = readonly string[], V = unknown> {
  readonly kind: 'compute';
  readonly sources: C;
  /** Takes the values of `sources`, in their order. */
  readonly fn: (...values: never[]) => unknown;
  /** What the function takes, for the type checker alone. */
  readonly takes?: V;
  readonly type: OutputType<T>;
}

/** What `constant` gives. */
export interface ConstantColumn<T = unknown> {
  readonly kind: 'constant';
  readonly value: unknown;
  readonly type: OutputType<T> | undefined;
}

/** What `sourceFile` gives. */
export interface SourceFileColumn {
  readonly kind: 'sourceFile';
}

/** What `sourceRow` gives. */
export interface SourceRowColumn {
  readonly kind: 'sourceRow';
}

/** What may stand for a component of a key, beside the name of a source column. */
export type KeyPart = MapColumn | ComputeColumn | ConstantColumn | SourceFileColumn | SourceRowColumn;

/** What `ref` gives. */
export interface RefColumn<E extends string = string, K = unknown> {
  readonly kind: 'ref';
  readonly entity: E;
  /** Key component of the entity → source column, or a word that makes it. */
  readonly key: K;
  readonly settings: RefSettings;
}

/** What a reference does with rows that name no key. */
export interface RefSettings {
  /**
   * ID that stands for a key with a null: that of the unknown member. The entity gets one row with this ID, without a key
   * and without attributes, in a file of its own beside the first files that are published of it. It may be negative, and
   * lies below the start of the entity's sequence.
   * @default null is written where a key has a null
   * @example
   * const columns = { customer_id: ref('customers', { email: 'email' }, { missing: 0 }) };
   */
  readonly missing?: number | bigint;
}

/** What `rowRef` gives. */
export interface RowRefColumn<E extends string = string> {
  readonly kind: 'rowRef';
  readonly entity: E;
}

/** What `where` gives: of source columns `C`, by a function that takes `V`. */
export interface Where<C = readonly string[], V = unknown> {
  readonly kind: 'where';
  readonly sources: C;
  /** Takes the values of `sources`, in their order. */
  readonly fn: (...values: never[]) => boolean;
  /** What the function takes, for the type checker alone. */
  readonly takes?: V;
}

/** What both kinds of entity may have. */
type MadeColumn = KeyPart | NextIdColumn | RefColumn;

/** A column of a keyed entity, beside its ID and its key. */
export type KeyedColumn = MadeColumn | FirstColumn;

/** A column of a rows entity, beside its ID and its unchanged source columns (which are plain strings). */
export type RowsColumn = MadeColumn | RowRefColumn;

/**
 * What a pipeline compiles to: checked, resolved, in declaration order, free of zod and of builder types where the
 * engine looks. `split`, `keys` and `run` know pipelines only by these types.
 */
import type { core } from 'zod';
import type { Readers } from '../parquet/readers.ts';
import type { ColumnType } from '../parquet/types.ts';
import type { ArrivalMode } from './arrival.ts';
import type { ByteProof } from './byte-proof.ts';

/** How a source column's values appear in JavaScript: decided by the innermost type of its zod schema. */
export type JsKind = 'string' | 'number' | 'bigint' | 'boolean' | 'date' | 'bytes' | 'any';

/** One column of the row contract. */
export interface ContractColumn {
  /** Name of the source column, and of the contract's field; of a leaf of nested objects, its path with dots. */
  name: string;
  /** Of a leaf of nested objects: names from the row to the leaf. Absent for a column of the row itself. */
  path?: string[];
  /** By element of `path`: whether null passes there. `nullable` is true where one of them is. */
  nullableAt?: boolean[];
  /** What the schema takes in. */
  input: JsKind;
  /** What the schema gives out. Equal to `input` unless the schema pipes to another type. */
  output: JsKind;
  /** Whether null passes. */
  nullable: boolean;
  /** Whether a file may lack the column: all its rows are null then. Only where null passes. */
  mayLack?: true;
  /** Groups of the path that a file may lack as a whole: the column with them. */
  mayLackIn?: string[];
  /** Type of the source column where no file of a run has a value in it. */
  emptyType: ColumnType;
  /**
   * True when the schema does more than state a type: it may refuse values or change them. When false, values of a
   * compatible physical type pass as they are, and only nulls (and safe-integer range, for `number`) are checked.
   * A `number` schema also refuses NaN and infinities, and fractions if `integer`: on FLOAT and DOUBLE columns (and
   * DECIMAL ones if `integer`) it can therefore refuse although it is not `active`, and `bounds` prove nothing there.
   */
  active: boolean;
  /** True when the input is a `number` without a fraction (`z.int()`). */
  integer: boolean;
  /** True when the schema may change values (a transform, trim, lower-casing, coercion). When false and `active`, it can only refuse. */
  changes: boolean;
  /**
   * Simple bounds that prove without reading values that none is refused, where `active` comes from bounds alone:
   * integers/numbers with min and max from the footer's statistics. Inclusive, in the schema's terms (a DECIMAL's value,
   * not its unscaled integer). Undefined when the schema has any other check.
   */
  bounds?: { min?: number; max?: number };
  /**
   * The type written to outputs, set when the schema pipes through a transform or coerces: what its last schema
   * states. Undefined keeps the source's type, even when the schema changes values (trims a string).
   */
  outputType?: ColumnType;
  /**
   * A quicker way than `parse` for many texts: what it would give, or undefined, which means nothing. Absent where there
   * is none.
   */
  quick?(value: unknown): string | undefined;
  /** Whether bytes are certainly a text that the schema leaves as it is; absent where only the schema can tell. */
  proof?: ByteProof;
  /**
   * Runs the schema on one non-null value. Never throws. Nulls are never shown to it: they pass or are refused by
   * `nullable` alone. It gives null only when `nullable` and `changes`.
   */
  parse(value: unknown): { ok: true; value: unknown } | { ok: false; reason: string };
  /**
   * Of a row contract with record types: the schemas of the column, each with the record types that it holds for. In rows
   * of all other types the column is null. Absent where one schema holds for all types: then what is above is that one;
   * otherwise it says what is true of all of them, and `parse` is none's.
   */
  variants?: { types: RecordType[]; contract: ContractColumn }[];
}

/** A value of the column that tells record types apart. */
export type RecordType = string | number | boolean;

/** The record types of a row contract that is a discriminated union. */
export interface RecordTypes {
  /** The contract column that tells them apart. */
  column: string;
  /** In the order of the union's options. */
  types: RecordType[];
}

/** A check of a row as a whole, after its columns. */
export interface RowCheck {
  /** The record types that it is for; all rows when absent. */
  types?: RecordType[];
  /** The contract columns that it is shown, and what it gets for their nulls. */
  columns: { name: string; path: string[]; absent: null | undefined }[];
  /**
   * What it has against a row; empty when nothing. Never throws.
   * @param row an object with a member for each column, nested as the contract is
   */
  test(row: object): { column: string; reason: string }[];
}

/** A column whose values are not in the files: of a blob's name, of a row's place, or made of other columns. */
export type DerivedColumn = { name: string; type: ColumnType; nullable: boolean } & (
  | {
      kind: 'folder';
      /** The folder's name in blob names, and the schema of its text. */
      contract: ContractColumn;
    }
  /** Name of the source blob, and 0-based number of the row in it. */
  | { kind: 'file' }
  | { kind: 'row' }
  /** The same value in each row. */
  | { kind: 'constant'; value: unknown }
  /** A pure function of contract columns, for rows that the entity `selectedBy` selects (all when absent); else null. */
  | {
      kind: 'compute';
      sources: string[];
      selectedBy?: string;
      /** Called once a row. */
      fn: (...values: unknown[]) => unknown;
    }
);

/** A predicate over named contract columns; its function may throw; values arrive as the contract gives them out, null for null. */
export interface Predicate {
  columns: string[];
  /** Takes the values of `columns`, in their order. */
  test(...values: unknown[]): boolean;
}

/** One column of an output, by where its values come from. */
export type OutColumn =
  /** The next ID of a sequence for each output row, in output order. */
  | { kind: 'id'; name: string; sequence: string }
  /** A contract column, validated (and transformed, if its schema does that), or a derived column. */
  | { kind: 'copy'; name: string; source: string }
  /** A pure function of one contract column, run once per distinct value. Null maps to null unless `nulls`. */
  | {
      kind: 'map';
      name: string;
      source: string;
      type: ColumnType;
      nulls: boolean;
      /** Takes one value as the contract gives it out. */
      fn(value: unknown): unknown;
    }
  /** A pure function of several contract columns, run per row; sees nulls. */
  | {
      kind: 'compute';
      name: string;
      sources: string[];
      type: ColumnType;
      /** Takes the values of `sources`, in their order. */
      fn(...values: unknown[]): unknown;
    }
  | { kind: 'constant'; name: string; type: ColumnType; value: unknown }
  /**
   * The ID of the keyed entity's row whose key equals these columns (aligned to its key components). `missing` is the ID
   * that stands for a key with a null, as decimal text; null is written where it is absent.
   */
  | { kind: 'ref'; name: string; entity: string; columns: string[]; missing?: string }
  /** The ID that a rows entity gave to the same source row; null where that entity's `where` dropped it. */
  | { kind: 'rowRef'; name: string; entity: string }
  /** Keyed entities only: a component of the natural key. */
  | { kind: 'key'; name: string; component: number };

/** One output row for each source row that passes `where`. */
export interface RowsEntity {
  kind: 'rows';
  name: string;
  where?: Predicate;
  /** Output columns in schema order; the first is the row's own ID. */
  columns: OutColumn[];
}

/**
 * One output row per new natural key. `copy`, `map` and `compute` columns take the first row of the run in which the
 * key came through the entity's own feed; keys that came through references only have nulls there. A later run whose own
 * feed describes such a key publishes the description in the changes dataset.
 */
export interface KeyedEntity {
  kind: 'keyed';
  name: string;
  /** Name of the key index: `<pipeline>.<entity>`, or a name that several pipelines share. */
  index: string;
  /** Hash partitions of the key index, resolved side by side. One when absent. */
  partitions?: number;
  where?: Predicate;
  /** Also publish a row for each key of the run that earlier runs have numbered. New keys only when absent. */
  publish?: 'seen';
  /** Report changed attributes of keys that were described before. They are ignored when absent. */
  onChange?: 'report';
  /** Components of the natural key. `input` is the JavaScript kind of the component: never `any`. */
  key: { name: string; input: JsKind }[];
  /** Contract or derived columns of the own feed, aligned to `key`; absent when only references feed the entity. */
  ownFeed?: string[];
  /** Output columns in schema order; the first is the row's own ID. */
  columns: OutColumn[];
  /** IDs of its unknown members, ascending: what the pipeline's references write for keys that are missing. */
  unknown?: string[];
  /** Of an entity that several pipelines share: its declaration as a text, and the types of its attribute columns. */
  shared?: { declared: string; types: Record<string, ColumnType> };
}

/** What each source row gives. */
export type Entity = RowsEntity | KeyedEntity;

/** A column that says something of a key. */
export type AttributeColumn = Extract<OutColumn, { kind: 'copy' | 'map' | 'compute' | 'ref' }>;

/**
 * Whether a column of a keyed entity is an attribute: something that a source row says of the key.
 * @param column a column of a keyed entity
 * @returns true for what a source row says; false for IDs, keys and constants
 */
export function isAttribute(column: OutColumn): column is AttributeColumn {
  return column.kind === 'copy' || column.kind === 'map' || column.kind === 'compute' || column.kind === 'ref';
}

/**
 * Whether source rows describe the keys of an entity: its own feed brings attributes.
 * @param entity an entity
 * @returns true for a keyed entity with attributes
 */
export function hasAttributes(entity: Entity): entity is KeyedEntity {
  return entity.kind === 'keyed' && entity.columns.some(isAttribute);
}

/**
 * Columns of a changes dataset beside the entity's own: the source row that a change was taken from, the run that reports
 * it, and the version of the key index that the run read. Of two changes of one key, the one of the higher version is newer.
 */
export const changeColumns = {
  blob: 'source_blob',
  row: 'source_row',
  run: 'run_id',
  version: 'index_version',
} as const;

/**
 * Whether a column of a published file describes keys: an attribute, or what was one in an earlier version of the
 * pipeline.
 * @param entity a keyed entity
 * @param name name of a column of its files, or of its changes dataset
 * @returns false for IDs, keys, constants, and the place of a change
 */
export function describes({ columns }: KeyedEntity, name: string): boolean {
  const column = columns.find((one) => one.name === name);
  return column ? isAttribute(column) : !Object.values<string>(changeColumns).includes(name);
}

/**
 * A way by which keys reach a keyed entity: its own columns, or a reference in some entity. Rows that `entity`'s
 * predicate drops feed nothing. First-seen order is by source row, then by position in `feeds`.
 */
export interface Feed {
  /** The keyed entity that is fed. */
  target: string;
  /** Contract or derived columns aligned to the target's key components. */
  columns: string[];
  /** The entity whose `where` selects the rows; undefined when all rows feed. */
  selectedBy?: string;
  /** True for the target's own feed: rows found through it supply its attribute columns. */
  own: boolean;
}

/** A sequence as the pipelines that share it state it. */
export interface SequenceOptions {
  name: string;
  /** First ID ever given. Decimal text, 0 to 2^63-1. */
  start: string;
  /** Distance between IDs, at least 1. Decimal text. */
  step: string;
}

/** A pipeline as the engine knows it. */
export interface CompiledPipeline {
  name: string;
  source: { container: string; prefix: string; suffix: string };
  /** `table`: the format of the tables that lie over the entities' files. */
  output: { container: string; prefix: string; table?: 'delta' };
  /** Columns that are read from the files. */
  contract: ContractColumn[];
  /** Columns that are not in the files. */
  derived?: DerivedColumn[];
  /** Where the row contract is a discriminated union. */
  recordTypes?: RecordTypes;
  /** Checks across columns. */
  rowChecks?: RowCheck[];
  entities: Entity[];
  /** In the order in which first-seen is decided: declaration order of entities, then of columns, without repeats. */
  feeds: Feed[];
  /** Distinct sequences in order of first use. */
  sequences: SequenceOptions[];
  idEncoding: 'plain' | 'delta';
  /** Absent: files are for whoever reads the source. */
  readers?: Exclude<Readers, undefined>;
  /** Present where chunks are copied without a look into their pages. It changes nothing about what is written. */
  trust?: true;
  /** Present where Blob Storage copies large chunks that pass whole. It changes nothing about what is written. */
  copy?: 'service';
  /** Present where files that cannot be used are set aside: up to this share of a run's files, 0 to 1. */
  badFiles?: { share: number };
  onInvalid: 'fail' | 'quarantine';
  /** Share of a run's rows, 0 to 1, above which quarantine fails the run. 0 when `onInvalid` is `fail`. */
  maxRejected: number;
  /** SHA-256 (hex) of the declared shape: names, keys, sequences, kinds. Function bodies are not part of it, nor is
   * `arrival` or `schedule`: what starts a run changes nothing about what it writes. */
  hash: string;
  /** What arriving blobs start, where no setting says otherwise. */
  arrival?: ArrivalMode;
  /** When a timer starts a run of what is new, where no setting says otherwise. */
  schedule?: string;
  /** The row contract as it was declared, for those who show it. */
  row?: core.$ZodType;
}

/**
 * What a pipeline module says, as plain tagged values: the builder makes them, `compile` checks and resolves them.
 * Nothing here is checked yet: a JavaScript user may have put anything anywhere. The words of `builder.ts` make these
 * values, and `compile` reads them.
 */
import type { core } from 'zod';
import type { ArrivalSettings } from './arrival.ts';
import type { OutputType } from './output-type.ts';
import type { SharedIndex } from './shared-index.ts';

/** The zod object that describes a source row. */
export type RowSchema = core.$ZodObject;

/** Where a sequence starts and how it steps. */
export interface SequenceSettings {
  /** First ID ever given, 0 to 2^63-1. @default 1 */
  readonly start?: number | bigint;
  /** Distance between IDs, at least 1. @default 1 */
  readonly step?: number | bigint;
}

/** The sequence of an entity's own IDs. */
export interface IdSettings<S extends string = string> extends SequenceSettings {
  /** Name of the sequence, shared by all that name it. @default `<pipeline>.<entity>` */
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
export interface FirstColumn {
  readonly kind: 'first';
  readonly source: string;
}

/** What `map` gives. */
export interface MapColumn {
  readonly kind: 'map';
  readonly source: string;
  /** Runs once for each distinct value. */
  readonly fn: (value: never) => unknown;
  readonly type: OutputType<unknown>;
}

/** What `compute` gives. */
export interface ComputeColumn {
  readonly kind: 'compute';
  readonly sources: readonly string[];
  /** Takes the values of `sources`, in their order. */
  readonly fn: (...values: never[]) => unknown;
  readonly type: OutputType<unknown>;
}

/** What `constant` gives. */
export interface ConstantColumn {
  readonly kind: 'constant';
  readonly value: unknown;
  readonly type: OutputType<unknown>;
}

/** What `ref` gives. */
export interface RefColumn<E extends string = string, K = Readonly<Record<string, string>>> {
  readonly kind: 'ref';
  readonly entity: E;
  /** Key component of the entity → source column. */
  readonly key: K;
}

/** What `rowRef` gives. */
export interface RowRefColumn<E extends string = string> {
  readonly kind: 'rowRef';
  readonly entity: E;
}

/** What `where` gives. */
export interface Where {
  readonly kind: 'where';
  readonly sources: readonly string[];
  /** Takes the values of `sources`, in their order. */
  readonly fn: (...values: never[]) => boolean;
}

/** What both kinds of entity may have. */
type MadeColumn = MapColumn | ComputeColumn | ConstantColumn | NextIdColumn | RefColumn;

/** A column of a keyed entity, beside its ID and its key. */
export type KeyedColumn = MadeColumn | FirstColumn;

/** A column of a rows entity, beside its ID and its unchanged source columns (which are plain strings). */
export type RowsColumn = MadeColumn | RowRefColumn;

/** What `keyed` gives. */
export interface KeyedEntity<K = unknown, C = unknown, I = IdColumn> {
  readonly kind: 'keyed';
  readonly id: I;
  /** Component → source column (own feed), or component → zod type (fed by references only). */
  readonly key: K;
  readonly columns: C | undefined;
  readonly where: Where | undefined;
  readonly index: SharedIndex | undefined;
  readonly partitions?: number | undefined;
  readonly publish?: 'new' | 'seen' | undefined;
  readonly onChange?: 'ignore' | 'report' | undefined;
}

/** What `rows` gives. */
export interface RowsEntity<C = unknown, I = IdColumn> {
  readonly kind: 'rows';
  readonly id: I;
  readonly columns: C;
  readonly where: Where | undefined;
}

/** What `entities` gives: entities by name, in the order of their declaration. */
export type Entities = Readonly<Record<string, KeyedEntity | RowsEntity>>;

/** Everything about a pipeline but its row contract and its entities. */
export interface PipelineSettings {
  /** Lower-case, as in a URL and a blob name: `^[a-z][a-z0-9_-]{0,62}$`. */
  readonly name: string;
  /** Blobs of `container` whose name starts with `prefix` and ends with `suffix`. @default suffix `.parquet` */
  readonly source: { readonly container: string; readonly prefix: string; readonly suffix?: string };
  /** Where datasets go: `<prefix><entity>/`. @default container `published`, prefix `<pipeline>/` */
  readonly output?: { readonly container?: string; readonly prefix?: string };
  /** `delta` (DELTA_BINARY_PACKED) makes ID columns far smaller, for readers that know it. @default `plain` */
  readonly idEncoding?: 'plain' | 'delta';
  /**
   * Who has to read the datasets: whoever reads the source (`source`), or also readers of the format's first years
   * (`old`): chunks in ZSTD, LZ4 or BROTLI, in pages of version 2 or in encodings other than PLAIN and dictionaries are
   * then written anew, in SNAPPY. @default `source`
   */
  readonly readers?: 'source' | 'old';
  /**
   * Whether whoever wrote the source is trusted to have written whole Parquet files with text in UTF-8: bytes that go
   * through unchanged are then copied without a look into their pages, but for their CRC. @default false
   */
  readonly trust?: boolean;
  /** Whether a row that the contract refuses fails the run, or goes to the quarantine dataset. @default `fail` */
  readonly onInvalid?: 'fail' | 'quarantine';
  /** Share of a run's rows, 0 to 1, above which quarantine fails the run all the same. @default 0.01 */
  readonly maxRejected?: number;
  /**
   * What arriving blobs start: a run for each (`blob`), for a folder with its marker (`marker`), or for a burst once it
   * has been quiet (`quiet`). The setting `ORDINAL_ARRIVAL` replaces it in one environment. @default nothing
   */
  readonly arrival?: ArrivalSettings;
}

/** A declared pipeline, not yet compiled. Its types have been used up: any pipeline has this one. */
export interface PipelineDefinition extends PipelineSettings {
  /** The row contract. */
  readonly row: RowSchema;
  /** Gives the entities, in the words of `Builder`. */
  readonly entities: (builder: never) => Entities;
}

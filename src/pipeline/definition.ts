/**
 * What a pipeline module says: its settings, its row contract, and its entities. `pipeline` takes it, and `compile` checks
 * and resolves it. Nothing here is checked yet: a JavaScript user may have put anything anywhere.
 */
import type { core } from 'zod';
import type { ArrivalSettings } from './arrival.ts';
import type { Entities } from './entity.ts';

/** The zod object that describes a source row, or a discriminated union of such objects. */
export type RowSchema = core.$ZodObject | core.$ZodDiscriminatedUnion<readonly core.$ZodObject[]>;

/** Everything about a pipeline but its row contract and its entities. */
export interface PipelineSettings {
  /**
   * Lower-case, as in a URL and a blob name: `^[a-z][a-z0-9_-]{0,62}$`.
   * @example
   * pipeline({ ...rest, name: 'tickets' });
   */
  readonly name: string;
  /**
   * Where source blobs lie.
   * @example
   * pipeline({ ...rest, source: { container: 'landing', prefix: 'tickets/' } });
   */
  readonly source: {
    /**
     * Container of the source blobs.
     * @example
     * pipeline({ ...rest, source: { container: 'landing', prefix: 'tickets/' } });
     */
    readonly container: string;
    /**
     * What the names of source blobs begin with.
     * @example
     * pipeline({ ...rest, source: { container: 'landing', prefix: 'shop/tickets/' } });
     */
    readonly prefix: string;
    /**
     * What the names of source blobs end with.
     * @default '.parquet'
     * @example
     * pipeline({ ...rest, source: { container: 'landing', prefix: 'tickets/', suffix: '.snappy.parquet' } });
     */
    readonly suffix?: string;
    /**
     * Folders of a blob's name that are columns, as in `date=2026-11-29/part-0.parquet`: folder → zod type. Names and
     * values are URL-decoded; `__HIVE_DEFAULT_PARTITION__` is null. A blob that lacks one of them is refused by name.
     * @default none
     * @example
     * pipeline({
     *   ...rest,
     *   source: { container: 'landing', prefix: 'tickets/', partitions: { date: z.date(), region: z.string() } },
     * });
     */
    readonly partitions?: Readonly<Record<string, core.$ZodType>>;
  };
  /**
   * Where datasets go: `<prefix><entity>/`.
   * @default container `published`, prefix `<pipeline>/`
   * @example
   * pipeline({ ...rest, output: { container: 'lake', prefix: 'shop/' } });
   */
  readonly output?: {
    /**
     * Container of the datasets.
     * @default 'published'
     * @example
     * pipeline({ ...rest, output: { container: 'lake' } });
     */
    readonly container?: string;
    /**
     * Folder of the datasets, with a slash at its end.
     * @default `<pipeline>/`
     * @example
     * pipeline({ ...rest, output: { prefix: 'shop/tickets/' } });
     */
    readonly prefix?: string;
    /**
     * A table over the files of each entity, and over its changes: `delta` is Delta Lake. Columns must then have types that
     * such tables have; the guide says which are widened, and which are refused.
     * @default no table: files, manifests and views
     * @example
     * pipeline({ ...rest, output: { table: 'delta' } });
     */
    readonly table?: 'delta';
  };
  /**
   * `delta` (DELTA_BINARY_PACKED) makes ID columns far smaller, for readers that know it.
   * @default 'plain'
   * @example
   * pipeline({ ...rest, idEncoding: 'delta' });
   */
  readonly idEncoding?: 'plain' | 'delta';
  /**
   * Who has to read the datasets. `source`: whoever reads the source. `v1`: also readers of the format's first years.
   * Chunks in ZSTD, LZ4 or BROTLI, in pages of version 2, or in encodings other than PLAIN and dictionaries are then
   * written anew, in SNAPPY. `parquetjs-lite`: also that library. All pages are PLAIN then, references too. Decimals are
   * written as the row contract reads them: text (`z.string()`), DOUBLE (`z.number()`), or INT64 of the unscaled integer
   * (`z.bigint()`). Milliseconds become microseconds, and JSON text. INT96 is refused.
   * @default 'source'
   * @example
   * pipeline({ ...rest, readers: 'v1' });
   */
  readonly readers?: 'source' | 'v1' | 'parquetjs-lite';
  /**
   * Whether whoever wrote the source is trusted to have written whole Parquet files with text in UTF-8: bytes that go
   * through unchanged are then copied without a look into their pages, but for their CRC.
   * @default false
   * @example
   * pipeline({ ...rest, trust: true });
   */
  readonly trust?: boolean;
  /**
   * Who copies large chunks that an output takes as they are. `function`: the app, which reads them and looks into their
   * pages. `service`: Blob Storage itself, so that their bytes never come to the app. Nobody has then looked at such a
   * chunk: its pages are not opened, their CRCs are not compared, and text is not held to UTF-8. The row contract holds
   * by the footer's statistics, or the chunk is read. With `service`, neither `onInvalid: 'quarantine'` nor other
   * `readers` can be.
   * @default 'function'
   * @example
   * pipeline({ ...rest, copy: 'service' });
   */
  readonly copy?: 'function' | 'service';
  /**
   * Whether a source file that cannot be read, or whose columns do not fit the row contract, fails the run, or is set
   * aside: the manifest names it with the reason, and none of its rows is published. A mended file is a new version, which
   * the next run takes.
   * @default 'fail'
   * @example
   * pipeline({ ...rest, onBadFile: 'set-aside' });
   */
  readonly onBadFile?: 'fail' | 'set-aside';
  /**
   * Share of a run's files, 0 to 1, above which bad files fail the run all the same.
   * @default 0.1
   * @example
   * pipeline({ ...rest, onBadFile: 'set-aside', maxBadFiles: 0.02 });
   */
  readonly maxBadFiles?: number;
  /**
   * Whether a row that the contract refuses fails the run, or goes to the quarantine dataset.
   * @default 'fail'
   * @example
   * pipeline({ ...rest, onInvalid: 'quarantine' });
   */
  readonly onInvalid?: 'fail' | 'quarantine';
  /**
   * Share of a run's rows, 0 to 1, above which quarantine fails the run all the same.
   * @default 0.01
   * @example
   * pipeline({ ...rest, onInvalid: 'quarantine', maxRejected: 0.001 });
   */
  readonly maxRejected?: number;
  /**
   * What arriving blobs start: a run for each (`blob`), for a folder with its marker (`marker`), or for a burst once
   * it has been quiet (`quiet`). The setting `ORDINAL_ARRIVAL` replaces it in one environment.
   * @default nothing
   * @example
   * pipeline({ ...rest, arrival: { on: 'blob' } });
   */
  readonly arrival?: ArrivalSettings;
  /**
   * When a timer starts a run of what is new: second, minute, hour, day, month and day of week, in UTC. The setting
   * `ORDINAL_SCHEDULE` replaces it in one environment.
   * @default nothing
   * @example
   * pipeline({ ...rest, schedule: '0 0 3 * * *' });
   */
  readonly schedule?: string;
}

/** A declared pipeline, not yet compiled. Its types have been used up: any pipeline has this one. */
export interface PipelineDefinition extends PipelineSettings {
  /**
   * The row contract: a zod object with one schema for each source column that is used, and a nested object for a group
   * of columns; or a discriminated union of such objects, one for each record type of a mixed feed.
   * @example
   * pipeline({
   *   ...rest,
   *   row: z.object({
   *     email: z.string().trim().toLowerCase(),
   *     kind: z.enum(['sale', 'refund']),
   *     sold_at: z.date(),
   *     price: z.number().nullable(),
   *   }),
   * });
   */
  readonly row: RowSchema;
  /**
   * What each row gives: a function of the builder's words to the entities by name.
   * @example
   * pipeline({
   *   ...rest,
   *   row,
   *   entities: ({ id }) => ({ sales: { kind: 'rows', id: id('sale_id'), columns: { price: 'price' } } }),
   * });
   */
  readonly entities: (builder: never) => Entities;
}

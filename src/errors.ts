/**
 * The one error type of Ordinal. An error says what happened (`code`, `message`), where (`where`), what to do
 * (`remedy`), and whether trying again can help (`retryable`): the run needs no more than that to decide.
 *
 * Codes are stable: they appear in HTTP answers, in a failed run's status and in logs.
 */
export type ErrorCode =
  // What the user wrote.
  /**
   * A pipeline module declares something that cannot be, or two pipelines do not go together. It is said at
   * start-up, and the app does not start. Remedy: Correct the field that the message names; options.md has every
   * option.
   */
  | 'InvalidPipeline'
  /**
   * An app setting is missing or malformed, or the command line was given a wrong key. Remedy: Correct the setting
   * that the message names; deploy.md lists all.
   */
  | 'InvalidSettings'
  /**
   * A field of an HTTP request is missing, malformed, or outside the pipeline's source. Remedy: Correct the fields
   * in `errors`; /api/openapi.json has their schemas.
   */
  | 'InvalidRequest'
  /**
   * No pipeline of this app has the name. Remedy: Correct the name, or register the pipeline in `pipelines/index.ts`
   * and deploy.
   */
  | 'UnknownPipeline'
  /**
   * No run has the ID, or its record was purged (`ORDINAL_KEEP_DAYS`). Remedy: Check the ID; the manifest of a
   * purged run is still among the outputs.
   */
  | 'UnknownRun'
  /**
   * The run ID is taken by a run of another pipeline or source, or the run has not ended. Remedy: Choose another run
   * ID, or wait for the run's end.
   */
  | 'RunIdConflict'
  /** An idempotency key came again with another request. Remedy: Send the earlier request again, or use a new key. */
  | 'IdempotencyKeyReused'
  /** A cancel came when the run was publishing already. Remedy: Wait for its end: it will publish whole. */
  | 'RunIsPublishing'
  /**
   * No pipeline draws on a sequence of this name, or it was never used. Remedy: Correct the name; `GET
   * /api/sequences` lists all.
   */
  | 'UnknownSequence'
  /**
   * No pipeline has a keyed entity with a key index of this name. Remedy: Correct the name; `npm run ordinal -- keys
   * list` shows all.
   */
  | 'UnknownIndex'
  /** The path is not one of the API. Remedy: See /api/openapi.json for paths. */
  | 'UnknownRoute'
  /** The path is one of the API, but takes another method. Remedy: Send a method that the header `Allow` names. */
  | 'MethodNotAllowed'
  // What the source holds.
  /**
   * A blob that the run was started with is not there; or the run was started with `failOnEmpty`, and its source has
   * nothing new. Remedy: Check the names; upload before the run starts.
   */
  | 'SourceEmpty'
  /**
   * A start asked for versions of blobs that a published run has read, or that another run is reading. Remedy: Start
   * with `versions: 'new'` to read the rest, or with `again: true` to publish these rows again.
   */
  | 'AlreadyRead'
  /**
   * A source blob was overwritten or deleted after the run had pinned it. Remedy: Start another run; upload under a
   * new name instead of overwriting.
   */
  | 'SourceChanged'
  /** A source blob is empty or is not a Parquet file. Remedy: Upload it again, or keep such files out of the prefix. */
  | 'NotParquet'
  /** A Parquet file ends too soon. Remedy: Upload the whole file again. */
  | 'TruncatedFile'
  /**
   * A Parquet file, or a document of work in progress, contradicts itself or fails a checksum. Remedy: Write the
   * source again; if the blob is one of the work container, start the run anew under another ID.
   */
  | 'CorruptFile'
  /**
   * A file is encrypted, compressed with LZO, or of a form that is not read. Remedy: Write the source in another
   * form.
   */
  | 'UnsupportedFile'
  /**
   * A source file has no column of the name that the row contract has. Remedy: Correct the row contract or the
   * source; the message names the nearest column.
   */
  | 'MissingColumn'
  /**
   * A source column has another Parquet type than its schema can read, or files contradict each other. Remedy:
   * Change the schema (pipelines.md has a table), or write the column in one type.
   */
  | 'ColumnTypeMismatch'
  /**
   * A pipeline uses a column that is a list or a map, or a struct as a whole. Remedy: Name the leaves of a struct in a
   * nested `z.object()`; flatten a list upstream, or take it out of the pipeline.
   */
  | 'NestedColumn'
  /**
   * The name of a source blob lacks a folder that `source.partitions` names, or has a value there that its schema
   * refuses. Remedy: Rename the blob, correct the schema, or narrow the prefix.
   */
  | 'InvalidFolder'
  /**
   * A value is refused by its schema or cannot be had as its type, or a pipeline's function threw. Remedy: Correct
   * the source or widen the schema; `onInvalid: 'quarantine'` sets such rows aside.
   */
  | 'InvalidValue'
  /**
   * More rows were refused than `maxRejected` allows. Remedy: Look at the first reason, which the message has; correct
   * the source or the contract, or raise the share.
   */
  | 'TooManyRejected'
  /**
   * More source files cannot be read, or do not fit the row contract, than `maxBadFiles` allows. Remedy: Look at the first
   * one, which the message names; correct the source or the contract, or raise the share.
   */
  | 'TooManyBadFiles'
  // What the run met.
  /**
   * Something is larger than a limit in `src/limits.ts`. Remedy: Cut the source into several runs; the message names
   * the limit.
   */
  | 'LimitExceeded'
  /**
   * A reservation of IDs contradicts the one that is there: another life of the run is at work. Remedy: Start the
   * run again once it has ended.
   */
  | 'SequenceConflict'
  /**
   * A sequence has not so many IDs left, or only in too many pieces. Remedy: Name another sequence, or split the
   * input over several runs.
   */
  | 'SequenceExhausted'
  /**
   * A run of a backfill failed, so no further ones were started. Remedy: See that run's error and mend its cause; then
   * send the start of the backfill again: it goes on where it stopped.
   */
  | 'BackfillStopped'
  /**
   * No backfill has the ID, or its record was purged (`ORDINAL_KEEP_DAYS`). Remedy: Check the ID.
   */
  | 'UnknownBackfill'
  /** The run had not ended by its deadline. Remedy: Give it more time, or see in its view which phase was slow. */
  | 'DeadlineExceeded'
  /** Somebody ended the run, or this life of it was given up. Remedy: Start the run again if it is wanted. */
  | 'RunCanceled'
  /**
   * The address that waits for the run's end was not reached, or refused. Remedy: Check the caller; the run itself
   * is done, and its view says how it ended.
   */
  | 'CallBackFailed'
  /**
   * Another run has held a key index for too long. Remedy: See why that run does not end; cancel it, then start this
   * run again.
   */
  | 'LeaseTimeout'
  /**
   * A run lost its hold on a key index to a later life or run; or the index was closed meanwhile, for a withdrawal or its
   * rebuild; or its lease has forgotten its grants, on another durable backend. Remedy: Start the run again; if that fails
   * too, `npm run ordinal -- keys rebuild INDEX`.
   */
  | 'LeaseConflict'
  /**
   * A pipeline contradicts what its earlier runs published, or was changed while a run was under way. Remedy: See
   * what pipelines.md says of changes; `npm run ordinal -- pipelines accept NAME` accepts one.
   */
  | 'PipelineChanged'
  /**
   * A run cannot be withdrawn: it has not ended, a later run shares one of its key indexes and may use its keys, or a
   * replay has published rows that it refused. Remedy: Wait for its end; withdraw the later run first, or publish a
   * correction by a new run.
   */
  | 'RunInUse'
  /**
   * A manifest, a document or a durable state was written by a newer Ordinal than this one. Remedy: Deploy the newer
   * version again; upgrades.md says what going back takes.
   */
  | 'NewerVersion'
  /**
   * Blob Storage or the host did not answer, or refused access. Remedy: Check network and roles (security.md,
   * deploy.md), then start the run again.
   */
  | 'StorageFailed'
  /**
   * Several writers changed one blob at once, or a document of the run is gone since it was given up. Remedy: Start
   * the run again; if it comes back, see whether other programs write into the work container.
   */
  | 'StorageConflict'
  /**
   * A defect of Ordinal: something that must hold does not. Remedy: Report it, with the run's view and the log of
   * its instance.
   */
  | 'Internal';

/** Where in the source an error was found; every member is optional and named as a user would name it. */
export interface ErrorLocation {
  pipeline?: string;
  entity?: string;
  blob?: string;
  rowGroup?: number;
  column?: string;
  /** 0-based row number in the blob. */
  row?: number;
  /** Path of a request or pipeline field, as in `columns.delay`. */
  field?: string;
}

/** Which activity failed: its name, what of the run it was for, and how often it was tried. */
export interface ErrorActivity {
  name: string;
  /** Tries, the last one included. */
  attempts: number;
  batch?: number;
  group?: number;
  part?: number;
  partition?: number;
  entity?: string;
  /** How long the last try took, in milliseconds, and when it ended (ISO time): as its log line says. */
  ms?: number;
  at?: string;
}

/** An error as a JSON value: what activities and entities return, and what HTTP answers carry. */
export interface ErrorValue {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  where?: ErrorLocation;
  remedy?: string;
  activity?: ErrorActivity;
}

/** What an error may say beside its code and message. */
export interface ErrorOptions {
  where?: ErrorLocation | undefined;
  remedy?: string | undefined;
  /** True when the same call may succeed later (a throttled or unreachable service). @default false */
  retryable?: boolean | undefined;
  /** The activity that failed, where one did. */
  activity?: ErrorActivity | undefined;
  cause?: unknown;
}

/** An error that says where, and what to do. */
export class OrdinalError extends Error {
  override readonly name = 'OrdinalError';
  readonly code: ErrorCode;
  readonly where: ErrorLocation | undefined;
  readonly remedy: string | undefined;
  readonly retryable: boolean;
  readonly activity: ErrorActivity | undefined;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.where = options.where;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? false;
    this.activity = options.activity;
  }

  /** The same error with a more precise location; what is already located stays. */
  at(where: ErrorLocation): OrdinalError {
    return new OrdinalError(this.code, this.message, {
      where: { ...where, ...this.where },
      remedy: this.remedy,
      retryable: this.retryable,
      activity: this.activity,
      cause: this.cause,
    });
  }

  /** The error as a JSON value. */
  toValue(): ErrorValue {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.where && { where: this.where }),
      ...(this.remedy && { remedy: this.remedy }),
      ...(this.activity && { activity: this.activity }),
    };
  }
}

/** Runs `work`; an `OrdinalError` that it throws gets the location, where it has none of its own. */
export function locating<T>(where: ErrorLocation, work: () => T): T {
  try {
    return work();
  } catch (thrown) {
    throw thrown instanceof OrdinalError ? thrown.at(where) : thrown;
  }
}

/** Any thrown thing as an error value. What is not an `OrdinalError` is a defect of ours: `Internal`, never retried. */
export function toErrorValue(thrown: unknown): ErrorValue {
  if (thrown instanceof OrdinalError) return thrown.toValue();
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return { code: 'Internal', message: message || 'an error without a message', retryable: false };
}

/** The error that a value was made of, to be thrown again. */
export function fromErrorValue(value: ErrorValue): OrdinalError {
  return new OrdinalError(value.code, value.message, value);
}

/** An error in one line, for those who show a text and nothing else: what, where, what to do. */
export function errorLine({ message, where, remedy }: Pick<ErrorValue, 'message' | 'where' | 'remedy'>): string {
  const places = Object.entries(where ?? {}).flatMap(([name, value]) => {
    const place = `${name} ${value}`;
    // A number is found in any text: only with its name is it said already.
    return message.includes(typeof value === 'number' ? place : String(value)) ? [] : [place];
  });
  const place = places.length > 0 ? ` (${places.join(', ')})` : '';
  return `${message}${place}${remedy ? ` ${remedy}` : ''}`;
}

/**
 * Refuses what a newer Ordinal wrote. Documents and states carry their `version`; it is counted up when an older Ordinal
 * would misread them.
 * @param value what was read, before any other check
 * @param known the newest version that this code reads
 * @param what it is, as the message is to call it
 * @throws OrdinalError `NewerVersion` that names what it is and both versions
 */
export function refuseNewer(value: unknown, known: number, what: string, where?: ErrorLocation): void {
  const version = (value as { version?: unknown } | null | undefined)?.version;
  if (typeof version !== 'number' || version <= known) return;
  throw new OrdinalError('NewerVersion', `${what} is of version ${version}, and this Ordinal reads up to ${known}`, {
    where,
    remedy: 'Deploy the newer Ordinal again, which wrote it.',
  });
}

/** Asserts what must hold by construction; a failure is a defect of Ordinal and names itself as one. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new OrdinalError('Internal', `invariant broken: ${message}`);
}

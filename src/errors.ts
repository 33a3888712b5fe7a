/**
 * The one error type of Ordinal. An error says what happened (`code`, `message`), where (`where`), what to do
 * (`remedy`), and whether trying again can help (`retryable`): the run needs no more than that to decide.
 *
 * Codes are stable: they appear in HTTP answers, in a failed run's status and in logs.
 */
export type ErrorCode =
  // What the user wrote.
  | 'InvalidPipeline'
  | 'InvalidSettings'
  | 'InvalidRequest'
  | 'UnknownPipeline'
  | 'UnknownRun'
  | 'RunIdConflict'
  | 'IdempotencyKeyReused'
  | 'RunIsPublishing'
  | 'UnknownSequence'
  | 'UnknownRoute'
  | 'MethodNotAllowed'
  // What the source holds.
  | 'SourceEmpty'
  | 'SourceChanged'
  | 'NotParquet'
  | 'TruncatedFile'
  | 'CorruptFile'
  | 'UnsupportedFile'
  | 'MissingColumn'
  | 'ColumnTypeMismatch'
  | 'NestedColumn'
  | 'InvalidValue'
  | 'TooManyRejected'
  // What the run met.
  | 'LimitExceeded'
  | 'SequenceConflict'
  | 'SequenceExhausted'
  | 'DeadlineExceeded'
  | 'RunCanceled'
  | 'CallBackFailed'
  | 'LeaseTimeout'
  | 'LeaseConflict'
  | 'PipelineChanged'
  | 'StorageFailed'
  | 'StorageConflict'
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

/** An error as a JSON value: what activities and entities return, and what HTTP answers carry. */
export interface ErrorValue {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  where?: ErrorLocation;
  remedy?: string;
}

/** What an error may say beside its code and message. */
export interface ErrorOptions {
  where?: ErrorLocation | undefined;
  remedy?: string | undefined;
  /** True when the same call may succeed later (a throttled or unreachable service). @default false */
  retryable?: boolean | undefined;
  cause?: unknown;
}

/** An error that says where, and what to do. */
export class OrdinalError extends Error {
  override readonly name = 'OrdinalError';
  readonly code: ErrorCode;
  readonly where: ErrorLocation | undefined;
  readonly remedy: string | undefined;
  readonly retryable: boolean;

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.where = options.where;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? false;
  }

  /** The same error with a more precise location; what is already located stays. */
  at(where: ErrorLocation): OrdinalError {
    return new OrdinalError(this.code, this.message, {
      where: { ...where, ...this.where },
      remedy: this.remedy,
      retryable: this.retryable,
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

/** Asserts what must hold by construction; a failure is a defect of Ordinal and names itself as one. */
export function invariant(condition: unknown, message: string): asserts condition {
  if (!condition) throw new OrdinalError('Internal', `invariant broken: ${message}`);
}

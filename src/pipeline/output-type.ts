/**
 * `type`: the types of columns that a pipeline makes (mapped, computed, constant), as Parquet stores them and as
 * JavaScript sees them. Modules in `pipelines/` use it. Specification: apache/parquet-format, `LogicalTypes.md`.
 */
import { OrdinalError } from '../errors.ts';
import type { ColumnType, TimeUnit } from '../parquet/types.ts';

declare const js: unique symbol;

/** A Parquet column type whose values are `T` in JavaScript. `T` exists for the type checker alone. */
export interface OutputType<T> {
  readonly column: ColumnType;
  readonly [js]?: T;
}

function outputType<T>(column: ColumnType): OutputType<T> {
  return Object.freeze({ column: Object.freeze(column) });
}

/**
 * DECIMAL(precision, scale): INT32 up to 9 digits, INT64 up to 18. Values are numbers, or decimal text where a double
 * would not do.
 * @param precision decimal digits, 1 to 18
 * @param scale digits behind the point, 0 to precision
 * @returns the type
 * @throws `InvalidPipeline` when precision or scale is something else
 * @example
 * const columns = { net: map('price', (price) => price && price / 1.19, type.decimal(9, 2)) };
 */
function decimal(precision: number, scale: number): OutputType<number | string> {
  const whole = Number.isInteger(precision) && Number.isInteger(scale);
  if (!whole || precision < 1 || precision > 18 || scale < 0 || scale > precision) {
    throw new OrdinalError('InvalidPipeline', `decimal(${precision}, ${scale}) is not a type`, {
      remedy: 'Use whole numbers: 1 to 18 for the precision, and 0 to the precision for the scale.',
    });
  }
  return outputType({
    physical: precision <= 9 ? 'INT32' : 'INT64',
    annotation: { kind: 'decimal', precision, scale },
  });
}

/**
 * TIMESTAMP in another unit, or without a time zone.
 * @param unit `MILLIS`, `MICROS` or `NANOS`
 * @param options `utc: false` makes it a wall clock's reading
 * @returns the type
 * @throws `InvalidPipeline` when the unit is something else
 * @example
 * const columns = { sold_local: map('sold_at', (date) => date, type.timestampIn('MILLIS', { utc: false })) };
 */
function timestampIn(unit: TimeUnit, { utc = true }: { utc?: boolean } = {}): OutputType<Date> {
  if (!['MILLIS', 'MICROS', 'NANOS'].includes(unit)) {
    throw new OrdinalError('InvalidPipeline', `timestampIn('${unit}') is not a type`, {
      remedy: "Use 'MILLIS', 'MICROS' or 'NANOS' as the unit.",
    });
  }
  return outputType({ physical: 'INT64', annotation: { kind: 'timestamp', unit, utc } });
}

/**
 * The types of columns that a pipeline makes.
 * @example
 * const columns = { year: map('sold_at', (date) => date.getUTCFullYear(), type.int32) };
 */
export const type = Object.freeze({
  /**
   * STRING: text in UTF-8.
   * @example
   * const columns = { currency: constant('EUR', type.string) };
   */
  string: outputType<string>({ physical: 'BYTE_ARRAY', annotation: { kind: 'string' } }),
  /**
   * JSON: text, which nobody parses.
   * @example
   * const columns = { facts: map('kind', (kind) => JSON.stringify({ kind }), type.json) };
   */
  json: outputType<string>({ physical: 'BYTE_ARRAY', annotation: { kind: 'json' } }),
  /**
   * UUID: text with hyphens; 16 bytes in the file.
   * @example
   * const columns = { shop: constant('7d444840-9dc0-11d1-b245-5ffdce74fad2', type.uuid) };
   */
  uuid: outputType<string>({ physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 16, annotation: { kind: 'uuid' } }),
  /**
   * BYTE_ARRAY: a `Uint8Array`.
   * @example
   * const columns = { mark: constant(new Uint8Array([1, 2]), type.bytes) };
   */
  bytes: outputType<Uint8Array>({ physical: 'BYTE_ARRAY' }),
  /**
   * BOOLEAN.
   * @example
   * const columns = { refund: map('kind', (kind) => kind === 'refund', type.boolean) };
   */
  boolean: outputType<boolean>({ physical: 'BOOLEAN' }),
  /**
   * INT32: a whole number from -2^31 to 2^31-1.
   * @example
   * const columns = { year: map('sold_at', (date) => date.getUTCFullYear(), type.int32) };
   */
  int32: outputType<number>({ physical: 'INT32' }),
  /**
   * INT64: a number must be a safe integer; a bigint reaches the whole range.
   * @example
   * const columns = { sold_micros: map('sold_at', (date) => BigInt(date.getTime()) * 1000n, type.int64) };
   */
  int64: outputType<number | bigint>({ physical: 'INT64' }),
  /**
   * FLOAT: the nearest single of a number.
   * @example
   * const columns = { rate: constant(0.5, type.float32) };
   */
  float32: outputType<number>({ physical: 'FLOAT' }),
  /**
   * DOUBLE: a number as it is.
   * @example
   * const columns = { net: map('price', (price) => price && price / 1.19, type.float64) };
   */
  float64: outputType<number>({ physical: 'DOUBLE' }),
  /**
   * DATE: a day; what is within it (UTC) is dropped.
   * @example
   * const columns = { day: map('sold_at', (date) => date, type.date) };
   */
  date: outputType<Date>({ physical: 'INT32', annotation: { kind: 'date' } }),
  /**
   * TIMESTAMP: microseconds, UTC.
   * @example
   * const columns = { noted_at: constant(new Date(0), type.timestamp) };
   */
  timestamp: timestampIn('MICROS'),
  /** TIMESTAMP in another unit, or without a time zone. */
  timestampIn,
  /** DECIMAL(precision, scale). */
  decimal,
});

/**
 * True for what `type.*` gives.
 * @param value anything
 * @returns true for what `type` gives
 */
export function isOutputType(value: unknown): value is OutputType<unknown> {
  const column = (value as { column?: { physical?: unknown } } | null | undefined)?.column;
  return typeof column?.physical === 'string';
}

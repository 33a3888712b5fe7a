/**
 * `type`: the types of columns that a pipeline makes (mapped, computed, constant), as Parquet stores them and as
 * JavaScript sees them. Specification: apache/parquet-format, `LogicalTypes.md`.
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
 * would not do. Throws `InvalidPipeline` when precision is not 1 to 18 or scale not 0 to precision.
 */
function decimal(precision: number, scale: number): OutputType<number | string> {
  const whole = Number.isInteger(precision) && Number.isInteger(scale);
  if (!whole || precision < 1 || precision > 18 || scale < 0 || scale > precision) {
    throw new OrdinalError('InvalidPipeline', `decimal(${precision}, ${scale}) is not a type`, {
      remedy: 'precision is 1 to 18 and scale 0 to precision, both whole numbers',
    });
  }
  return outputType({
    physical: precision <= 9 ? 'INT32' : 'INT64',
    annotation: { kind: 'decimal', precision, scale },
  });
}

/** TIMESTAMP in another unit, or without a time zone (`utc: false`: a wall clock's reading). */
function timestampIn(unit: TimeUnit, { utc = true }: { utc?: boolean } = {}): OutputType<Date> {
  if (!['MILLIS', 'MICROS', 'NANOS'].includes(unit)) {
    throw new OrdinalError('InvalidPipeline', `timestampIn('${unit}') is not a type`, {
      remedy: "the unit is 'MILLIS', 'MICROS' or 'NANOS'",
    });
  }
  return outputType({ physical: 'INT64', annotation: { kind: 'timestamp', unit, utc } });
}

export const type = Object.freeze({
  string: outputType<string>({ physical: 'BYTE_ARRAY', annotation: { kind: 'string' } }),
  /** JSON text. */
  json: outputType<string>({ physical: 'BYTE_ARRAY', annotation: { kind: 'json' } }),
  /** Text with hyphens; 16 bytes in the file. */
  uuid: outputType<string>({ physical: 'FIXED_LEN_BYTE_ARRAY', typeLength: 16, annotation: { kind: 'uuid' } }),
  bytes: outputType<Uint8Array>({ physical: 'BYTE_ARRAY' }),
  boolean: outputType<boolean>({ physical: 'BOOLEAN' }),
  int32: outputType<number>({ physical: 'INT32' }),
  /** A number must be a safe integer; a bigint reaches the whole range. */
  int64: outputType<number | bigint>({ physical: 'INT64' }),
  float32: outputType<number>({ physical: 'FLOAT' }),
  float64: outputType<number>({ physical: 'DOUBLE' }),
  /** A day: what is within it (UTC) is dropped. */
  date: outputType<Date>({ physical: 'INT32', annotation: { kind: 'date' } }),
  /** Microseconds, UTC. */
  timestamp: timestampIn('MICROS'),
  timestampIn,
  decimal,
});

/** True for what `type.*` gives. */
export function isOutputType(value: unknown): value is OutputType<unknown> {
  const column = (value as { column?: { physical?: unknown } } | null | undefined)?.column;
  return typeof column?.physical === 'string';
}

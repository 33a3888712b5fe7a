/**
 * Dates and times: what the format's integers mean, as JavaScript dates. A `Date` counts milliseconds; finer units are
 * rounded down. `logical.ts` and `builder.ts` call it. It knows no time zone but UTC.
 *
 * Specification: parquet-format `LogicalTypes.md` (Temporal Types); INT96 as Impala and Spark write it.
 */
import type { TimeUnit } from './types.ts';

/** Milliseconds of a day. */
export const dayMs = 86_400_000;
const julianDayOfEpoch = 2_440_588;
const dayNanos = 86_400_000_000_000n;
/** ECMAScript: a `Date` is at most 100 million days from the epoch. */
const dateMsMax = 8.64e15;

/** Units of a millisecond. */
export const unitsPerMs: Record<TimeUnit, bigint> = { MILLIS: 1n, MICROS: 1000n, NANOS: 1_000_000n };
/** Units of a day. */
export const unitsPerDay: Record<TimeUnit, bigint> = {
  MILLIS: 86_400_000n,
  MICROS: 86_400_000_000n,
  NANOS: dayNanos,
};

/**
 * The date at so many milliseconds; undefined beyond what a `Date` can hold.
 * @param ms milliseconds since the epoch
 * @returns the date; undefined beyond what a `Date` can hold
 */
export function dateOf(ms: number): Date | undefined {
  return Math.abs(ms) <= dateMsMax ? new Date(ms) : undefined;
}

/**
 * Milliseconds of a timestamp, rounded down.
 * @param raw the timestamp as stored
 * @param unit its unit
 * @returns milliseconds since the epoch
 */
export function timestampMs(raw: bigint, unit: TimeUnit): number {
  if (unit === 'MILLIS') return Number(raw);
  const divisor = unitsPerMs[unit];
  const quotient = raw / divisor;
  return Number(raw < 0n && quotient * divisor !== raw ? quotient - 1n : quotient);
}

/**
 * Nanoseconds since the epoch of an INT96 timestamp at byte `at`: nanoseconds of the day, then the Julian day.
 * @param bytes where the timestamp is
 * @param at its first byte
 * @returns nanoseconds since the epoch
 */
export function int96Nanos(bytes: Uint8Array, at: number): bigint {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, 12);
  return BigInt(view.getInt32(8, true) - julianDayOfEpoch) * dayNanos + view.getBigInt64(0, true);
}

/**
 * The INT96 bytes of nanoseconds since the epoch; undefined when the day does not fit.
 * @param nanos nanoseconds since the epoch
 * @returns 12 bytes; undefined when the day does not fit
 */
export function int96Bytes(nanos: bigint): Uint8Array | undefined {
  let day = nanos / dayNanos;
  if (nanos < 0n && day * dayNanos !== nanos) day -= 1n;
  const julian = day + BigInt(julianDayOfEpoch);
  if (julian !== BigInt.asIntN(32, julian)) return undefined;
  const out = new Uint8Array(12);
  const view = new DataView(out.buffer);
  view.setBigInt64(0, nanos - day * dayNanos, true);
  view.setInt32(8, Number(julian), true);
  return out;
}

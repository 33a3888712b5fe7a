/**
 * Numbers of all rows as a column's values, where every one of them is exact or rounds as `builder` would round it. No
 * BigInt is made per value. The split calls it for computed columns. It declines rather than round otherwise.
 */
import { roundToDecimalFast } from './decimal.ts';
import type { ColumnType, Values } from './types.ts';

/**
 * Turns numbers into values of a type, if every one of them fits.
 * @param type type of the column
 * @param numbers one for each row; they are used up, for the result may be in their memory
 * @returns the values; undefined when one does not fit, or the type is no number or DECIMAL of 32 or 64 bits
 */
export function fromNumbers(type: ColumnType, numbers: Float64Array): Values | undefined {
  const { physical, annotation } = type;
  const { length } = numbers;
  if (annotation === undefined && physical === 'DOUBLE') return { kind: 'double', length, data: numbers };
  if (physical !== 'INT32' && physical !== 'INT64') return undefined;
  if (annotation?.kind === 'decimal') {
    const limit = 10 ** annotation.precision;
    for (let i = 0; i < length; i++) {
      const unscaled = roundToDecimalFast(numbers[i]!, annotation.scale);
      // NaN where the quick way is not sure, and beyond the precision.
      if (!(unscaled < limit && unscaled > -limit)) return undefined;
      numbers[i] = unscaled;
    }
    return integers(physical, numbers);
  }
  if (annotation !== undefined && !(annotation.kind === 'int' && annotation.signed)) return undefined;
  const bits = annotation?.bitWidth ?? (physical === 'INT32' ? 32 : 64);
  const max = Math.min(Number.MAX_SAFE_INTEGER, 2 ** (bits - 1) - 1);
  const min = Math.max(Number.MIN_SAFE_INTEGER, -(2 ** (bits - 1)));
  for (let i = 0; i < length; i++) {
    const value = numbers[i]!;
    if (!Number.isInteger(value) || value < min || value > max) return undefined;
  }
  return integers(physical, numbers);
}

/** Safe integers as 32-bit or 64-bit values. */
function integers(physical: 'INT32' | 'INT64', numbers: Float64Array): Values {
  const { length } = numbers;
  if (physical === 'INT32') return { kind: 'int32', length, data: Int32Array.from(numbers) };
  const data = new BigInt64Array(numbers.buffer, numbers.byteOffset, length);
  const halves = new Int32Array(numbers.buffer, numbers.byteOffset, 2 * length);
  for (let i = 0; i < length; i++) {
    const value = numbers[i]!;
    halves[2 * i] = value;
    halves[2 * i + 1] = Math.floor(value / 2 ** 32);
  }
  return { kind: 'int64', length, data };
}

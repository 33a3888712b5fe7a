/**
 * FLOAT16: IEEE 754 binary16, little-endian. `logical.ts` and `builder.ts` call it.
 * It rounds to the nearest number, ties to even.
 *
 * Specification: parquet-format `LogicalTypes.md` (FLOAT16).
 */

/**
 * The half-precision number at byte `at`.
 * @param bytes where the number is
 * @param at its first byte
 * @returns the number
 */
export function float16At(bytes: Uint8Array, at: number): number {
  const bits = bytes[at]! | (bytes[at + 1]! << 8);
  const sign = bits >>> 15 === 1 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/**
 * The bits of the nearest half-precision number, ties to even; beyond 65504 it is an infinity.
 * @param value a number
 * @returns 16 bits
 */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  // Half-way to the next power of two rounds up to infinity.
  if (size >= 65520) return sign | 0x7c00;
  // The spacing of numbers of this size; below 2^-14 it is that of subnormals.
  const exponent = size < 2 ** -14 ? -14 : Math.floor(Math.log2(size));
  const scaled = roundToEven(size / 2 ** (exponent - 10));
  if (scaled < 1024) return sign | scaled;
  // Rounding may carry into the exponent, which is just what adding does.
  return sign | (((exponent + 14) << 10) + scaled);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

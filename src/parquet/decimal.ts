/**
 * DECIMAL: an unscaled integer and a scale. Text is exact; numbers are the nearest doubles. `logical.ts` and
 * `builder.ts` call it.
 *
 * Specification: parquet-format `LogicalTypes.md` (DECIMAL).
 */

/**
 * The integer in big-endian two's complement bytes; empty bytes are 0.
 * @param bytes big-endian two's complement
 * @returns the integer
 */
export function unscaledFromBytes(bytes: Uint8Array): bigint {
  let value = 0n;
  for (const byte of bytes) value = (value << 8n) | BigInt(byte);
  return BigInt.asIntN(bytes.length * 8, value);
}

/**
 * Big-endian two's complement bytes, sign-extended to `width`, or as few as hold the value.
 * @param unscaled the integer
 * @param width bytes of the result; as few as hold the value when left out
 * @returns the bytes
 */
export function unscaledToBytes(unscaled: bigint, width?: number): Uint8Array {
  let length = width ?? 1;
  if (width === undefined) while (BigInt.asIntN(length * 8, unscaled) !== unscaled) length++;
  const out = new Uint8Array(length);
  for (let i = length - 1, rest = unscaled; i >= 0; i--, rest >>= 8n) out[i] = Number(rest & 255n);
  return out;
}

/**
 * Text with exactly `scale` decimals, as in "-12.34".
 * @param unscaled the integer
 * @param scale decimal digits behind the point
 * @returns exact text
 */
export function decimalText(unscaled: bigint, scale: number): string {
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(scale + 1, '0');
  const sign = unscaled < 0n ? '-' : '';
  return scale === 0 ? sign + digits : `${sign}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/**
 * The nearest double: parsing the exact text rounds once.
 * @param unscaled the integer
 * @param scale decimal digits behind the point
 * @returns the nearest double
 */
export function decimalNumber(unscaled: bigint, scale: number): number {
  if (scale === 0) return Number(unscaled);
  const number = Number(unscaled);
  // Both operands exact, so the quotient is rounded once and is the nearest double too.
  if (Number.isSafeInteger(number) && scale <= 22) return number / 10 ** scale;
  return Number(decimalText(unscaled, scale));
}

const decimalPattern = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/;

/**
 * The unscaled integer of a decimal text; a string is why it is none. Digits beyond the scale must be zeros.
 * @param text a decimal number, as in "-12.34"
 * @param scale decimal digits behind the point
 * @returns the integer, or why there is none
 */
export function parseDecimal(text: string, scale: number): bigint | string {
  const match = decimalPattern.exec(text.trim());
  if (!match || !(match[2] || match[3])) return `${JSON.stringify(text)} is not a decimal number`;
  const fraction = match[3] ?? '';
  let digits = (match[2] ?? '') + fraction;
  const shift = scale - fraction.length + Number(match[4] ?? 0);
  if (shift >= 0) digits += '0'.repeat(shift);
  else {
    const dropped = digits.slice(shift);
    digits = digits.slice(0, shift);
    if (/[1-9]/.test(dropped)) return `${JSON.stringify(text)} has more than ${scale} decimals`;
  }
  const unscaled = BigInt(digits || '0');
  return match[1] === '-' ? -unscaled : unscaled;
}

/**
 * `roundToDecimal` where a safe integer is certainly the answer; NaN where it is not. Scaling errs by less than two units
 * in the last place, so away from a tie the nearest integer is right.
 * @param value a number
 * @param scale decimal digits behind the point
 * @returns the unscaled integer, or NaN
 */
export function roundToDecimalFast(value: number, scale: number): number {
  const scaled = value * 10 ** scale;
  const size = Math.abs(scaled);
  if (!(size < 2 ** 52) || scale > 22) return Number.NaN;
  const fraction = size - Math.floor(size);
  if (Math.abs(fraction - 0.5) <= size * 2 ** -50) return Number.NaN;
  return Math.round(scaled);
}

/**
 * The unscaled integer nearest to a number, by its shortest decimal text, ties away from zero.
 * @param value a number
 * @param scale decimal digits behind the point
 * @returns the unscaled integer, or why there is none
 */
export function roundToDecimal(value: number, scale: number): bigint | string {
  if (!Number.isFinite(value)) return `${value} is not a decimal number`;
  // Twenty more digits than the scale keep the text exact for every double that has that many decimals.
  const exact = parseDecimal(String(value), scale + 400);
  if (typeof exact === 'string') return exact;
  const unit = 10n ** 400n;
  const half = unit / 2n;
  return exact < 0n ? -((-exact + half) / unit) : (exact + half) / unit;
}

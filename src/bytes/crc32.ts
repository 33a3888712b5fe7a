/**
 * CRC-32 (ISO 3309, as in gzip and zip) of a whole from the CRCs of its parts: blocks are staged by many activities, and
 * nobody reads the file to know its checksum. The split and the seal call it for blocks, publishing for files. Anyone can
 * check it: `python -c "import zlib,sys; print(zlib.crc32(...))"`.
 */
import { crc32 } from 'node:zlib';

/**
 * The CRC of bytes in several parts.
 * @param parts the bytes, in order
 * @returns the CRC, 0 to 2^32-1
 */
export function crcOf(parts: readonly Uint8Array[]): number {
  let crc = 0;
  for (const part of parts) crc = crc32(part, crc);
  return crc >>> 0;
}

/** The reversed polynomial. */
const POLYNOMIAL = 0xedb88320;

/**
 * CRC of A followed by B, from theirs: that of A is moved on by B's length in zero bytes, by squaring.
 * @param a CRC of A
 * @param b CRC of B
 * @param bytesOfB length of B in bytes
 * @returns the CRC of A followed by B
 */
export function joinCrc(a: number, b: number, bytesOfB: number): number {
  if (bytesOfB === 0) return a >>> 0;
  return (multiply(power(bytesOfB * 8), a) ^ b) >>> 0;
}

/** Product of two polynomials modulo the CRC's; bit 31 is x^0. */
function multiply(a: number, b: number): number {
  let product = 0;
  let factor = b;
  for (let bit = 31; bit >= 0; bit--) {
    if ((a >>> bit) & 1) product ^= factor;
    factor = factor & 1 ? (factor >>> 1) ^ POLYNOMIAL : factor >>> 1;
  }
  return product >>> 0;
}

/** x^n modulo the CRC's polynomial. */
function power(n: number): number {
  let result = 0x80000000;
  let square = 0x40000000;
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = multiply(square, result);
    square = multiply(square, square);
  }
  return result;
}

/**
 * A CRC as manifests have it.
 * @param crc 32 bits
 * @returns eight hexadecimal digits
 */
export function crcText(crc: number): string {
  return (crc >>> 0).toString(16).padStart(8, '0');
}

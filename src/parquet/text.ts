/**
 * UTF-8 text as JavaScript strings. Measured for ASCII of 3, 12 and 20 bytes: 20, 50 and 117 ns; a decoder alone takes
 * 170 ns for any, and building the string letter by letter up to 260. `logical.ts` calls it. It must never replace
 * bytes that are not UTF-8.
 */
import { isAscii as allAscii, isUtf8 } from 'node:buffer';
import { OrdinalError } from '../errors.ts';
import type { ColumnType, Values } from './types.ts';

/** Up to this length strings are flat however they are put together. */
const shortMax = 12;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A reader of BYTE_ARRAY values as text.
 * @returns a function that reads one value; it keeps memory for the next
 * @throws `InvalidValue` from the reader, for bytes that are not UTF-8: they are never replaced
 */
export function textReader(): (values: Values, i: number) => string {
  // A view of the arena that was read last.
  let arena = new Uint8Array(0);
  let buffer = Buffer.alloc(0);
  return (values, i) => {
    const { data, offsets } = values as Values & { kind: 'bytes' };
    const start = offsets[i]!;
    const end = offsets[i + 1]!;
    if (!isAscii(data, start, end)) return decodeStrictly(data.subarray(start, end));
    if (end - start <= shortMax) return shortText(data, start, end);
    if (data !== arena) {
      arena = data as Uint8Array<ArrayBuffer>;
      buffer = Buffer.from(arena.buffer, arena.byteOffset, arena.length);
    }
    return buffer.toString('latin1', start, end);
  };
}

/**
 * Whether values of the type must be UTF-8: readers refuse the file where one is not.
 * @param type type of the column
 * @returns true for text, enums and JSON
 */
export function isText({ annotation }: ColumnType): boolean {
  return annotation?.kind === 'string' || annotation?.kind === 'enum' || annotation?.kind === 'json';
}

/**
 * Whether all byte arrays are UTF-8, each by itself: their bytes together are, and none begins within a character.
 * @param values byte arrays
 * @returns true when all are
 */
export function textHolds(values: Values): boolean {
  const { data, offsets, length } = values as Values & { kind: 'bytes' };
  const all = data.subarray(offsets[0]!, offsets[length]!);
  if (allAscii(all)) return true;
  if (!isUtf8(all)) return false;
  for (let i = 0; i < length; i++) {
    const start = offsets[i]!;
    if (offsets[i + 1]! > start && (data[start]! & 0xc0) === 0x80) return false;
  }
  return true;
}

/**
 * Whether value i is UTF-8.
 * @param values byte arrays
 * @param i position of the value
 * @returns true when it is
 */
export function isTextAt(values: Values, i: number): boolean {
  const { data, offsets } = values as Values & { kind: 'bytes' };
  return isUtf8(data.subarray(offsets[i]!, offsets[i + 1]!));
}

function isAscii(data: Uint8Array, start: number, end: number): boolean {
  let bits = 0;
  for (let k = start; k < end; k++) bits |= data[k]!;
  return bits < 128;
}

function shortText(data: Uint8Array, start: number, end: number): string {
  let text = '';
  let k = start;
  for (; k + 4 <= end; k += 4) text += String.fromCharCode(data[k]!, data[k + 1]!, data[k + 2]!, data[k + 3]!);
  switch (end - k) {
    case 1:
      return text + String.fromCharCode(data[k]!);
    case 2:
      return text + String.fromCharCode(data[k]!, data[k + 1]!);
    case 3:
      return text + String.fromCharCode(data[k]!, data[k + 1]!, data[k + 2]!);
    default:
      return text;
  }
}

function decodeStrictly(bytes: Uint8Array): string {
  try {
    return strictUtf8.decode(bytes);
  } catch (error) {
    throw new OrdinalError('InvalidValue', 'The value is not UTF-8 text.', { cause: error });
  }
}

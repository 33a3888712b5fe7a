/**
 * A string schema made of lengths and of expressions that are one character after the other (`/^SO-\d{7}$/`), as a test
 * of a text's bytes: no string is made of texts that pass. It may only say yes, and yes means that the schema accepts
 * the text and changes nothing. `contract.ts` makes the tests and the split runs them.
 */
import type { core } from 'zod';
import { type CheckDef, stringChecks, unwrapped } from './string-checks.ts';

/** Whether bytes [start, end) are certainly a text that the schema leaves as it is. */
export type ByteProof = (bytes: Uint8Array, start: number, end: number) => boolean;

/** Characters that an expression may ask for, at most. */
const POSITIONS_MAX = 64;

/**
 * Makes the test of bytes that a schema allows.
 * @param schema a zod schema of one column
 * @returns the test; undefined for a schema that is anything else
 */
export function byteProof(schema: core.$ZodType): ByteProof | undefined {
  const checks = stringChecks(unwrapped(schema))?.map(proofOf) ?? [];
  const known = checks.filter((check) => check !== undefined);
  if (known.length < checks.length || known.length === 0) return undefined;
  const [only] = known;
  if (known.length === 1) return only;
  return (bytes, start, end) => known.every((check) => check(bytes, start, end));
}

function proofOf({ check, format, pattern, minimum, maximum, length }: CheckDef): ByteProof | undefined {
  if (check === 'min_length' && typeof minimum === 'number') return lengthProof(minimum, Number.POSITIVE_INFINITY);
  if (check === 'max_length' && typeof maximum === 'number') return lengthProof(0, maximum);
  if (check === 'length_equals' && typeof length === 'number') return lengthProof(length, length);
  if (check !== 'string_format' || format !== 'regex' || !(pattern instanceof RegExp)) return undefined;
  const positions = positionsOf(pattern);
  return positions && ((bytes, start, end) => matches(positions, bytes, start, end));
}

/** Of ASCII a byte is a character. */
function lengthProof(min: number, max: number): ByteProof {
  return (bytes, start, end) => {
    let bits = 0;
    for (let k = start; k < end; k++) bits |= bytes[k]!;
    return bits < 128 && end - start >= min && end - start <= max;
  };
}

function matches(positions: readonly Uint8Array[], bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== positions.length) return false;
  for (let k = 0; k < positions.length; k++) if (positions[k]![bytes[start + k]!] === 0) return false;
  return true;
}

/**
 * By position: 1 for each byte that may be there. Undefined for expressions of any other form.
 * @param expression a regular expression
 * @returns for each position 256 flags, one for each byte
 */
export function positionsOf({ source, flags }: RegExp): Uint8Array[] | undefined {
  if ((flags !== '' && flags !== 'u') || !source.startsWith('^') || !source.endsWith('$')) return undefined;
  const positions: Uint8Array[] = [];
  // A character, or a class of them, and perhaps how often.
  const atom =
    /(?:\\(?<escaped>[dw./-])|\[(?<list>(?:[A-Za-z0-9 _]|\\[dw])(?:[A-Za-z0-9 _-]|\\[dw])*)\]|(?<plain>[A-Za-z0-9 _:@#,;=/-]))(?:\{(?<count>\d{1,2})\})?/y;
  for (atom.lastIndex = 1; atom.lastIndex < source.length - 1; ) {
    const groups = atom.exec(source)?.groups;
    if (!groups) return undefined;
    const { escaped, list, plain, count = '1' } = groups;
    const set = list === undefined ? setOf(plain ?? `\\${escaped}`) : classOf(list);
    if (!set || positions.length + Number(count) > POSITIONS_MAX) return undefined;
    for (let k = 0; k < Number(count); k++) positions.push(set);
  }
  // An escape may have taken the last sign: then it was no end.
  return atom.lastIndex === source.length - 1 ? positions : undefined;
}

const digits = '0123456789';
const letters = 'abcdefghijklmnopqrstuvwxyz';

/** A character as it is written, or `\d`, `\w`, `\.`. */
function setOf(text: string): Uint8Array {
  const word = `${digits}${letters}${letters.toUpperCase()}_`;
  return bytesOf(text === '\\d' ? digits : text === '\\w' ? word : text.at(-1)!);
}

/** What is between the brackets; undefined where a dash or a range is not plain. */
function classOf(list: string): Uint8Array | undefined {
  const set = new Uint8Array(256);
  for (const [part] of list.matchAll(/\\.|.-.|./g)) {
    const [first, last] = [part.charCodeAt(0), part.charCodeAt(2)];
    const isRange = part.length === 3;
    // Dashes beside ranges and escapes mean different things to different readers.
    if (part === '-' || (isRange && part.includes('\\'))) return undefined;
    if (isRange) for (let code = first; code <= last; code++) set[code] = 1;
    else for (const [code, bit] of setOf(part).entries()) set[code]! |= bit;
  }
  return set;
}

function bytesOf(characters: string): Uint8Array {
  const set = new Uint8Array(256);
  for (const character of characters) set[character.charCodeAt(0)] = 1;
  return set;
}

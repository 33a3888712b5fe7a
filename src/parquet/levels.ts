/**
 * Definition levels. Of a flat column: one bit per row, 1 for a value and 0 for null; REQUIRED columns have none. Of a
 * leaf in groups: how many of the OPTIONAL elements of its path are there, and a value where all are. `page-body.ts`
 * and the encoders call it.
 *
 * Specification: parquet-format `Encodings.md` (RLE = 3, BIT_PACKED = 4), README.md "Nulls".
 */
import { decodeHybrid, encodeHybrid } from './hybrid.ts';
import type { Leaf } from './types.ts';

/**
 * The definition level that a value of a leaf has.
 * @param leaf the column, as the file's schema has it
 * @returns OPTIONAL elements of its path: 0 for a REQUIRED column, 1 for an OPTIONAL one, more within groups
 */
export function levelMaxOf({ optional, path }: Pick<Leaf, 'optional' | 'path'>): number {
  return path ? path.filter((element) => element.optional).length : Number(optional);
}

/**
 * Bits of a definition level.
 * @param levelMax the highest level
 * @returns the bits that it needs
 */
export function levelBits(levelMax: number): number {
  return 32 - Math.clz32(levelMax);
}

/** Which rows of a chunk hold values, filled page by page; no memory is taken until the first null. */
export class Validity {
  readonly rows: number;
  /** Undefined as long as there is no null. */
  valid: Uint8Array | undefined;
  nulls = 0;
  /** Takes the level of each row of a column in groups, where somebody wants to know. */
  readonly levels: Uint8Array | undefined;

  constructor(rows: number, levels?: Uint8Array) {
    this.rows = rows;
    this.levels = levels;
  }

  /** The array, all 1 when it is new. */
  materialise(): Uint8Array {
    this.valid ??= new Uint8Array(this.rows).fill(1);
    return this.valid;
  }

  /** The array where it says something: undefined when no row is null. */
  result(): Uint8Array | undefined {
    return this.nulls > 0 ? this.valid : undefined;
  }
}

/**
 * Reads levels into rows [at, at + count).
 * @param bytes where the levels are
 * @param start first byte to read
 * @param end byte behind the last one to read
 * @param count levels to read
 * @param validity the chunk's rows
 * @param at first row
 * @param levelMax the level that a value has
 * @returns the number of nulls among them
 * @throws `RangeError` when the bytes end too soon, or a level is higher than it may be
 */
export function decodeLevels(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  validity: Validity,
  at: number,
  levelMax = 1,
): number {
  if (levelMax > 1 || validity.levels) {
    const levels = new Uint8Array(count);
    decodeHybrid(bytes, start, end, levelBits(levelMax), count, levels, 0);
    return takeLevels(levels, validity, at, levelMax);
  }
  if (allPresent(bytes, start, end, count)) return 0;
  const valid = validity.materialise();
  decodeHybrid(bytes, start, end, 1, count, valid, at);
  return countNulls(valid, count, validity, at);
}

/**
 * Reads the deprecated BIT_PACKED levels: most significant bit first.
 * @param bytes where the levels are
 * @param start first byte to read
 * @param count levels to read
 * @param validity the chunk's rows
 * @param at first row
 * @param levelMax the level that a value has
 * @returns the number of nulls among them
 * @throws `RangeError` when the bytes end too soon or state what cannot be; `guarded` makes it a CorruptFile
 */
export function decodeBitPackedLevels(
  bytes: Uint8Array,
  start: number,
  count: number,
  validity: Validity,
  at: number,
  levelMax = 1,
): number {
  const bits = levelBits(levelMax);
  if (start + Math.ceil((count * bits) / 8) > bytes.length) throw new RangeError('levels run past the end');
  const levels = new Uint8Array(count);
  for (let bit = 0; bit < count * bits; bit++) {
    const k = Math.floor(bit / bits);
    levels[k] = (levels[k]! << 1) | ((bytes[start + (bit >>> 3)]! >>> (7 - (bit & 7))) & 1);
  }
  return takeLevels(levels, validity, at, levelMax);
}

/** Notes the levels of rows from `at` on. Returns the nulls among them. */
function takeLevels(levels: Uint8Array, validity: Validity, at: number, levelMax: number): number {
  validity.levels?.set(levels, at);
  const valid = validity.materialise();
  let nulls = 0;
  for (let k = 0; k < levels.length; k++) {
    const level = levels[k]!;
    if (level > levelMax) throw new RangeError(`a definition level of ${level} where ${levelMax} is the highest`);
    if (level === levelMax) continue;
    valid[at + k] = 0;
    nulls++;
  }
  validity.nulls += nulls;
  return nulls;
}

function countNulls(valid: Uint8Array, count: number, validity: Validity, at: number): number {
  let present = 0;
  let all = 0;
  for (let r = at; r < at + count; r++) {
    present += valid[r]!;
    all |= valid[r]!;
  }
  if (all > 1) throw new RangeError(`a definition level of ${all} in a flat column`);
  validity.nulls += count - present;
  return count - present;
}

/** The usual case of no null: runs of 1, or bit-packed bytes of ones, without touching any array. */
function allPresent(bytes: Uint8Array, start: number, end: number, count: number): boolean {
  let seen = 0;
  let i = start;
  while (seen < count) {
    let header = 0;
    for (let shift = 0; ; shift += 7) {
      if (i >= end || shift > 28) return false;
      const byte = bytes[i++]!;
      header |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    header >>>= 0;
    if ((header & 1) === 0) {
      if (i >= end || bytes[i++] !== 1) return false;
      seen += header >>> 1;
      continue;
    }
    const groups = header >>> 1;
    for (let g = 0; g < groups && seen < count; g++, seen += 8) {
      const mask = count - seen < 8 ? (1 << (count - seen)) - 1 : 255;
      if (i >= end || (bytes[i++]! & mask) !== mask) return false;
    }
  }
  return true;
}

/**
 * Definition levels of rows [from, to) as a V1 page stores them: four bytes of length, then the hybrid.
 * @param valid 0 for each row that is null, aligned to the values; undefined when none is null
 * @param from first row
 * @param to row behind the last
 * @returns the levels as a page has them
 */
export function encodeLevels(valid: Uint8Array | undefined, from: number, to: number): Uint8Array {
  const runs = valid ? encodeHybrid(valid, from, to, 1) : allOnes(to - from);
  const out = new Uint8Array(runs.length + 4);
  new DataView(out.buffer).setUint32(0, runs.length, true);
  out.set(runs, 4);
  return out;
}

function allOnes(count: number): Uint8Array {
  const out: number[] = [];
  let header = count * 2;
  for (; header >= 128; header = Math.floor(header / 128)) out.push((header % 128) | 128);
  out.push(header, 1);
  return Uint8Array.from(out);
}

/**
 * Moves indices that lie together to the rows that hold values; the others become -1.
 * @param indices an index for each row of the chunk
 * @param row first row of the page, and where its indices lie
 * @param rows rows of the page
 * @param count indices of the page
 * @param valid 0 for each row of the chunk that is null
 */
export function spreadIndices(indices: Int32Array, row: number, rows: number, count: number, valid: Uint8Array): void {
  // From the end, so that no index is overwritten before it has moved.
  for (let r = row + rows - 1, k = row + count - 1; r >= row; r--) {
    indices[r] = valid[r] === 0 ? -1 : indices[k--]!;
  }
}

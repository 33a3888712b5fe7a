/**
 * The chunk of an ID column: REQUIRED INT64 values that are arithmetic runs. Values are written as 32-bit halves; with
 * DELTA_BINARY_PACKED a run is little more than its first value and its step. The seal calls it. It must never write an
 * ID that no sequence gave.
 *
 * Specification: parquet-format `Encodings.md` (PLAIN = 0, DELTA_BINARY_PACKED = 5).
 */
import { invariant } from '../errors.ts';
import { PageWriter, pageRowsDefault } from './encode-pages.ts';
import { countedRun, countedRunMin } from './run-compress.ts';
import type { Codec, EncodedChunk, RawStatistics } from './types.ts';

/** `count` values: first, first + step, first + 2 * step, and so on. */
export interface Int64Run {
  first: bigint;
  count: number;
  step: bigint;
}

/** How an ID column is encoded. */
export interface SequenceEncoding {
  encoding: 'plain' | 'delta';
  codec: Codec;
  /** @default 131072 */
  rowsPerPage?: number;
}

const int64Max = 2n ** 63n - 1n;
const deltaBlockValues = 128;
const deltaMiniblocks = 4;

/**
 * Encodes ranges one after the other, with exact statistics. A value beyond 64 bits is a defect (Internal).
 * @param ranges the values of the column, in order
 * @param options encoding, codec, and rows of a page at most
 * @returns the chunk
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 */
export function encodeInt64Sequence(ranges: readonly Int64Run[], options: SequenceEncoding): EncodedChunk {
  const pages = new PageWriter(options.codec, options.encoding === 'delta' ? 'DELTA_BINARY_PACKED' : 'PLAIN');
  for (const range of ranges) {
    const last = lastOf(range);
    invariant(range.count >= 0 && range.step >= 0n, 'a range ascends');
    invariant(range.first >= -int64Max - 1n && last <= int64Max, 'a range lies within 64 bits');
  }
  const rowsMax = options.rowsPerPage ?? pageRowsDefault;
  if (options.encoding === 'delta') {
    // A page per range and page size: within one the step never changes.
    for (const range of ranges) {
      for (let done = 0; done < range.count; done += rowsMax) {
        const count = Math.min(rowsMax, range.count - done);
        pages.add(count, undefined, deltaRun(range.first + BigInt(done) * range.step, count, range.step));
      }
    }
  } else addPlainPages(ranges, rowsMax, options.codec, pages);
  return pages.chunk(sequenceStatistics(ranges));
}

function lastOf({ first, count, step }: Int64Run): bigint {
  return count === 0 ? first : first + BigInt(count - 1) * step;
}

function sequenceStatistics(ranges: readonly Int64Run[]): RawStatistics {
  let min: bigint | undefined;
  let max: bigint | undefined;
  for (const range of ranges) {
    if (range.count === 0) continue;
    const last = lastOf(range);
    if (min === undefined || range.first < min) min = range.first;
    if (max === undefined || last > max) max = last;
  }
  if (min === undefined || max === undefined) return { nullCount: 0 };
  return { nullCount: 0, minValue: int64Bytes(min), maxValue: int64Bytes(max), minExact: true, maxExact: true };
}

function int64Bytes(value: bigint): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigInt64(0, value, true);
  return out;
}

/** PLAIN pages of `rowsMax` rows over all ranges; a page may span ranges. */
function addPlainPages(ranges: readonly Int64Run[], rowsMax: number, codec: Codec, pages: PageWriter): void {
  let left = ranges.reduce((sum, range) => sum + range.count, 0);
  let range = 0;
  let done = 0;
  while (left > 0) {
    const rows = Math.min(rowsMax, left);
    const counted = countedPage(ranges[range]!, done, rows, codec);
    if (counted) {
      pages.addStored(rows, rows * 8, counted);
      done += rows;
    } else {
      const page = new Int32Array(rows * 2);
      for (let filled = 0; filled < rows; ) {
        while (done === ranges[range]!.count) {
          range++;
          done = 0;
        }
        const { first, count, step } = ranges[range]!;
        const take = Math.min(count - done, rows - filled);
        fillRun(page, filled, take, first + BigInt(done) * step, step);
        filled += take;
        done += take;
      }
      pages.add(rows, undefined, new Uint8Array(page.buffer));
    }
    left -= rows;
  }
}

/** The compressed page when it is one run of step 1 and its codec has a direct way for that. */
function countedPage(range: Int64Run, done: number, rows: number, codec: Codec): Uint8Array | undefined {
  if (range.step !== 1n || rows < countedRunMin || range.count - done < rows) return undefined;
  return countedRun(range.first + BigInt(done), rows, codec);
}

/**
 * Writes a run of `count` values from value `at` of `out`, which holds low and high halves in turn.
 * @param out halves of 64-bit integers
 * @param at first value to write
 * @param count number of values
 * @param first first value
 * @param step distance between values
 */
export function fillRun(out: Int32Array, at: number, count: number, first: bigint, step: bigint): void {
  let low = Number(BigInt.asUintN(32, first));
  let high = Number(BigInt.asIntN(32, first >> 32n));
  const stepLow = Number(BigInt.asUintN(32, step));
  const stepHigh = Number(BigInt.asIntN(32, step >> 32n));
  const end = (at + count) * 2;
  if (stepHigh !== 0) {
    for (let k = at * 2; k < end; k += 2) {
      out[k] = low;
      out[k + 1] = high;
      low += stepLow;
      high = (high + stepHigh + (low > 0xffffffff ? 1 : 0)) | 0;
      low %= 0x100000000;
    }
    return;
  }
  // Between two carries the high half stands still and the low half is plain 32-bit arithmetic.
  for (let k = at * 2; k < end; high = (high + 1) | 0) {
    const untilCarry = stepLow === 0 ? Number.POSITIVE_INFINITY : Math.ceil((0x100000000 - low) / stepLow);
    const stop = Math.min(end, k + untilCarry * 2);
    let bits = low | 0;
    for (; k < stop; k += 2) {
      out[k] = bits;
      out[k + 1] = high;
      bits = (bits + stepLow) | 0;
    }
    low = bits >>> 0;
  }
}

/** DELTA_BINARY_PACKED bytes of an arithmetic run: every block has the step as its least delta and no residues. */
function deltaRun(first: bigint, count: number, step: bigint): Uint8Array {
  const head: number[] = [];
  pushVarint(head, BigInt(deltaBlockValues));
  pushVarint(head, BigInt(deltaMiniblocks));
  pushVarint(head, BigInt(count));
  pushVarint(head, zigzag(first));
  const block: number[] = [];
  pushVarint(block, zigzag(step));
  for (let i = 0; i < deltaMiniblocks; i++) block.push(0);
  const blocks = Math.ceil((count - 1) / deltaBlockValues);
  const out = new Uint8Array(head.length + blocks * block.length);
  out.set(head);
  for (let b = 0, o = head.length; b < blocks; b++, o += block.length) out.set(block, o);
  return out;
}

function zigzag(value: bigint): bigint {
  return BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
}

function pushVarint(out: number[], value: bigint): void {
  let rest = value;
  for (; rest >= 128n; rest >>= 7n) out.push(Number(rest & 127n) | 128);
  out.push(Number(rest));
}

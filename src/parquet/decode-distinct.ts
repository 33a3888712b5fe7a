/**
 * Plain byte arrays read by distinct value: each row becomes the number that an interner gives its bytes, and no arena
 * of all rows is made. For columns that a writer gave no dictionary although their values repeat. The split calls it.
 * It declines a chunk rather than decode it half.
 */

import { sameBytes, viewOf } from '../bytes/short-bytes.ts';
import type { ErrorLocation } from '../errors.ts';
import { guarded } from './fail.ts';
import { levelMaxOf, spreadIndices, Validity } from './levels.ts';
import { openDataPage } from './page-body.ts';
import type { ChunkShape, FetchedChunk } from './pages.ts';

/** Byte strings [starts[k], ends[k]) of `bytes`; the arrays may be longer than `count`. */
export interface ByteStrings {
  bytes: Uint8Array;
  starts: Uint32Array;
  ends: Uint32Array;
  count: number;
}

/** Numbers of byte strings: equal bytes, equal number. The bytes are the caller's only during the call. */
export interface Interner {
  /** Writes the number of each string to `out`. */
  internMany(strings: ByteStrings, out: Int32Array): void;
  readonly size: number;
}

/** The strings of the page at hand, without those that repeat their predecessor. Memory for all pages. */
const strings: ByteStrings = {
  bytes: new Uint8Array(0),
  starts: new Uint32Array(0),
  ends: new Uint32Array(0),
  count: 0,
};
let numbers = new Int32Array(0);

/** Pages with more values have memory of their own. */
const stringsMax = 1 << 20;

function stringsOf(bytes: Uint8Array, count: number): ByteStrings {
  if (count > stringsMax) return { bytes, starts: new Uint32Array(count), ends: new Uint32Array(count), count: 0 };
  if (count > strings.starts.length) {
    const length = Math.min(stringsMax, 2 * count);
    strings.starts = new Uint32Array(length);
    strings.ends = new Uint32Array(length);
    numbers = new Int32Array(length);
  }
  strings.bytes = bytes;
  strings.count = 0;
  return strings;
}

/**
 * Decodes a chunk to one number for each row: the interner's number of its bytes, -1 for null.
 * @param chunk the chunk, as it was fetched
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @param interner gives equal bytes an equal number
 * @param sample it gives up after `rows` rows, and before the last page, when more than `distinctMax` of them were distinct
 * @param allocate gives memory for so many elements; what is in it does not matter
 * @returns the numbers, in memory of `allocate`; undefined where it gave up, or where the chunk has other pages than
 *   PLAIN byte arrays
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeDistinct(
  { bytes, meta, leaf, rows }: FetchedChunk,
  where: ErrorLocation,
  shape: ChunkShape,
  interner: Interner,
  sample: { rows: number; distinctMax: number },
  allocate: (length: number) => Int32Array = (length) => new Int32Array(length),
): { indices: Int32Array; nulls: number } | undefined {
  const plain = shape.pages.every((page) => page.kind !== 'dictionary' && page.encoding === 'PLAIN');
  const total = shape.pages.reduce((sum, page) => sum + page.numValues, 0);
  if (leaf.nested || leaf.type.physical !== 'BYTE_ARRAY' || !plain || total !== rows || meta.numValues !== rows) {
    return undefined;
  }
  const at = { ...where, column: leaf.name };
  return guarded(at, () => {
    const validity = new Validity(rows);
    const indices = allocate(rows);
    let row = 0;
    for (const page of shape.pages) {
      const body = openDataPage(bytes, page, meta.codec, levelMaxOf(leaf), validity, row, at);
      const count = page.numValues - body.nulls;
      internPage(body.bytes, body.start, body.end, count, indices, row, interner);
      if (body.nulls > 0) spreadIndices(indices, row, page.numValues, count, validity.materialise());
      row += page.numValues;
      if (row < rows && row >= sample.rows && interner.size > sample.distinctMax * row) return undefined;
    }
    return { indices, nulls: validity.nulls };
  });
}

/** Rows often repeat their predecessor: then bytes are compared once and nothing is looked up. */
function internPage(
  bytes: Uint8Array,
  start: number,
  end: number,
  count: number,
  indices: Int32Array,
  row: number,
  interner: Interner,
): void {
  const view = viewOf(bytes);
  const page = stringsOf(bytes, count);
  const { starts, ends } = page;
  let i = start;
  let from = 0;
  let to = -1;
  let distinct = 0;
  for (let k = 0; k < count; k++) {
    if (end - i < 4) throw new RangeError('a byte array without a length');
    const length = (bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)) >>> 0;
    const first = i + 4;
    if (length > end - first) throw new RangeError(`a byte array of ${length} bytes runs past the end`);
    if (length !== to - from || !sameBytes(view, first, view, from, length)) {
      from = first;
      to = first + length;
      starts[distinct] = from;
      ends[distinct++] = to;
    }
    indices[row + k] = distinct - 1;
    i = first + length;
  }
  page.count = distinct;
  const out = distinct > numbers.length ? new Int32Array(distinct) : numbers;
  interner.internMany(page, out);
  for (let k = row; k < row + count; k++) indices[k] = out[indices[k]!]!;
}

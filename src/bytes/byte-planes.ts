/**
 * Numbers as byte planes: the lowest byte of each, then the next byte of each, and so on. Most planes of numbers that
 * are much alike hold one value all over, and compress to nothing, where the same bytes among others do not: segments
 * of keys take 30 to 40% fewer bytes, and no more time. Frames, key lists and segments call it. The layout is stored:
 * it must never change without a new magic.
 */

/** Numbers within a list: `count` words from `first` on, `step` apart. A 64-bit integer is two words, its low one first. */
export interface Words {
  list: Int32Array;
  first: number;
  step: number;
  count: number;
}

/** Bytes of the planes of a word. */
const WORD_BYTES = 4;

/**
 * All words of a list.
 * @param list 32-bit integers
 * @returns the list as words, one after the other
 */
export function wordsOf(list: Int32Array): Words {
  return { list, first: 0, step: 1, count: list.length };
}

/**
 * Low and high words of 64-bit integers.
 * @param longs 64-bit integers
 * @returns two lists of words over the same memory: the low ones, the high ones
 */
export function lowAndHigh(longs: BigInt64Array): [Words, Words] {
  const list = new Int32Array(longs.buffer, longs.byteOffset, 2 * longs.length);
  const { length: count } = longs;
  return [
    { list, first: 0, step: 2, count },
    { list, first: 1, step: 2, count },
  ];
}

/**
 * Writes the planes to out[at...]; with `differences`, of each word less its predecessor.
 * @param words numbers to write
 * @param differences whether to write each word less its predecessor
 * @param out bytes to write to: four for each word, from `at` on
 * @param at byte to begin at
 * @returns the byte behind the planes
 */
export function writePlanes(
  { list, first, step, count }: Words,
  differences: boolean,
  out: Uint8Array,
  at: number,
): number {
  const mask = differences ? -1 : 0;
  const second = at + count;
  const third = second + count;
  const fourth = third + count;
  let previous = 0;
  for (let k = 0, i = first; k < count; k++, i += step) {
    const word = list[i]!;
    const written = word - (previous & mask);
    previous = word;
    out[at + k] = written;
    out[second + k] = written >>> 8;
    out[third + k] = written >>> 16;
    out[fourth + k] = written >>> 24;
  }
  return at + count * WORD_BYTES;
}

/**
 * Reads what `writePlanes` wrote. The caller has seen that the bytes are there.
 * @param words where to put the numbers; `count` of them are read
 * @param differences whether each word was written less its predecessor
 * @param bytes what `writePlanes` filled
 * @param at byte at which the planes begin
 * @returns the byte behind the planes
 */
export function readPlanes(
  { list, first, step, count }: Words,
  differences: boolean,
  bytes: Uint8Array,
  at: number,
): number {
  const mask = differences ? -1 : 0;
  const second = at + count;
  const third = second + count;
  const fourth = third + count;
  let previous = 0;
  for (let k = 0, i = first; k < count; k++, i += step) {
    const read = bytes[at + k]! | (bytes[second + k]! << 8) | (bytes[third + k]! << 16) | (bytes[fourth + k]! << 24);
    previous = (read + (previous & mask)) | 0;
    list[i] = previous;
  }
  return at + count * WORD_BYTES;
}

/**
 * Where values end whose lengths `writePlanes` wrote, one behind the other. Beyond 32 bits an end stays at their largest
 * number, which no data reach: it is wrong either way.
 * @param ends where to put the ends, one for each length
 * @param bytes what `writePlanes` filled with the lengths
 * @param at byte at which the planes begin
 */
export function readEnds(ends: Uint32Array, bytes: Uint8Array, at: number): void {
  readPlanes(wordsOf(new Int32Array(ends.buffer, ends.byteOffset, ends.length)), false, bytes, at);
  let end = 0;
  for (let k = 0; k < ends.length; k++) {
    end = Math.min(end + ends[k]!, 0xffffffff);
    ends[k] = end;
  }
}

/**
 * The hash of a key: tables look keys up by it, and segments of the key index are in its order. Tables, segments and the
 * split call it. It must never change: what is stored is sorted by it.
 */

/**
 * Four bytes a step, then an avalanche: low bits select the slot, so they must depend on every byte. Index segments are
 * sorted by it: another hash is another format.
 * @param bytes where the key is
 * @param start its first byte
 * @param end the byte behind its last
 * @returns 0 to 2^32-1
 */
export function hashKey(bytes: Uint8Array, start: number, end: number): number {
  let h = end - start;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    h = Math.imul(h ^ word, 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < end; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * `hashKey` of bytes of a view: in two thirds of the time, where many keys have one view.
 * @param view where the key is
 * @param start its first byte
 * @param end the byte behind its last
 * @returns the same as `hashKey`
 */
export function hashInView(view: DataView, start: number, end: number): number {
  let h = end - start;
  let i = start;
  for (; i + 4 <= end; i += 4) {
    h = Math.imul(h ^ view.getInt32(i, true), 0x9e3779b1);
    h ^= h >>> 15;
  }
  for (; i < end; i++) h = Math.imul(h ^ view.getUint8(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/**
 * A radix sort.
 * @param hashes hashes of keys
 * @returns places in the list, in ascending order of hash, and of place where hashes are equal
 */
export function sortedByHash(hashes: Uint32Array): Uint32Array {
  const size = hashes.length;
  let order = new Uint32Array(size);
  for (let i = 0; i < size; i++) order[i] = i;
  let other = new Uint32Array(size);
  for (const shift of [0, 11, 22]) {
    const starts = new Uint32Array(2049);
    for (let i = 0; i < size; i++) starts[((hashes[i]! >>> shift) & 2047) + 1]!++;
    for (let digit = 0; digit < 2048; digit++) starts[digit + 1]! += starts[digit]!;
    for (let i = 0; i < size; i++) {
      const place = order[i]!;
      const digit = (hashes[place]! >>> shift) & 2047;
      other[starts[digit]!++] = place;
    }
    [order, other] = [other, order];
  }
  return order;
}

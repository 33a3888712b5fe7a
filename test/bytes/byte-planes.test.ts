/** Byte planes: what was written is read, with differences or without, of words and of longs, wherever they lie. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { lowAndHigh, readPlanes, wordsOf, writePlanes } from '../../src/bytes/byte-planes.ts';

const word = fc.oneof(fc.integer(), fc.integer({ min: -3, max: 300 }), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1));

test('words come back as they were', () => {
  fc.assert(
    fc.property(fc.array(word, { maxLength: 50 }), fc.boolean(), fc.nat(9), (list, differences, at) => {
      const words = Int32Array.from(list);
      const bytes = new Uint8Array(at + 4 * list.length + 1).fill(7);
      assert.equal(writePlanes(wordsOf(words), differences, bytes, at), at + 4 * list.length);
      assert.ok(bytes.subarray(0, at).every((byte) => byte === 7) && bytes.at(-1) === 7);
      const back = new Int32Array(list.length);
      assert.equal(readPlanes(wordsOf(back), differences, bytes, at), at + 4 * list.length);
      assert.deepEqual(back, words);
    }),
  );
});

test('longs come back by their halves', () => {
  const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  fc.assert(
    fc.property(fc.array(long, { maxLength: 50 }), fc.boolean(), (list, differences) => {
      const longs = BigInt64Array.from(list);
      const bytes = new Uint8Array(8 * list.length);
      const [low, high] = lowAndHigh(longs);
      writePlanes(high, differences, bytes, writePlanes(low, differences, bytes, 0));
      const back = new BigInt64Array(list.length);
      const [backLow, backHigh] = lowAndHigh(back);
      readPlanes(backHigh, differences, bytes, readPlanes(backLow, differences, bytes, 0));
      assert.deepEqual(back, longs);
    }),
  );
});

test('the layout is part of what is stored', () => {
  const bytes = new Uint8Array(12);
  writePlanes(wordsOf(Int32Array.of(0x04030201, 0x04030203, 0x04030200)), false, bytes, 0);
  assert.deepEqual([...bytes], [1, 3, 0, 2, 2, 2, 3, 3, 3, 4, 4, 4]);
  writePlanes(wordsOf(Int32Array.of(5, 6, 4)), true, bytes, 0);
  assert.deepEqual([...bytes], [5, 1, 254, 0, 0, 255, 0, 0, 255, 0, 0, 255]);
});

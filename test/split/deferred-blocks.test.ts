/** Blocks that a split holds back come back as they were, and damage is an error that names the blob. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { crcOf } from '../../src/bytes/crc32.ts';
import { OrdinalError } from '../../src/errors.ts';
import { limits } from '../../src/limits.ts';
import { HeldBlocks, heldBlock } from '../../src/split/deferred-blocks.ts';
import { underLimits } from '../support/limits.ts';

const bytes = (length: number, first = 0) => Uint8Array.from({ length }, (_, i) => first + i);

test('what is held is a copy, and comes back', () => {
  const held = new HeldBlocks();
  const parts = [bytes(3), bytes(2, 50)];
  assert.equal(held.hold([bytes(4, 9)]), 0);
  assert.equal(held.hold(parts), 4);
  assert.equal(held.hold([]), 9);
  const crc = crcOf(parts);
  parts[0]!.fill(0);
  assert.deepEqual([...heldBlock(held.bytes(), 4, 5, crc, 'b')], [0, 1, 2, 50, 51]);
  assert.equal(heldBlock(held.bytes(), 9, 0, 0, 'b').length, 0);
});

test('large blocks are not held, nor many', async () => {
  assert.equal(new HeldBlocks().hold([bytes(limits.heldBlockBytesMax), bytes(1)]), undefined);
  assert.equal(new HeldBlocks().hold([bytes(limits.heldBlockBytesMax)]), 0);
  await underLimits({ heldBytesMax: 10 }, async () => {
    const held = new HeldBlocks();
    assert.deepEqual([held.hold([bytes(6)]), held.hold([bytes(5)]), held.hold([bytes(4)])], [0, undefined, 6]);
    assert.equal(held.bytes().length, 10);
  });
});

test('damaged and missing bytes are refused by name', () => {
  const held = new HeldBlocks();
  const block = bytes(20);
  held.hold([block]);
  const all = held.bytes();
  const read = (from: Uint8Array) => heldBlock(from, 0, 20, crcOf([block]), 'runs/a/split/000000.bin');
  assert.deepEqual(read(all), all);
  for (const damaged of [all.subarray(0, 19), all.with(7, 99), new Uint8Array(0)]) {
    assert.throws(
      () => read(damaged),
      (thrown) => thrown instanceof OrdinalError && thrown.code === 'CorruptFile' && /000000/.test(thrown.message),
    );
  }
});

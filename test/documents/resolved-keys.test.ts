/** Slots come back batch by batch or all at once, and damage is an error that names the blob. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { directoryBytes, NO_SLOT, packSlots, placeOfSlots, unpackSlots } from '../../src/documents/resolved-keys.ts';
import { OrdinalError } from '../../src/errors.ts';

/** What a partition's keys came to: known IDs of any size, and new keys in a row. */
const slot = fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.bigInt({ min: -100n, max: -1n }));

const partition = fc.array(slot, { minLength: 1, maxLength: 40 }).chain((slots) =>
  fc.record({
    slots: fc.constant(slots),
    // Batches without a list, without keys, and with keys of other partitions.
    batches: fc.array(fc.option(fc.array(fc.integer({ min: -1, max: slots.length - 1 }), { maxLength: 30 })), {
      minLength: 1,
      maxLength: 6,
    }),
  }),
);

function packed({ slots, batches }: { slots: bigint[]; batches: (number[] | null)[] }, compress = true) {
  const ordinals: (Int32Array | undefined)[] = [];
  batches.forEach((list, batch) => {
    // A batch without a list has a hole in its place, or nothing.
    if (list) ordinals[batch] = Int32Array.from(list);
    else if (batch % 2 === 0) ordinals[batch] = undefined;
  });
  const starts = [0];
  for (const list of batches) starts.push(starts.at(-1)! + (list?.length ?? 0));
  const halves = new Int32Array(BigInt64Array.from(slots).buffer);
  return { bytes: packSlots(ordinals, batches.length, halves, compress), starts };
}

test('slots of some batches are read from their part of the blob', () => {
  fc.assert(
    fc.property(partition, fc.nat(), fc.nat(), fc.boolean(), (given, a, b, compress) => {
      const { slots, batches } = given;
      const { bytes, starts } = packed(given, compress);
      const from = a % batches.length;
      const to = from + 1 + (b % (batches.length - from));
      const directory = bytes.subarray(0, directoryBytes(batches.length));
      const { offset, length } = placeOfSlots(directory, batches.length, from, to);
      const read = unpackSlots(bytes.subarray(offset, offset + length), directory, starts, from, to, 'slots');
      const wanted = batches.slice(from, to).flatMap((list) => list ?? []);
      assert.deepEqual(
        [...read],
        wanted.map((ordinal) => (ordinal < 0 ? NO_SLOT : slots[ordinal]!)),
      );
    }),
  );
});

test('damaged and missing bytes are refused by name', () => {
  const given = { slots: [7n, -1n, -2n, 2n ** 40n], batches: [[0, 1, 2], null, [3, -1]] };
  const { bytes, starts } = packed(given);
  const read = (from: Uint8Array) => {
    const { offset, length } = placeOfSlots(from, 3, 0, 3);
    return unpackSlots(from.subarray(offset, offset + length), from, starts, 0, 3, 'runs/a/slots');
  };
  assert.deepEqual([...read(bytes)], [7n, -1n, -2n, 2n ** 40n, NO_SLOT]);
  for (let at = 0; at < bytes.length; at++) {
    for (const damaged of [bytes.map((byte, i) => (i === at ? byte ^ 0x55 : byte)), bytes.slice(0, at)]) {
      if (damaged.length < directoryBytes(3)) continue;
      assert.throws(
        () => read(damaged),
        (error) =>
          error instanceof OrdinalError && error.code === 'CorruptFile' && error.where?.blob === 'runs/a/slots',
        `byte ${at}`,
      );
    }
  }
});

/** Frames: a header and sections come back as they went in; damage is named. */
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { packCompressedFrame, packFrame, unpackFrame } from '../../src/storage/frame.ts';

const header = fc.record({ text: fc.string(), count: fc.nat(), bytes: fc.uint8Array() });
const sections = fc.array(fc.int32Array({ maxLength: 50 }), { maxLength: 5 });

test('what is packed is unpacked, wherever the bytes lie', () => {
  fc.assert(
    fc.property(header, sections, fc.nat(7), (wanted, lists, shift) => {
      const packed = packFrame(wanted, lists);
      const moved = new Uint8Array(packed.length + shift).subarray(shift);
      moved.set(packed);
      const frame = unpackFrame(moved, 'frame');
      const { bytes, ...rest } = frame.header as typeof wanted;
      assert.deepEqual({ ...rest, bytes: new Uint8Array(bytes) }, { ...wanted, bytes: new Uint8Array(wanted.bytes) });
      assert.deepEqual(
        frame.sections.map((list) => [...list]),
        lists.map((list) => [...list]),
      );
    }),
  );
});

test('a frame of some size is compressed, and damage of it is found', () => {
  const list = Int32Array.from({ length: 10_000 }, (_, i) => i >> 4);
  const packed = packCompressedFrame({ some: 'header' }, [list, new Int32Array(3)]);
  assert.ok(packed.length < 10_000);
  const { header: found, sections: lists } = unpackFrame(packed, 'frame');
  assert.deepEqual([found, [...lists[0]!], [...lists[1]!]], [{ some: 'header' }, [...list], [0, 0, 0]]);
  assert.deepEqual(packCompressedFrame({ small: 1 }, []), packFrame({ small: 1 }, []));
  for (let at = 0; at < packed.length; at += 7) {
    const damaged = Buffer.from(packed);
    damaged[at]! ^= 0x55;
    assert.throws(() => unpackFrame(damaged, 'frame'), { code: 'CorruptFile' });
  }
});

test('a frame that is cut short or is none at all is CorruptFile, by name', () => {
  const packed = packFrame({ some: 'header' }, [new Int32Array(20)]);
  for (const damaged of [packed.subarray(0, 8), packed.subarray(0, packed.length - 1), new Uint8Array(64)]) {
    assert.throws(
      () => unpackFrame(damaged, 'runs/r/split/000001.bin'),
      (thrown) =>
        thrown instanceof OrdinalError &&
        thrown.code === 'CorruptFile' &&
        thrown.where?.blob === 'runs/r/split/000001.bin',
    );
  }
});

/** Segments and their blocks: what was written is read back, only what is wanted is read, and damage is refused. */
import assert from 'node:assert/strict';
import zlib from 'node:zlib';
import { test } from 'vitest';
import { lowAndHigh } from '../../src/bytes/byte-planes.ts';
import { OrdinalError } from '../../src/errors.ts';
import { openBlocks, readBlocks, SegmentWriter } from '../../src/keys/segment.ts';
import { BlockReader, NUMBERS_BYTES, withValues, wordAt, writeNumbers } from '../../src/keys/segment-block.ts';
import { withFaults } from '../support/faults.ts';
import { underLimits } from '../support/limits.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** A block of keys with a value and a hash each. `lengths` say how long they are, in place of what they are. */
function block(keys: readonly [value: bigint, hash: number, text: string][], lengths?: readonly number[]): Uint8Array {
  const bytes = Buffer.concat(keys.map(([, , text]) => Buffer.from(text)));
  const out = new Uint8Array(keys.length * NUMBERS_BYTES + bytes.length);
  const [low, high] = lowAndHigh(BigInt64Array.from(keys, ([value]) => value));
  const hashes = Int32Array.from(keys, ([, hash]) => hash);
  const sizes = Int32Array.from(keys, ([, , text], k) => lengths?.[k] ?? text.length);
  out.set(bytes, writeNumbers(out, low, high, hashes, sizes));
  return zlib.zstdCompressSync(out);
}

const refused = (what: () => unknown) =>
  assert.throws(what, (thrown) => {
    assert.ok(thrown instanceof OrdinalError);
    return thrown.code === 'CorruptFile' && thrown.where?.blob === 'keys/i/s';
  });

test('blocks of any size are opened one after the other', () => {
  const reader = new BlockReader('keys/i/s');
  const large = 2n ** 62n + 5n;
  const blocks: [bigint, number, string][][] = [
    [[1n, 7, 'a']],
    [
      [large, 7, 'a'],
      [2n ** 31n, 7, ''],
      [0n, 0xffffffff, 'long enough'],
    ],
    [
      [3n, 1, 'x'.repeat(5000)],
      [4n, 2, 'y'],
    ],
    [[9n, 0, '']],
  ];
  for (const keys of blocks) {
    const open = reader.open(block(keys), keys.length);
    assert.deepEqual(
      [...open.hashes],
      keys.map(([, hash]) => hash),
    );
    const texts = [...open.ends].map((end, k) =>
      Buffer.from(open.bytes.subarray(open.ends[k - 1] ?? 0, end)).toString(),
    );
    assert.deepEqual(
      texts,
      keys.map(([, , text]) => text),
    );
    const values = keys.map(([value]) => value);
    assert.deepEqual([...withValues(open).values], values);
    for (const [k, value] of values.entries()) {
      assert.equal(wordAt(open.planes, keys.length, k, 0), Number(BigInt.asIntN(32, value)));
      assert.equal(wordAt(open.planes, keys.length, k, 4), Number(value >> 32n));
    }
  }
  // The largest block has three keys: its memory is that of all that follow, and of itself when it comes again.
  const { buffer } = reader.open(block(blocks[1]!), 3).hashes;
  for (const keys of blocks) assert.equal(reader.open(block(keys), keys.length).hashes.buffer, buffer);
});

test('a block that does not hold its keys, or is too large, is refused by the name of its segment', async () => {
  const reader = new BlockReader('keys/i/s');
  const two = block([
    [1n, 1, 'ab'],
    [2n, 2, 'c'],
  ]);
  reader.open(two, 2);
  refused(() => reader.open(two, 0));
  // Bytes of the keys are taken for numbers, or there are none left.
  refused(() => reader.open(two, 3));
  refused(() => reader.open(two.subarray(0, two.length - 1), 2));
  refused(() => reader.open(Uint8Array.of(1, 2, 3), 1));
  refused(() => reader.open(block([[1n, 1, 'ab']], [3]), 1));
  assert.equal(reader.open(block([[1n, 1, 'ab']], [1]), 1).bytes.length, 1);
  const keyBlockBytesMax = 2 * NUMBERS_BYTES + 3;
  await underLimits({ keyBlockBytesMax }, async () => void reader.open(two, 2));
  await underLimits({ keyBlockBytesMax: keyBlockBytesMax - 1 }, async () => refused(() => reader.open(two, 2)));
});

/** A segment of three blocks; the hash of key n is 10 n. */
async function written(keys = 8192 * 2 + 100, length = 4) {
  const store = new MemoryStore();
  await store.ensureContainer('work');
  const writer = new SegmentWriter();
  const text = Buffer.from('x'.repeat(length));
  for (let n = 0; n < keys; n++) writer.add(10 * n, BigInt(n), text, 0, length);
  const place = { blob: 'keys/i/s', ...writer.finish() };
  const pieces = writer.take();
  await store.write('work', place.blob, Buffer.concat(pieces));
  return { store, place, pieces };
}

test('blocks that are wanted are read, neighbours in one request, and no others', async () => {
  const { store, place } = await written();
  const read = async (wanted?: (first: number, last: number) => boolean) => {
    store.reads.length = 0;
    const found: number[] = [];
    for await (const { values } of readBlocks(store, 'work', place, wanted))
      found.push(Number(values[0]), values.length);
    return { found, requests: store.reads.length - 1 };
  };
  assert.deepEqual(await read(), { found: [0, 8192, 8192, 8192, 16384, 100], requests: 1 });
  assert.deepEqual(await read((first) => first === 81920), { found: [8192, 8192], requests: 1 });
  assert.deepEqual(await read((first, last) => first <= 163_840 && last >= 163_840), {
    found: [16384, 100],
    requests: 1,
  });
  assert.deepEqual(await read((_, last) => last < 0), { found: [], requests: 0 });
});

test('the next request is made while a block is worked on, and its failure fails who asks for it', async () => {
  const { store, place, pieces } = await written();
  // The second block lies far away from the first one.
  const hole = new Uint8Array(1 << 20);
  const [first, second, third, directory] = pieces as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
  const moved = Buffer.from(directory);
  moved.writeDoubleLE(moved.readDoubleLE(24) + hole.length, 24);
  moved.writeDoubleLE(moved.readDoubleLE(48) + hole.length, 48);
  await store.write('work', place.blob, Buffer.concat([first, hole, second, third, moved]));
  const far = { ...place, directory: place.directory + hole.length, bytes: place.bytes + hole.length };
  let reads = 0;
  let fails = false;
  const counted = withFaults(store, ({ operation, at }) => {
    if (operation !== 'read' || at !== 'before') return;
    reads++;
    if (fails && reads === 3) throw new OrdinalError('StorageFailed', 'refused');
  });
  const blocks = () => openBlocks(counted, 'work', far, () => true)[Symbol.asyncIterator]();
  const open = blocks();
  assert.equal((await open.next()).value.hashes[1], 10);
  assert.equal(reads, 3, 'the directory, the first block and the others');
  assert.equal((await open.next()).value.hashes[0], 81_920);
  assert.equal((await open.next()).value.hashes[0], 163_840);
  assert.deepEqual([(await open.next()).done, reads], [true, 3]);

  [reads, fails] = [0, true];
  const failing = blocks();
  await failing.next();
  await new Promise((resolve) => setImmediate(resolve));
  await assert.rejects(failing.next(), { code: 'StorageFailed' });
});

test('a segment that is gone, or whose directory is none, is an error that names it', async () => {
  const { store, place } = await written(3);
  const read = async (from: typeof place) => {
    for await (const _ of readBlocks(store, 'work', from));
  };
  await assert.rejects(read({ ...place, blob: 'keys/i/t' }), { code: 'StorageFailed', retryable: true });
  const whole = store.bytes('work', place.blob).slice();
  for (const at of [whole.length - 1, whole.length - 8]) {
    const damaged = whole.slice();
    damaged[at]! ^= 0x7f;
    await store.write('work', place.blob, damaged);
    await assert.rejects(
      read(place),
      (thrown) => thrown instanceof OrdinalError && /CorruptFile|NewerVersion/.test(thrown.code),
    );
  }
});

import assert from 'node:assert/strict';
import fc from 'fast-check';
import { test } from 'vitest';
import { OrdinalError } from '../../src/errors.ts';
import { digestSegment, findDigests, NO_ATTRIBUTES } from '../../src/keys/attributes.ts';
import { compact, mergeable } from '../../src/keys/compact.ts';
import { hashKey } from '../../src/keys/hash-key.ts';
import { type IndexHead, indexBlobs } from '../../src/keys/index-documents.ts';
import { openIndex, partitionOf, readHead, settlePending, withPending } from '../../src/keys/key-index.ts';
import { findIds, UNKNOWN } from '../../src/keys/lookup.ts';
import { segmentOf } from '../../src/keys/segment.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { IndexWorld, tableOf } from './support.ts';

async function look(world: IndexWorld, keys: readonly string[]): Promise<bigint[]> {
  const head = await settlePending(world.at, world.published);
  return [...(await findIds(world.store, 'work', head.entries, tableOf(keys)))];
}

test('the hash is part of the format of segments', () => {
  const hashes = ['', 'a', 'b', 'JFK', 'a key that is longer than sixteen bytes'].map((text) => {
    const bytes = Buffer.from(`..${text}`);
    return hashKey(bytes, 2, bytes.length);
  });
  assert.deepEqual(hashes, [0, 1346473253, 1152921554, 991271993, 462714647]);
});

test('keys count from their manifest on, whether or not the head was told', async () => {
  const world = await new IndexWorld().open();
  await world.resolve('r1', ['x', 'y']);
  assert.deepEqual(await look(world, ['x', 'y', 'z']), [UNKNOWN, UNKNOWN, UNKNOWN]);
  world.publish('r1', 1, 2);
  assert.deepEqual(await look(world, ['z', 'y', 'x']), [UNKNOWN, 2n, 1n]);
  const head = (await readHead(world.at))!.value;
  assert.deepEqual([head.keys, head.number, head.pending], [2, 1, null]);
});

test('a pending delta whose run never published is forgotten by the next run', async () => {
  const world = await new IndexWorld().open();
  await world.resolve('dead', ['x']);
  await world.resolve('r2', ['x', 'y']);
  world.publish('r2', 5, 2);
  assert.deepEqual(await look(world, ['x', 'y']), [5n, 6n]);
});

test('a run that has lost the lease cannot name its keys any more', async () => {
  const world = await new IndexWorld().open();
  await world.resolve('r2', ['x'], 2);
  await assert.rejects(world.resolve('r1', ['y'], 1), { code: 'LeaseConflict' });
  world.publish('r2', 1, 1);
  await assert.rejects(
    settlePending(world.at, world.published, (head) => withPending(head, 1, null)),
    { code: 'LeaseConflict' },
  );
});

test('what a held-up execution of a run names again, after the run has published, counts once', async () => {
  const world = await new IndexWorld().open();
  await world.resolve('r1', ['x', 'y'], 1);
  world.publish('r1', 1, 2);
  await settlePending(world.at, world.published);
  await world.resolve('r1', ['x', 'y'], 1);
  const head = await settlePending(world.at, world.published);
  assert.deepEqual([head.keys, head.entries.length, head.pending], [2, 1, null]);
  await world.resolve('r2', ['z'], 2);
  world.publish('r2', 3, 1);
  assert.deepEqual(await look(world, ['x', 'y', 'z']), [1n, 2n, 3n]);
});

test('an index keeps its key types and partitions', async () => {
  const world = await new IndexWorld().open();
  const open = (partitions: number, keyType: string) =>
    openIndex({ store: world.store, container: 'work' }, 'index', { partitions, keyTypes: [keyType] });
  await open(1, 'STRING on BYTE_ARRAY');
  await assert.rejects(open(2, 'STRING on BYTE_ARRAY'), { code: 'PipelineChanged', message: /1 partitions.* 2/ });
  await assert.rejects(open(1, 'INT64'), { code: 'PipelineChanged', message: /INT64/ });
});

test('partitions are contiguous ranges of hashes that cover all of them', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 64 }), fc.nat(0xffffffff), (partitions, hash) => {
      const partition = partitionOf(hash, partitions);
      assert.ok(partition >= 0 && partition < partitions);
      if (hash > 0) assert.ok(partition - partitionOf(hash - 1, partitions) <= 1);
    }),
  );
  assert.deepEqual([partitionOf(0, 7), partitionOf(0xffffffff, 7)], [0, 6]);
});

test('any history of runs finds what a map finds, however it is compacted', async () => {
  const key = fc.oneof(fc.string({ maxLength: 3 }), fc.string({ minLength: 40, maxLength: 60 }));
  const run = fc.record({
    keys: fc.uniqueArray(key, { maxLength: 30 }),
    published: fc.boolean(),
    told: fc.boolean(),
    compacted: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(run, { maxLength: 25 }), fc.integer({ min: 2, max: 4 }), async (runs, perLevel) => {
      const world = await new IndexWorld().open();
      const known = new Map<string, bigint>();
      let next = 1;
      for (const [i, { keys, published, told, compacted }] of runs.entries()) {
        const found = await look(world, keys);
        assert.deepEqual(
          found,
          keys.map((one) => known.get(one) ?? UNKNOWN),
        );
        const fresh = keys.filter((one) => !known.has(one));
        if (fresh.length === 0) continue;
        await world.resolve(`r${i}`, fresh);
        if (!published) continue;
        world.publish(`r${i}`, next, fresh.length);
        for (const one of fresh) known.set(one, BigInt(next++));
        if (told) await settlePending(world.at, world.published);
        if (compacted) await compact(world.at, perLevel);
      }
      const all = [...known.keys()];
      assert.deepEqual(await look(world, all), [...known.values()]);
      await compact(world.at, perLevel);
      assert.deepEqual(await look(world, all), [...known.values()]);
      const head = (await readHead(world.at))?.value;
      if (!head) return;
      assert.equal(mergeable(head, perLevel), undefined);
      assert.equal(head.keys, known.size);
      // What a merge replaced is gone.
      const blobs = world.store.names('work', 'keys/').filter((name) => name.includes('merged-'));
      assert.deepEqual(
        blobs,
        head.entries
          .map(({ blob }) => blob)
          .filter((blob) => blob.includes('merged-'))
          .sort(),
      );
    }),
    { numRuns: 60 },
  );
});

test('segments are merged by level, those of keys and those of digests; the newest digest of a key counts', async () => {
  const world = await new IndexWorld().open();
  for (let i = 0; i < 5; i++) {
    const keys = tableOf([`k${i}`, 'all']);
    const blob = indexBlobs.attributes('index', 1, 0, 'p.e', `r${i}`);
    const { pieces, place } = digestSegment(keys, keys.byHash(), (ordinal) => (ordinal === 0 ? 7n : BigInt(i)));
    await world.store.write('work', blob, Buffer.concat(pieces));
    await world.resolve(`r${i}`, [`k${i}`]);
    const name = (head: IndexHead): IndexHead => {
      return { ...head, pending: { ...head.pending!, attributes: { owner: 'p.e', delta: { blob, ...place } } } };
    };
    await settlePending(world.at, world.published, name);
    world.publish(`r${i}`, i, 1);
    await settlePending(world.at, world.published);
  }
  assert.equal(await compact(world.at, 2), 6);
  const { entries, attributes } = (await readHead(world.at))!.value;
  for (const list of [entries, attributes!['p.e']!]) {
    assert.deepEqual(
      list.map(({ level, from, to }) => [level, from, to]),
      [
        [2, 1, 4],
        [0, 5, 5],
      ],
    );
  }
  const digests = await findDigests(world.at, attributes!['p.e']!, tableOf(['all', 'k0', 'k4', 'none']));
  assert.deepEqual([...digests], [4n, 7n, 7n, NO_ATTRIBUTES]);
});

test('a merge that others overtook changes nothing', async () => {
  const world = await new IndexWorld().open();
  for (let i = 0; i < 4; i++) {
    await world.resolve(`r${i}`, [`k${i}`]);
    world.publish(`r${i}`, i, 1);
  }
  await settlePending(world.at, world.published);
  await compact(world.at, 2);
  const before = (await readHead(world.at))!;
  await compact(world.at, 2);
  assert.deepEqual(await readHead(world.at), before);
  assert.deepEqual(await look(world, ['k3', 'k2', 'k1', 'k0']), [3n, 2n, 1n, 0n]);
});

test('blocks that hold no arriving key are not read', async () => {
  const world = await new IndexWorld().open();
  const keys = Array.from({ length: 200_000 }, (_, i) => `key-${i}`);
  await world.resolve('r1', keys);
  world.publish('r1', 0, keys.length);
  const head = await settlePending(world.at, world.published);
  const size = head.entries[0]!.bytes;
  world.store.reads.length = 0;
  assert.deepEqual([...(await findIds(world.store, 'work', head.entries, tableOf(['key-77'])))], [77n]);
  const read = world.store.reads.reduce((sum, { length }) => sum + length, 0);
  assert.ok(read < size / 15, `${read} of ${size} bytes`);
});

test('a damaged block is an error that names the segment', async () => {
  const world = await new IndexWorld().open();
  await world.resolve('r1', ['a', 'b', 'c']);
  world.publish('r1', 0, 3);
  const head = await settlePending(world.at, world.published);
  const { blob, directory } = head.entries[0]!;
  const bytes = world.store.bytes('work', blob);
  for (let at = 0; at < directory; at++) {
    const damaged = Buffer.from(bytes);
    damaged[at]! ^= 0xff;
    await world.store.write('work', blob, damaged);
    try {
      assert.equal((await findIds(world.store, 'work', head.entries, tableOf(['a', 'b', 'x']))).length, 3);
    } catch (thrown) {
      assert.ok(thrown instanceof OrdinalError && thrown.code === 'CorruptFile', String(thrown));
      assert.equal(thrown.where?.blob, blob);
    }
  }
});

test('keys of equal hash are told apart', async () => {
  // Found by trying: two short texts of one hash.
  const byHash = new Map<number, string>();
  let pair: [string, string] | undefined;
  for (let i = 0; pair === undefined; i++) {
    const text = `c${i}`;
    const bytes = Buffer.from(text);
    const hash = hashKey(bytes, 0, bytes.length);
    const other = byHash.get(hash);
    if (other !== undefined) pair = [other, text];
    byHash.set(hash, text);
  }
  const world = await new IndexWorld().open();
  await world.resolve('r1', pair);
  world.publish('r1', 1, 2);
  assert.deepEqual(await look(world, [pair[1], pair[0]]), [2n, 1n]);
  const only = await new IndexWorld().open();
  await only.resolve('r1', [pair[0]]);
  only.publish('r1', 1, 1);
  assert.deepEqual(await look(only, [pair[1]]), [UNKNOWN]);
});

test('many keys are found in blocks, by ordinals and by IDs of any size, and what is not there stays unknown', async () => {
  const names = Array.from({ length: 10_000 }, (_, i) => `key ${i}${'x'.repeat(i % 40)}`);
  // The known ones are every third; their IDs lie in two ranges, the second beyond what a double holds.
  const known = names.filter((_, i) => i % 3 === 0);
  const { bytes, place } = segmentOf(tableOf(known));
  const store = new MemoryStore();
  await store.ensureContainer('work');
  await store.write('work', 'segment', bytes);
  const large = 2n ** 62n;
  for (const second of [1_000_000n, large]) {
    const ranges = [
      { first: '5', count: '100' },
      { first: String(second), count: String(known.length - 100) },
    ];
    const found = await findIds(
      store,
      'work',
      [{ blob: 'segment', ...place, ids: { step: '3', ranges } }],
      tableOf(names),
    );
    for (const [i, id] of found.entries()) {
      const ordinal = BigInt(Math.floor(i / 3));
      const expected = ordinal < 100n ? 5n + 3n * ordinal : second + 3n * (ordinal - 100n);
      assert.equal(id, i % 3 === 0 ? expected : UNKNOWN, names[i]);
    }
  }
});

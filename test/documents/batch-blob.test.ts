/** The blob of a batch: every part comes back as it went in, the counts add up over batches, and damage is named. */
import assert from 'node:assert/strict';
import { test } from 'vitest';
import { listBatches, packBatch, readBatch, readRecord } from '../../src/documents/batch-blob.ts';
import type { SplitBatch } from '../../src/documents/split-record.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { OrdinalError } from '../../src/errors.ts';
import type { CompiledPipeline } from '../../src/pipeline/compiled.ts';
import { unpackFrame } from '../../src/storage/frame.ts';
import { work } from '../../src/storage/names.ts';
import { COMPRESSED_MIN } from '../../src/storage/zstd.ts';
import { MemoryStore } from '../support/memory-store.ts';

const config = parseConfig({ AzureWebJobsStorage: 'none: the store is in memory' });
const of = { runId: 'r', life: 1 };
const pipeline = {
  entities: [
    { kind: 'keyed', name: 'a' },
    { kind: 'rows', name: 'rows' },
    { kind: 'keyed', name: 'b' },
  ],
} as unknown as CompiledPipeline;

/** Bytes that shrink, or, of a length under the threshold, stay as they are. */
const bytes = (length: number, value: number) => new Uint8Array(length).fill(value);

function batch(more: object, parts: Partial<SplitBatch> = {}): SplitBatch {
  const record = { rows: 5, keys: { a: 3 }, fragments: { rows: [{ rows: 2 }, { rows: 2 }] }, ...more };
  const lists = new Map([['b', bytes(COMPRESSED_MIN + 1, 7)]]);
  const given = {
    record,
    sections: [Int32Array.of(1, 2)],
    keyLists: lists,
    rejected: undefined,
    rejectedRows: undefined,
  };
  return { ...given, ...parts } as unknown as SplitBatch;
}

async function stored(batches: readonly SplitBatch[], held?: Uint8Array, workInMemory = false) {
  const store = new MemoryStore();
  await store.ensureContainer(config.workContainer);
  for (const [b, one] of batches.entries()) {
    const packed = packBatch({ ...(workInMemory && { workInMemory }) }, pipeline, one, held);
    await store.write(config.workContainer, work.split(of, b), packed.bytes, { metadata: packed.metadata });
  }
  return { store, config, pipelines: new Map() };
}

test('parts come back as they went in, compressed where that makes them smaller', async () => {
  const noise = Uint8Array.from({ length: COMPRESSED_MIN }, (_, i) => (i * i * 7919) >>> 5);
  const parts = { rejected: bytes(3 * COMPRESSED_MIN, 1), rejectedRows: bytes(COMPRESSED_MIN - 1, 2) };
  for (const inMemory of [false, true]) {
    const environment = await stored([batch({}, parts), batch({})], noise, inMemory);
    const tally = await listBatches(environment, pipeline, of, 2, new Set());
    const part = async (of: Parameters<typeof readBatch>[4], b = 0) =>
      (await readBatch(environment, pipeline, tally, b, of)).bytes;
    assert.deepEqual(await part('rejected'), parts.rejected);
    assert.deepEqual(await part('rejectedRows'), parts.rejectedRows);
    assert.deepEqual([...(await part({ keysOf: 'b' }))], [...bytes(COMPRESSED_MIN + 1, 7)]);
    for (const nothing of [await part({ keysOf: 'a' }), await part('rejected', 1), await part('rejectedRows', 1)])
      assert.equal(nothing.byteLength, 0);
    const { name, record, held } = await readRecord(environment, tally, 0);
    assert.equal(name, work.split(of, 0));
    assert.deepEqual(unpackFrame(record, name).header, batch({}).record);
    assert.deepEqual(new Uint8Array(held), noise);
    const [lengths, sizes] = [tally.lengths[0]!, tally.sizes[0]!];
    // Record, blocks, refused values, refused rows, and the two lists.
    const shrunk = lengths.map((length, p) => length < sizes[p]!);
    assert.deepEqual(shrunk, [false, false, !inMemory, false, false, !inMemory]);
  }
});

test('counts add up over the batches', async () => {
  const environment = await stored([
    batch({ rejected: 2, unrouted: 1, keysOnly: 4, badFiles: [{}, {}] }),
    batch({ rows: 7, keys: { b: 6 }, fragments: {}, unrouted: 3 }),
  ]);
  const { starts, rows, badFiles, rejected, unrouted, keysOnly, names } = await listBatches(
    environment,
    pipeline,
    of,
    2,
    new Set(),
  );
  assert.deepEqual(starts, { a: [0, 3, 3], rows: [0, 4, 4], b: [0, 0, 6] });
  assert.deepEqual(
    { rows, badFiles, rejected, unrouted, keysOnly },
    {
      ...{ rows: 12, badFiles: [2, 0], rejected: [2, 0] },
      ...{ unrouted: 4, keysOnly: 4 },
    },
  );
  assert.deepEqual(names, [work.split(of, 0), work.split(of, 1)]);
});

test('a batch that was split again stands in the place of the first one, and is waited for', async () => {
  const environment = await stored([batch({}), batch({}), batch({})]);
  const again = new Set([1]);
  const missing = work.splitAgain(of, 1);
  await assert.rejects(listBatches(environment, pipeline, of, 3, again), {
    code: 'StorageFailed',
    where: { blob: missing },
  });
  const packed = packBatch({}, pipeline, batch({ rows: 100 }));
  await environment.store.write(config.workContainer, missing, packed.bytes, { metadata: packed.metadata });
  const { rows, names } = await listBatches(environment, pipeline, of, 3, again);
  assert.deepEqual([rows, names], [110, [work.split(of, 0), missing, work.split(of, 2)]]);
});

test('a batch that is missing, or does not say what it holds, is named', async () => {
  const { store, ...others } = await stored([batch({}), batch({}), batch({})]);
  const environment = { store, ...others };
  const list = () => listBatches(environment, pipeline, of, 3, new Set());
  const blob = work.split(of, 1);
  const packed = packBatch({}, pipeline, batch({}));
  for (const wrong of [
    { rows: '1.5' },
    { rejected: 'x' },
    { counts: '1,2' },
    { lengths: '1,2,3' },
    { sizes: packed.metadata.sizes!.replace(/^\d+/, String(2 ** 40)) },
  ]) {
    await store.write(config.workContainer, blob, packed.bytes, { metadata: { ...packed.metadata, ...wrong } });
    await assert.rejects(list(), { code: 'CorruptFile', where: { blob } }, JSON.stringify(wrong));
  }
  await store.remove(config.workContainer, blob);
  await assert.rejects(list(), { code: 'StorageFailed', where: { blob } });
});

test('a part that was damaged is found', async () => {
  const environment = await stored([batch({})]);
  const tally = await listBatches(environment, pipeline, of, 1, new Set());
  const at = environment.store.bytes(config.workContainer, work.split(of, 0)).slice();
  at.fill(0x55, at.length - tally.lengths[0]!.at(-1)!);
  await environment.store.write(config.workContainer, work.split(of, 0), at);
  await assert.rejects(readBatch(environment, pipeline, tally, 0, { keysOf: 'b' }), (thrown) => {
    assert.ok(thrown instanceof OrdinalError && thrown.code === 'CorruptFile');
    assert.equal(thrown.where?.blob, work.split(of, 0));
    return true;
  });
});

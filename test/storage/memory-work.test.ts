/** Work in progress in memory: what stays, what passes, and how waiting blocks are joined. */
import assert from 'node:assert/strict';
import { MessageChannel } from 'node:worker_threads';
import { test } from 'vitest';
import { workInMemory } from '../../src/storage/memory-work.ts';
import { blockId, joinedBlockId, work } from '../../src/storage/names.ts';
import { handedOver } from '../../src/storage/store.ts';
import { serveStore, storeBehind } from '../../src/storage/store-port.ts';
import { underLimits } from '../support/limits.ts';
import { MemoryStore } from '../support/memory-store.ts';

const life = { runId: 'r', life: 2 };
const bytes = (...values: number[]) => new Uint8Array(values);

async function stores() {
  const below = new MemoryStore();
  await below.ensureContainer('work');
  await below.ensureContainer('out');
  const above = workInMemory({
    below,
    isKept: (container, name) => container === 'work' && work.inProgress(life, name),
  });
  return { below, above };
}

test('what only later phases of the life read stays in memory; plan, files, and other lives pass', async () => {
  const { below, above } = await stores();
  const kept = [
    work.split(life, 1),
    work.split(life, 0),
    work.ids(life),
    work.sealed(life, 'g0'),
    work.slots(life, 'e', 0),
  ];
  const passed = [work.plan(life), work.files(life, 'd', 0), work.split({ ...life, life: 1 }, 0), 'keys/x/head.json'];
  for (const name of [...kept, ...passed]) await above.write('work', name, bytes(1, 2, 3), { metadata: { rows: '3' } });
  assert.deepEqual(below.names('work').sort(), [...passed].sort());
  for (const name of [...kept, ...passed]) {
    assert.deepEqual([...(await above.read('work', name, { offset: 1, length: 2 }))!], [2, 3], name);
    assert.equal((await above.head('work', name))?.metadata.rows, '3', name);
  }
  const listed: string[] = [];
  for await (const { name } of above.list('work', work.splitPrefix(life))) listed.push(name);
  assert.deepEqual(listed, [work.split(life, 0), work.split(life, 1)]);
  const all: string[] = [];
  for await (const { name } of above.list('work', work.runPrefix(life))) all.push(name);
  assert.deepEqual(all, [...kept, work.plan(life), work.files(life, 'd', 0)].sort());
  assert.equal(above.documentBytes, 15);
  assert.equal(await above.remove('work', work.ids(life)), true);
  assert.equal(await above.read('work', work.ids(life)), undefined);
  assert.equal(above.documentBytes, 12);
});

test('blocks that wait and follow each other are one block; a large one goes up at once', async () => {
  const { below, above } = await stores();
  const limits = { waitingBlockBytesMax: 4, joinedBlockBytesMax: 6 };
  await underLimits(limits, async () => {
    const ids = [blockId(0, 0, 'head'), ...[0, 1, 2, 3, 4].map((s) => blockId(1, 0, s)), blockId(0, 0, 'foot')];
    const blocks = [bytes(1), bytes(2, 3), bytes(4, 5, 6), bytes(7, 8, 9, 10, 11), bytes(12), bytes(13, 14), bytes(15)];
    for (const [i, id] of ids.entries()) await above.stageBlock('out', 'f', id, [blocks[i]!]);
    const staged: string[] = [];
    const stage = below.stageBlock.bind(below);
    below.stageBlock = async (container, name, id, parts) => {
      staged.push(`${parts.reduce((sum, part) => sum + part.length, 0)}`);
      await stage(container, name, id, parts);
    };
    await above.commitBlocks('out', 'f', ids, { ifAbsent: true });
    assert.deepEqual(
      [...below.bytes('out', 'f')],
      Array.from({ length: 15 }, (_, i) => i + 1),
    );
    assert.deepEqual(staged, ['6', '4']);
  });
});

test('a file of small blocks alone is one request, on the same condition', async () => {
  const { below, above } = await stores();
  const ids = [blockId(0, 0, 'head'), blockId(0, 0, 'foot')];
  for (const id of ids) await above.stageBlock('out', 'f', id, [bytes(1), bytes(2)]);
  await above.commitBlocks('out', 'f', ids, { ifAbsent: true });
  assert.deepEqual([...below.bytes('out', 'f')], [1, 2, 1, 2]);
  await assert.rejects(above.commitBlocks('out', 'f', ids, { ifAbsent: true }), { code: 'StorageConflict' });
});

test('a joined block is named by where it begins and how much it holds, and never as a single one', () => {
  const places = [
    [3, 7, 2],
    [39_999, 46_655, 9999],
    [0, 0, 0],
  ] as const;
  // Each revision of a batch has blocks of its own names.
  const ofBatches = [0, 1, 36, 1001, 1295].flatMap((revision) =>
    places.map(([batch, rowGroup, segment]) => blockId(batch, rowGroup, segment, revision)),
  );
  const singles = [...ofBatches, blockId(39_999, 999_999, 9999), blockId(0, 0, 'head'), blockId(0, 0, 'foot')];
  const joined = singles.flatMap((first) => [joinedBlockId(first, 1), joinedBlockId(first, 2 ** 30)]);
  assert.equal(new Set([...singles, ...joined]).size, singles.length + joined.length);
  assert.equal(new Set([...singles, ...joined].map(({ length }) => length)).size, 1);
});

test('what the service copies passes by: through memory, and across threads', async () => {
  const { below, above } = await stores();
  const { etag: ifMatch } = await below.write('out', 'source', bytes(0, 1, 2, 3, 4, 5));
  const { port1, port2 } = new MessageChannel();
  serveStore(port1, above);
  const store = storeBehind(port2);
  try {
    const ids = [0, 1, 2].map((segment) => blockId(1, 0, segment));
    const source = { container: 'out', name: 'source', offset: 2, length: 3, ifMatch };
    await store.stageBlock('out', 'f', ids[0]!, [bytes(10)]);
    await store.stageBlockFrom('out', 'f', ids[1]!, source);
    await store.stageBlock('out', 'f', ids[2]!, [bytes(11)]);
    await store.commitBlocks('out', 'f', ids);
    assert.deepEqual([...below.bytes('out', 'f')], [10, 2, 3, 4, 11]);
    assert.deepEqual([below.copies, below.reads], [[source], []]);
    await below.write('out', 'source', bytes(9));
    const late = store.stageBlockFrom('out', 'f', ids[1]!, source);
    await assert.rejects(late, { code: 'SourceChanged', where: { blob: 'source' } });
  } finally {
    port1.close();
  }
});

test('what a store answers goes to another thread without a copy where nobody else holds it, and only then', async () => {
  const { below, above } = await stores();
  await below.write('out', 'f', bytes(1, 2, 3));
  const answered: Uint8Array[] = [];
  const read = below.read.bind(below);
  let handOver = true;
  below.read = async (...place) => {
    const answer = new Uint8Array((await read(...place))!);
    if (handOver) handedOver.add(answer);
    answered.push(answer);
    return answer;
  };
  const { port1, port2 } = new MessageChannel();
  serveStore(port1, above);
  const store = storeBehind(port2);
  try {
    for (handOver of [true, false]) {
      assert.deepEqual([...(await store.read('out', 'f', { offset: 0, length: 3 }))!], [1, 2, 3]);
    }
    assert.deepEqual(
      answered.map(({ byteLength }) => byteLength),
      [0, 3],
    );
  } finally {
    port1.close();
  }
});

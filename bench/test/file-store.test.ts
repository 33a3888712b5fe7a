import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, it } from 'vitest';
import type { BlobItem } from '../../src/storage/store.ts';
import { FileStore } from '../file-store.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const id = (n: number): string => Buffer.from(`block-${n}`).toString('base64');

describe('a folder as a blob store', () => {
  let folder = '';
  let store: FileStore;
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'ordinal-store-'));
    store = new FileStore(folder);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const read = async (name: string): Promise<string | undefined> => {
    const found = await store.read('c', name);
    return found && Buffer.from(found).toString();
  };
  const list = async (prefix: string): Promise<BlobItem[]> => {
    const items: BlobItem[] = [];
    for await (const item of store.list('c', prefix)) items.push(item);
    return items;
  };

  it('shows no block before its list is committed, and then the listed ones in their order', async () => {
    await store.stageBlock('c', 'a/b', id(1), [bytes('one'), bytes('!')]);
    await store.stageBlock('c', 'a/b', id(2), [bytes('two')]);
    await store.stageBlock('c', 'a/b', id(2), [bytes('TWO')]);
    await store.stageBlock('c', 'a/b', id(3), [bytes('unlisted')]);
    assert.equal(await read('a/b'), undefined);
    assert.deepEqual(await list(''), []);
    await store.commitBlocks('c', 'a/b', [id(2), id(1)]);
    assert.equal(await read('a/b'), 'TWOone!');
  });

  it('changes nothing when a listed block is not there', async () => {
    await store.write('c', 'a', bytes('before'));
    await store.stageBlock('c', 'a', id(1), [bytes('after')]);
    await assert.rejects(store.commitBlocks('c', 'a', [id(1), id(9)]), { code: 'StorageFailed' });
    assert.equal(await read('a'), 'before');
    assert.deepEqual(
      (await list('')).map((item) => item.name),
      ['a'],
    );
  });

  it('takes the blocks of several writers, and none of before the last commit', async () => {
    const other = new FileStore(folder);
    for (const round of ['first', 'second']) {
      await store.stageBlock('c', 'a', id(1), [bytes(`${round} of one, `)]);
      await other.stageBlock('c', 'a', id(2), [bytes(`${round} of the other`)]);
      await store.commitBlocks('c', 'a', [id(1), id(2)]);
      assert.equal(await read('a'), `${round} of one, ${round} of the other`);
    }
    await other.stageBlock('c', 'a', id(2), [bytes('third')]);
    await assert.rejects(store.commitBlocks('c', 'a', [id(1), id(2)]), { code: 'StorageFailed' });
    for (const one of [store, other]) one.close();
  });

  it('honours conditions on writes and on reads', async () => {
    const { etag } = await store.write('c', 'a', bytes('one'), { ifAbsent: true });
    await assert.rejects(store.write('c', 'a', bytes('two'), { ifAbsent: true }), { code: 'StorageConflict' });
    await store.write('c', 'a', bytes('three'), { ifMatch: etag });
    await assert.rejects(store.write('c', 'a', bytes('four'), { ifMatch: etag }), { code: 'StorageConflict' });
    await assert.rejects(store.read('c', 'a', { offset: 0, length: 1, ifMatch: etag }), { code: 'SourceChanged' });
    assert.equal(await read('a'), 'three');
  });

  it('reads ranges, and lists by prefix in the order of bytes, with metadata', async () => {
    await store.write('c', 'x/é', bytes('0123456789'));
    await store.write('c', 'x/z', bytes(''), { metadata: { rows: '7' } });
    await store.write('c', 'y', bytes(''));
    assert.deepEqual(await store.read('c', 'x/é', { offset: 2, length: 3 }), bytes('234'));
    assert.deepEqual(
      (await list('x/')).map(({ name, metadata }) => [name, metadata]),
      [
        ['x/z', { rows: '7' }],
        ['x/é', {}],
      ],
    );
    assert.equal(await store.remove('c', 'y'), true);
    assert.equal(await store.remove('c', 'y'), false);
    assert.equal(await store.head('c', 'y'), undefined);
  });

  it('counts requests and bytes', async () => {
    await store.write('c', 'a', bytes('12345'));
    await store.read('c', 'a', { offset: 1, length: 2 });
    await store.read('c', 'missing');
    assert.deepEqual(store.counters, { requests: 3, bytesRead: 2, bytesWritten: 5 });
  });
});

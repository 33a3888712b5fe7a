/** The door to Blob Storage against a real Azurite: what the engine relies on, condition by condition. */
import assert from 'node:assert/strict';
import { createServer, request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { inspect } from 'node:util';
import { BlobServiceClient, ContainerSASPermissions } from '@azure/storage-blob';
import { afterAll, beforeAll, test } from 'vitest';
import { OrdinalError, toErrorValue } from '../../src/errors.ts';
import { openAzureStore } from '../../src/storage/azure.ts';
import { endpointOf, signerOf } from '../../src/storage/connection.ts';
import { blockId } from '../../src/storage/names.ts';
import type { BlobItem, BlobStore } from '../../src/storage/store.ts';
import { commitOnce, writeOnce } from '../../src/storage/write-once.ts';
import { startAzurite } from '../support/azurite.ts';

let azurite: Awaited<ReturnType<typeof startAzurite>>;
let store: BlobStore;

beforeAll(async () => {
  azurite = await startAzurite();
  store = openAzureStore({ connectionString: azurite.connectionString });
  await store.ensureContainer('data');
});

afterAll(async () => {
  await azurite.stop();
});

const bytes = (text: string) => new TextEncoder().encode(text);
const text = (value: Uint8Array | undefined) => (value ? new TextDecoder().decode(value) : undefined);

async function code(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => assert.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OrdinalError, String(error));
  return error.code;
}

async function names(container: string, prefix: string): Promise<string[]> {
  const found: BlobItem[] = [];
  for await (const item of store.list(container, prefix)) found.push(item);
  return found.map((item) => item.name);
}

test('a blob is written, described, read whole and by range, and removed', async () => {
  const { etag } = await store.write('data', 'a/one', bytes('0123456789'), { metadata: { rows: '10' } });
  const head = await store.head('data', 'a/one');
  assert.deepEqual([head?.size, head?.etag, head?.metadata], [10, etag, { rows: '10' }]);
  const listed = [];
  for await (const item of store.list('data', 'a/one')) listed.push(item);
  assert.deepEqual(listed, [head], 'a list tells the same as a look at the blob');
  assert.equal(text(await store.read('data', 'a/one')), '0123456789');
  assert.equal(text(await store.read('data', 'a/one', { offset: 3, length: 4, ifMatch: etag })), '3456');
  assert.equal((await store.read('data', 'a/one', { offset: 3, length: 0 }))?.length, 0);
  assert.equal(await store.remove('data', 'a/one'), true);
  assert.equal(await store.remove('data', 'a/one'), false);
});

test('what is absent is undefined or empty, not an error', async () => {
  assert.equal(await store.head('data', 'nothing'), undefined);
  assert.equal(await store.read('data', 'nothing'), undefined);
  assert.equal(await store.read('nowhere', 'nothing'), undefined);
  assert.deepEqual(await names('nowhere', ''), []);
});

test('an empty blob is read as no bytes', async () => {
  await store.write('data', 'empty', new Uint8Array(0));
  assert.equal((await store.read('data', 'empty'))?.length, 0);
});

test('listing is in name order under a prefix', async () => {
  const wanted = ['list/B', 'list/a', 'list/a/1', 'list/b', 'list/é'];
  for (const name of [...wanted].reverse()) await store.write('data', name, bytes(name));
  await store.write('data', 'lisu', bytes('not this'));
  assert.deepEqual(await names('data', 'list/'), wanted);
});

test('a version that was replaced is refused by name', async () => {
  const { etag } = await store.write('data', 'pinned', bytes('first'));
  await store.write('data', 'pinned', bytes('other'));
  assert.equal(await code(store.read('data', 'pinned', { offset: 0, length: 5, ifMatch: etag })), 'SourceChanged');
  assert.equal(await code(store.read('data', 'pinned', { offset: 2, length: 50 })), 'SourceChanged');
  assert.equal(await code(store.write('data', 'pinned', bytes('x'), { ifMatch: etag })), 'StorageConflict');
});

test('put-if-absent writes once', async () => {
  await store.write('data', 'once', bytes('first'), { ifAbsent: true });
  assert.equal(await code(store.write('data', 'once', bytes('second'), { ifAbsent: true })), 'StorageConflict');
  assert.equal(text(await store.read('data', 'once')), 'first');
});

test('staged blocks are invisible until one list commits them, and may be staged and committed again', async () => {
  const [head, body, foot] = [blockId(0, 0, 'head'), blockId(3, 1, 0), blockId(0, 0, 'foot')];
  await store.stageBlock('data', 'part', body, [bytes('bo'), bytes('dy')]);
  await store.stageBlock('data', 'part', head, [bytes('[')]);
  await store.stageBlock('data', 'part', foot, [bytes(']')]);
  await store.stageBlock('data', 'part', blockId(9, 9, 9), [bytes('never listed')]);
  assert.equal(await store.read('data', 'part'), undefined);
  assert.deepEqual(await names('data', 'part'), []);
  await store.commitBlocks('data', 'part', [head, body, foot]);
  assert.equal(text(await store.read('data', 'part')), '[body]');
  // A repeated activity: the same block staged again, or not at all.
  await store.stageBlock('data', 'part', body, [bytes('body')]);
  await store.commitBlocks('data', 'part', [head, body, foot]);
  assert.equal(text(await store.read('data', 'part')), '[body]');
});

test('a file is committed once: what a late execution has staged since changes nothing', async () => {
  const [a, b] = [blockId(0, 0, 'head'), blockId(0, 0, 'foot')];
  const commit = (size: number) => commitOnce(store, 'data', 'once/file', [a, b], size);
  await store.stageBlock('data', 'once/file', a, [bytes('abc')]);
  await store.stageBlock('data', 'once/file', b, [bytes('de')]);
  await commit(5);
  // Of a second execution that was held up, and knows other things.
  await store.stageBlock('data', 'once/file', a, [bytes('xyz')]);
  await store.stageBlock('data', 'once/file', b, [bytes('uv')]);
  await commit(5);
  assert.equal(text(await store.read('data', 'once/file')), 'abcde');
  assert.equal(await code(commit(6)), 'StorageConflict', 'of another size, it is not the same file');
  await writeOnce(store, 'data', 'once/delta', bytes('first'));
  await writeOnce(store, 'data', 'once/delta', bytes('second'));
  assert.equal(text(await store.read('data', 'once/delta')), 'first');
});

test('a list that names a block that is not there changes nothing', async () => {
  await store.stageBlock('data', 'broken', blockId(1, 1, 1), [bytes('x')]);
  assert.match(await code(store.commitBlocks('data', 'broken', [blockId(1, 1, 1), blockId(2, 2, 2)])), /^Storage/);
  assert.equal(await store.read('data', 'broken'), undefined);
});

test('a service that is not there is worth a retry', async () => {
  const gone = openAzureStore({
    connectionString: azurite.connectionString.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:9'),
  });
  const error = await gone.head('data', 'x').then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OrdinalError);
  assert.deepEqual([error.code, error.retryable], ['StorageFailed', true]);
});

test('all block ids of a blob have one length', () => {
  const ids = [blockId(0, 0, 'head'), blockId(0, 0, 'foot'), blockId(39_999, 123_456, 17), blockId(1, 1, 0)];
  assert.equal(new Set(ids.map((id) => id.length)).size, 1);
  assert.equal(new Set(ids).size, ids.length);
});

test('bytes that are damaged on the way up are refused by the service, and worth a retry', async (t) => {
  // A way to the service that turns over one bit of every body.
  const target = new URL(azurite.blobUrl);
  const way = createServer(async (request, response) => {
    const body = await buffer(request);
    if (body.length > 0) body[body.length >> 1]! ^= 1;
    const { method, url, headers } = request;
    const onward = httpRequest({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.end(body);
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  t.onTestFinished(async () => {
    await way.close();
  });
  const damaged = openAzureStore({
    connectionString: azurite.connectionString.replace(target.host, `127.0.0.1:${(way.address() as AddressInfo).port}`),
  });
  assert.deepEqual(await damaged.read('data', 'nothing'), undefined, 'what has no body passes');
  const large = new Uint8Array(200_000).fill(7);
  const works = [
    () => damaged.write('data', 'damaged', bytes('0123456789')),
    () => damaged.stageBlock('data', 'damaged', blockId(0, 0, 0), [bytes('0123456789')]),
    () => damaged.stageBlock('data', 'damaged', blockId(0, 0, 1), [large, bytes('small'), large]),
  ];
  for (const work of works) {
    const error = await work().then(
      () => assert.fail('damaged bytes were taken'),
      (thrown: unknown) => thrown,
    );
    assert.ok(error instanceof OrdinalError, String(error));
    assert.deepEqual([error.code, error.retryable], ['StorageFailed', true]);
    assert.match(error.message, /Md5Mismatch/);
  }
  assert.equal(await store.read('data', 'damaged'), undefined);
});

test('a body that is cut on its way is asked for again, a few times', async (t) => {
  const target = new URL(azurite.blobUrl);
  const large = new Uint8Array(300_000).map((_, i) => i % 251);
  const { etag } = await store.write('data', 'cut', large);
  // A way to the service that closes the connection in the midst of so many bodies.
  let cuts = 0;
  let asked = 0;
  const way = createServer((request, response) => {
    const { method, url, headers } = request;
    const onward = httpRequest(
      { host: target.hostname, port: target.port, method, path: url, headers },
      async (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        const body = await buffer(answer);
        asked++;
        if (cuts-- <= 0) response.end(body);
        else response.write(body.subarray(0, body.length >> 1), () => response.destroy());
      },
    );
    onward.end();
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  t.onTestFinished(async () => {
    await way.close();
  });
  const cut = openAzureStore({
    connectionString: azurite.connectionString.replace(target.host, `127.0.0.1:${(way.address() as AddressInfo).port}`),
  });
  cuts = 2;
  assert.deepEqual(await cut.read('data', 'cut', { offset: 1, length: 299_998, ifMatch: etag }), large.subarray(1, -1));
  assert.equal(asked, 3);
  cuts = 100;
  const error = await cut.read('data', 'cut').then(
    () => assert.fail('half a blob was taken'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OrdinalError, String(error));
  assert.deepEqual([error.code, error.retryable], ['StorageFailed', true]);
});

test('names of all sorts are read back, whole and in part', async () => {
  for (const name of ['a b/ü#?%.parquet', "it's (1)!*/+&=~.parquet", 'x/%2F%20/日本.parquet']) {
    const { etag } = await store.write('data', name, bytes(name));
    assert.equal(text(await store.read('data', name)), name);
    assert.equal(
      text(await store.read('data', name, { offset: 1, length: 3, ifMatch: etag })),
      text(bytes(name).slice(1, 4)),
    );
  }
});

/** A way to the service that changes the headers of requests. */
async function changing(change: (headers: IncomingHttpHeaders) => void) {
  const target = new URL(azurite.blobUrl);
  const way = createServer(async (request, response) => {
    const body = await buffer(request);
    const { method = '', url = '', headers } = request;
    change(headers);
    const onward = httpRequest({ host: target.hostname, port: target.port, method, path: url, headers }, (answer) => {
      response.writeHead(answer.statusCode!, answer.headers);
      answer.pipe(response);
    });
    onward.end(body);
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(way.address() as AddressInfo).port}`;
  return { host, close: () => way.close() };
}

const source = async (name: string, content: Uint8Array) => {
  const { etag } = await store.write('data', name, content);
  return { container: 'data', name, ifMatch: etag };
};

/** The error of a work that must fail, and all that can be seen of it. */
async function refused(work: Promise<unknown>): Promise<{ error: OrdinalError; shown: string }> {
  const error = await work.then(
    () => assert.fail('it should have been refused'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof OrdinalError, String(error));
  return { error, shown: inspect(error, { depth: null, showHidden: true }) + JSON.stringify(toErrorValue(error)) };
}

test('a block is copied from a range of another blob, of its version, by the service', async () => {
  const large = new Uint8Array(300_000).map((_, i) => i % 251);
  const name = "from/it's (1)/ü#?%+.bin";
  const from = await source(name, large);
  const [a, b] = [blockId(0, 0, 0), blockId(0, 0, 1)];
  await store.stageBlock('data', 'copy', a, [bytes('own')]);
  await store.stageBlockFrom('data', 'copy', b, { ...from, offset: 1, length: 299_998 });
  await store.commitBlocks('data', 'copy', [a, b]);
  assert.ok(Buffer.concat([bytes('own'), large.subarray(1, -1)]).equals((await store.read('data', 'copy'))!));
  // Staged again, it is the same.
  await store.stageBlockFrom('data', 'copy', b, { ...from, offset: 1, length: 299_998 });
  await store.commitBlocks('data', 'copy', [b, a]);
  assert.equal((await store.head('data', 'copy'))?.size, 300_001);
});

test('a source that was replaced, or is gone, is refused by its name, and no block is there', async () => {
  const from = await source('replaced', bytes('0123456789'));
  await store.write('data', 'replaced', bytes('9876543210'));
  const id = blockId(0, 0, 0);
  const stage = () => store.stageBlockFrom('data', 'target', id, { ...from, offset: 0, length: 4 });
  const isRefused = async () => {
    const { error, shown } = await refused(stage());
    assert.deepEqual([error.code, error.retryable, error.where], ['SourceChanged', false, { blob: 'replaced' }]);
    assert.doesNotMatch(shown, /sig=|se=/);
  };
  await isRefused();
  await store.remove('data', 'replaced');
  await isRefused();
  assert.match(await code(store.commitBlocks('data', 'target', [id])), /^Storage/);
  const there = await source('there', bytes('0123456789'));
  const nowhere = store.stageBlockFrom('nowhere', 'target', id, { ...there, offset: 0, length: 4 });
  const { error } = await refused(nowhere);
  assert.deepEqual([error.code, error.remedy], ['StorageFailed', 'Create the container "nowhere".']);
});

test('access to a source is to read it, and where the service refuses it, the error says what it needs', async (t) => {
  const from = await source('private', bytes('0123456789'));
  const given: string[] = [];
  let spoil = false;
  const by = await changing((headers) => {
    const address = headers['x-ms-copy-source'];
    if (typeof address !== 'string') return;
    given.push(address);
    if (spoil) headers['x-ms-copy-source'] = address.replace(/sig=.{4}/, 'sig=AAAA');
  });
  t.onTestFinished(() => void by.close());
  const range = { ...from, offset: 2, length: 5 };
  const id = blockId(0, 0, 0);
  const keyed = azurite.connectionString.replace(new URL(azurite.blobUrl).host, by.host);
  await openAzureStore({ connectionString: keyed }).stageBlockFrom('data', 'target', id, range);
  const { searchParams } = new URL(given[0]!);
  assert.deepEqual([searchParams.get('sr'), searchParams.get('sp')], ['b', 'r'], 'the blob alone, to read');
  const minutes = (Date.parse(searchParams.get('se')!) - Date.now()) / 60_000;
  assert.ok(minutes > 0 && minutes <= 61, 'for an hour');
  // The request is not signed itself, so it is the signature for the source alone that is wrong.
  spoil = true;
  const spoilt = openAzureStore({ connectionString: await unsigned(by.host) });
  const { error, shown } = await refused(spoilt.stageBlockFrom('data', 'target', id, range));
  assert.deepEqual([error.code, error.retryable, error.where], ['StorageFailed', false, { blob: 'private' }]);
  assert.match(error.message, /may not copy from "data\/private": CannotVerifyCopySource/);
  assert.match(error.remedy ?? '', /Storage Blob Delegator/);
  assert.doesNotMatch(shown, /sig=|se=/);
  // What the service has against the request itself is no matter of the source.
  const { error: own } = await refused(
    openAzureStore({ connectionString: keyed }).stageBlockFrom('data', 'target', id, range),
  );
  assert.deepEqual([own.code, own.where], ['StorageFailed', { blob: 'target' }]);
});

test('a service that cannot be reached gives no access away', async () => {
  const gone = openAzureStore({
    connectionString: azurite.connectionString.replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:9'),
  });
  const range = { container: 'data', name: 'a', ifMatch: '"1"', offset: 0, length: 5 };
  const { error, shown } = await refused(gone.stageBlockFrom('data', 'target', blockId(0, 0, 0), range));
  assert.deepEqual([error.code, error.retryable], ['StorageFailed', true]);
  assert.doesNotMatch(shown, /sig=|se=/);
});

/** A connection by a shared access signature for the container: requests have no signature of their own. */
async function unsigned(host = new URL(azurite.blobUrl).host): Promise<string> {
  const container = BlobServiceClient.fromConnectionString(azurite.connectionString).getContainerClient('data');
  const expiresOn = new Date(Date.now() + 600_000);
  const url = new URL(
    await container.generateSasUrl({ permissions: ContainerSASPermissions.parse('rwdl'), expiresOn }),
  );
  const endpoint = azurite.blobUrl.replace(new URL(azurite.blobUrl).host, host);
  return `BlobEndpoint=${endpoint};SharedAccessSignature=${url.search.slice(1)}`;
}

test('a connection by a shared access signature reads, writes and copies', async () => {
  const open = openAzureStore({ connectionString: await unsigned() });
  const from = await source('by signature', bytes('0123456789'));
  assert.equal(text(await open.read('data', from.name, { offset: 3, length: 4, ifMatch: from.ifMatch })), '3456');
  assert.equal(await open.read('data', 'nothing'), undefined);
  const id = blockId(0, 0, 0);
  await open.stageBlockFrom('data', 'signed', id, { ...from, offset: 2, length: 5 });
  await open.commitBlocks('data', 'signed', [id]);
  assert.equal(text(await open.read('data', 'signed')), '23456');
});

test('the short form of the emulator says account, key and endpoint', () => {
  const signer = signerOf('UseDevelopmentStorage=true');
  assert.ok(typeof signer === 'object' && 'accountKey' in signer);
  assert.deepEqual([signer.accountName, signer.accountKey.length], ['devstoreaccount1', 64]);
  assert.equal(
    endpointOf({ connectionString: 'UseDevelopmentStorage=true' }),
    'http://127.0.0.1:10000/devstoreaccount1',
  );
});

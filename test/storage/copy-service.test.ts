/**
 * `copy: 'service'` against a real Azurite: published bytes are those of the default, the source's bytes do not come here,
 * and what happens when the source is replaced, or the process killed, while the service copies.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, test } from 'vitest';
import type { RunningAzurite } from '../../packages/local-host/src/azurite.ts';
import { writeTable } from '../../src/parquet/table.ts';
import type { Values } from '../../src/parquet/types.ts';
import { openAzureStore } from '../../src/storage/azure.ts';
import type { BlobStore } from '../../src/storage/store.ts';
import { startAzurite } from '../support/azurite.ts';
import { ALONE, runOver } from './support/copying-run.ts';

const rows = 400_000;
let azurite: RunningAzurite;
/** A way to the service that counts, and stops at a copy. */
let way: Server;
let connectionString: string;
let store: BlobStore;
let seen: { received: number; sent: number; copied: number };
let atCopy: (() => Promise<void>) | undefined;

function texts(textOf: (row: number) => string): Values {
  const all = Array.from({ length: rows }, (_, row) => textOf(row));
  const offsets = new Uint32Array(rows + 1);
  for (const [row, text] of all.entries()) offsets[row + 1] = offsets[row]! + text.length;
  return { kind: 'bytes', length: rows, data: new Uint8Array(Buffer.from(all.join(''))), offsets };
}

/** A file with two columns that no dictionary and no codec makes small. */
function source(seed: number): Uint8Array {
  const text = { physical: 'BYTE_ARRAY', annotation: { kind: 'string' } } as const;
  const noise = (row: number) => Math.imul(row + seed, 2654435761) >>> 0;
  const data = BigInt64Array.from(
    { length: rows },
    (_, row) => (BigInt(noise(row)) << 31n) ^ BigInt(noise(row * 7 + 1)),
  );
  return writeTable([
    { name: 'key', type: text, values: texts((row) => `key-${row % 50}`), valid: undefined },
    { name: 'note', type: text, values: texts((row) => `${noise(row)}${noise(row * 3)}`), valid: undefined },
    { name: 'amount', type: { physical: 'INT64' }, values: { kind: 'int64', length: rows, data }, valid: undefined },
  ]);
}

const file = source(1);

beforeAll(async () => {
  azurite = await startAzurite();
  store = openAzureStore({ connectionString: azurite.connectionString });
  const target = new URL(azurite.blobUrl);
  way = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const isCopy = headers['x-ms-copy-source'] !== undefined;
    const wait = isCopy ? atCopy?.() : undefined;
    await wait;
    if (isCopy) seen.copied++;
    // As they are written: names of metadata have capitals.
    const { rawHeaders } = request;
    const to = { host: target.hostname, port: target.port, method, path: url, headers: rawHeaders };
    const onward = httpRequest(to, (answer) => {
      response.writeHead(answer.statusCode!, answer.rawHeaders);
      answer.on('data', (data: Uint8Array) => {
        seen.received += data.length;
      });
      answer.pipe(response);
    });
    request.on('data', (data: Uint8Array) => {
      seen.sent += data.length;
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  });
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(way.address() as AddressInfo).port}`;
  connectionString = azurite.connectionString.replace(target.host, host);
  await store.ensureContainer('landing');
});
beforeEach(async () => {
  seen = { received: 0, sent: 0, copied: 0 };
  atCopy = undefined;
  await store.write('landing', 'in/0.parquet', file);
});
afterAll(async () => {
  way?.closeAllConnections();
  way?.close();
  await azurite?.stop();
});

/** Published files, by entity. */
async function published(container: string): Promise<Record<string, Buffer>> {
  const files: Record<string, Buffer> = {};
  for (const entity of ['keys', 'all']) {
    for await (const { name } of store.list(container, `p/${entity}/r`)) {
      files[name] = Buffer.from((await store.read(container, name))!);
    }
  }
  return files;
}

test('the same bytes are published, and large chunks do not pass through here', async () => {
  await runOver({ connectionString, container: 'by-function', copy: 'function' });
  const byFunction = seen;
  seen = { received: 0, sent: 0, copied: 0 };
  await runOver({ connectionString, container: 'by-service', copy: 'service' });
  const expected = await published('by-function');
  assert.equal(Object.keys(expected).length, 2);
  assert.deepEqual(await published('by-service'), expected);
  assert.deepEqual([byFunction.copied, seen.copied], [0, 1], 'the two columns are one block');
  for (const way of ['received', 'sent'] as const) {
    assert.ok(byFunction[way] > 3_000_000, `${way} by the function: ${byFunction[way]}`);
    assert.ok(seen[way] < 600_000, `${way} by the service: ${seen[way]}`);
  }
});

test('a source that is replaced before the service has copied is refused by its name', async () => {
  atCopy = async () => void (await store.write('landing', 'in/0.parquet', source(2)));
  await assert.rejects(runOver({ connectionString, container: 'replaced', copy: 'service' }), {
    code: 'SourceChanged',
    where: { blob: 'in/0.parquet' },
  });
  assert.deepEqual(await published('replaced'), {});
});

test('a process that is killed while the service copies leaves nothing that the next one does not mend', async () => {
  const script = fileURLToPath(new URL('support/copying-run.ts', import.meta.url));
  const child = fork(script, [ALONE]);
  const copying = new Promise<void>((resolve) => {
    atCopy = async () => {
      resolve();
      child.kill('SIGKILL');
      await once(child, 'exit');
    };
  });
  child.send({ connectionString, container: 'killed', copy: 'service' });
  await Promise.race([copying, once(child, 'exit')]);
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  assert.equal(child.signalCode, 'SIGKILL');
  assert.deepEqual(await published('killed'), {});
  atCopy = undefined;
  await runOver({ connectionString, container: 'killed', copy: 'service' });
  assert.deepEqual(await published('killed'), await published('by-function'));
});

/**
 * Identity-based connections, for real: the app over an account that takes tokens (Azurite over HTTPS), and an endpoint
 * that issues them as App Service does (`IDENTITY_ENDPOINT`). There is no key anywhere.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import tls from 'node:tls';
import { BlobServiceClient } from '@azure/storage-blob';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type RunningAzurite, startAzurite } from '../../packages/local-host/src/azurite.ts';
import { startHost } from '../../packages/local-host/src/start-host.ts';
import { parseConfig } from '../../src/environment/config.ts';
import { openAzureStore } from '../../src/storage/azure.ts';
import { openCopyAccess } from '../../src/storage/copy-access.ts';
import { blockId } from '../../src/storage/names.ts';
import { flightsFile } from '../http/support/flights.ts';
import { loopbackCertificate } from '../support/certificate.ts';
import { stagedApp } from '../support/staged-app.ts';

const clientId = '11111111-2222-3333-4444-555555555555';
const secret = 'as the platform gives it';
const storage = 'https://storage.azure.com';

/** A token as Azurite's basic level takes it: it looks at audience, issuer and times, not at the signature. */
function token(audience: string): string {
  const now = Math.floor(Date.now() / 1000);
  // Who it is for: a key that the service gives this identity carries it.
  const who = { oid: '99999999-2222-3333-4444-555555555555', tid: '88888888-2222-3333-4444-555555555555' };
  const claims = {
    ...who,
    aud: audience,
    iss: 'https://sts.windows.net/tenant/',
    iat: now,
    nbf: now - 60,
    exp: now + 3600,
  };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.c2lnbmVk`;
}

let folder: string;
let azurite: RunningAzurite;
let endpoint: Server;
let data: BlobServiceClient;
let env: Record<string, string>;
/** What the endpoint was asked for. */
const asked: { clientId: string | null; resource: string | null }[] = [];
/** Whom the endpoint's tokens are for. */
let audience = storage;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'ordinal-identity-'));
  const { cert, key } = loopbackCertificate();
  const files = { cert: path.join(folder, 'cert.pem'), key: path.join(folder, 'key.pem') };
  await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)]);
  tls.setDefaultCACertificates([...tls.getCACertificates('default'), cert]);
  azurite = await startAzurite({ tokens: files });
  endpoint = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    if (request.headers['x-identity-header'] !== secret) {
      response.writeHead(401).end();
      return;
    }
    asked.push({ clientId: searchParams.get('client_id'), resource: searchParams.get('resource') });
    const expires = String(Math.floor(Date.now() / 1000) + 3600);
    const body = { access_token: token(audience), expires_on: expires, resource: storage, token_type: 'Bearer' };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  });
  await new Promise<void>((resolve) => endpoint.listen(0, '127.0.0.1', resolve));
  env = {
    IDENTITY_ENDPOINT: `http://127.0.0.1:${(endpoint.address() as AddressInfo).port}/msi/token`,
    IDENTITY_HEADER: secret,
    NODE_EXTRA_CA_CERTS: files.cert,
    AzureWebJobsStorage: '',
    ORDINAL_STORAGE__blobServiceUri: azurite.blobUrl,
    ORDINAL_STORAGE__clientId: clientId,
    ORDINAL_STORAGE__credential: 'managedidentity',
  };
  const own = { getToken: async () => ({ token: token(storage), expiresOnTimestamp: Date.now() + 3_600_000 }) };
  data = new BlobServiceClient(azurite.blobUrl, own);
});
afterAll(async () => {
  endpoint?.close();
  await azurite?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe('an identity', () => {
  it('is all that the app needs to read, run and publish', async () => {
    const landing = data.getContainerClient('landing');
    await landing.create();
    const file = flightsFile(30);
    await landing.getBlockBlobClient('flights/a.parquet').upload(file, file.byteLength);
    const host = await startHost({ scriptRoot: stagedApp, workers: 1, env });
    try {
      const started = await fetch(`${host.url}/api/pipelines/flights/runs`, {
        method: 'POST',
        body: JSON.stringify({ runId: 'by-identity' }),
      });
      const { outcomeUrl } = (await started.json()) as { outcomeUrl: string };
      let outcome = await fetch(outcomeUrl);
      while (outcome.status === 202) {
        await outcome.arrayBuffer();
        await new Promise((resolve) => setTimeout(resolve, 100));
        outcome = await fetch(outcomeUrl);
      }
      const run = (await outcome.json()) as { status: string; rows: object; manifest: string };
      assert.deepEqual([run.status, run.rows], ['Completed', { done: 30, total: 30 }], JSON.stringify(run));
      const published = data.getContainerClient('published');
      assert.ok(await published.getBlobClient(run.manifest).exists());
      assert.ok(await published.getBlobClient('flights/flights/by-identity-00000.parquet').exists());
    } finally {
      await host.stop();
    }
    assert.ok(asked.length > 0);
    for (const each of asked) assert.deepEqual(each, { clientId, resource: storage });
  });

  it('lets the service copy, by a key that is asked for again before it is too old', async () => {
    let keys = 0;
    const own = { getToken: async () => ({ token: token(storage), expiresOnTimestamp: Date.now() + 3_600_000 }) };
    const counted = new BlobServiceClient(azurite.blobUrl, own);
    const ask = counted.getUserDelegationKey.bind(counted);
    counted.getUserDelegationKey = ((...given: [Date, Date]) => {
      keys++;
      return ask(...given);
    }) as typeof ask;
    let now = Date.now();
    const access = openCopyAccess(counted, () => now);
    const read = async () => {
      const query = await access('landing', 'copied');
      const { sp, sr, spr, se, ske } = Object.fromEntries(new URLSearchParams(query));
      assert.deepEqual([sp, sr, spr], ['r', 'b', 'https']);
      assert.ok(Date.parse(se!) <= Date.parse(ske!), 'no longer than its key');
      const answer = await fetch(`${azurite.blobUrl}/landing/copied?${query}`);
      return [answer.status, await answer.text()];
    };
    await counted.getContainerClient('landing').createIfNotExists();
    await counted.getContainerClient('landing').getBlockBlobClient('copied').upload('0123456789', 10);
    assert.deepEqual(await Promise.all([read(), read()]), [
      [200, '0123456789'],
      [200, '0123456789'],
    ]);
    now += 55 * 60_000;
    await read();
    assert.equal(keys, 1, 'one key for all blobs, for an hour');
    now += 10 * 60_000;
    await read();
    assert.equal(keys, 2);
    for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'] as const) process.env[name] = env[name];
    // A process keeps the tokens of an identity: this one is another than that of the test below.
    const other = { ...env, ORDINAL_STORAGE__clientId: clientId.replaceAll('1', '4') };
    const store = openAzureStore(parseConfig(other).storage);
    const { etag } = (await store.head('landing', 'copied'))!;
    const id = blockId(0, 0, 0);
    const source = { container: 'landing', name: 'copied', offset: 2, length: 5, ifMatch: etag };
    await store.stageBlockFrom('landing', 'copy', id, source);
    await store.commitBlocks('landing', 'copy', [id]);
    assert.equal(Buffer.from((await store.read('landing', 'copy'))!).toString(), '23456');
  });

  it('that the account does not take is an error that says what it needs', async () => {
    for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER'] as const) process.env[name] = env[name];
    audience = 'https://vault.azure.net';
    const store = openAzureStore(parseConfig(env).storage);
    await assert.rejects(store.head('landing', 'flights/a.parquet'), {
      code: 'StorageFailed',
      retryable: false,
      remedy: /role "Storage Blob Data/,
    });
    const source = { container: 'landing', name: 'flights/a.parquet', offset: 0, length: 4, ifMatch: '"1"' };
    await assert.rejects(store.stageBlockFrom('landing', 'copy', blockId(0, 0, 0), source), {
      code: 'StorageFailed',
      retryable: false,
      message: /^the service may not copy from "landing\/flights\/a\.parquet"/,
      remedy: /role "Storage Blob Delegator"/,
    });
  });
});

describe('settings of an identity', () => {
  const settings = (more: Record<string, string>) =>
    parseConfig({ ORDINAL_STORAGE__blobServiceUri: 'https://data.blob.core.windows.net', ...more }).storage;

  it('are those of the Functions conventions', () => {
    const blobServiceUri = 'https://data.blob.core.windows.net';
    assert.deepEqual(
      settings({ ORDINAL_STORAGE__credential: 'managedidentity', ORDINAL_STORAGE__clientId: clientId }),
      {
        blobServiceUri,
        credential: 'managedidentity',
        clientId,
      },
    );
    assert.deepEqual(settings({}), { blobServiceUri });
    assert.throws(() => settings({ ORDINAL_STORAGE__credential: 'password' }), /ORDINAL_STORAGE__credential/);
  });
});

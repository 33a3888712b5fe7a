/**
 * The `BlobStore` port over Azure Blob Storage (and Azurite). Conditions of the service become named errors; whatever
 * may pass by itself (throttling, unreachable, 5xx) is marked worth a retry. The SDK retries short hiccups by itself.
 * `src/environment` opens it. It must never retry a condition that did not hold.
 */
import { Readable } from 'node:stream';
import {
  BlobServiceClient,
  type ContainerClient,
  type ContainerListBlobFlatSegmentResponse,
  RestError,
  type BlobItem as ServiceItem,
} from '@azure/storage-blob';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { type AzureRequests, collect, type GetAnswer, openRequests, type Signer } from './azure-requests.ts';
import { identityOf, type StorageConnection, signerOf } from './connection.ts';
import { type CopyAccess, openCopyAccess } from './copy-access.ts';
import {
  type BlobItem,
  type BlobPage,
  type BlobRange,
  type BlobStore,
  handedOver,
  type PageRequest,
  type ReadRange,
  type ReadVersion,
  type WriteOptions,
  type Written,
} from './store.ts';

/** Hiccups are waited out here, in half a second, one and two; what lasts longer goes back to the run as retryable. */
const retryOptions = { maxTries: 4, retryDelayInMs: 500, maxRetryDelayInMs: 8000 };

/** Times that a body is asked for whose connection was cut before its end. */
const BODY_TRIES = 3;

/**
 * Opens the account. No request is made before the first operation.
 * @param connection a connection string, or an account's endpoint and an identity
 * @returns the account as a `BlobStore`
 */
export function openAzureStore(connection: StorageConnection): BlobStore {
  if ('connectionString' in connection) {
    const { connectionString } = connection;
    const service = BlobServiceClient.fromConnectionString(connectionString, { retryOptions });
    return new AzureBlobStore(service, signerOf(connectionString));
  }
  const credential = identityOf(connection);
  const service = new BlobServiceClient(connection.blobServiceUri, credential, { retryOptions });
  return new AzureBlobStore(service, { credential });
}

/** An ETag as all other answers have it: those of a list come without their quotes. */
function quoted(etag: string): string {
  return /^(W\/)?"/.test(etag) ? etag : `"${etag}"`;
}

class AzureBlobStore implements BlobStore {
  readonly #service: BlobServiceClient;
  readonly #containers = new Map<string, ContainerClient>();
  readonly #requests: AzureRequests;
  readonly #copyAccess: CopyAccess;

  constructor(service: BlobServiceClient, signer: Signer) {
    this.#service = service;
    this.#requests = openRequests(service.url, signer, retryOptions);
    this.#copyAccess = openCopyAccess(service);
  }

  async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    try {
      for await (const item of this.#container(container).listBlobsFlat({ prefix, includeMetadata: true })) {
        yield itemOf(item);
      }
    } catch (thrown) {
      // A container that does not exist holds no blobs.
      if (statusOf(thrown) !== 404) throw failure('list', container, prefix, thrown);
    }
  }

  async listPage(container: string, prefix: string, { size, from }: PageRequest): Promise<BlobPage> {
    const settings = { maxPageSize: size, ...(from !== undefined && { continuationToken: from }) };
    const pages = this.#container(container).listBlobsFlat({ prefix, includeMetadata: true }).byPage(settings);
    try {
      const { value } = await pages.next();
      const { segment, continuationToken: next } = value as ContainerListBlobFlatSegmentResponse;
      return { blobs: segment.blobItems.map(itemOf), ...(next && { next }) };
    } catch (thrown) {
      if (statusOf(thrown) === 404) return { blobs: [] };
      throw failure('list', container, prefix, thrown);
    }
  }

  async head(container: string, name: string): Promise<BlobItem | undefined> {
    try {
      const p = await this.#container(container).getBlobClient(name).getProperties();
      return {
        name,
        size: p.contentLength ?? 0,
        etag: p.etag ?? '',
        lastModified: (p.lastModified ?? new Date(0)).toISOString(),
        metadata: p.metadata ?? {},
      };
    } catch (thrown) {
      if (statusOf(thrown) === 404) return undefined;
      throw failure('head', container, name, thrown);
    }
  }

  async read(container: string, name: string, range?: ReadRange): Promise<Uint8Array | undefined> {
    // The service refuses an empty range; an empty answer needs no request.
    if (range?.length === 0) return new Uint8Array(0);
    const bytes = (await this.#download(container, name, range))?.bytes;
    if (bytes) handedOver.add(bytes);
    return bytes;
  }

  readVersion(container: string, name: string): Promise<ReadVersion | undefined> {
    return this.#download(container, name);
  }

  async #download(container: string, name: string, range?: ReadRange): Promise<ReadVersion | undefined> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.#answer(container, name, range);
      if (!answer) return undefined;
      const { etag, length, body } = answer;
      try {
        return { bytes: await collect(body, length, name), etag };
      } catch (thrown) {
        // The pipeline waits out hiccups only until an answer begins.
        if (attempt === BODY_TRIES) throw failure('read', container, name, thrown);
      }
    }
  }

  async #answer(container: string, name: string, range: ReadRange | undefined): Promise<GetAnswer | undefined> {
    try {
      const answer = await this.#requests.get(container, name, range);
      if (!range || answer.length === range.length) return answer;
      throw new OrdinalError('SourceChanged', `blob "${name}" ends before byte ${range.offset + range.length}`, {
        where: { blob: name },
        remedy: 'Start a new run: the blob was replaced while it was read.',
      });
    } catch (thrown) {
      const status = statusOf(thrown);
      if (status === 404) return undefined;
      // 416: an empty blob has no range at all; asking for all of it is fine.
      if (status === 416 && range === undefined) return { etag: '', length: 0, body: Readable.from([]) };
      if (status === 412 || status === 416) {
        throw changed(name, thrown);
      }
      throw failure('read', container, name, thrown);
    }
  }

  async write(container: string, name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<Written> {
    const headers = { 'x-ms-blob-type': 'BlockBlob', ...writeHeaders(options) };
    const written = this.#requests.put({ container, name }, headers, [bytes]);
    return orThrow(written, (thrown) => writeFailure('write', container, name, thrown));
  }

  async stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    if (length > limits.blockBytesMax) {
      throw new OrdinalError('LimitExceeded', `a block of ${length} bytes exceeds ${limits.blockBytesMax}`, {
        where: { blob: name },
        remedy: 'Write the source with smaller row groups.',
      });
    }
    const target = { container, name, query: blockQuery(blockId) };
    const staged = this.#requests.put(target, {}, parts);
    await orThrow(staged, (thrown) => writeFailure('stage a block of', container, name, thrown));
  }

  async stageBlockFrom(container: string, name: string, blockId: string, source: BlobRange): Promise<void> {
    const given = this.#copyAccess(source.container, source.name);
    const access = await orThrow(given, (thrown) => accessFailure(source, thrown));
    const target = { container, name, query: blockQuery(blockId) };
    const copied = this.#requests.putBlockFrom(target, { ...source, access });
    await orThrow(copied, (thrown) => copyFailure(container, name, source, thrown));
  }

  async commitBlocks(
    container: string,
    name: string,
    blockIds: readonly string[],
    options: WriteOptions = {},
  ): Promise<Written> {
    if (blockIds.length > limits.blocksPerBlobMax) {
      throw new OrdinalError(
        'LimitExceeded',
        `${blockIds.length} blocks exceed ${limits.blocksPerBlobMax} for one blob`,
        {
          where: { blob: name },
        },
      );
    }
    // Block ids are base64: nothing in them means anything in XML.
    const list = blockIds.map((id) => `<Latest>${id}</Latest>`).join('');
    const body = `<?xml version="1.0" encoding="utf-8"?><BlockList>${list}</BlockList>`;
    const target = { container, name, query: { comp: 'blocklist' } };
    const committed = this.#requests.put(target, writeHeaders(options), [Buffer.from(body)]);
    return orThrow(committed, (thrown) => writeFailure('commit', container, name, thrown));
  }

  async remove(container: string, name: string): Promise<boolean> {
    const removed = this.#container(container).getBlobClient(name).deleteIfExists();
    return (await orThrow(removed, (thrown) => failure('delete', container, name, thrown))).succeeded;
  }

  async ensureContainer(container: string): Promise<void> {
    const created = this.#container(container).createIfNotExists();
    await orThrow(created, (thrown) => failure('create', container, '', thrown));
  }

  #container(name: string): ContainerClient {
    let client = this.#containers.get(name);
    if (!client) {
      client = this.#service.getContainerClient(name);
      this.#containers.set(name, client);
    }
    return client;
  }
}

function itemOf({ name, properties, metadata }: ServiceItem): BlobItem {
  return {
    name,
    size: properties.contentLength ?? 0,
    etag: quoted(properties.etag),
    lastModified: properties.lastModified.toISOString(),
    metadata: metadata ?? {},
  };
}

function writeHeaders({ contentType, metadata = {}, ifAbsent, ifMatch }: WriteOptions): Record<string, string> {
  return {
    'x-ms-blob-content-type': contentType ?? 'application/octet-stream',
    ...Object.fromEntries(Object.entries(metadata).map(([name, value]) => [`x-ms-meta-${name}`, value])),
    ...(ifAbsent && { 'if-none-match': '*' }),
    ...(ifMatch && { 'if-match': ifMatch }),
  };
}

function blockQuery(blockid: string): Record<string, string> {
  return { comp: 'block', blockid };
}

function statusOf(thrown: unknown): number | undefined {
  return thrown instanceof RestError ? thrown.statusCode : undefined;
}

/** What was asked for; a refusal becomes the error that `failureOf` makes of it. */
function orThrow<T>(asked: Promise<T>, failureOf: (thrown: unknown) => OrdinalError): Promise<T> {
  return asked.catch((thrown: unknown) => {
    throw failureOf(thrown);
  });
}

function writeFailure(verb: string, container: string, name: string, thrown: unknown): OrdinalError {
  const status = statusOf(thrown);
  if (status === 409 || status === 412) {
    return new OrdinalError('StorageConflict', `cannot ${verb} "${container}/${name}": ${codeOf(thrown)}`, {
      where: { blob: name },
      cause: thrown,
    });
  }
  return failure(verb, container, name, thrown);
}

function changed(name: string, cause: unknown): OrdinalError {
  return new OrdinalError('SourceChanged', `blob "${name}" was changed after the run had pinned it`, {
    where: { blob: name },
    remedy: 'Do not overwrite source blobs while a run reads them; start a new run.',
    cause,
  });
}

/** What the service says when it cannot copy: of the source by that blob's name, of the target by its own. */
function copyFailure(container: string, name: string, source: BlobRange, thrown: unknown): OrdinalError {
  const status = statusOf(thrown);
  const code = codeOf(thrown);
  if (status === 412 || status === 416 || (status === 404 && code !== 'ContainerNotFound')) {
    return changed(source.name, thrown);
  }
  if (code === 'CannotVerifyCopySource') return accessFailure(source, thrown);
  return writeFailure('stage a block of', container, name, thrown);
}

/** The service gives no access to a source, or does not take what it has given. */
function accessFailure({ container, name }: BlobRange, thrown: unknown): OrdinalError {
  const status = statusOf(thrown);
  if (status !== 401 && status !== 403) return failure('copy from', container, name, thrown);
  return new OrdinalError('StorageFailed', `the service may not copy from "${container}/${name}": ${codeOf(thrown)}`, {
    where: { blob: name },
    cause: thrown,
    // A connection string, or the network, may be the reason too: the guide has them all.
    remedy: 'Give the identity the role "Storage Blob Delegator" on the account, or see copy in docs/pipelines.md.',
  });
}

function failure(verb: string, container: string, name: string, thrown: unknown): OrdinalError {
  if (thrown instanceof OrdinalError) return thrown;
  const status = statusOf(thrown);
  // No status: the service was not reached. Otherwise the service's own words for "later", or for "damaged on the way".
  const retryable =
    status === undefined || status === 408 || status === 429 || status >= 500 || codeOf(thrown) === 'Md5Mismatch';
  return new OrdinalError('StorageFailed', `cannot ${verb} "${container}/${name}": ${codeOf(thrown)}`, {
    where: { blob: name },
    retryable,
    cause: thrown,
    ...((status === 401 || status === 403) && {
      remedy: 'Give the app\'s identity the role "Storage Blob Data Owner" or "… Contributor" on this account.',
    }),
    ...(status === 404 && { remedy: `Create the container "${container}".` }),
  });
}

function codeOf(thrown: unknown): string {
  if (thrown instanceof RestError) return thrown.code ?? `status ${thrown.statusCode}`;
  return thrown instanceof Error ? thrown.message : String(thrown);
}

/**
 * Reads and writes of blobs without the layers that `BlobClient` puts around a request: the SDK's own pipeline (retries,
 * signature or token, proxy, transport), and nothing else. A run is mostly such requests, and a `BlobClient` takes twice the
 * processor's time for each; and it states no condition on the source of a block. `azure.ts` sends them through here.
 * Nothing here may follow anything but the request given, nor log an address: that of a source gives access to it.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { authorizeRequestOnTenantChallenge } from '@azure/core-client';
import {
  bearerTokenAuthenticationPolicy,
  createDefaultHttpClient,
  createEmptyPipeline,
  createHttpHeaders,
  createPipelineRequest,
  type Pipeline,
  type PipelineRequestOptions,
  type PipelineResponse,
  proxyPolicy,
  RestError,
  userAgentPolicy,
} from '@azure/core-rest-pipeline';
import type { TokenCredential } from '@azure/identity';
import { type StorageRetryOptions, storageRetryPolicy, storageSharedKeyCredentialPolicy } from '@azure/storage-common';
import { OrdinalError } from '../errors.ts';
import type { ReadRange, Written } from './store.ts';

/** Whom requests come from: an account and its key, an identity, or whoever has the address: a shared access signature. */
export type Signer = { accountName: string; accountKey: Buffer } | { credential: TokenCredential } | 'address';

/** Whatever has both operations, conditions and ranges of all sizes: the newest version brings nothing that is used here. */
const SERVICE_VERSION = '2021-12-02';
const SCOPE = 'https://storage.azure.com/.default';
const streamResponseStatusCodes = new Set([200, 206]);

/** The beginning of an answer. */
export interface GetAnswer {
  etag: string;
  /** Bytes of the body. */
  length: number;
  body: NodeJS.ReadableStream;
}

/** What is written: a blob, and by the query what of it. */
export interface PutTarget {
  container: string;
  name: string;
  query?: Record<string, string>;
}

/** Requests to one account. They throw `RestError` with the service's status and code. */
export interface AzureRequests {
  /** Get Blob. */
  get(container: string, name: string, range?: ReadRange): Promise<GetAnswer>;
  /** Put Blob; with a query Put Block (`comp=block`), and Put Block List. The body is the parts, with their MD5. */
  put(target: PutTarget, headers: Record<string, string>, parts: readonly Uint8Array[]): Promise<Written>;
  /** Put Block From URL, of a blob of the same account. `access` is the query of an address that gives access to it. */
  putBlockFrom(
    target: PutTarget,
    source: { container: string; name: string; access: string } & ReadRange,
  ): Promise<void>;
}

/**
 * Makes the functions that send requests.
 * @param service address of the account's blob service, with its shared access signature if it has one
 * @param signer whom requests come from
 * @param retry how hiccups are waited out
 * @returns the requests
 */
export function openRequests(service: string, signer: Signer, retry: StorageRetryOptions): AzureRequests {
  const pipeline = pipelineOf(signer, retry);
  const client = createDefaultHttpClient();
  const { origin, pathname, search } = new URL(service);
  const account = `${origin}${pathname.replace(/\/$/, '')}`;
  const addressOf = ({ container, name, query = {} }: PutTarget, access = search.slice(1)) => {
    const path = `${account}/${container}/${name.split('/').map(encodeURIComponent).join('/')}`;
    const asked = Object.entries(query).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
    const all = [...asked, ...(access ? [access] : [])].join('&');
    return all ? `${path}?${all}` : path;
  };
  const send = (url: string, headers: Record<string, string>, more: Partial<PipelineRequestOptions> = {}) => {
    const request = createPipelineRequest({
      url,
      headers: createHttpHeaders({ 'x-ms-version': SERVICE_VERSION, ...headers }),
      // An emulator has no certificate. The pipeline sends no token without one.
      allowInsecureConnection: true,
      streamResponseStatusCodes,
      ...more,
    });
    return pipeline.sendRequest(client, request);
  };
  return {
    async get(container, name, range) {
      const response = await send(addressOf({ container, name }), {
        ...(range && { 'x-ms-range': textOf(range) }),
        ...(range?.ifMatch !== undefined && { 'if-match': range.ifMatch }),
      });
      const { headers, readableStreamBody: body } = response;
      if (!body) throw refusal(response);
      return { etag: headers.get('etag') ?? '', length: Number(headers.get('content-length') ?? 0), body };
    },
    async put(target, headers, parts) {
      const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
      const ofBody = {
        'content-type': 'application/octet-stream',
        'content-length': String(length),
        'content-md5': md5Of(parts),
      };
      const response = await send(
        addressOf(target),
        { ...ofBody, ...headers },
        { method: 'PUT', body: bodyOf(parts, length) },
      );
      if (response.status !== 201) throw refusal(response);
      return { etag: response.headers.get('etag') ?? '' };
    },
    async putBlockFrom(target, { access, ...source }) {
      const headers = {
        'content-length': '0',
        'x-ms-copy-source': addressOf(source, access),
        'x-ms-source-range': textOf(source),
        ...(source.ifMatch !== undefined && { 'x-ms-source-if-match': source.ifMatch }),
      };
      try {
        const response = await send(addressOf(target), headers, { method: 'PUT' });
        if (response.status !== 201) throw refusal(response);
      } catch (thrown) {
        throw withoutRequest(thrown);
      }
    },
  };
}

function pipelineOf(signer: Signer, retry: StorageRetryOptions): Pipeline {
  const pipeline = createEmptyPipeline();
  pipeline.addPolicy(userAgentPolicy());
  pipeline.addPolicy(proxyPolicy());
  pipeline.addPolicy(storageRetryPolicy(retry), { phase: 'Retry' });
  if (signer === 'address') return pipeline;
  const sign =
    'credential' in signer
      ? bearerTokenAuthenticationPolicy({
          credential: signer.credential,
          scopes: SCOPE,
          challengeCallbacks: { authorizeRequestOnChallenge: authorizeRequestOnTenantChallenge },
        })
      : storageSharedKeyCredentialPolicy(signer);
  pipeline.addPolicy(sign, { phase: 'Sign' });
  return pipeline;
}

function textOf({ offset, length }: ReadRange): string {
  return `bytes=${offset}-${offset + length - 1}`;
}

function refusal(response: PipelineResponse): RestError {
  const { status: statusCode, headers, request } = response;
  const code = headers.get('x-ms-error-code') ?? `status ${statusCode}`;
  return new RestError(`the service answered ${code}`, { statusCode, code, request, response });
}

/** The same error without the request: its headers give access to the source. */
function withoutRequest(thrown: unknown): unknown {
  if (!(thrown instanceof RestError)) return thrown;
  const { message, statusCode, code } = thrown;
  return new RestError(message, {
    ...(statusCode !== undefined && { statusCode }),
    ...(code !== undefined && { code }),
  });
}

/**
 * The service compares it with what has arrived: bytes that were changed on the way become no part of a file. MD5 and not
 * CRC-64, for Node has it, and Azurite, which reckons a CRC-64 in JavaScript where it is given neither.
 */
function md5Of(parts: readonly Uint8Array[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}

/** Smaller bodies are joined: a stream has its price too. */
const STREAMED_BYTES_MIN = 64 * 1024;

/** The parts as one body. Larger ones are sent from where they are: copying them costs more than sending them. */
function bodyOf(parts: readonly Uint8Array[], length: number): Uint8Array | (() => NodeJS.ReadableStream) {
  if (parts.length === 1 && parts[0]) return parts[0];
  if (length < STREAMED_BYTES_MIN) return Buffer.concat(parts);
  // A stream for each try.
  return () => Readable.from(coalesced(parts));
}

/** The parts in their order, small ones together: each is a write to the connection. */
function* coalesced(parts: readonly Uint8Array[]): Iterable<Uint8Array> {
  let held: Uint8Array[] = [];
  for (const part of parts) {
    if (part.byteLength < COALESCED_BYTES_MAX) {
      held.push(part);
      continue;
    }
    if (held.length > 0) yield Buffer.concat(held);
    held = [];
    yield part;
  }
  if (held.length > 0) yield Buffer.concat(held);
}

const COALESCED_BYTES_MAX = 16 * 1024;

/**
 * The bytes of a body. By events and not by iteration, which takes a fifth of a small request's time.
 * @param stream the body
 * @param length bytes that it is to have
 * @param name the blob's, for a message
 * @returns the bytes, in memory of their own
 * @throws `StorageFailed` when there are fewer or more of them; it is worth a retry when there are fewer
 */
export function collect(stream: NodeJS.ReadableStream, length: number, name: string): Promise<Uint8Array> {
  // Own memory, not a slice of Node's pool: decoders take aligned typed-array views of it.
  const bytes = new Uint8Array(length);
  let at = 0;
  return new Promise((resolve, reject) => {
    stream.on('error', reject);
    stream.on('data', (chunk: Uint8Array) => {
      if (at + chunk.byteLength <= length) bytes.set(chunk, at);
      at += chunk.byteLength;
    });
    const end = () => {
      if (at === length) resolve(bytes);
      else reject(sent(at, length, name));
    };
    stream.on('end', end);
    // A connection that is cut closes the stream without its end.
    stream.on('close', end);
  });
}

function sent(bytes: number, length: number, name: string): OrdinalError {
  const message = `blob "${name}" sent ${bytes} of ${length} bytes`;
  return new OrdinalError('StorageFailed', message, { retryable: bytes < length });
}

/**
 * JSON documents in blobs, parsed by zod as they come in. Every phase calls it. Nothing that a schema has not passed
 * may go past it.
 */
import { z } from 'zod';
import { invariant, OrdinalError, refuseNewer } from '../errors.ts';
import type { BlobStore, WriteOptions } from './store.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * What every document has. Its schema states the versions that this Ordinal reads, as a literal: `version: z.literal(1)`. It
 * is counted up when an older Ordinal would misread the document. docs/upgrades.md lists all documents.
 */
export interface StoredDocument {
  version: number;
}

/** Bytes inside a document are carried as base64 under this key. */
const BYTES = '$bytes';

/**
 * Replacer of `JSON.stringify` for documents that hold bytes.
 * @param _key name of the member
 * @param value the member
 * @returns text for bytes, and everything else as it is
 */
export function replaceBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { [BYTES]: Buffer.from(value).toString('base64') } : value;
}

/**
 * A document of JSON, with the bytes that `replaceBytes` wrote. A reviver of `JSON.parse` would be asked for each member.
 * @param text the JSON
 * @returns what it holds
 * @throws `SyntaxError` when it is no JSON
 */
export function parseWithBytes(text: string): unknown {
  const value: unknown = JSON.parse(text);
  return text.includes(`"${BYTES}"`) ? revived(value) : value;
}

function revived(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) if (typeof value[i] === 'object') value[i] = revived(value[i]);
    return value;
  }
  if (BYTES in value && typeof value[BYTES] === 'string') return new Uint8Array(Buffer.from(value[BYTES], 'base64'));
  const members = value as Record<string, unknown>;
  for (const name of Object.keys(members)) {
    if (typeof members[name] === 'object') members[name] = revived(members[name]);
  }
  return value;
}

/**
 * Writes a document.
 * @param store the storage
 * @param container container of the blob
 * @param name name of the blob
 * @param value the document; bytes in it are written as base64
 * @param options conditions of the write
 * @returns the ETag, and the size in bytes
 * @throws `StorageConflict` when a condition of the write does not hold
 * @throws `StorageFailed` when the service cannot be reached or refuses
 */
export async function writeJson<T extends StoredDocument>(
  store: BlobStore,
  container: string,
  name: string,
  value: T,
  options: WriteOptions & { /** Without line breaks, for documents of many entries. */ compact?: true } = {},
): Promise<{ etag: string; bytes: number }> {
  const { compact, ...others } = options;
  const bytes = encoder.encode(`${JSON.stringify(value, replaceBytes, compact ? 0 : 1)}\n`);
  const { etag } = await store.write(container, name, bytes, { contentType: 'application/json', ...others });
  return { etag, bytes: bytes.byteLength };
}

/**
 * Reads a document.
 * @param store the storage
 * @param container container of the blob
 * @param name name of the blob
 * @param schema what the document must be
 * @returns the document; undefined when there is no such blob
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when the bytes are not what they should be
 * @throws `NewerVersion` when a newer Ordinal wrote the document
 */
export async function readJson<T extends StoredDocument>(
  store: Pick<BlobStore, 'read'>,
  container: string,
  name: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const bytes = await store.read(container, name);
  return bytes && parseJson(bytes, container, name, schema);
}

/**
 * The document that a blob's bytes are.
 * @param bytes the whole blob
 * @param container container of the blob
 * @param name name of the blob
 * @param schema what the document must be
 * @returns the document, as the schema gives it out
 * @throws `CorruptFile` when the bytes are not what they should be
 * @throws `NewerVersion` when a newer Ordinal wrote the document
 */
export function parseJson<T extends StoredDocument>(
  bytes: Uint8Array,
  container: string,
  name: string,
  schema: z.ZodType<T>,
): T {
  try {
    const value: unknown = parseWithBytes(decoder.decode(bytes));
    refuseNewer(value, newestVersion(schema), `"${container}/${name}"`, { blob: name });
    return schema.parse(value);
  } catch (cause) {
    if (cause instanceof OrdinalError) throw cause;
    throw new OrdinalError('CorruptFile', `"${container}/${name}" is not the document it should be`, {
      where: { blob: name },
      remedy: 'Start the run anew under another ID: the document is damaged, or of another version of Ordinal.',
      cause,
    });
  }
}

/** The newest version that a schema of documents takes: it states each as a literal. */
function newestVersion(schema: z.ZodType): number {
  const version = schema instanceof z.ZodObject ? (schema.shape as { version?: unknown }).version : undefined;
  invariant(version instanceof z.ZodLiteral, 'the schema of a document states its versions');
  return Math.max(...[...version.values].map(Number));
}

/** A document and the version of its blob. */
export interface Versioned<T> {
  value: T;
  etag: string;
  /** Of the document as stored. */
  bytes: number;
}

/**
 * As `readJson`, with the ETag of the version that was read.
 * @param store the storage
 * @param container container of the blob
 * @param name name of the blob
 * @param schema what the document must be
 * @returns document, ETag and size in bytes; undefined when there is no such blob
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when the bytes are not what they should be
 * @throws `NewerVersion` when a newer Ordinal wrote the document
 */
export async function readVersioned<T extends StoredDocument>(
  store: BlobStore,
  container: string,
  name: string,
  schema: z.ZodType<T>,
): Promise<Versioned<T> | undefined> {
  const read = await store.readVersion(container, name);
  if (!read) return undefined;
  const { bytes, etag } = read;
  return { value: parseJson(bytes, container, name, schema), etag, bytes: bytes.byteLength };
}

/**
 * As `readJson`, for documents that an earlier phase must have written.
 * @param store the storage
 * @param container container of the blob
 * @param name name of the blob
 * @param schema what the document must be
 * @returns the document
 * @throws `StorageFailed` when the blob is gone, or the service cannot be reached
 * @throws `CorruptFile` when the bytes are not what they should be
 * @throws `NewerVersion` when a newer Ordinal wrote the document
 */
export async function requireJson<T extends StoredDocument>(
  store: BlobStore,
  container: string,
  name: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const value = await readJson(store, container, name, schema);
  if (value === undefined) throw goneBlob(container, name);
  return value;
}

/**
 * Reads bytes that an earlier phase must have written.
 * @param store the storage
 * @param container container of the blob
 * @param name name of the blob
 * @param range offset and length in bytes; all of the blob when left out
 * @returns the bytes
 * @throws `StorageFailed` when the blob is gone, or the service cannot be reached
 */
export async function requireBytes(
  store: BlobStore,
  container: string,
  name: string,
  range?: { offset: number; length: number },
): Promise<Uint8Array> {
  const bytes = await store.read(container, name, range);
  if (bytes === undefined) throw goneBlob(container, name);
  return bytes;
}

/**
 * The error of a blob that an earlier phase must have written.
 * @param container container of the blob
 * @param name name of the blob
 * @returns a `StorageFailed`
 */
export function goneBlob(container: string, name: string): OrdinalError {
  return new OrdinalError('StorageFailed', `"${container}/${name}" is gone although an earlier phase wrote it`, {
    where: { blob: name },
    remedy: 'Start the run anew under another ID: somebody deleted work in progress.',
  });
}

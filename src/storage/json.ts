/** JSON documents in blobs, parsed by zod as they come in. */
import type { z } from 'zod';
import { OrdinalError } from '../errors.ts';
import type { BlobStore, WriteOptions } from './store.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** Bytes inside a document are carried as base64 under this key. */
const BYTES = '$bytes';

/** Replacer of `JSON.stringify` for documents that hold bytes. */
export function replaceBytes(_key: string, value: unknown): unknown {
  return value instanceof Uint8Array ? { [BYTES]: Buffer.from(value).toString('base64') } : value;
}

/** Reviver of `JSON.parse` for documents that hold bytes. */
export function reviveBytes(_key: string, value: unknown): unknown {
  if (typeof value === 'object' && value !== null && BYTES in value && typeof value[BYTES] === 'string') {
    return new Uint8Array(Buffer.from(value[BYTES], 'base64'));
  }
  return value;
}

export async function writeJson(
  store: BlobStore,
  container: string,
  name: string,
  value: unknown,
  options: WriteOptions & { /** Without line breaks, for documents of many entries. */ compact?: true } = {},
): Promise<{ etag: string; bytes: number }> {
  const { compact, ...others } = options;
  const bytes = encoder.encode(`${JSON.stringify(value, replaceBytes, compact ? 0 : 1)}\n`);
  const { etag } = await store.write(container, name, bytes, { contentType: 'application/json', ...others });
  return { etag, bytes: bytes.byteLength };
}

/** Undefined when there is no such blob; `CorruptFile` when it is not what the schema says. */
export async function readJson<T>(
  store: Pick<BlobStore, 'read'>,
  container: string,
  name: string,
  schema: z.ZodType<T>,
): Promise<T | undefined> {
  const bytes = await store.read(container, name);
  return bytes && parseJson(bytes, container, name, schema);
}

/** Throws `CorruptFile` when the bytes are not what the schema says. */
export function parseJson<T>(bytes: Uint8Array, container: string, name: string, schema: z.ZodType<T>): T {
  try {
    return schema.parse(JSON.parse(decoder.decode(bytes), reviveBytes));
  } catch (cause) {
    throw new OrdinalError('CorruptFile', `"${container}/${name}" is not the document it should be`, {
      where: { blob: name },
      remedy: 'Written by another version of Ordinal, or damaged: start the run anew under another ID.',
      cause,
    });
  }
}

export interface Versioned<T> {
  value: T;
  etag: string;
  /** Of the document as stored. */
  bytes: number;
}

/** As `readJson`, with the ETag of the version that was read. */
export async function readVersioned<T>(
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

/** As `readJson`, for documents that an earlier phase must have written. */
export async function requireJson<T>(
  store: BlobStore,
  container: string,
  name: string,
  schema: z.ZodType<T>,
): Promise<T> {
  const value = await readJson(store, container, name, schema);
  if (value === undefined) throw missing(container, name);
  return value;
}

export async function requireBytes(
  store: BlobStore,
  container: string,
  name: string,
  range?: { offset: number; length: number },
): Promise<Uint8Array> {
  const bytes = await store.read(container, name, range);
  if (bytes === undefined) throw missing(container, name);
  return bytes;
}

function missing(container: string, name: string): OrdinalError {
  return new OrdinalError('StorageFailed', `"${container}/${name}" is gone although an earlier phase wrote it`, {
    where: { blob: name },
    remedy: 'Somebody deleted work in progress: start the run anew under another ID.',
  });
}

/**
 * `BlobStore` in memory, with the semantics of the service that the engine relies on: staged blocks are invisible and
 * belong to their blob, Put Block List takes named blocks or nothing and drops the rest, conditions, an ETag per
 * version. What is read is counted, and the hooks let a test interfere at any request.
 */
import { OrdinalError } from '../errors.ts';
import type {
  BlobItem,
  BlobPage,
  BlobRange,
  BlobStore,
  PageRequest,
  ReadRange,
  ReadVersion,
  WriteOptions,
  Written,
} from '../storage/store.ts';

interface Blob {
  bytes: Uint8Array;
  etag: string;
  metadata: Record<string, string>;
  /** Milliseconds of the epoch. */
  writtenAt: number;
  /** Committed blocks by ID: they may be named again in the next list. */
  blocks: Map<string, Uint8Array>;
}

export interface ReadRequest {
  container: string;
  name: string;
  offset: number;
  length: number;
  /** Whether the request named the version it wants. */
  pinned: boolean;
}

export class MemoryStore implements BlobStore {
  readonly #blobs = new Map<string, Blob>();
  readonly #staged = new Map<string, Map<string, Uint8Array>>();
  readonly #containers = new Set<string>();
  #version = 0;
  readonly reads: ReadRequest[] = [];
  /** What was copied from blob to blob, and read by nobody. */
  readonly copies: BlobRange[] = [];
  /** The service's clock, in milliseconds of the epoch. */
  clock: () => number = () => 0;
  /** Called before each read; may throw, or change the store. */
  beforeRead: ((request: ReadRequest) => void) | undefined;

  async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    const start = `${container}/${prefix}`;
    const keys = [...this.#blobs.keys()].filter((key) => key.startsWith(start));
    for (const key of keys.sort(byBytes)) yield this.#item(key, container);
  }

  async listPage(container: string, prefix: string, { size, from = '' }: PageRequest): Promise<BlobPage> {
    const blobs: BlobItem[] = [];
    for await (const item of this.list(container, prefix)) {
      if (byBytes(item.name, from) <= 0) continue;
      if (blobs.length === size) return { blobs, next: blobs.at(-1)!.name };
      blobs.push(item);
    }
    return { blobs };
  }

  async head(container: string, name: string): Promise<BlobItem | undefined> {
    const key = `${container}/${name}`;
    return this.#blobs.has(key) ? this.#item(key, container) : undefined;
  }

  async read(container: string, name: string, range?: ReadRange): Promise<Uint8Array | undefined> {
    const size = this.#blobs.get(`${container}/${name}`)?.bytes.length ?? 0;
    const { offset = 0, length = size, ifMatch } = range ?? {};
    const request = { container, name, offset, length, pinned: ifMatch !== undefined };
    this.reads.push(request);
    this.beforeRead?.(request);
    return this.#range(container, name, { offset, length, ...(ifMatch !== undefined && { ifMatch }) });
  }

  #range(container: string, name: string, { offset, length, ifMatch }: ReadRange): Uint8Array | undefined {
    const blob = this.#blobs.get(`${container}/${name}`);
    if (!blob) return undefined;
    const outside = offset < 0 || offset + length > blob.bytes.length;
    if ((ifMatch !== undefined && ifMatch !== blob.etag) || outside) {
      throw new OrdinalError('SourceChanged', `blob "${name}" is not what it was`, { where: { blob: name } });
    }
    // A copy: whoever reads may write into it.
    return new Uint8Array(blob.bytes.subarray(offset, offset + length));
  }

  async readVersion(container: string, name: string): Promise<ReadVersion | undefined> {
    const bytes = await this.read(container, name);
    const etag = this.#blobs.get(`${container}/${name}`)?.etag;
    return bytes && etag !== undefined ? { bytes, etag } : undefined;
  }

  async write(container: string, name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<Written> {
    this.#check(container, name, options);
    return this.#put(container, name, new Uint8Array(bytes), new Map(), options);
  }

  async stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void> {
    this.#needContainer(container);
    const key = `${container}/${name}`;
    const staged = this.#staged.get(key) ?? new Map<string, Uint8Array>();
    for (const other of staged.keys()) {
      if (other.length !== blockId.length) throw conflictOf(name, 'InvalidBlobOrBlock');
    }
    staged.set(blockId, new Uint8Array(Buffer.concat(parts)));
    this.#staged.set(key, staged);
  }

  async stageBlockFrom(container: string, name: string, blockId: string, source: BlobRange): Promise<void> {
    this.copies.push(source);
    const bytes = this.#range(source.container, source.name, source);
    if (!bytes)
      throw new OrdinalError('SourceChanged', `blob "${source.name}" is gone`, { where: { blob: source.name } });
    await this.stageBlock(container, name, blockId, [bytes]);
  }

  async commitBlocks(
    container: string,
    name: string,
    blockIds: readonly string[],
    options: WriteOptions = {},
  ): Promise<Written> {
    this.#check(container, name, options);
    const key = `${container}/${name}`;
    const staged = this.#staged.get(key);
    const committed = this.#blobs.get(key)?.blocks;
    const blocks = new Map<string, Uint8Array>();
    for (const id of blockIds) {
      const block = staged?.get(id) ?? committed?.get(id);
      if (!block) throw conflictOf(name, `InvalidBlockList: ${Buffer.from(id, 'base64')}`);
      blocks.set(id, block);
    }
    const parts = blockIds.map((id) => blocks.get(id)!);
    return this.#put(container, name, new Uint8Array(Buffer.concat(parts)), blocks, options);
  }

  async remove(container: string, name: string): Promise<boolean> {
    // Blocks of a blob that was never committed stay: there is nothing to delete yet.
    const there = this.#blobs.delete(`${container}/${name}`);
    if (there) this.#staged.delete(`${container}/${name}`);
    return there;
  }

  async ensureContainer(container: string): Promise<void> {
    this.#containers.add(container);
  }

  /** Names of all blobs that a reader sees. */
  names(container: string, prefix = ''): string[] {
    const start = `${container}/`;
    return [...this.#blobs.keys()]
      .filter((key) => key.startsWith(start + prefix))
      .map((key) => key.slice(start.length))
      .sort();
  }

  /** The bytes of a blob that must be there. */
  bytes(container: string, name: string): Uint8Array {
    const blob = this.#blobs.get(`${container}/${name}`);
    if (!blob) throw new Error(`no blob ${container}/${name}`);
    return blob.bytes;
  }

  #item(key: string, container: string): BlobItem {
    const { bytes, etag, metadata, writtenAt } = this.#blobs.get(key)!;
    // The service stamps whole seconds.
    const lastModified = new Date(Math.floor(writtenAt / 1000) * 1000).toISOString();
    return { name: key.slice(container.length + 1), size: bytes.length, etag, lastModified, metadata };
  }

  #put(
    container: string,
    name: string,
    bytes: Uint8Array,
    blocks: Map<string, Uint8Array>,
    options: WriteOptions,
  ): { etag: string } {
    const key = `${container}/${name}`;
    const etag = `"${++this.#version}"`;
    this.#blobs.set(key, { bytes, etag, metadata: options.metadata ?? {}, writtenAt: this.clock(), blocks });
    this.#staged.delete(key);
    return { etag };
  }

  #check(container: string, name: string, options: WriteOptions): void {
    this.#needContainer(container);
    const blob = this.#blobs.get(`${container}/${name}`);
    if (options.ifAbsent && blob) throw conflictOf(name, 'BlobAlreadyExists');
    if (options.ifMatch && blob?.etag !== options.ifMatch) throw conflictOf(name, 'ConditionNotMet');
  }

  #needContainer(container: string): void {
    if (!this.#containers.has(container)) {
      throw new OrdinalError('StorageFailed', `ContainerNotFound: ${container}`, { where: { blob: container } });
    }
  }
}

/** The service's order: by the bytes of UTF-8, which the units of UTF-16 follow but for surrogates. */
function byBytes(a: string, b: string): number {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: this is the range of ASCII.
  if (/^[\u0000-\u007f]*$/.test(a + b)) return a < b ? -1 : a > b ? 1 : 0;
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

function conflictOf(name: string, code: string): OrdinalError {
  return new OrdinalError('StorageConflict', `${code} (${name})`, { where: { blob: name } });
}

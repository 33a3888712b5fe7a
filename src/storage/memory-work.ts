/**
 * A `BlobStore` that keeps one life's work in progress in this process's memory: documents under the names that
 * `work.inProgress` tells, and staged blocks of up to a megabyte, which go up joined to large ones when their file is
 * committed. All else passes to the store below. A short run (`src/run/short-way.ts`) hands it to the phases, which do
 * not know. It must never keep a name that outlives the run, or that another process looks for.
 */
import { limits } from '../limits.ts';
import { joinBlocks } from './joined-blocks.ts';
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
} from './store.ts';

interface KeptBlob {
  bytes: Uint8Array;
  etag: string;
  metadata: Record<string, string>;
}

/** Which blobs stay in memory. */
export type IsKept = (container: string, name: string) => boolean;

/** Bytes of a source blob's version that an earlier phase has read, or undefined. */
export type HeldSource = (container: string, name: string, etag: string) => Uint8Array | undefined;

type Version = Awaited<ReturnType<BlobStore['readVersion']>>;

/** A store with some blobs in memory. */
export interface MemoryWork extends BlobStore {
  /** Bytes of the documents in memory. */
  readonly documentBytes: number;
}

/** What a store in memory is made of. */
export interface MemoryWorkOptions {
  /** Where all else goes. */
  below: BlobStore;
  /** Which blobs stay in memory. */
  isKept: IsKept;
  /** Which blobs of the store below never change: each is read once. @default none */
  isPinned?: IsKept;
  /** What of the sources is in memory already; it may be asked once for each. @default nothing */
  source?: HeldSource;
}

/**
 * Puts memory over a store.
 * @param options the store below, and what of it is in memory
 * @returns the store for the phases of one life
 */
export function workInMemory(options: MemoryWorkOptions): MemoryWork {
  return new OverlaidStore(options);
}

class OverlaidStore implements MemoryWork {
  readonly #below: BlobStore;
  readonly #isKept: IsKept;
  readonly #isPinned: IsKept;
  readonly #source: HeldSource;
  readonly #blobs = new Map<string, KeptBlob>();
  readonly #pinned = new Map<string, Promise<Version>>();
  /** By file: the blocks that wait for its commit. */
  readonly #blocks = new Map<string, Map<string, Uint8Array>>();
  #documentBytes = 0;
  #blockBytes = 0;
  #version = 0;

  constructor({ below, isKept, isPinned = () => false, source = () => undefined }: MemoryWorkOptions) {
    this.#below = below;
    this.#isKept = isKept;
    this.#isPinned = isPinned;
    this.#source = source;
  }

  get documentBytes(): number {
    return this.#documentBytes;
  }

  async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    const start = keyOf(container, prefix);
    const kept = [...this.#blobs].filter(([key]) => key.startsWith(start));
    const own = kept.map(([key, blob]) => itemOf(key.slice(container.length + 1), blob)).sort(byName);
    let next = 0;
    if (!this.#isKept(container, prefix)) {
      // What is in memory stands in its place among the others.
      for await (const item of this.#below.list(container, prefix)) {
        while (next < own.length && byName(own[next]!, item) < 0) yield own[next++]!;
        yield item;
      }
    }
    yield* own.slice(next);
  }

  /** Pages are for lists of runs, which are never in memory. */
  async listPage(container: string, prefix: string, page: PageRequest): Promise<BlobPage> {
    return await this.#below.listPage(container, prefix, page);
  }

  async head(container: string, name: string): Promise<BlobItem | undefined> {
    if (!this.#isKept(container, name)) return await this.#below.head(container, name);
    const blob = this.#blobs.get(keyOf(container, name));
    return blob && itemOf(name, blob);
  }

  async read(container: string, name: string, range?: ReadRange): Promise<Uint8Array | undefined> {
    if (this.#isKept(container, name)) {
      const bytes = this.#blobs.get(keyOf(container, name))?.bytes;
      return range ? bytes?.subarray(range.offset, range.offset + range.length) : bytes;
    }
    const held = range?.ifMatch === undefined ? undefined : this.#source(container, name, range.ifMatch);
    if (range && held) return held.subarray(range.offset, range.offset + range.length);
    if (!range && this.#isPinned(container, name)) return (await this.readVersion(container, name))?.bytes;
    return await this.#below.read(container, name, range);
  }

  async readVersion(container: string, name: string): Promise<ReadVersion | undefined> {
    const key = keyOf(container, name);
    const blob = this.#blobs.get(key);
    if (this.#isKept(container, name)) return blob && { bytes: blob.bytes, etag: blob.etag };
    if (!this.#isPinned(container, name)) return await this.#below.readVersion(container, name);
    const reading = this.#pinned.get(key) ?? this.#below.readVersion(container, name);
    this.#pinned.set(key, reading);
    try {
      return await reading;
    } catch (thrown) {
      this.#pinned.delete(key);
      throw thrown;
    }
  }

  async write(container: string, name: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<Written> {
    if (!this.#isKept(container, name)) return await this.#below.write(container, name, bytes, options);
    const key = keyOf(container, name);
    const etag = `"${++this.#version}"`;
    this.#documentBytes += bytes.byteLength - (this.#blobs.get(key)?.bytes.byteLength ?? 0);
    this.#blobs.set(key, { bytes, etag, metadata: options.metadata ?? {} });
    return { etag };
  }

  async stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void> {
    const length = parts.reduce((sum, part) => sum + part.byteLength, 0);
    const waits = length < limits.waitingBlockBytesMax && this.#blockBytes + length <= limits.waitingBytesMax;
    const key = keyOf(container, name);
    const own = this.#blocks.get(key) ?? new Map<string, Uint8Array>();
    this.#blockBytes -= own.get(blockId)?.byteLength ?? 0;
    own.delete(blockId);
    if (!waits) return await this.#below.stageBlock(container, name, blockId, parts);
    // A copy: the parts may be pieces of a whole row group's bytes, which would stay in memory with them.
    own.set(blockId, Buffer.concat(parts));
    this.#blockBytes += length;
    this.#blocks.set(key, own);
  }

  async stageBlockFrom(container: string, name: string, blockId: string, source: BlobRange): Promise<void> {
    await this.#below.stageBlockFrom(container, name, blockId, source);
  }

  async commitBlocks(
    container: string,
    name: string,
    blockIds: readonly string[],
    options: WriteOptions = {},
  ): Promise<Written> {
    // They stay: a file that is there already may be committed once more, when its run is tried again.
    const own = this.#blocks.get(keyOf(container, name)) ?? new Map<string, Uint8Array>();
    return await joinBlocks(this.#below, container, name, blockIds, own, options);
  }

  async remove(container: string, name: string): Promise<boolean> {
    if (!this.#isKept(container, name)) return await this.#below.remove(container, name);
    const key = keyOf(container, name);
    this.#documentBytes -= this.#blobs.get(key)?.bytes.byteLength ?? 0;
    return this.#blobs.delete(key);
  }

  ensureContainer(container: string): Promise<void> {
    return this.#below.ensureContainer(container);
  }
}

function keyOf(container: string, name: string): string {
  return `${container}/${name}`;
}

/** In the order of a listing: by bytes. */
function byName(a: BlobItem, b: BlobItem): number {
  return Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

function itemOf(name: string, { bytes, etag, metadata }: KeptBlob): BlobItem {
  return { name, size: bytes.byteLength, etag, lastModified: new Date(0).toISOString(), metadata };
}

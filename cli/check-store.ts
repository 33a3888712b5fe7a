/**
 * A store over local files, for `pipelines check`: the files are the source, and what the engine leaves for itself is held
 * in memory. Staged blocks are dropped, so that a file of any size is checked in bounded memory. It publishes nothing.
 */
import type { FileHandle } from 'node:fs/promises';
import { invariant, OrdinalError } from '../src/errors.ts';
import type { BlobItem, BlobPage, BlobStore, ReadVersion, WriteOptions, Written } from '../src/storage/store.ts';
import { openFile } from './open-file.ts';

interface Kept {
  bytes: Uint8Array;
  metadata: Record<string, string>;
}

const ETAG = '"checked"';

export class CheckStore implements BlobStore {
  readonly #container: string;
  readonly #files = new Map<string, { handle: FileHandle; size: number }>();
  readonly #kept = new Map<string, Kept>();

  /** @param container the pipeline's source container. */
  constructor(container: string) {
    this.#container = container;
  }

  /** Opens a file as a blob of this name. @throws OrdinalError `SourceEmpty` when it cannot be read. */
  async add(name: string, path: string): Promise<void> {
    this.#files.set(name, await openFile(path));
  }

  async close(): Promise<void> {
    for (const { handle } of this.#files.values()) await handle.close();
  }

  async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    const files = container === this.#container ? [...this.#files.keys()] : [];
    const place = `${container}/`;
    const kept = [...this.#kept.keys()].filter((key) => key.startsWith(place)).map((key) => key.slice(place.length));
    const names = [...files, ...kept].filter((name) => name.startsWith(prefix));
    for (const name of names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      yield this.#item(container, name)!;
    }
  }

  /** A check lists little: one page has it all. */
  async listPage(container: string, prefix: string): Promise<BlobPage> {
    return { blobs: await Array.fromAsync(this.list(container, prefix)) };
  }

  async head(container: string, name: string): Promise<BlobItem | undefined> {
    return this.#item(container, name);
  }

  async read(
    container: string,
    name: string,
    range?: { offset: number; length: number },
  ): Promise<Uint8Array | undefined> {
    const file = container === this.#container ? this.#files.get(name) : undefined;
    const kept = this.#kept.get(`${container}/${name}`);
    const { offset, length } = range ?? { offset: 0, length: file?.size ?? kept?.bytes.length ?? 0 };
    if (kept && !file) return kept.bytes.slice(offset, offset + length);
    if (!file) return undefined;
    const bytes = new Uint8Array(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await file.handle.read(bytes, at, length - at, offset + at);
      if (bytesRead === 0) throw new OrdinalError('TruncatedFile', `"${name}" ended while it was read`);
      at += bytesRead;
    }
    return bytes;
  }

  async readVersion(container: string, name: string): Promise<ReadVersion | undefined> {
    const bytes = await this.read(container, name);
    return bytes && { bytes, etag: ETAG };
  }

  async write(
    container: string,
    name: string,
    bytes: Uint8Array,
    { metadata = {} }: WriteOptions = {},
  ): Promise<Written> {
    this.#kept.set(`${container}/${name}`, { bytes: bytes.slice(), metadata });
    return { etag: ETAG };
  }

  async stageBlock(): Promise<void> {}

  async stageBlockFrom(): Promise<void> {}

  async commitBlocks(): Promise<never> {
    invariant(false, 'a check publishes nothing');
  }

  async remove(container: string, name: string): Promise<boolean> {
    return this.#kept.delete(`${container}/${name}`);
  }

  async ensureContainer(): Promise<void> {}

  #item(container: string, name: string): BlobItem | undefined {
    const file = container === this.#container ? this.#files.get(name) : undefined;
    const kept = this.#kept.get(`${container}/${name}`);
    const size = file?.size ?? kept?.bytes.length;
    if (size === undefined) return undefined;
    return { name, size, etag: ETAG, lastModified: new Date(0).toISOString(), metadata: kept?.metadata ?? {} };
  }
}

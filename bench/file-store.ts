/**
 * The `BlobStore` port over a local folder, with the semantics of a block blob: staged blocks are invisible until a
 * block list names them, a commit replaces the blob at once, and conditions are honoured. Several threads or processes
 * may share a folder, for all state is in it.
 *
 * Files are read and written synchronously: they are in the page cache, where a hop to a thread pool costs more than
 * the copy, and a worker's time is then all its own. One limit of file systems stays: `a` and `a/b` cannot both be blobs.
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { OrdinalError } from '../src/errors.ts';
import type { BlobItem, BlobPage, BlobRange, BlobStore, WriteOptions } from '../src/storage/store.ts';
import { BlockLog, writeAll } from './block-log.ts';

export interface StoreCounters {
  /** Calls that would be a request to the service. */
  requests: number;
  bytesRead: number;
  bytesWritten: number;
}

export class FileStore implements BlobStore {
  readonly #root: string;
  /** By folder. */
  readonly #logs = new Map<string, BlockLog>();
  readonly counters: StoreCounters = { requests: 0, bytesRead: 0, bytesWritten: 0 };

  constructor(root: string) {
    this.#root = root;
  }

  async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    this.counters.requests++;
    const folder = path.join(this.#root, container);
    if (!fs.existsSync(folder)) return;
    // Only the folder that the prefix names, as a service with an index would.
    const below = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const top = path.join(folder, below);
    const names = fs.existsSync(top) ? fs.readdirSync(top, { recursive: true, encoding: 'utf8' }) : [];
    const full = names
      .map((name) => below + name.split(path.sep).join('/'))
      // Dots begin the names of files that are still being written.
      .filter((name) => name.startsWith(prefix) && !path.basename(name).startsWith('.'));
    for (const name of full.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
      const item = this.#item(container, name);
      if (item) yield item;
    }
  }

  async listPage(
    container: string,
    prefix: string,
    { size, from = '' }: { size: number; from?: string },
  ): Promise<BlobPage> {
    const after: BlobItem[] = [];
    for await (const item of this.list(container, prefix))
      if (Buffer.compare(Buffer.from(item.name), Buffer.from(from)) > 0) after.push(item);
    const blobs = after.slice(0, size);
    return { blobs, ...(after.length > size && { next: blobs.at(-1)!.name }) };
  }

  async head(container: string, name: string): Promise<BlobItem | undefined> {
    this.counters.requests++;
    return this.#item(container, name);
  }

  async read(
    container: string,
    name: string,
    range?: { offset: number; length: number; ifMatch?: string },
  ): Promise<Uint8Array | undefined> {
    if (range?.length === 0) return new Uint8Array(0);
    return (await this.#read(container, name, range))?.bytes;
  }

  readVersion(container: string, name: string): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    return this.#read(container, name);
  }

  async #read(
    container: string,
    name: string,
    range?: { offset: number; length: number; ifMatch?: string },
  ): Promise<{ bytes: Uint8Array; etag: string } | undefined> {
    this.counters.requests++;
    let file: number;
    try {
      file = fs.openSync(this.#path(container, name), 'r');
    } catch (thrown) {
      if (isCode(thrown, 'ENOENT')) return undefined;
      throw thrown;
    }
    try {
      const stat = fs.fstatSync(file, { bigint: true });
      const { offset, length } = range ?? { offset: 0, length: Number(stat.size) };
      if ((range?.ifMatch && range.ifMatch !== etagOf(stat)) || offset + length > Number(stat.size)) {
        throw new OrdinalError('SourceChanged', `blob "${name}" was changed after the run had pinned it`, {
          where: { blob: name },
        });
      }
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; ) at += fs.readSync(file, bytes, at, length - at, offset + at);
      this.counters.bytesRead += length;
      return { bytes, etag: etagOf(stat) };
    } finally {
      fs.closeSync(file);
    }
  }

  async write(
    container: string,
    name: string,
    bytes: Uint8Array,
    options: WriteOptions = {},
  ): Promise<{ etag: string }> {
    this.counters.requests++;
    this.counters.bytesWritten += bytes.byteLength;
    return this.#place(container, name, options, (file) => writeAll(file, bytes));
  }

  async stageBlock(container: string, name: string, blockId: string, parts: readonly Uint8Array[]): Promise<void> {
    this.counters.requests++;
    this.counters.bytesWritten += this.#blocks(container, name).stage(blockId, parts);
  }

  async stageBlockFrom(container: string, name: string, blockId: string, source: BlobRange): Promise<void> {
    const bytes = await this.read(source.container, source.name, source);
    if (!bytes)
      throw new OrdinalError('SourceChanged', `blob "${source.name}" is gone`, { where: { blob: source.name } });
    await this.stageBlock(container, name, blockId, [bytes]);
  }

  async commitBlocks(
    container: string,
    name: string,
    blockIds: readonly string[],
    options: WriteOptions = {},
  ): Promise<{ etag: string }> {
    this.counters.requests++;
    const blocks = this.#blocks(container, name);
    const result = this.#place(container, name, options, (file) => {
      // The service moves no data here; a folder must. Its cost is ours to bear.
      const missing = blocks.copyTo(file, blockIds);
      if (missing === undefined) return;
      throw new OrdinalError('StorageFailed', `blob "${name}" has no block ${missing}`, { where: { blob: name } });
    });
    blocks.discard();
    return result;
  }

  async remove(container: string, name: string): Promise<boolean> {
    this.counters.requests++;
    try {
      fs.unlinkSync(this.#path(container, name));
      return true;
    } catch (thrown) {
      if (isCode(thrown, 'ENOENT')) return false;
      throw thrown;
    }
  }

  async ensureContainer(container: string): Promise<void> {
    this.counters.requests++;
    fs.mkdirSync(path.join(this.#root, container), { recursive: true });
  }

  #path(container: string, name: string): string {
    return path.join(this.#root, container, name);
  }

  /** Closes what it has open; staged blocks stay. */
  close(): void {
    for (const log of this.#logs.values()) log.close();
  }

  #blocks(container: string, name: string): BlockLog {
    const folder = path.join(this.#root, '.blocks', container, encodeURIComponent(name));
    let log = this.#logs.get(folder);
    if (!log) {
      log = new BlockLog(folder);
      this.#logs.set(folder, log);
    }
    return log;
  }

  #metadata(container: string, name: string): string {
    return path.join(this.#root, '.metadata', container, encodeURIComponent(name));
  }

  #item(container: string, name: string): BlobItem | undefined {
    const stat = fs.statSync(this.#path(container, name), { bigint: true, throwIfNoEntry: false });
    if (!stat?.isFile()) return undefined;
    const aside = this.#metadata(container, name);
    const metadata = fs.existsSync(aside) ? (JSON.parse(fs.readFileSync(aside, 'utf8')) as Record<string, string>) : {};
    return { name, size: Number(stat.size), etag: etagOf(stat), lastModified: stat.mtime.toISOString(), metadata };
  }

  /** Fills a temporary file and puts it in place at once, if the conditions hold. */
  #place(container: string, name: string, options: WriteOptions, fill: (file: number) => void): { etag: string } {
    const target = this.#path(container, name);
    const temporary = path.join(path.dirname(target), `.${randomUUID()}`);
    const conflict = () => new OrdinalError('StorageConflict', `cannot write "${container}/${name}"`);
    const file = openIn(path.dirname(target), path.basename(temporary));
    let left = true;
    try {
      fill(file);
      if (options.ifMatch && this.#item(container, name)?.etag !== options.ifMatch) throw conflict();
      if (options.ifAbsent) fs.linkSync(temporary, target);
      else {
        fs.renameSync(temporary, target);
        left = false;
      }
      const etag = etagOf(fs.fstatSync(file, { bigint: true }));
      if (options.metadata) {
        const aside = openIn(path.join(this.#root, '.metadata', container), encodeURIComponent(name));
        fs.writeSync(aside, JSON.stringify(options.metadata));
        fs.closeSync(aside);
      }
      return { etag };
    } catch (thrown) {
      throw isCode(thrown, 'EEXIST') ? conflict() : thrown;
    } finally {
      fs.closeSync(file);
      if (left) fs.rmSync(temporary, { force: true });
    }
  }
}

/** Opens a file for writing; the folder is made when it is not there. */
function openIn(folder: string, name: string): number {
  const file = path.join(folder, name);
  try {
    return fs.openSync(file, 'w');
  } catch (thrown) {
    if (!isCode(thrown, 'ENOENT')) throw thrown;
    fs.mkdirSync(folder, { recursive: true });
    return fs.openSync(file, 'w');
  }
}

function etagOf(stat: fs.BigIntStats): string {
  return `"${stat.ino}-${stat.mtimeNs}-${stat.size}"`;
}

function isCode(thrown: unknown, code: string): boolean {
  return thrown instanceof Error && 'code' in thrown && thrown.code === code;
}

/** A store whose blobs carry the time at which they were written, by a clock that the test sets. */
import type { BlobItem, WriteOptions } from '../../../src/storage/store.ts';
import { MemoryStore } from '../../support/memory-store.ts';

export class ClockedStore extends MemoryStore {
  now = Date.parse('2026-01-01T00:00:00Z');
  readonly #written = new Map<string, number>();

  override async write(container: string, name: string, bytes: Uint8Array, options?: WriteOptions) {
    const result = await super.write(container, name, bytes, options);
    // The service stamps whole seconds.
    this.#written.set(`${container}/${name}`, Math.floor(this.now / 1000) * 1000);
    return result;
  }

  override async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
    for await (const blob of super.list(container, prefix)) yield this.#stamped(container, blob);
  }

  override async head(container: string, name: string): Promise<BlobItem | undefined> {
    const blob = await super.head(container, name);
    return blob && this.#stamped(container, blob);
  }

  #stamped(container: string, blob: BlobItem): BlobItem {
    const at = this.#written.get(`${container}/${blob.name}`) ?? 0;
    return { ...blob, lastModified: new Date(at).toISOString() };
  }
}

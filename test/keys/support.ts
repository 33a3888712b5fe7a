/** Key indexes to test with: a store in memory, runs that publish or do not. */

import { indexBlobs, type PendingDelta } from '../../src/keys/index-documents.ts';
import { type IndexPartition, openIndex, settlePending, withPending } from '../../src/keys/key-index.ts';
import { segmentOf } from '../../src/keys/segment.ts';
import { KeyTable } from '../../src/keys/table.ts';
import type { IdList } from '../../src/sequence/id-range.ts';
import { MemoryStore } from '../support/memory-store.ts';

export function tableOf(keys: readonly string[]): KeyTable {
  const table = new KeyTable();
  for (const key of keys) table.intern(Buffer.from(key));
  return table;
}

/** An index, and the manifests that runs have written: run ID → IDs. */
export class IndexWorld {
  readonly store = new MemoryStore();
  readonly manifests = new Map<string, IdList>();
  at!: IndexPartition;
  #term = 0;

  async open(): Promise<this> {
    await this.store.ensureContainer('work');
    const place = { store: this.store, container: 'work' };
    const document = await openIndex(place, 'index', { partitions: 1, keyTypes: ['STRING on BYTE_ARRAY'] });
    this.at = { ...place, document, partition: 0 };
    return this;
  }

  readonly published = async ({ runId }: PendingDelta): Promise<IdList | undefined> => this.manifests.get(runId);

  /** A run's new keys, named as pending; a later run has a higher term. */
  async resolve(runId: string, keys: readonly string[], term = ++this.#term): Promise<void> {
    const { document, partition, container } = this.at;
    const blob = indexBlobs.delta(document.index, document.epoch, partition, runId);
    const { bytes, place } = segmentOf(tableOf(keys));
    await this.store.write(container, blob, bytes);
    const manifest = { container: 'published', name: `${runId}.json` };
    const pending = { runId, life: 1, entity: 'entity', manifest, delta: { blob, ...place } };
    await settlePending(this.at, this.published, (head) => withPending(head, term, pending));
  }

  publish(runId: string, first: number, count: number): void {
    this.manifests.set(runId, { step: '1', ranges: [{ first: String(first), count: String(count) }] });
  }
}

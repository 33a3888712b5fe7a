/**
 * A `BlobStore` with named fault points: before and after each request, a hook may wait, throw, or change the world.
 * Tests crash a run between any two of its writes by the name of the point, such as `manifest:write:after`.
 */
import type { BlobItem, BlobStore, WriteOptions } from '../../src/storage/store.ts';

/** What is done to a blob. */
export type StoreOperation = 'list' | 'head' | 'read' | 'write' | 'stage' | 'commit' | 'remove';

/** What a blob is to a run, by its name. */
export type BlobKind =
  | 'plan'
  | 'split'
  | 'resolved'
  | 'ids'
  | 'sealed'
  | 'published'
  | 'keyIndex'
  | 'keyDelta'
  | 'keyMerged'
  | 'manifest'
  | 'marker'
  | 'part'
  | 'claim'
  | 'ledger'
  | 'versions'
  | 'tableLog'
  | 'view'
  | 'other';

/** A moment before or after a request. */
export interface FaultPoint {
  operation: StoreOperation;
  kind: BlobKind;
  container: string;
  name: string;
  /** Whether the service has done it yet. An error `after` is a lost acknowledgement. */
  at: 'before' | 'after';
  /** `<kind>:<operation>:<at>`. */
  point: string;
}

/** What it throws, the caller of the store gets. */
export type FaultHook = (point: FaultPoint) => Promise<void> | void;

/**
 * What a blob is to a run.
 * @param name name of the blob
 * @returns its kind; `other` for a name that is not ours
 */
export function kindOf(name: string): BlobKind {
  if (/(^|\/)_manifests\//.test(name)) return 'manifest';
  if (/(^|\/)_SUCCESS/.test(name)) return 'marker';
  if (/\/_delta_log\//.test(name)) return 'tableLog';
  if (/(^|\/)(_current\/|_latest\.json$)/.test(name)) return 'view';
  const inRun = /^runs\/[^/]+\/\d+\/([a-zA-Z]+)/.exec(name)?.[1];
  switch (inRun) {
    case 'plan':
    case 'split':
    case 'resolved':
    case 'ids':
    case 'sealed':
    case 'published':
      return inRun;
  }
  if (name.startsWith('lives/')) return 'claim';
  if (/^ledger\/[^/]+\/head\.json$/.test(name)) return 'ledger';
  if (name.startsWith('ledger/')) return 'versions';
  if (/^keys\/.*\/delta-[^/]*$/.test(name)) return 'keyDelta';
  if (/^keys\/.*\/merged-[^/]*$/.test(name)) return 'keyMerged';
  if (name.startsWith('keys/')) return 'keyIndex';
  return name.endsWith('.parquet') ? 'part' : 'other';
}

/**
 * The store with `hook` called at every fault point.
 * @param store what does the work
 * @param hook is called before and after each request; what it throws, the caller gets
 * @returns a store that does the same
 * @throws `StorageFailed` from its methods, as `store` does
 * @throws `StorageConflict` the same
 * @throws `LimitExceeded` the same
 */
export function withFaults(store: BlobStore, hook: FaultHook): BlobStore {
  async function around<T>(
    operation: StoreOperation,
    container: string,
    name: string,
    request: () => Promise<T>,
  ): Promise<T> {
    const kind = kindOf(name);
    const at = (when: 'before' | 'after') =>
      hook({ operation, kind, container, name, at: when, point: `${kind}:${operation}:${when}` });
    await at('before');
    const result = await request();
    await at('after');
    return result;
  }
  return {
    async *list(container: string, prefix: string): AsyncIterable<BlobItem> {
      const items = await around('list', container, prefix, async () => {
        const found: BlobItem[] = [];
        for await (const item of store.list(container, prefix)) found.push(item);
        return found;
      });
      yield* items;
    },
    listPage: (container, prefix, page) =>
      around('list', container, prefix, () => store.listPage(container, prefix, page)),
    head: (container, name) => around('head', container, name, () => store.head(container, name)),
    read: (container, name, range) => around('read', container, name, () => store.read(container, name, range)),
    readVersion: (container, name) => around('read', container, name, () => store.readVersion(container, name)),
    write: (container, name, bytes, options?: WriteOptions) =>
      around('write', container, name, () => store.write(container, name, bytes, options)),
    stageBlock: (container, name, id, parts) =>
      around('stage', container, name, () => store.stageBlock(container, name, id, parts)),
    stageBlockFrom: (container, name, id, source) =>
      around('stage', container, name, () => store.stageBlockFrom(container, name, id, source)),
    commitBlocks: (container, name, ids, options?: WriteOptions) =>
      around('commit', container, name, () => store.commitBlocks(container, name, ids, options)),
    remove: (container, name) => around('remove', container, name, () => store.remove(container, name)),
    ensureContainer: (container) => store.ensureContainer(container),
  };
}

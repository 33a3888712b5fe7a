/**
 * One partition of a key index: a head document that lists segments. The head is only a summary of what manifests say,
 * and every change of it is one conditional put:
 *
 * 1. A run, holding the index's lease, writes its new keys as a delta and names it in the head as *pending*.
 * 2. The run's manifest is written. Now the keys count.
 * 3. The head takes the pending delta in.
 *
 * A run that dies between 2 and 3 leaves a head whose pending delta is decided by whether the manifest is there; the
 * next holder of the lease does that before it looks anything up. The lease's term keeps a run that lost its lease, but
 * not yet its life, from writing the head.
 */
import { OrdinalError } from '../errors.ts';
import type { IdList } from '../sequence/id-range.ts';
import { readVersioned, type Versioned, writeJson } from '../storage/json.ts';
import type { BlobStore } from '../storage/store.ts';
import { changedByOthers, inPlaceOf, unlessConflict } from '../storage/write-once.ts';
import { withDescribed } from './described.ts';
import {
  emptyHead,
  headSchema,
  type IndexDocument,
  type IndexHead,
  indexBlobs,
  indexSchema,
  type PendingDelta,
} from './index-documents.ts';

/** Where an index is. */
export interface IndexStore {
  store: BlobStore;
  /** The work container. */
  container: string;
}

/** One partition of an index as it is now. */
export interface IndexPartition extends IndexStore {
  document: IndexDocument;
  partition: number;
}

/** The IDs of a pending delta's keys if its run has published, in the order of their ordinals; undefined if not. */
export type PublishedIds = (pending: PendingDelta) => Promise<IdList | undefined>;

/**
 * Reads the index's document. It is made at first use.
 * @param store the storage and the work container
 * @param index name of the index
 * @param wanted what the pipeline now says; no types for a run that brings no key, for then none is known
 * @returns the document
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `PipelineChanged` when the index has other partitions or key types than the pipeline now says
 * @throws `LeaseConflict` when a withdrawal began to take keys out and has not ended
 * @throws `StorageConflict` (retryable) when others make and remove the document
 */
export async function openIndex(
  { store, container }: IndexStore,
  index: string,
  wanted: { partitions: number; keyTypes: string[] | undefined },
): Promise<IndexDocument> {
  const name = indexBlobs.index(index);
  let document = (await readVersioned(store, container, name, indexSchema))?.value;
  const { partitions, keyTypes } = wanted;
  if (!document) {
    const first: IndexDocument = { version: 1, index, epoch: 1, partitions, keyTypes: keyTypes ?? [] };
    // The first run that brings a key decides on the types.
    if (!keyTypes) return first;
    if (await unlessConflict(writeJson(store, container, name, first, { ifAbsent: true }))) return first;
    document = (await readVersioned(store, container, name, indexSchema))?.value;
    if (!document) throw changedByOthers(name);
  }
  if (document.withdrawing !== undefined) {
    throw new OrdinalError(
      'LeaseConflict',
      `key index "${index}" still holds keys of the withdrawn run "${document.withdrawing}"`,
      {
        remedy: `Withdraw run "${document.withdrawing}" once more, which puts the index right; then start this run again.`,
      },
    );
  }
  const types = (list: readonly string[]) => list.join(', ');
  if (keyTypes && types(document.keyTypes) !== types(keyTypes)) {
    throw new OrdinalError(
      'PipelineChanged',
      `keys of index "${index}" are (${types(document.keyTypes)}) and would be (${types(keyTypes)})`,
      { remedy: 'Give the changed entity another name: a natural key keeps its columns and types for life.' },
    );
  }
  if (document.partitions !== partitions) {
    throw new OrdinalError(
      'PipelineChanged',
      `key index "${index}" has ${document.partitions} partitions, and the pipeline says ${partitions}`,
      { remedy: 'Say the same, or rebuild the index: npm run ordinal -- keys rebuild.' },
    );
  }
  return document;
}

/**
 * Notes that a run's keys are about to be taken out of an index: from now on nobody opens it, until it is rebuilt, and a
 * run that has opened it already cannot publish.
 * @param at the storage and the work container
 * @param index name of the index; one that does not exist is left alone
 * @param runId the run that is withdrawn
 * @param term the withdrawal's grant of the index's lease
 * @returns when it is written
 * @throws `LeaseConflict` when a later grant has written a head: that run may publish
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when the document is damaged
 * @throws `StorageConflict` when others change the index
 */
export async function markWithdrawing(at: IndexStore, index: string, runId: string, term: number): Promise<void> {
  const there = await readVersioned(at.store, at.container, indexBlobs.index(index), indexSchema);
  if (!there) return;
  // First the heads: an execution that was held up finds here that it was given up, and marks nothing.
  await closeHeads(at, there.value, term, withdrawalOf(runId));
  if (there.value.withdrawing === runId) return;
  const marked = { ...there.value, withdrawing: runId };
  await writeJson(at.store, at.container, indexBlobs.index(index), marked, { ifMatch: there.etag });
}

/**
 * Takes the note of `markWithdrawing` back, while nothing was taken out. What another withdrawal has closed stays closed.
 * @param at the storage and the work container
 * @param index name of the index
 * @param runId the run that is not withdrawn after all
 * @param term the withdrawal's grant of the index's lease
 * @returns when it is written
 * @throws `LeaseConflict` when a later grant has written a head: the note is that of a later withdrawal
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when the document is damaged
 * @throws `StorageConflict` when others change the index
 */
export async function unmarkWithdrawing(at: IndexStore, index: string, runId: string, term: number): Promise<void> {
  const there = await readVersioned(at.store, at.container, indexBlobs.index(index), indexSchema);
  if (!there) return;
  const parts = partitionsOf(at, there.value);
  const heads = await Promise.all(parts.map(async (part) => (await readHead(part))?.value ?? emptyHead));
  for (const head of heads) refuseEarlier(head, term);
  const { withdrawing, ...document } = there.value;
  const mine = withdrawalOf(runId);
  if (withdrawing !== runId && !heads.some(({ closed }) => closed === mine)) return;
  // The document is put in any case: what a rebuild that was given up would put in its place comes too late then.
  const next = withdrawing === runId ? document : there.value;
  await writeJson(at.store, at.container, indexBlobs.index(index), next, { ifMatch: there.etag });
  for (const part of parts) {
    await changeHead(part, (head) => {
      refuseEarlier(head, term);
      const { closed, ...open } = head;
      return closed === mine ? open : head;
    });
  }
}

const withdrawalOf = (runId: string) => `the withdrawal of run "${runId}"`;

/**
 * Closes the heads of an index: from now on no run can publish that has looked keys up in it. A run writes each head
 * before it publishes, so either this finds its grant there, or the run finds the head closed.
 * @param at the storage and the work container
 * @param document the index as it was read
 * @param term the grant of the lease under which they are closed
 * @param what for whom, as a message says it
 * @returns when all are closed
 * @throws `LeaseConflict` when a later grant has written a head: whoever closes it was given up
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when a head is damaged
 * @throws `StorageConflict` (retryable) when others keep changing a head
 */
export async function closeHeads(at: IndexStore, document: IndexDocument, term: number, what: string): Promise<void> {
  for (const one of partitionsOf(at, document)) {
    await changeHead(one, (head) => {
      refuseEarlier(head, term);
      return head.closed === what && head.term === term ? head : { ...head, term, closed: what };
    });
  }
}

function partitionsOf(at: IndexStore, document: IndexDocument): IndexPartition[] {
  return Array.from({ length: document.partitions }, (_, partition) => ({ ...at, document, partition }));
}

/** @throws `LeaseConflict` when a later grant of the lease has written the head. */
function refuseEarlier(head: IndexHead, term: number): void {
  if (head.term <= term) return;
  throw new OrdinalError('LeaseConflict', `the key index is held by another run now (grant ${head.term})`, {
    remedy:
      'Start it again: it was given up. If the app has moved to another durable backend: npm run ordinal -- keys rebuild.',
  });
}

/**
 * The partition that a key belongs to: each has a contiguous range of hashes.
 * @param hash `hashKey` of the key, 0 to 2^32-1
 * @param partitions partitions of the index
 * @returns 0 to partitions-1
 */
export function partitionOf(hash: number, partitions: number): number {
  return Math.floor((hash / 2 ** 32) * partitions);
}

/**
 * Name of the head's blob.
 * @param partition the index and the partition
 * @returns the name in the work container
 */
export function headName({ document, partition }: Pick<IndexPartition, 'document' | 'partition'>): string {
  return indexBlobs.head(document.index, document.epoch, partition);
}

/**
 * Reads the head as it is now.
 * @param at the partition
 * @returns the head and its ETag; undefined when nothing was ever written
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when a document or a segment is damaged
 */
export async function readHead(at: IndexPartition): Promise<Versioned<IndexHead> | undefined> {
  return await readVersioned(at.store, at.container, headName(at), headSchema);
}

/**
 * Changes the head by one conditional put, from what is there now.
 * @param at the partition
 * @param change the new head; the very same head changes nothing
 * @returns the head as it is then
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `StorageConflict` (retryable) when others keep changing the head
 */
export async function changeHead(
  at: IndexPartition,
  change: (head: IndexHead) => IndexHead | Promise<IndexHead>,
): Promise<IndexHead> {
  for (let tries = 1; ; tries++) {
    const there = await readHead(at);
    const before = there?.value ?? emptyHead;
    const after = await change(before);
    if (after === before) return before;
    if (await unlessConflict(writeJson(at.store, at.container, headName(at), after, inPlaceOf(there)))) return after;
    if (tries >= CHANGE_TRIES) throw changedByOthers(headName(at));
  }
}

const CHANGE_TRIES = 5;

/**
 * Takes a pending delta in if its run has published.
 * @param at the partition
 * @param published the IDs that a delta's run gave, if it has published
 * @param then a further change in the same put
 * @returns the head as it is then
 * @throws `StorageFailed` when the service cannot be reached or refuses
 * @throws `CorruptFile` when a document or a segment is damaged
 * @throws `StorageConflict` (retryable) when others keep changing the head
 */
export async function settlePending(
  at: IndexPartition,
  published: PublishedIds,
  then: (head: IndexHead) => IndexHead = (head) => head,
): Promise<IndexHead> {
  return await changeHead(at, async (head) => {
    const ids = head.pending ? await published(head.pending) : undefined;
    return then(ids && head.pending ? withDelta(head, head.pending, ids) : head);
  });
}

/**
 * The head for a run that is about to publish, or that has nothing new to publish.
 * @param head the head as it is
 * @param term number of the run's grant of the lease
 * @param pending the run's delta, or null when it has no new keys
 * @returns the new head; the same one when it says so already
 * @throws `LeaseConflict` when a later grant of the lease has written the head, or when it is closed
 */
export function withPending(head: IndexHead, term: number, pending: PendingDelta | null): IndexHead {
  refuseEarlier(head, term);
  if (head.closed !== undefined) {
    throw new OrdinalError('LeaseConflict', `the key index was closed meanwhile, for ${head.closed}`, {
      remedy:
        'Start the run again. If that fails too, withdraw the run once more, or rebuild the index: npm run ordinal -- keys rebuild.',
    });
  }
  // The run has published, and this is an execution of it that was held up: its keys count once.
  if (head.taken === term) return head;
  if (head.term === term && JSON.stringify(head.pending) === JSON.stringify(pending)) return head;
  return { ...head, term, pending };
}

function withDelta(
  head: IndexHead,
  { delta, attributes, described, unknown, imported }: PendingDelta,
  ids: IdList,
): IndexHead {
  const number = head.number + 1;
  const made = { level: 0, from: number, to: number };
  const next: IndexHead = { ...head, number, taken: head.term, pending: null };
  if (delta) {
    next.keys += delta.keys;
    next.entries = [...head.entries, { ...delta, ids: imported ? null : ids, ...made }];
  }
  if (attributes) {
    const { owner } = attributes;
    const entries = [...(head.attributes?.[owner] ?? []), { ...attributes.delta, ids: null, ...made }];
    next.attributes = { ...head.attributes, [owner]: entries };
  }
  if (described) {
    const { owner } = described;
    next.described = { ...head.described, [owner]: withDescribed(head.described?.[owner], described, ids) };
  }
  if (unknown) next.unknown = [...(head.unknown ?? []), ...unknown];
  return next;
}

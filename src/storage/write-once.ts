/**
 * Blobs that are written once and never changed: what an earlier execution of the same life wrote under the name stands.
 * A second execution that was held up may know less, or more, than the first one did, and comes when others build on what
 * that one wrote. Used for what outlives a run: output files and deltas of key indexes.
 */
import { OrdinalError } from '../errors.ts';
import type { BlobStore, WriteOptions } from './store.ts';

/**
 * Whether an error says that a condition of a write did not hold.
 *
 * @param thrown anything that was thrown
 * @returns true for `StorageConflict`
 */
export function isConflict(thrown: unknown): boolean {
  return thrown instanceof OrdinalError && thrown.code === 'StorageConflict';
}

/**
 * Puts a blob, unless it is there: then what is there stays.
 *
 * @param store where the blob goes
 * @param container the blob's container
 * @param name the blob's name in it
 * @param bytes all of the blob
 */
export async function writeOnce(store: BlobStore, container: string, name: string, bytes: Uint8Array): Promise<void> {
  try {
    await store.write(container, name, bytes, { ifAbsent: true });
  } catch (thrown) {
    if (!isConflict(thrown)) throw thrown;
  }
}

/**
 * Makes a blob of staged blocks, unless it is there.
 *
 * @param store where the blob goes
 * @param container the blob's container
 * @param name the blob's name in it
 * @param blockIds the blocks, in the order that their bytes are to have
 * @param size bytes of all blocks
 * @param options content type and metadata; the condition is set here
 * @throws `StorageFailed` when the service refuses, and `StorageConflict` when what is there has another size: it is not
 * what these blocks would be
 */
export async function commitOnce(
  store: BlobStore,
  container: string,
  name: string,
  blockIds: readonly string[],
  size: number,
  options: WriteOptions = {},
): Promise<void> {
  try {
    await store.commitBlocks(container, name, blockIds, { ...options, ifAbsent: true });
  } catch (thrown) {
    if (!isConflict(thrown) || (await store.head(container, name))?.size !== size) throw thrown;
  }
}

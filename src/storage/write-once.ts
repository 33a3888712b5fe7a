/**
 * Conditional writes. `writeOnce` and `commitOnce` are for blobs that are written once and never changed: what an earlier
 * execution of the same life wrote under the name stands. A second execution that was held up may know less, or more, than
 * the first one did, and comes when others build on what that one wrote.
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
 * Waits for a conditional write.
 *
 * @param write a write that was begun
 * @returns what it gives; undefined when its condition did not hold, and nothing was written
 */
export async function unlessConflict<T extends object>(write: Promise<T>): Promise<T | undefined> {
  try {
    return await write;
  } catch (thrown) {
    if (isConflict(thrown)) return undefined;
    throw thrown;
  }
}

/**
 * The condition under which a blob takes the place of what was read of it.
 *
 * @param there what was read; undefined when there was no such blob
 * @returns that the blob is the same version, or is still not there
 */
export function inPlaceOf(there: { etag: string } | undefined): WriteOptions {
  return there ? { ifMatch: there.etag } : { ifAbsent: true };
}

/**
 * The error of a blob that others change again and again.
 *
 * @param name the blob's name
 * @returns a `StorageConflict` that is worth a retry
 */
export function changedByOthers(name: string): OrdinalError {
  return new OrdinalError('StorageConflict', `"${name}" is being changed by others`, { retryable: true });
}

/**
 * Puts a blob, unless it is there: then what is there stays.
 *
 * @param store where the blob goes
 * @param container the blob's container
 * @param name the blob's name in it
 * @param bytes all of the blob
 * @throws `StorageFailed` when the service refuses
 */
export async function writeOnce(store: BlobStore, container: string, name: string, bytes: Uint8Array): Promise<void> {
  await unlessConflict(store.write(container, name, bytes, { ifAbsent: true }));
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

/**
 * Commits a file of which some blocks are staged and others wait in memory. Those that wait and follow each other go up
 * as one block, because a request costs more than moving its bytes: most blocks of a small run have some kilobytes.
 * `memory-work.ts` calls it. Which bytes a block has must follow from its name alone: another execution may stage blocks
 * of the same file at the same time, joined in another way, or not at all.
 */
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { mapBounded } from './in-flight.ts';
import { joinedBlockId } from './names.ts';
import type { BlobStore, WriteOptions, Written } from './store.ts';

/** Joined blocks of one file that go up at a time. */
const UPLOADS = 4;

/**
 * Stages what waits, and commits the file.
 * @param store where the file goes
 * @param container the file's container
 * @param name the file's name in it
 * @param blockIds all blocks, in the order that their bytes are to have
 * @param waiting the bytes of those that are not staged
 * @param options conditions and properties of the file
 * @returns the file's ETag
 * @throws `StorageConflict` when a condition does not hold
 * @throws `LimitExceeded` when the file has more blocks than a blob takes
 * @throws `StorageFailed` when the service cannot be reached or refuses
 */
export async function joinBlocks(
  store: BlobStore,
  container: string,
  name: string,
  blockIds: readonly string[],
  waiting: ReadonlyMap<string, Uint8Array>,
  options: WriteOptions,
): Promise<Written> {
  const { ids, joined } = joinedOf(blockIds, waiting);
  const whole = joined.length === 1 && ids.length === 1 ? joined[0]! : undefined;
  // A file of one block is put at once.
  if (whole) return await store.write(container, name, Buffer.concat(whole.parts), options);
  await mapBounded(joined, UPLOADS, ({ id, parts }) => store.stageBlock(container, name, id, parts));
  return await store.commitBlocks(container, name, ids, options);
}

interface JoinedBlock {
  id: string;
  parts: Uint8Array[];
}

/** The blocks to commit, and those of them that are yet to be staged. */
function joinedOf(
  blockIds: readonly string[],
  waiting: ReadonlyMap<string, Uint8Array>,
): { ids: string[]; joined: JoinedBlock[] } {
  const ids: string[] = [];
  const joined: JoinedBlock[] = [];
  let open: { first: string; parts: Uint8Array[]; length: number } | undefined;
  const close = () => {
    if (!open) return;
    const id = joinedBlockId(open.first, open.length);
    ids.push(id);
    joined.push({ id, parts: open.parts });
    open = undefined;
  };
  for (const id of blockIds) {
    const bytes = waiting.get(id);
    if (!bytes) {
      close();
      ids.push(id);
      continue;
    }
    if (open && open.length + bytes.byteLength > limits.joinedBlockBytesMax) close();
    open ??= { first: id, parts: [], length: 0 };
    open.parts.push(bytes);
    open.length += bytes.byteLength;
  }
  close();
  if (new Set(ids).size !== ids.length) throw new OrdinalError('Internal', 'a block is named twice');
  return { ids, joined };
}

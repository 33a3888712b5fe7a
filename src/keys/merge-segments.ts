/**
 * Writes several sorted segments as one, block by block, so that memory does not grow with the index. `compact.ts` calls
 * it. It must write every key that the segments hold, once.
 */
import { invariant } from '../errors.ts';
import { IdMap } from '../sequence/id-map.ts';
import type { IdList } from '../sequence/id-range.ts';
import { placeOfId } from './described.ts';
import type { IndexPartition } from './key-index.ts';
import { readBlocks, type SegmentPlace, SegmentWriter } from './segment.ts';
import type { SegmentBlock } from './segment-block.ts';

/** Bytes of one staged block of a merged segment. */
const PIECE_BYTES = 8 * 1024 * 1024;

type Place = Pick<IndexPartition, 'store' | 'container'>;

/**
 * What segments hold: keys that are in one of them only; keys of which the last segment's value stays; or IDs without
 * keys, in the order of the IDs.
 */
export type Contents = 'distinct' | 'newest' | 'ids';

/** A segment as a source of a merge: its blocks, and the ranges that its values are ordinals of. */
export interface Source {
  keys: number;
  blocks: AsyncIterable<SegmentBlock>;
  ids: IdList | null;
}

/**
 * A stored segment as a source of a merge.
 * @param at the storage and the work container
 * @param segment where the segment is, and what its values are
 * @returns the source
 * @throws `StorageFailed` when the service cannot be reached or refuses, or the segment is gone
 * @throws `CorruptFile` when the segment is damaged
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export function storedSource(at: Place, segment: SegmentPlace & { ids: IdList | null }): Source {
  return { keys: segment.keys, ids: segment.ids, blocks: readBlocks(at.store, at.container, segment) };
}

/**
 * Writes segments as one, with IDs for values.
 * @param at the storage and the work container
 * @param blob name of the new segment
 * @param sources the segments, the oldest first
 * @param contents what they hold
 * @returns where the new segment is
 * @throws `StorageFailed` when the service cannot be reached or refuses, or a segment is gone
 * @throws `CorruptFile` when a segment is damaged
 * @throws `LimitExceeded` when a block is larger than it may be
 * @throws `StorageConflict` (retryable) when others keep changing the segment
 */
export async function writeMerged(
  at: Place,
  blob: string,
  sources: readonly Source[],
  contents: Contents,
): Promise<SegmentPlace> {
  const newest = contents === 'newest';
  const writer = new SegmentWriter();
  const upload = new SegmentUpload(at, blob);
  const cursors: Cursor[] = [];
  for (const source of newest ? sources.toReversed() : sources) {
    const cursor = new Cursor(source, contents === 'ids');
    if (await cursor.nextBlock()) cursors.push(cursor);
  }
  let hash = -1;
  /** Keys of that hash which are written. */
  let written: Uint8Array[] = [];
  while (cursors.length > 0) {
    let least = cursors[0]!;
    // Of equal hashes the first cursor's comes first: the newest segment's.
    for (const cursor of cursors) if (cursor.isBefore(least)) least = cursor;
    let known = false;
    if (newest) {
      if (least.hash !== hash) written = [];
      hash = least.hash;
      const { key } = least;
      known = written.some((other) => Buffer.compare(other, key) === 0);
      if (!known) written.push(key.slice());
    }
    if (!least.moveTo(known ? undefined : writer) && !(await least.nextBlock()))
      cursors.splice(cursors.indexOf(least), 1);
    if (writer.ready) await upload.add(writer);
  }
  const place = writer.finish();
  await upload.finish(writer);
  const keys = sources.reduce((sum, source) => sum + source.keys, 0);
  invariant(newest || place.keys === keys, `merged ${place.keys} keys of ${keys}`);
  return { blob, ...place };
}

/** Walks along the keys of a segment. */
class Cursor {
  readonly #blocks: AsyncIterator<SegmentBlock>;
  readonly #ids: IdMap | null;
  readonly #byValue: boolean;
  #block: SegmentBlock | undefined;
  #at = 0;
  hash = 0;

  constructor({ blocks, ids }: Source, byValue: boolean) {
    this.#blocks = blocks[Symbol.asyncIterator]();
    this.#ids = ids && new IdMap(ids);
    this.#byValue = byValue;
  }

  /** Whether the present key comes before that of another cursor. */
  isBefore(other: Cursor): boolean {
    if (this.hash !== other.hash) return this.hash < other.hash;
    return this.#byValue && this.#value < other.#value;
  }

  get #value(): bigint {
    const value = this.#block!.values[this.#at]!;
    return this.#ids ? this.#ids.at(Number(value)) : value;
  }

  async nextBlock(): Promise<boolean> {
    const next = await this.#blocks.next();
    if (next.done) return false;
    this.#block = next.value;
    this.#at = 0;
    this.#look();
    return true;
  }

  /** A view of the present key's bytes. */
  get key(): Uint8Array {
    const { ends, bytes } = this.#block!;
    return bytes.subarray(this.#at === 0 ? 0 : ends[this.#at - 1]!, ends[this.#at]!);
  }

  /** Hands the present key to the writer, if there is one. False when it was the block's last. */
  moveTo(writer: SegmentWriter | undefined): boolean {
    const { hashes, ends, bytes } = this.#block!;
    const i = this.#at;
    if (writer) writer.add(this.hash, this.#value, bytes, i === 0 ? 0 : ends[i - 1]!, ends[i]!);
    if (++this.#at >= hashes.length) return false;
    this.#look();
    return true;
  }

  #look(): void {
    this.hash = this.#byValue ? placeOfId(this.#value) : this.#block!.hashes[this.#at]!;
  }
}

/** Stages a segment's blocks as they come, and commits them together. */
export class SegmentUpload {
  readonly #at: Place;
  readonly #blob: string;
  readonly #ids: string[] = [];
  #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(at: Place, blob: string) {
    this.#at = at;
    this.#blob = blob;
  }

  /**
   * Takes the complete blocks of a writer.
   * @throws `StorageFailed` when the service cannot be reached or refuses
   * @throws `LimitExceeded` when a block is larger than it may be
   * @throws `StorageConflict` when others change the segment
   */
  async add(writer: SegmentWriter): Promise<void> {
    for (const part of writer.take()) {
      this.#parts.push(part);
      this.#bytes += part.byteLength;
    }
    if (this.#bytes >= PIECE_BYTES) await this.#stage();
  }

  /**
   * Takes what is left, and commits.
   * @throws `StorageFailed` when the service cannot be reached or refuses
   * @throws `LimitExceeded` when there are more blocks than a blob takes
   * @throws `StorageConflict` when a condition does not hold
   */
  async finish(writer: SegmentWriter): Promise<void> {
    await this.add(writer);
    if (this.#bytes > 0) await this.#stage();
    await this.#at.store.commitBlocks(this.#at.container, this.#blob, this.#ids);
  }

  async #stage(): Promise<void> {
    const id = Buffer.from(String(this.#ids.length).padStart(6, '0')).toString('base64');
    await this.#at.store.stageBlock(this.#at.container, this.#blob, id, this.#parts);
    this.#ids.push(id);
    this.#parts = [];
    this.#bytes = 0;
  }
}

/**
 * Source files as a batch reads them, in order and ahead of who takes them. A small file that the batch has all of comes
 * by one request, footer and data; of a large one only the footer is read here, and its chunks when they are wanted.
 * Called by the split.
 */
import { limits } from '../limits.ts';
import { parseFooter } from '../parquet/footer-read.ts';
import type { FileMeta } from '../parquet/types.ts';
import type { BlobStore } from '../storage/store.ts';
import { type ByteRange, type PinnedBlob, readPinned, readRanges } from './source-file.ts';

/** A file that is to be read. */
export interface WantedFile extends PinnedBlob {
  /** All of its rows are wanted. */
  whole: boolean;
}

export interface OpenFile {
  file: PinnedBlob;
  meta: FileMeta;
  /** All of the file is in memory, for as long as this object is. */
  inMemory: boolean;
  /** The bytes of each range, in the order asked for. */
  read(ranges: readonly ByteRange[]): Promise<Uint8Array[]>;
}

/**
 * The files in order; the first failure, in order, is thrown. Requests for small files are under way up to
 * `limits.readAheadFilesMax` and `limits.readAheadBytesMax`.
 *
 * @param footerOf reads the footer of a large file.
 */
export async function* openFiles(
  store: BlobStore,
  container: string,
  files: readonly WantedFile[],
  footerOf: (file: PinnedBlob) => Promise<FileMeta>,
): AsyncIterable<OpenFile> {
  const ahead: { opening: Promise<OpenFile>; bytes: number }[] = [];
  let bytesAhead = 0;
  let next = 0;
  const fill = () => {
    while (next < files.length && ahead.length < limits.readAheadFilesMax) {
      const file = files[next]!;
      const bytes = readsWhole(file) ? file.size : 0;
      if (ahead.length > 0 && bytesAhead + bytes > limits.readAheadBytesMax) break;
      const opening = readsWhole(file)
        ? openWhole(store, container, file)
        : openLarge(store, container, file, footerOf);
      // An error is thrown when the file's turn comes; until then it must not count as unhandled.
      opening.catch(() => undefined);
      ahead.push({ opening, bytes });
      bytesAhead += bytes;
      next++;
    }
  };
  for (fill(); ahead.length > 0; fill()) {
    const { opening, bytes } = ahead.shift()!;
    const open = await opening;
    bytesAhead -= bytes;
    fill();
    yield open;
  }
}

function readsWhole({ whole, size }: WantedFile): boolean {
  return whole && size <= limits.wholeFileBytesMax;
}

async function openWhole(store: BlobStore, container: string, file: PinnedBlob): Promise<OpenFile> {
  const bytes = await readPinned(store, container, file, 0, file.size);
  const meta = parseFooter(bytes, file.size, file.blob);
  return {
    file,
    meta,
    inMemory: true,
    async read(ranges) {
      const used = ranges.reduce((sum, range) => sum + range.length, 0);
      // Where little of a file is used, the rest is not kept in memory with it.
      const take = used * 2 < bytes.length ? 'slice' : 'subarray';
      return ranges.map((range) => range.bytes ?? bytes[take](range.start, range.start + range.length));
    },
  };
}

async function openLarge(
  store: BlobStore,
  container: string,
  file: PinnedBlob,
  footerOf: (file: PinnedBlob) => Promise<FileMeta>,
): Promise<OpenFile> {
  const meta = await footerOf(file);
  return { file, meta, inMemory: false, read: (ranges) => readRanges(store, container, file, ranges) };
}

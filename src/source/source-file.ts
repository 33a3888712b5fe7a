/**
 * Reads footers and byte ranges of source blobs, always of the version that the plan pinned. The plan, the split, the
 * verifier and the preview call it. A blob that was replaced meanwhile is an error, never another content.
 */

import { OrdinalError } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { footerLength, parseFooter } from '../parquet/footer-read.ts';
import type { FileMeta, Leaf } from '../parquet/types.ts';
import type { ContractColumn } from '../pipeline/compiled.ts';
import type { BlobStore } from '../storage/store.ts';

/** Bytes of a file's end that are fetched at first: enough for the footers of most files. */
const TAIL_BYTES = 64 * 1024;

/** Neighbours closer than this are fetched in one request: a request costs more than the bytes between them. */
const HOLE_BYTES_MAX = 64 * 1024;

export interface PinnedBlob extends WrittenOnce {
  etag: string;
}

/** A blob that nobody replaces: no version has to be asked for. */
export interface WrittenOnce {
  blob: string;
  size: number;
}

/** Reads and checks a footer. Throws `NotParquet`, `TruncatedFile`, `CorruptFile`, `UnsupportedFile`, `SourceChanged`. */
export async function readFooter(
  store: BlobStore,
  container: string,
  file: WrittenOnce | PinnedBlob,
): Promise<FileMeta> {
  const length = Math.min(TAIL_BYTES, file.size);
  let tail = await readPinned(store, container, file, file.size - length, length);
  const footer = footerLength(tail.subarray(Math.max(0, tail.length - 8)), file.size, file.blob) + 8;
  if (footer > tail.length) tail = await readPinned(store, container, file, file.size - footer, footer);
  return parseFooter(tail, file.size, file.blob);
}

export async function readPinned(
  store: BlobStore,
  container: string,
  file: WrittenOnce | PinnedBlob,
  offset: number,
  length: number,
): Promise<Uint8Array> {
  const pinned = 'etag' in file ? { ifMatch: file.etag } : {};
  const bytes = await store.read(container, file.blob, { offset, length, ...pinned });
  if (bytes === undefined) {
    throw new OrdinalError('SourceChanged', `blob "${file.blob}" was deleted after the run had pinned it`, {
      where: { blob: file.blob },
      remedy: 'Keep source blobs until the run has ended; start a new run.',
    });
  }
  return bytes;
}

export interface ByteRange {
  start: number;
  length: number;
  /** What is there, where the file does not hold it. */
  bytes?: Uint8Array;
}

/** Ranges joined where the hole between two is small. Returns requests, and for each range its place in one. */
export function coalesce(ranges: readonly ByteRange[]): {
  requests: ByteRange[];
  placed: { request: number; offset: number }[];
} {
  const order = ranges.map((_, i) => i).sort((a, b) => ranges[a]!.start - ranges[b]!.start);
  const requests: ByteRange[] = [];
  const placed = new Array<{ request: number; offset: number }>(ranges.length);
  for (const i of order) {
    const range = ranges[i]!;
    const last = requests.at(-1);
    if (last && range.start - (last.start + last.length) <= HOLE_BYTES_MAX) {
      last.length = Math.max(last.length, range.start + range.length - last.start);
    } else {
      requests.push({ ...range });
    }
    const request = requests.length - 1;
    placed[i] = { request, offset: range.start - requests[request]!.start };
  }
  return { requests, placed };
}

/** The bytes of each range, in the order asked for. */
export async function readRanges(
  store: BlobStore,
  container: string,
  file: PinnedBlob,
  ranges: readonly ByteRange[],
): Promise<Uint8Array[]> {
  const stored = ranges.filter(({ bytes }) => !bytes);
  const { requests, placed } = coalesce(stored);
  const bodies = await Promise.all(requests.map((r) => readPinned(store, container, file, r.start, r.length)));
  let next = 0;
  return ranges.map(({ bytes, length }) => {
    if (bytes) return bytes;
    const { request, offset } = placed[next++]!;
    return bodies[request]!.subarray(offset, offset + length);
  });
}

/** Finds a contract column in a file. Throws `MissingColumn` or `NestedColumn`. */
export function leafOf(meta: FileMeta, contract: Pick<ContractColumn, 'name' | 'path'>, blob: string): Leaf {
  const { name } = contract;
  const isSame = ({ path = [] }: Leaf) =>
    path.length === (contract.path?.length ?? 0) && path.every((element, i) => element.name === contract.path?.[i]);
  const named = meta.leaves.filter((candidate) => candidate.name === name && !candidate.nested);
  // A flat column of the path's name stands for the leaf: so are refused rows written, which somebody may mend.
  const leaf = named.find(isSame) ?? (contract.path && named.find(({ path }) => path === undefined));
  if (leaf) return leaf;
  const within = meta.leaves.filter((candidate) => candidate.name === name || candidate.name.startsWith(`${name}.`));
  const nested = within.find((candidate) => !candidate.nested) ?? within[0];
  if (nested) throw nestedColumn(name, nested, blob);
  const names = meta.leaves.filter((candidate) => !candidate.nested).map((candidate) => candidate.name);
  throw new OrdinalError('MissingColumn', `column "${name}" is missing; the file has ${names.join(', ')}`, {
    where: { blob, column: name },
    remedy: `Correct the pipeline's row contract, or the source. ${didYouMean(name, names)}`,
  });
}

/** What the contract names is a struct, or within a list. */
function nestedColumn(name: string, leaf: Leaf, blob: string): OrdinalError {
  const kind = leaf.nested ? 'in a list or a map' : 'a struct';
  const [group, ...rest] = (leaf.path ?? []).map((element) => element.name);
  const inner = rest.reduceRight((schema, part) => `z.object({ ${part}: ${schema} })`, '...');
  const remedy = leaf.nested
    ? 'Flatten it upstream, or take it out of the pipeline.'
    : `Name its leaves: ${group}: ${inner}.`;
  return new OrdinalError('NestedColumn', `column "${name}" is nested (${leaf.name} is ${kind})`, {
    where: { blob, column: name },
    remedy,
  });
}

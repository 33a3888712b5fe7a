/**
 * The blob that a split leaves for one batch. It holds the record, the blocks that are held back, the refused rows, and
 * one key list for each keyed entity. The split writes it; resolve, seal, publish and the tally read it.
 *
 * The record, the refused rows and the key lists are compressed, each by itself, when they are large enough; the blocks
 * are compressed already. Key lists shrink to two fifths, and compressing them costs less than moving them
 * uncompressed. The blob's metadata holds the counts of rows and keys and the length of each part. So one listing of
 * all batches tells where every part begins, and a reader fetches only the range that it needs.
 */
import { z } from 'zod';
import type { Environment } from '../environment/environment.ts';
import { invariant, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { CompiledPipeline } from '../pipeline/compiled.ts';
import { packFrame } from '../storage/frame.ts';
import { goneBlob, requireBytes } from '../storage/json.ts';
import { type Life, work } from '../storage/names.ts';
import type { BlobItem } from '../storage/store.ts';
import { COMPRESSED_MIN, compressQuickly, decompressSized } from '../storage/zstd.ts';
import type { SplitBatch } from './split-record.ts';

/** Counts over the batches of a run, and where each part of their blobs is. */
export interface Tally {
  /**
   * By entity: rows, or keys in the lists, before each batch. It has one more element than batches; the last is the
   * total.
   */
  starts: Record<string, number[]>;
  /** Source rows, without those of files that were set aside. */
  rows: number;
  /** Files that the split set aside, by batch. */
  badFiles: number[];
  /** Rows that the contract refused, by batch. */
  rejected: number[];
  /** Accepted rows that went nowhere, and those that only gave a key to a keyed entity, over all batches. */
  unrouted: number;
  keysOnly: number;
  /** By batch: its blob's name, and the bytes of the blob's parts, as stored and after decompression. */
  names: string[];
  lengths: number[][];
  sizes: number[][];
}

/** A part of a batch's blob: the refused values, the refused rows, or a keyed entity's list. */
export type BatchPart = 'rejected' | 'rejectedRows' | { keysOf: string };

/** The positions of the parts in the blob; key lists follow. */
const places = { record: 0, held: 1, rejected: 2, rejectedRows: 3, lists: 4 };

const none = new Uint8Array(0);

/** The blob's bytes and its metadata. What stays in memory is not compressed. */
export function packBatch(
  { workInMemory }: Pick<Environment, 'workInMemory'>,
  pipeline: CompiledPipeline,
  { record, sections, keyLists, rejected, rejectedRows }: SplitBatch,
  held: Uint8Array = none,
): { bytes: Uint8Array; metadata: Record<string, string> } {
  const counts = pipeline.entities.map(({ kind, name }) =>
    kind === 'keyed'
      ? (record.keys[name] ?? 0)
      : (record.fragments[name] ?? []).reduce((sum, fragment) => sum + fragment.rows, 0),
  );
  const lists = keyedNames(pipeline).map((name) => keyLists.get(name) ?? none);
  const whole = [packFrame(record, sections), held, rejected ?? none, rejectedRows ?? none, ...lists];
  const parts = whole.map((part) => (part === held || workInMemory ? part : compressed(part)));
  return {
    bytes: Buffer.concat(parts),
    metadata: {
      rows: String(record.rows),
      badFiles: String(record.badFiles?.length ?? 0),
      rejected: String(record.rejected ?? 0),
      unrouted: String(record.unrouted ?? 0),
      keysonly: String(record.keysOnly ?? 0),
      counts: counts.join(','),
      lengths: parts.map((part) => part.byteLength).join(','),
      sizes: whole.map((part) => part.byteLength).join(','),
    },
  };
}

const count = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number);
const counts = z.string().transform((text) => text.split(',').map((one) => count.parse(one)));
const metadataSchema = z.object({
  rows: count,
  badFiles: count,
  rejected: count,
  unrouted: count,
  keysonly: count,
  counts,
  lengths: counts,
  sizes: counts,
});

/**
 * Lists the batches of a run and counts their rows and keys.
 *
 * @param again batches that were split again: not before all of them are there.
 * @throws OrdinalError `StorageFailed` when a batch is missing, `CorruptFile` when a blob is not what `packBatch`
 * wrote.
 */
export async function listBatches(
  { store, config }: Environment,
  pipeline: CompiledPipeline,
  of: Life,
  batches: number,
  again: ReadonlySet<number>,
): Promise<Tally> {
  const { entities } = pipeline;
  const revised = new Map<string, BlobItem>();
  if (again.size > 0) {
    const prefix = work.splitAgainPrefix(of);
    for await (const item of store.list(config.workContainer, prefix)) revised.set(item.name, item);
  }
  const tally: Tally = {
    starts: Object.fromEntries(entities.map(({ name }) => [name, [0]])),
    rows: 0,
    badFiles: [],
    rejected: [],
    unrouted: 0,
    keysOnly: 0,
    names: [],
    lengths: [],
    sizes: [],
  };
  for await (const listed of store.list(config.workContainer, work.splitPrefix(of))) {
    const batch = tally.names.length;
    if (batch === batches || listed.name !== work.split(of, batch)) break;
    const item = again.has(batch) ? revised.get(work.splitAgain(of, batch)) : listed;
    if (!item) throw goneBlob(config.workContainer, work.splitAgain(of, batch));
    const { name, metadata } = item;
    const said = metadataSchema.safeParse(metadata);
    if (!said.success || said.data.counts.length !== entities.length || !sameLength(said.data)) {
      throw new OrdinalError('CorruptFile', `"${name}" does not say what it holds`, {
        where: { blob: name },
        remedy: 'Start the run anew under another ID: the document is damaged, or of another version of Ordinal.',
      });
    }
    for (const [e, entity] of entities.entries()) {
      const starts = tally.starts[entity.name]!;
      starts.push(starts.at(-1)! + said.data.counts[e]!);
    }
    tally.rows += said.data.rows;
    tally.badFiles.push(said.data.badFiles);
    tally.rejected.push(said.data.rejected);
    tally.unrouted += said.data.unrouted;
    tally.keysOnly += said.data.keysonly;
    tally.names.push(name);
    tally.lengths.push(said.data.lengths);
    tally.sizes.push(said.data.sizes);
  }
  if (tally.names.length < batches) throw goneBlob(config.workContainer, work.split(of, tally.names.length));
  return tally;
}

function sameLength({ lengths, sizes }: { lengths: number[]; sizes: number[] }): boolean {
  return lengths.length === sizes.length && sizes.every((size) => size <= limits.blockBytesMax);
}

/** A part that has as many bytes as it had before is not compressed. */
function compressed(part: Uint8Array): Uint8Array {
  if (part.byteLength < COMPRESSED_MIN) return part;
  const frame = compressQuickly(part);
  return frame.byteLength === part.byteLength ? part : frame;
}

function decompressed(bytes: Uint8Array, size: number, name: string): Uint8Array {
  // A plain Uint8Array and not a Buffer: `slice` of a Buffer is a view and not a copy.
  if (size === bytes.byteLength) return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let cause: unknown;
  try {
    const whole = decompressSized(bytes, size);
    if (whole) return whole;
  } catch (thrown) {
    cause = thrown;
  }
  throw new OrdinalError('CorruptFile', `"${name}" does not hold what it should`, {
    where: { blob: name },
    remedy: 'Start the run anew under another ID: work in progress was damaged.',
    cause,
  });
}

type Sizes = Pick<Tally, 'names' | 'lengths' | 'sizes'>;

/** A part of a batch's blob; empty when the batch has no such part. */
export async function readBatch(
  environment: Environment,
  pipeline: CompiledPipeline,
  sizes: Sizes,
  batch: number,
  part: BatchPart,
): Promise<{ name: string; bytes: Uint8Array }> {
  const place = typeof part === 'string' ? places[part] : places.lists + keyedNames(pipeline).indexOf(part.keysOf);
  const { name, parts } = await readParts(environment, sizes, batch, place, place);
  return { name, bytes: decompressed(parts[0]!, sizes.sizes[batch]![place]!, name) };
}

/** A batch's record, as a frame, and the blocks that it holds back. */
export async function readRecord(
  environment: Environment,
  sizes: Sizes,
  batch: number,
): Promise<{ name: string; record: Uint8Array; held: Uint8Array }> {
  const { name, parts } = await readParts(environment, sizes, batch, places.record, places.held);
  return { name, record: decompressed(parts[0]!, sizes.sizes[batch]![places.record]!, name), held: parts[1]! };
}

/** Reads neighbouring parts, as stored, with one request. */
async function readParts(
  { store, config }: Environment,
  { names, lengths, sizes }: Sizes,
  batch: number,
  first: number,
  last: number,
): Promise<{ name: string; parts: Uint8Array[] }> {
  const own = lengths[batch];
  invariant(own && sizes[batch] && own[last] !== undefined, `batch ${batch} has parts ${first} to ${last}`);
  const end = (place: number) => own.slice(0, place + 1).reduce((sum, length) => sum + length, 0);
  const offset = end(first - 1);
  const name = names[batch]!;
  const bytes = await requireBytes(store, config.workContainer, name, { offset, length: end(last) - offset });
  const parts = own.slice(first, last + 1).map((length, i) => {
    const at = end(first + i) - length - offset;
    return bytes.subarray(at, at + length);
  });
  return { name, parts };
}

function keyedNames({ entities }: CompiledPipeline): string[] {
  return entities.filter(({ kind }) => kind === 'keyed').map(({ name }) => name);
}

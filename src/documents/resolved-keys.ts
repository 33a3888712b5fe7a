/**
 * Slots: for each key in the key lists of the batches, what the resolve found. The resolve of a key partition writes
 * them, and the seal reads them. A slot is one int64: the known ID (never negative), -1 - ordinal for a new key, or
 * `NO_SLOT` for a key of another partition. Most slots are consecutive new keys, or need few bytes. So each batch's
 * slots are kept as byte planes of differences, compressed:
 *
 *     u32 stored length of each batch's slots (0: it has no keys), little endian · the slots of each batch: a ZSTD
 *     frame, or, where the length has its highest bit set, the planes as they are
 */
import { lowAndHigh, readPlanes, writePlanes } from '../bytes/byte-planes.ts';
import { OrdinalError } from '../errors.ts';
import { compressQuickly, decompressSized } from '../storage/zstd.ts';

/** The value in place of a slot, for a key of another partition. */
export const NO_SLOT = -(2n ** 63n);

/** Bytes of a slot, and of an entry in the directory. */
const SLOT_BYTES = 8;
const LENGTH_BYTES = 4;

/** Of a length in the directory: what it is of is not compressed. */
const AS_IS = 2 ** 31;

/** Bytes of the directory at the beginning, which says where each batch's slots are. */
export function directoryBytes(batches: number): number {
  return batches * LENGTH_BYTES;
}

/**
 * The blob's bytes. `ordinals[batch][i]` says which key of the partition the batch's i-th is, -1 being none; `slots`
 * are the slots of the partition's keys, as pairs of words.
 */
export function packSlots(
  ordinals: readonly (Int32Array | undefined)[],
  batches: number,
  slots: Int32Array,
  compress: boolean,
): Uint8Array {
  const directory = new DataView(new ArrayBuffer(directoryBytes(batches)));
  const frames: Uint8Array[] = [];
  const most = ordinals.reduce((max, list) => Math.max(max, list?.length ?? 0), 0);
  const words = new Int32Array(2 * most);
  const longs = new BigInt64Array(words.buffer);
  const planes = new Uint8Array(most * SLOT_BYTES);
  for (const [batch, list] of ordinals.entries()) {
    if (!list) continue;
    for (let i = 0; i < list.length; i++) {
      const ordinal = list[i]!;
      // Of `NO_SLOT`, only the highest bit is set.
      words[2 * i] = ordinal < 0 ? 0 : slots[2 * ordinal]!;
      words[2 * i + 1] = ordinal < 0 ? -(2 ** 31) : slots[2 * ordinal + 1]!;
    }
    const [low, high] = lowAndHigh(longs.subarray(0, list.length));
    const end = writePlanes(high, true, planes, writePlanes(low, true, planes, 0));
    const frame = compress ? compressQuickly(planes.subarray(0, end)) : planes.slice(0, end);
    directory.setUint32(batch * LENGTH_BYTES, compress ? frame.length : frame.length + AS_IS, true);
    frames.push(frame);
  }
  return Buffer.concat([new Uint8Array(directory.buffer), ...frames]);
}

/** Where the slots of batches [from, to) are in the blob, by its directory. */
export function placeOfSlots(
  directory: Uint8Array,
  batches: number,
  from: number,
  to: number,
): { offset: number; length: number } {
  const lengths = lengthsOf(directory);
  let offset = directoryBytes(batches);
  for (let batch = 0; batch < from; batch++) offset += lengths(batch);
  let length = 0;
  for (let batch = from; batch < to; batch++) length += lengths(batch);
  return { offset, length };
}

/** By batch: the stored length of its slots. */
function lengthsOf(directory: Uint8Array): (batch: number) => number {
  const view = new DataView(directory.buffer, directory.byteOffset, directory.byteLength);
  return (batch) => view.getUint32(batch * LENGTH_BYTES, true) % AS_IS;
}

/**
 * The slots of batches [from, to), one after the other, from the bytes that `placeOfSlots` tells. `starts[batch]` keys
 * are listed before each batch. Throws `CorruptFile`, which names the blob.
 */
export function unpackSlots(
  bytes: Uint8Array,
  directory: Uint8Array,
  starts: readonly number[],
  from: number,
  to: number,
  blob: string,
): BigInt64Array {
  const lengths = lengthsOf(directory);
  const slots = new BigInt64Array(starts[to]! - starts[from]!);
  let at = 0;
  for (let batch = from; batch < to; batch++) {
    const length = lengths(batch);
    const first = starts[batch]! - starts[from]!;
    const own = slots.subarray(first, starts[batch + 1]! - starts[from]!);
    if (at + length > bytes.length) throw corruptSlots(blob);
    if (own.length > 0) unpackFrame(bytes.subarray(at, at + length), isAsIs(directory, batch), own, blob);
    at += length;
  }
  return slots;
}

export function corruptSlots(blob: string, cause?: unknown): OrdinalError {
  return new OrdinalError('CorruptFile', `"${blob}" does not hold the slots that it should`, {
    where: { blob },
    remedy: 'Start the run anew under another ID: work in progress was damaged.',
    cause,
  });
}

function isAsIs({ buffer, byteOffset, byteLength }: Uint8Array, batch: number): boolean {
  return new DataView(buffer, byteOffset, byteLength).getUint32(batch * LENGTH_BYTES, true) >= AS_IS;
}

function unpackFrame(frame: Uint8Array, asIs: boolean, slots: BigInt64Array, blob: string): void {
  let planes: Uint8Array | undefined;
  let cause: unknown;
  try {
    const size = slots.length * SLOT_BYTES;
    planes = asIs ? frame : decompressSized(frame, size);
  } catch (thrown) {
    cause = thrown;
  }
  if (planes?.length !== slots.length * SLOT_BYTES) throw corruptSlots(blob, cause);
  const [low, high] = lowAndHigh(slots);
  readPlanes(high, true, planes, readPlanes(low, true, planes, 0));
}

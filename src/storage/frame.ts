/**
 * A frame: one JSON header and any number of Int32 sections in one blob, little endian. For what a phase leaves for the
 * next one: small facts beside long lists of numbers, which as JSON would take five times the bytes. The split and the
 * resolve write frames, later phases read them. The last character of the mark is the digit of the layout.
 *
 * Layout: `ORD2`, u32 header bytes, u32 section count, u32 length of each section (values), header padded to 4, sections.
 * A section is the byte planes of its numbers' differences: lists of ordinals mostly ascend.
 * Or, where that saves bytes on the way: `ORDZ`, u32 bytes of the frame, the frame compressed (ZSTD).
 */
import { readPlanes, wordsOf, writePlanes } from '../bytes/byte-planes.ts';
import { OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { parseWithBytes, replaceBytes } from './json.ts';
import { isLayout } from './layout.ts';
import { COMPRESSED_MIN, compressQuickly, decompressSized } from './zstd.ts';

const MAGIC = 0x3244524f;
const MAGIC_COMPRESSED = 0x5a44524f;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Packs a header and lists of numbers into one frame, uncompressed.
 * @param header a JSON value
 * @param sections lists of numbers
 * @returns the frame
 */
export function packFrame(header: unknown, sections: readonly Int32Array[]): Uint8Array {
  const json = encoder.encode(JSON.stringify(header, replaceBytes));
  const fixed = 12 + sections.length * 4;
  const jsonEnd = align(fixed + json.length);
  const total = jsonEnd + sections.reduce((sum, section) => sum + section.length * 4, 0);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, json.length, true);
  view.setUint32(8, sections.length, true);
  sections.forEach((section, i) => {
    view.setUint32(12 + i * 4, section.length, true);
  });
  bytes.set(json, fixed);
  let at = jsonEnd;
  for (const section of sections) at = writePlanes(wordsOf(section), true, bytes, at);
  return bytes;
}

/**
 * The same, compressed where it is of some size.
 * @param header a JSON value
 * @param sections lists of numbers
 * @returns the frame, compressed from `COMPRESSED_MIN` bytes on
 */
export function packCompressedFrame(header: unknown, sections: readonly Int32Array[]): Uint8Array {
  const frame = packFrame(header, sections);
  if (frame.length < COMPRESSED_MIN) return frame;
  const head = new Uint32Array([MAGIC_COMPRESSED, frame.length]);
  return Buffer.concat([new Uint8Array(head.buffer), compressQuickly(frame)]);
}

/**
 * Reads what `packFrame` or `packCompressedFrame` wrote.
 * @param stored the whole frame
 * @param name name of the blob, for errors
 * @returns header and sections, in memory of their own
 * @throws `CorruptFile` when the bytes are not a frame, `NewerVersion` when they are one of a newer Ordinal
 * @throws `NewerVersion` when a newer Ordinal wrote it
 */
export function unpackFrame(stored: Uint8Array, name: string): { header: unknown; sections: Int32Array[] } {
  const bytes = decompressed(stored, name);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !isLayout(view.getUint32(0, true), MAGIC, name)) throw corrupt(name);
  const jsonLength = view.getUint32(4, true);
  const count = view.getUint32(8, true);
  const fixed = 12 + count * 4;
  let at = align(fixed + jsonLength);
  if (at > bytes.length) throw corrupt(name);
  const sections: Int32Array[] = [];
  for (let i = 0; i < count; i++) {
    const length = view.getUint32(12 + i * 4, true);
    if (at + length * 4 > bytes.length) throw corrupt(name);
    const section = new Int32Array(length);
    at = readPlanes(wordsOf(section), true, bytes, at);
    sections.push(section);
  }
  const header: unknown = parseWithBytes(decoder.decode(bytes.subarray(fixed, fixed + jsonLength)));
  return { header, sections };
}

function decompressed(stored: Uint8Array, name: string): Uint8Array {
  const view = new DataView(stored.buffer, stored.byteOffset, stored.byteLength);
  if (stored.length < 12 || view.getUint32(0, true) !== MAGIC_COMPRESSED) return stored;
  const size = view.getUint32(4, true);
  if (size > limits.blockBytesMax) throw corrupt(name);
  try {
    const bytes = decompressSized(stored.subarray(8), size);
    if (bytes) return bytes;
  } catch (cause) {
    throw corrupt(name, cause);
  }
  throw corrupt(name);
}

function align(n: number): number {
  return (n + 3) & ~3;
}

function corrupt(name: string, cause?: unknown): OrdinalError {
  return new OrdinalError('CorruptFile', `"${name}" is not a frame`, {
    where: { blob: name },
    cause,
    remedy: 'Start the run anew under another ID: work in progress was damaged.',
  });
}

/**
 * How work in progress is compressed: it is written once, read soon, and thrown away. Frames, records and segments call
 * it. It must never be used for published files: those have the source's codec.
 */
import zlib from 'node:zlib';

const { ZSTD_c_compressionLevel: level, ZSTD_c_checksumFlag: checksum } = zlib.constants;

/** Level 1 takes a third of the time of the default, for a tenth more bytes. The checksum finds what was damaged. */
const params = { [level]: 1, [checksum]: 1 };

/** Fewer bytes cost more to compress than to move. */
export const COMPRESSED_MIN = 16 * 1024;

/**
 * One ZSTD frame. It is made in small pieces: room for all of it at once would be fresh memory, and takes longer.
 * @param bytes what to compress
 * @returns one frame, with a checksum
 */
export function compressQuickly(bytes: Uint8Array): Uint8Array {
  return zlib.zstdCompressSync(bytes, { params });
}

/**
 * Decompresses a frame of a known size, in memory of its own. Damage is an error of `node:zlib`.
 * @param frame one ZSTD frame
 * @param size bytes that it must give
 * @returns the bytes; undefined where it holds another number of them
 */
export function decompressSized(frame: Uint8Array, size: number): Uint8Array | undefined {
  // In one piece, with room for the end to be seen. No Buffer, whose `slice` would be a view and not a copy.
  const { buffer, byteOffset, byteLength } = zlib.zstdDecompressSync(frame, {
    chunkSize: size + 64,
    maxOutputLength: size + 64,
  });
  return byteLength === size ? new Uint8Array(buffer, byteOffset, byteLength) : undefined;
}

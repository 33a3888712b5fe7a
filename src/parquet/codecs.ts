/**
 * Page compression. Sizes come from page headers, so an output of any other length than announced is an error, and
 * memory is taken as it is needed where a header could lie. Everything that reads or writes pages calls it.
 *
 * Specification: parquet-format `Compression.md`.
 */
import zlib from 'node:zlib';
import { type ErrorLocation, OrdinalError } from '../errors.ts';
import { limits } from '../limits.ts';
import { corrupt, unsupported } from './fail.ts';
import { lz4Compress, lz4Decompress, lz4HadoopCompress, lz4HadoopDecompress } from './lz4.ts';
import { snappyCompress, snappyDecompress } from './snappy.ts';
import type { Codec } from './types.ts';

/** Speed over ratio: pages are written once and read soon. */
const zstdParams = { [zlib.constants.ZSTD_c_compressionLevel]: 1 };
const brotliQuality = 4;

/** Pages up to this size share memory; larger ones are rare and have their own. */
const scratchBytesMax = 8 << 20;
let scratch = new Uint8Array(0);

/** Memory for a page body that is done with before the next page is opened: fresh memory costs more than the copy. */
function scratchOf(length: number): Uint8Array {
  if (length > scratchBytesMax) return new Uint8Array(length);
  if (length > scratch.length)
    scratch = new Uint8Array(Math.max(length, Math.min(scratchBytesMax, 2 * scratch.length)));
  return scratch.subarray(0, length);
}

/**
 * As `decompress`, but the bytes hold only until the next call.
 * @param codec compression of the chunk's pages
 * @param bytes the stored body
 * @param length bytes that the page header promises
 * @param where place for errors: blob, row group, column
 * @returns the body, valid until the next call
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 * @throws `CorruptFile` when the bytes are not what the format says
 */
export function decompressPage(codec: Codec, bytes: Uint8Array, length: number, where: ErrorLocation): Uint8Array {
  return decompressTo(codec, bytes, length, where, scratchOf);
}

/**
 * Decompresses a page's body.
 * @param codec compression of the chunk's pages
 * @param bytes the stored body
 * @param length bytes that the page header promises
 * @param where place for errors: blob, row group, column
 * @returns exactly `length` bytes
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 * @throws `CorruptFile` when the bytes are not what the format says
 */
export function decompress(codec: Codec, bytes: Uint8Array, length: number, where: ErrorLocation): Uint8Array {
  return decompressTo(codec, bytes, length, where, (size) => new Uint8Array(size));
}

type Allocate = (length: number) => Uint8Array;

function decompressTo(
  codec: Codec,
  bytes: Uint8Array,
  length: number,
  where: ErrorLocation,
  allocate: Allocate,
): Uint8Array {
  if (length > limits.pageBytesMax) {
    const message = `A page of ${length} bytes; the limit is ${limits.pageBytesMax}.`;
    throw new OrdinalError('LimitExceeded', message, { where, remedy: 'Write the file with smaller pages.' });
  }
  let out: Uint8Array;
  try {
    out = inflate(codec, bytes, length, where, allocate);
  } catch (error) {
    if (error instanceof OrdinalError) throw error;
    corrupt(`a ${codec} page cannot be decompressed (${error instanceof Error ? error.message : error})`, where, error);
  }
  if (out.length !== length) corrupt(`a page decompressed to ${out.length} bytes instead of ${length}`, where);
  return out;
}

function inflate(
  codec: Codec,
  bytes: Uint8Array,
  length: number,
  where: ErrorLocation,
  allocate: Allocate,
): Uint8Array {
  if (codec === 'UNCOMPRESSED') return bytes;
  // Readers disagree on whether an empty body is compressed to nothing or to an empty frame.
  if (length === 0 && bytes.length === 0) return bytes;
  switch (codec) {
    case 'SNAPPY':
      return snappyDecompress(bytes, length, allocate);
    case 'GZIP':
      return zlib.gunzipSync(bytes, sized(bytes, length));
    case 'ZSTD':
      return zlib.zstdDecompressSync(bytes, sized(bytes, length));
    case 'BROTLI':
      return zlib.brotliDecompressSync(bytes, sized(bytes, length));
    case 'LZ4_RAW':
      return lz4Decompress(bytes, length);
    case 'LZ4':
      return lz4HadoopDecompress(bytes, length);
    case 'LZO':
      unsupported('The column is compressed with LZO, which is not supported.', where);
  }
}

/** One output buffer of the announced size, unless that size is out of proportion to the input. */
function sized(bytes: Uint8Array, length: number): { chunkSize: number; maxOutputLength: number } {
  const believable = Math.max(1 << 20, bytes.length * 256);
  return { chunkSize: Math.max(64, Math.min(length, believable) + 16), maxOutputLength: Math.max(1, length) };
}

/**
 * Compresses a page's body.
 * @param codec compression of the chunk's pages
 * @param bytes the body
 * @returns the stored body
 * @throws `UnsupportedFile` for LZO
 */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  switch (codec) {
    case 'UNCOMPRESSED':
      return bytes;
    case 'SNAPPY':
      return snappyCompress(bytes);
    case 'GZIP':
      return zlib.gzipSync(bytes);
    case 'ZSTD':
      return zlib.zstdCompressSync(bytes, { params: zstdParams });
    case 'BROTLI':
      return zlib.brotliCompressSync(bytes, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: brotliQuality } });
    case 'LZ4_RAW':
      return lz4Compress(bytes);
    case 'LZ4':
      return lz4HadoopCompress(bytes);
    case 'LZO':
      throw new OrdinalError('UnsupportedFile', 'Compression with LZO is not supported.');
  }
}

/**
 * The decompressors that tests give to hyparquet. Every test that reads a file with hyparquet uses these. They are the
 * package's own but for Brotli, which Node has and the package has in JavaScript, many times slower, and for one case: an
 * empty LZ4 block is the single byte 0, and the package looks for a match behind it.
 * Arrow writes such a block as the dictionary page of a chunk that holds nulls alone.
 *
 * Specification: LZ4 block format, "End of block conditions".
 */
import { brotliDecompressSync } from 'node:zlib';
import { compressors as packaged } from 'hyparquet-compressors';

export const compressors: typeof packaged = {
  ...packaged,
  BROTLI: (input) => new Uint8Array(brotliDecompressSync(input)),
  LZ4_RAW: (input, outputLength) =>
    outputLength === 0 && input.length === 1 && input[0] === 0
      ? new Uint8Array(0)
      : packaged.LZ4_RAW!(input, outputLength),
};

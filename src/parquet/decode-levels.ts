/**
 * What the levels of a chunk say, without its values: which rows are null, and where in a path of groups. The split calls it
 * to hold nulls to the contract, and so do those who read rows one by one. Values are passed over, not read.
 *
 * Specification: parquet-format README.md "Nested Encoding".
 */
import type { ErrorLocation } from '../errors.ts';
import { checkRows, forEachDataPage, locate } from './decode.ts';
import { guarded } from './fail.ts';
import { Validity } from './levels.ts';
import { type ChunkShape, chunkShape, type FetchedChunk } from './pages.ts';

/**
 * Which rows of a chunk hold a value, from its levels alone. `valid` is undefined when all do.
 * @param chunk the chunk, as it was fetched
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @returns the number of nulls, and a byte for each row: 0 where it is null
 * @throws `UnsupportedFile` for a codec, an encoding or a type that is not supported
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeValidity(
  { bytes, meta, leaf, rows }: FetchedChunk,
  where: ErrorLocation,
  shape: ChunkShape = chunkShape(bytes, meta, leaf, where),
): { nulls: number; valid: Uint8Array | undefined } {
  const at = locate(leaf, where);
  checkRows(meta, rows, at);
  if (!leaf.optional) return { nulls: 0, valid: undefined };
  return guarded(at, () => {
    const validity = new Validity(rows);
    forEachDataPage(bytes, meta, leaf, shape, validity, at, () => {});
    return { nulls: validity.nulls, valid: validity.result() };
  });
}

/**
 * The definition level of each row of a chunk of a column in groups: it says which element of the path is null.
 * @param chunk the chunk, as it was fetched
 * @param where place for errors: blob, row group, column
 * @param shape what the chunk's page headers say; read from them when it is left out
 * @returns a level for each row
 * @throws `UnsupportedFile` for a codec or an encoding that is not supported
 * @throws `TruncatedFile` when the bytes end too soon
 * @throws `CorruptFile` when the bytes are not what the format says
 * @throws `LimitExceeded` when sizes that the file states, or values together, exceed what one array may hold
 */
export function decodeNullLevels(
  { bytes, meta, leaf, rows }: FetchedChunk,
  where: ErrorLocation,
  shape: ChunkShape = chunkShape(bytes, meta, leaf, where),
): Uint8Array {
  const at = locate(leaf, where);
  checkRows(meta, rows, at);
  return guarded(at, () => {
    const levels = new Uint8Array(rows);
    const validity = new Validity(rows, levels);
    forEachDataPage(bytes, meta, leaf, shape, validity, at, () => {});
    return levels;
  });
}

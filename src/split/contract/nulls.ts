/**
 * Nulls of a chunk that the contract does not let be null, found from its levels alone. A contract column calls it where
 * the footer does not say that there is none. Of a leaf in groups it matters which element of the path is null.
 */
import { decodeNullLevels, decodeValidity } from '../../parquet/decode-levels.ts';
import type { ChunkShape } from '../../parquet/pages.ts';
import { nullElements } from '../../source/row-cells.ts';
import { chunkLocation, type SourceChunk } from '../../source/source-chunk.ts';

/**
 * 1 for each row of a chunk that is refused; undefined when there is none.
 *
 * @param nullableAt by element of the column's path: whether null passes there. One for a column of the root.
 */
export function refusedNulls(
  { bytes, meta, leaf, rows, rowGroup, blob, window }: SourceChunk,
  shape: ChunkShape,
  nullableAt: readonly boolean[],
): Uint8Array | undefined {
  const chunk = { bytes, meta, leaf, rows, rowGroup, blob };
  const at = chunkLocation(chunk);
  let bits: Uint8Array;
  if (leaf.path) {
    const refused = nullElements(leaf).map((element) => (nullableAt[element] ? 0 : 1));
    bits = decodeNullLevels(chunk, at, shape).map((level) => refused[level] ?? 0);
  } else {
    // A flat column does not say what is null of a path.
    if (nullableAt.includes(true)) return undefined;
    const { valid } = decodeValidity(chunk, at, shape);
    if (!valid) return undefined;
    bits = valid.map((bit) => 1 - bit);
  }
  return window ? bits.subarray(window.from, window.to) : bits;
}

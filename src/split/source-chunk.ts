/** Column chunks of a source blob, as they were fetched, and where their rows are. */
import type { ErrorLocation } from '../errors.ts';
import { decodeChunk } from '../parquet/decode.ts';
import { type ChunkShape, chunkShape } from '../parquet/pages.ts';
import type { ChunkMeta, Column, Leaf } from '../parquet/types.ts';

export interface SourceChunk {
  leaf: Leaf;
  meta: ChunkMeta;
  bytes: Uint8Array;
  rows: number;
  rowGroup: number;
}

/** Where a unit's rows come from: consecutive row groups of one blob. */
export interface UnitPlace {
  blob: string;
  /** Row number, in the blob, of the unit's first row. */
  firstRow: number;
  rowGroups: readonly { rowGroup: number; rows: number }[];
}

/** A row of a unit, for an error message. */
export function locationOf(place: UnitPlace, row: number): ErrorLocation {
  let rest = row;
  let at = place.rowGroups[0];
  for (const group of place.rowGroups) {
    at = group;
    if (rest < group.rows) break;
    rest -= group.rows;
  }
  return { blob: place.blob, ...(at && { rowGroup: at.rowGroup }), row: place.firstRow + row };
}

export function chunkLocation(chunk: SourceChunk, blob: string): ErrorLocation {
  return { blob, rowGroup: chunk.rowGroup, column: chunk.leaf.name };
}

export function shapeOfChunk(chunk: SourceChunk, blob: string): ChunkShape {
  return chunkShape(chunk.bytes, chunk.meta, chunk.leaf, chunkLocation(chunk, blob));
}

export function decodeSource(chunk: SourceChunk, blob: string, shape: ChunkShape): Column {
  return decodeChunk(chunk.bytes, chunk.meta, chunk.leaf, chunk.rows, chunkLocation(chunk, blob), shape);
}

/** Column chunks of a source blob, as they were fetched, and where their rows are. */
import { type ErrorLocation, locating } from '../errors.ts';
import { limits } from '../limits.ts';
import { cutRows } from '../parquet/columns.ts';
import { decodeChunk } from '../parquet/decode.ts';
import { checkCrc } from '../parquet/page-body.ts';
import { type ChunkShape, chunkShape, type Page } from '../parquet/pages.ts';
import type { ChunkMeta, Column, Leaf } from '../parquet/types.ts';
import { checkBytes } from '../parquet/values.ts';

export interface SourceChunk {
  leaf: Leaf;
  meta: ChunkMeta;
  bytes: Uint8Array;
  /** Of the whole chunk. */
  rows: number;
  rowGroup: number;
  /** Only these rows of the chunk are meant: its row group is too large to be decoded at once. */
  window?: Window;
}

/** Rows [from, to) of a row group. */
export interface Window {
  from: number;
  to: number;
}

/** Rows of a unit that a chunk has. */
export function rowsOf({ rows, window }: SourceChunk): number {
  return window ? window.to - window.from : rows;
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

/** Holds the pages of a chunk that is not decoded to the CRCs that they state. Throws `CorruptFile`. */
export function checkPages(chunk: SourceChunk, blob: string, shape: ChunkShape): void {
  for (const page of shape.pages) if (page.crc !== undefined) checkCrc(chunk.bytes, page, chunkLocation(chunk, blob));
}

/** Throws `LimitExceeded` when pages that are to be decoded together are too large, whatever the footer says of them. */
export function checkPageBytes(pages: readonly Page[], at: ErrorLocation): void {
  const bytes = pages.reduce((sum, page) => sum + page.uncompressedLength, 0);
  locating(at, () => checkBytes(bytes, limits.columnBytesMax));
}

/** Decodes what is meant of a chunk; indices of whole chunks in memory that `allocate` gives. */
export function decodeSource(
  chunk: SourceChunk,
  blob: string,
  shape: ChunkShape,
  allocate: (length: number) => Int32Array,
): Column {
  const at = chunkLocation(chunk, blob);
  const { bytes, meta, leaf, rows, window } = chunk;
  if (!window) {
    checkPageBytes(shape.pages, at);
    return decodeChunk(bytes, meta, leaf, rows, at, shape, allocate);
  }
  const pages: Page[] = [];
  let first = 0;
  let end = 0;
  for (const page of shape.pages) {
    const start = end;
    if (page.kind !== 'dictionary') end += page.numValues;
    const outside = page.kind !== 'dictionary' && (end <= window.from || start >= window.to);
    if (outside && end <= window.from) first = end;
    if (!outside) pages.push(page);
  }
  checkPageBytes(pages, at);
  const count = pages.reduce((sum, page) => sum + (page.kind === 'dictionary' ? 0 : page.numValues), 0);
  const column = decodeChunk(bytes, { ...meta, numValues: count }, leaf, count, at, { ...shape, pages });
  return cutRows(column, leaf.type, window.from - first, window.to - first);
}

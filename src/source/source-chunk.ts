/**
 * Column chunks of a source blob as they were fetched, and the row groups that their rows are in. The split, the
 * resolve of changes and the units use these types. Nothing is decoded here.
 */
import { type ErrorLocation, locating } from '../errors.ts';
import { limits } from '../limits.ts';
import { cutRows } from '../parquet/columns.ts';
import { decodeChunk } from '../parquet/decode.ts';
import { checkCrc } from '../parquet/page-body.ts';
import { type ChunkShape, chunkShape, type Page } from '../parquet/pages.ts';
import type { ChunkMeta, Column, Leaf } from '../parquet/types.ts';
import { checkBytes } from '../parquet/values.ts';

export interface SourceChunk {
  /** The source blob that the chunk is of. */
  blob: string;
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

/** Rows of a unit that come from one row group of one blob. */
export interface UnitPiece {
  blob: string;
  rowGroup: number;
  /** Number, within the unit, of the piece's first row. */
  start: number;
  /** Row number, in the blob, of the piece's first row. */
  firstRow: number;
}

/** Where a unit's rows come from: row groups of one blob, or of several that follow each other. */
export interface UnitPlace {
  /** Row number, in the batch, of the unit's first row. */
  row: number;
  rows: number;
  /** In order of `start`. Never empty. */
  pieces: readonly UnitPiece[];
}

/** A row of a unit as it is found in its source: blob, row group, and row number in the blob. */
export function locationOf({ pieces }: UnitPlace, row: number): { blob: string; rowGroup: number; row: number } {
  const { blob, rowGroup, start, firstRow } = pieces[lastAtMost(pieces, row, (piece) => piece.start)]!;
  return { blob, rowGroup, row: firstRow + row - start };
}

/** Of items whose starts ascend, the last one that begins at `row` or before; the first one where none does. */
export function lastAtMost<T>(items: readonly T[], row: number, startOf: (item: T) => number): number {
  let low = 0;
  let high = items.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if (startOf(items[middle]!) <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function chunkLocation(chunk: SourceChunk): ErrorLocation {
  return { blob: chunk.blob, rowGroup: chunk.rowGroup, column: chunk.leaf.name };
}

export function shapeOfChunk(chunk: SourceChunk): ChunkShape {
  return chunkShape(chunk.bytes, chunk.meta, chunk.leaf, chunkLocation(chunk));
}

/** Holds the pages of a chunk that is not decoded to the CRCs that they state. Throws `CorruptFile`. */
export function checkPages(chunk: SourceChunk, shape: ChunkShape): void {
  for (const page of shape.pages) if (page.crc !== undefined) checkCrc(chunk.bytes, page, chunkLocation(chunk));
}

/** Throws `LimitExceeded` when pages that are to be decoded together are too large, whatever the footer says of them. */
export function checkPageBytes(pages: readonly Page[], at: ErrorLocation): void {
  const bytes = pages.reduce((sum, page) => sum + page.uncompressedLength, 0);
  locating(at, () => checkBytes(bytes, limits.columnBytesMax));
}

/** Decodes what is meant of a chunk; indices of whole chunks in memory that `allocate` gives. */
export function decodeSource(chunk: SourceChunk, shape: ChunkShape, allocate: (length: number) => Int32Array): Column {
  const at = chunkLocation(chunk);
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

/**
 * The first rows of a Parquet file, for people to look at. `src/http/rows.ts` calls it. Of each column only the pages
 * that hold these rows are read, so that a file of gigabytes costs little; it must never read a whole large file.
 */
import { z } from 'zod';
import { shownValue } from '../documents/shown-value.ts';
import { type ErrorLocation, OrdinalError } from '../errors.ts';
import { decodeChunk, reader, typeText } from '../parquet/index.ts';
import { chunkShape } from '../parquet/pages.ts';
import type { ChunkMeta, Leaf } from '../parquet/types.ts';
import { type PinnedBlob, readFooter, readPinned } from '../source/source-file.ts';
import type { BlobStore } from '../storage/store.ts';

const count = z.int().nonnegative();

export const fileRowsSchema = z.object({
  container: z.string(),
  blob: z.string(),
  bytes: count,
  rowsTotal: count.describe('Rows of the file.'),
  columns: z.array(z.object({ name: z.string(), type: z.string(), optional: z.boolean() })),
  rows: z
    .array(z.array(z.unknown()))
    .describe('The first rows: a value for each column. 64-bit integers are decimal texts, times ISO texts.'),
});
export type FileRows = z.infer<typeof fileRowsSchema>;

/** Bytes of a column that are read, at first and when they do not hold the rows. */
const PREFIXES = [128 * 1024, 2 * 1024 * 1024, 32 * 1024 * 1024];
/** Row groups that are opened: of a file with tiny ones, fewer rows are shown. */
const GROUPS_MAX = 8;

/**
 * Reads the first rows of a file.
 *
 * @param rowsMax the most rows.
 * @returns undefined when there is no such blob.
 * @throws OrdinalError `LimitExceeded` when a column's first page is larger than is read for a look, and what the reader
 *   throws for a damaged file.
 */
export async function firstRows(
  store: BlobStore,
  container: string,
  blob: string,
  rowsMax: number,
): Promise<FileRows | undefined> {
  const found = await store.head(container, blob);
  if (!found) return undefined;
  const file = { blob, etag: found.etag, size: found.size };
  const meta = await readFooter(store, container, file);
  const leaves = meta.leaves.filter(({ nested }) => !nested);
  const rows: unknown[][] = [];
  for (const [g, group] of meta.rowGroups.slice(0, GROUPS_MAX).entries()) {
    const wanted = Math.min(rowsMax - rows.length, group.rows);
    if (wanted <= 0) break;
    const columns = await Promise.all(
      leaves.map((leaf) => firstValues(store, container, file, leaf, group.chunks[leaf.ordinal]!, wanted, g)),
    );
    for (let row = 0; row < wanted; row++) rows.push(columns.map((values) => values[row]));
  }
  return {
    container,
    blob,
    bytes: found.size,
    rowsTotal: meta.rows,
    columns: leaves.map(({ name, type, optional }) => ({ name, type: typeText(type), optional })),
    rows,
  };
}

async function firstValues(
  store: BlobStore,
  container: string,
  file: PinnedBlob,
  leaf: Leaf,
  chunk: ChunkMeta,
  rows: number,
  rowGroup: number,
): Promise<unknown[]> {
  const where = { blob: file.blob, rowGroup, column: leaf.name };
  for (const prefix of PREFIXES) {
    const length = Math.min(prefix, chunk.length);
    const bytes = await readPinned(store, container, file, chunk.start, length);
    try {
      return valuesOf(bytes, { ...chunk, length }, leaf, rows, where);
    } catch (thrown) {
      // What was read may end within the first pages: then more of it is read.
      if (length === chunk.length || !(thrown instanceof OrdinalError)) throw thrown;
    }
  }
  throw new OrdinalError('LimitExceeded', `the first page of column "${leaf.name}" is too large for a look`, {
    where,
    remedy: 'Read the file with another program.',
  });
}

function valuesOf(bytes: Uint8Array, chunk: ChunkMeta, leaf: Leaf, rows: number, where: ErrorLocation): unknown[] {
  const shape = chunkShape(bytes, chunk, leaf, where, rows);
  const numValues = shape.pages.reduce((sum, page) => sum + (page.kind === 'dictionary' ? 0 : page.numValues), 0);
  const column = decodeChunk(bytes, { ...chunk, numValues }, leaf, numValues, where, shape);
  const read = reader(leaf.type, 'any');
  return Array.from({ length: rows }, (_, row) => {
    if (column.form === 'dictionary') {
      const entry = column.indices[row]!;
      return entry < 0 ? null : shownValue(read(column.dictionary, entry));
    }
    return column.valid?.[row] === 0 ? null : shownValue(read(column.values, row));
  });
}

/** Builds files from encoded chunks and takes chunks out of files. */
import { decodeChunk } from '../../../src/parquet/decode.ts';
import { parseFooter } from '../../../src/parquet/footer-read.ts';
import { writeFooter } from '../../../src/parquet/footer-write.ts';
import { placeChunk } from '../../../src/parquet/table.ts';
import type { ChunkMeta, Column, ColumnType, EncodedChunk, FileMeta, Values } from '../../../src/parquet/types.ts';
import { bytesAt, gather } from '../../../src/parquet/values.ts';

export interface NamedChunks {
  name: string;
  type: ColumnType;
  optional: boolean;
  /** By row group. */
  chunks: EncodedChunk[];
}

/** A whole file of encoded chunks; row counts come from the chunks. */
export function fileOf(columns: NamedChunks[], keyValues: Record<string, string> = {}): Uint8Array {
  const parts: Uint8Array[] = [new TextEncoder().encode('PAR1')];
  let offset = 4;
  const groups = columns[0]?.chunks.length ?? 0;
  const rowGroups = Array.from({ length: groups }, (_, g) => {
    const chunks = columns.map((column): ChunkMeta => {
      const chunk = column.chunks[g]!;
      const meta = placeChunk(chunk, offset);
      parts.push(...chunk.parts);
      offset += meta.length;
      return meta;
    });
    return { rows: chunks[0]!.numValues, chunks };
  });
  const rows = rowGroups.reduce((sum, group) => sum + group.rows, 0);
  const leaves = columns.map(({ name, type, optional }) => ({ name, type, optional }));
  parts.push(writeFooter({ leaves, rowGroups, rows, keyValues, createdBy: 'ordinal version 0.1.0 (build test)' }));
  return Buffer.concat(parts);
}

/** Bytes of one chunk of a file. */
export function chunkBytes(file: Uint8Array, meta: ChunkMeta): Uint8Array {
  return file.subarray(meta.start, meta.start + meta.length);
}

/** Decodes one chunk of a file. */
export function decodeAt(file: Uint8Array, footer: FileMeta, rowGroup: number, ordinal: number): Column {
  const group = footer.rowGroups[rowGroup]!;
  const meta = group.chunks[ordinal]!;
  const where = { blob: 'test', rowGroup };
  return decodeChunk(chunkBytes(file, meta), meta, footer.leaves[ordinal]!, group.rows, where);
}

export function footerOf(file: Uint8Array): FileMeta {
  return parseFooter(file, file.length, 'test');
}

/** A column with one value per row, whatever its form. */
export function plainOf(column: Column): { values: Values; valid: Uint8Array | undefined } {
  if (column.form === 'plain') return column;
  const valid = column.nulls > 0 ? Uint8Array.from(column.indices, (index) => (index < 0 ? 0 : 1)) : undefined;
  return { values: gather(column.dictionary, column.indices), valid };
}

/** Whether value i of `a` and value j of `b` are the same bytes (so NaN equals NaN, and -0 differs from 0). */
function equalAt(a: Values, i: number, b: Values, j: number): boolean {
  if (a.kind === 'bytes' || a.kind === 'fixed') {
    return (b.kind === 'bytes' || b.kind === 'fixed') && Buffer.compare(bytesAt(a, i), bytesAt(b, j)) === 0;
  }
  return a.kind === b.kind && Object.is(a.data[i], b.data[j]);
}

/** The first row at which two columns differ, or -1. */
export function firstDifference(
  a: { values: Values; valid: Uint8Array | undefined },
  b: { values: Values; valid: Uint8Array | undefined },
): number {
  if (a.values.length !== b.values.length) return Math.min(a.values.length, b.values.length);
  for (let r = 0; r < a.values.length; r++) {
    const presentA = a.valid === undefined || a.valid[r] !== 0;
    const presentB = b.valid === undefined || b.valid[r] !== 0;
    if (presentA !== presentB) return r;
    if (presentA && !equalAt(a.values, r, b.values, r)) return r;
  }
  return -1;
}

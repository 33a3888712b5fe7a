/**
 * Fragments: a fragment is one row group of an entity's output, in two halves. The static half is written when rows are
 * split. The late half holds the IDs and is written when they are known. Both are staged as blocks, in schema order:
 *
 *     late: [id chunk][dictionary of ref A]   static: [pages of ref A]   late: [dictionary of ref B]   static: ...
 *
 * A small static block may be held back, and becomes one block together with its late neighbours. This file describes
 * the halves; `write-fragment.ts` writes the static one, and `seal-fragment.ts` the late one.
 */
import { z } from 'zod';
import { limits } from '../limits.ts';
import { codecs, encodings } from '../parquet/constants.ts';
import type { EncodedChunkMeta, PageEncodingCount } from '../parquet/types.ts';
import { memberIdSchema } from '../sequence/id-range.ts';
import { badFileSchema } from './bad-files.ts';

export const codecSchema = z.enum(codecs);
const encoding = z.enum(encodings.filter((name) => name !== undefined));

const count = z.int().nonnegative();

/** The ID that a reference has for key -1, a missing key; null where it is absent. */
const missing = memberIdSchema.exactOptional();

const statistics = z.object({
  nullCount: count.exactOptional(),
  distinctCount: count.exactOptional(),
  minValue: z.instanceof(Uint8Array).exactOptional(),
  maxValue: z.instanceof(Uint8Array).exactOptional(),
  minExact: z.boolean().exactOptional(),
  maxExact: z.boolean().exactOptional(),
});

const pageEncodings = z.array(
  z.object({ page: z.enum(['dictionary', 'v1', 'v2']), encoding, count }),
) satisfies z.ZodType<PageEncodingCount[]>;

/** What a footer says about a chunk, with offsets relative to the chunk's first byte. */
export const chunkMetaSchema: z.ZodType<EncodedChunkMeta> = z.object({
  codec: codecSchema,
  encodings: z.array(encoding),
  numValues: count,
  length: count,
  uncompressedLength: count,
  dictionaryPageOffset: count.exactOptional(),
  dataPageOffset: count,
  statistics: statistics.exactOptional(),
  pageEncodings: pageEncodings.exactOptional(),
});

/** Index pages of a foreign key, staged before its dictionary exists. */
const indexPages = z.object({
  codec: codecSchema,
  /** Bytes of the pages, headers included, as stored and when decompressed. */
  length: count,
  uncompressedLength: count,
  encodings: z.array(encoding),
  pageEncodings: pageEncodings.exactOptional(),
  numValues: count,
  nulls: count,
});

export const fragmentColumnSchema = z.discriminatedUnion('kind', [
  /** Written whole at split. */
  z.object({ kind: z.literal('static'), meta: chunkMetaSchema }),
  /** A chunk of the source that the service copies, unread: its first byte in the source blob. */
  z.object({ kind: z.literal('copied'), meta: chunkMetaSchema, start: count }),
  /** The row's own ID, or another ID from a sequence. */
  z.object({ kind: z.literal('id'), sequence: z.string() }),
  /** A foreign key whose pages are staged; section `keys` has the batch-local key ordinal of each dictionary entry. */
  z.object({ kind: z.literal('ref'), target: z.string(), keys: count, pages: indexPages, missing }),
  /**
   * A foreign key whose IDs stand in the rows themselves, written whole at seal: section `keys` has the batch-local key
   * ordinal of each row, -1 for null.
   */
  z.object({ kind: z.literal('plainRef'), target: z.string(), keys: count, codec: codecSchema, missing }),
  /**
   * A foreign key of a keyed entity's rows, written whole at seal: sections `batches` and `keys` say, row by row, which
   * key of which batch is meant. Key -1 is a missing one; batch -1 stands where no source row describes the row.
   */
  z.object({
    kind: z.literal('lateRef'),
    target: z.string(),
    batches: count,
    keys: count,
    codec: codecSchema,
    missing,
  }),
  /**
   * The ID that a rows entity gave to the same source row: section `rows` has its row number within that entity's rows
   * of the same batch, -1 for null; without a section, it is `first` + position.
   */
  z.object({
    kind: z.literal('rowRef'),
    target: z.string(),
    rows: count.exactOptional(),
    first: count,
    codec: codecSchema,
  }),
]);
export type FragmentColumn = z.infer<typeof fragmentColumnSchema>;

export const fragmentSchema = z.object({
  /** Number of the row group within its owner. */
  rowGroup: count,
  rows: z.int().positive(),
  /** CRC-32 of the static segments, by segment; 0 for late ones, and null for those that the service copies. */
  checksums: z.array(count.nullable()).exactOptional(),
  /** By segment: where a static segment that was held back begins in the batch's held bytes; null for all others. */
  held: z.array(count.nullable()).exactOptional(),
  columns: z.array(fragmentColumnSchema),
});
export type Fragment = z.infer<typeof fragmentSchema>;

/**
 * The longest run of a row group's bytes that is written at one time: one block, or a part of one with its neighbours.
 */
export interface Segment {
  late: boolean;
  /** Where the source blob has the bytes, of a segment that the service copies. */
  source?: { start: number; length: number };
  pieces: { column: number; part: 'whole' | 'dictionary' | 'pages' }[];
}

/** The blocks of a row group, in the order of their bytes. */
export function segmentsOf(columns: readonly FragmentColumn[]): Segment[] {
  const segments: Segment[] = [];
  const add = (late: boolean, piece: Segment['pieces'][number]) => {
    const last = segments.at(-1);
    if (last?.late === late && !last.source) last.pieces.push(piece);
    else segments.push({ late, pieces: [piece] });
  };
  const copy = (start: number, length: number, piece: Segment['pieces'][number]) => {
    const last = segments.at(-1);
    const { source } = last ?? {};
    const follows = source && source.start + source.length === start;
    if (last && follows && source.length + length <= limits.joinedCopyBytesMax) {
      last.pieces.push(piece);
      source.length += length;
    } else segments.push({ late: false, source: { start, length }, pieces: [piece] });
  };
  columns.forEach((described, column) => {
    const { kind } = described;
    if (kind === 'ref') {
      add(true, { column, part: 'dictionary' });
      add(false, { column, part: 'pages' });
    } else if (kind === 'copied') {
      copy(described.start, described.meta.length, { column, part: 'whole' });
    } else {
      add(kind !== 'static', { column, part: 'whole' });
    }
  });
  return segments;
}

/** What a split leaves for the later phases: a frame whose sections the fragments refer to by number. */
export const splitRecordSchema = z.object({
  batch: count,
  /** Source rows. */
  rows: count,
  /** By rows entity: its row groups. */
  fragments: z.record(z.string(), z.array(fragmentSchema)),
  /** By keyed entity: distinct keys of the batch. */
  keys: z.record(z.string(), count),
  /** Files of the batch that were set aside when their pages were read; absent for none. */
  badFiles: z.array(badFileSchema).exactOptional(),
  /** Which bytes of the batch its staged blocks hold: a batch is begun anew where a file is set aside. Absent for 0. */
  revision: z.int().positive().exactOptional(),
  /** Source rows that the contract refused; absent for none. */
  rejected: count.exactOptional(),
  /** Accepted source rows that no rows entity took; absent for none. */
  unrouted: count.exactOptional(),
  /** Accepted rows that no rows entity took, and that gave a key to a keyed entity. */
  keysOnly: count.exactOptional(),
});
export type SplitRecord = z.infer<typeof splitRecordSchema>;

export interface SplitBatch {
  record: SplitRecord;
  /** The lists that the record refers to by number. */
  sections: Int32Array[];
  /** By keyed entity: its key list as a Parquet table. */
  keyLists: Map<string, Uint8Array>;
  /** The refused values as a Parquet table, and the rows that held them; undefined when there are none. */
  rejected: Uint8Array | undefined;
  rejectedRows: Uint8Array | undefined;
}

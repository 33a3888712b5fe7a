/**
 * The late half of a fragment: everything that holds IDs. The rows' own IDs are an arithmetic run. A foreign key gets
 * its dictionary page, in front of pages that were staged at the split. `activity.ts` calls it; nothing is decoded.
 */

import { type Fragment, type FragmentColumn, segmentsOf } from '../documents/split-record.ts';
import { invariant } from '../errors.ts';
import {
  encodeColumn,
  encodeDictionaryPage,
  encodeInt64Sequence,
  type Int64Run,
  statisticsOf,
} from '../parquet/index.ts';
import type { ColumnType, EncodedChunkMeta, Values } from '../parquet/types.ts';

const int64: ColumnType = { physical: 'INT64' };

/** What binds a fragment's columns to IDs. */
export interface Binding {
  idEncoding: 'plain' | 'delta';
  /** Codec of ID columns. */
  codec: EncodedChunkMeta['codec'];
  /** IDs of the fragment's own rows for one of its ID columns. */
  ownIds(column: number): Int64Run[];
  /** Whether columns must be PLAIN, since their readers know no dictionaries. */
  plain: boolean;
  /** IDs of keys of one batch's list for a keyed entity. */
  keyIds(target: string, keys: Int32Array): BigInt64Array;
  /** IDs of keys of several batches, row by row; -1 for null. */
  keyIdsOfBatches(target: string, batches: Int32Array, keys: Int32Array): { ids: BigInt64Array; valid: Uint8Array };
  /** IDs that a rows entity gave to its rows `first`, ... of the batch; or to the given rows, -1 for null. */
  rowIds(target: string, first: number, rows: number): Int64Run[];
  rowIdsAt(target: string, rows: Int32Array): { ids: BigInt64Array; valid: Uint8Array };
  optional(column: number): boolean;
}

export interface SealedFragment {
  rows: number;
  /** By column: complete. */
  chunks: EncodedChunkMeta[];
  blocks: SealedBlock[];
}

/** One segment of the fragment that was staged at the split, or neighbours that are staged together now. */
export interface SealedBlock {
  /** Number of the first segment. */
  segment: number;
  /** The bytes to stage; undefined for what is staged. */
  parts: Uint8Array[] | undefined;
  length: number;
}

/** Gives a segment that was held back at the split. */
export type HeldSegment = (segment: number, length: number) => Uint8Array;

interface LateColumn {
  meta: EncodedChunkMeta;
  parts: Uint8Array[];
}

/** Writes the late half and completes the row group's chunk metadata. `sections` are the record's lists. */
export function sealFragment(
  fragment: Fragment,
  sections: readonly Int32Array[],
  binding: Binding,
  held: HeldSegment,
): SealedFragment {
  const late = fragment.columns.map((column, c) => lateColumn(column, c, fragment.rows, sections, binding));
  const chunks = fragment.columns.map((column, c) => ('meta' in column ? column.meta : late[c]!.meta));
  const blocks: SealedBlock[] = [];
  segmentsOf(fragment.columns).forEach((segment, s) => {
    let length = 0;
    for (const piece of segment.pieces) {
      const column = fragment.columns[piece.column]!;
      if (piece.part === 'pages') length += column.kind === 'ref' ? column.pages.length : 0;
      else if (piece.part === 'dictionary') length += late[piece.column]!.parts[0]!.byteLength;
      else length += chunks[piece.column]!.length;
    }
    let parts: Uint8Array[] | undefined;
    if (segment.late) parts = segment.pieces.flatMap((piece) => late[piece.column]!.parts);
    else if (typeof fragment.held?.[s] === 'number') parts = [held(s, length)];
    const last = blocks.at(-1);
    if (last?.parts && parts) {
      last.parts.push(...parts);
      last.length += length;
    } else blocks.push({ segment: s, parts, length });
  });
  const bytes = blocks.reduce((sum, block) => sum + block.length, 0);
  invariant(bytes === chunks.reduce((sum, chunk) => sum + chunk.length, 0), 'blocks and chunks have the same bytes');
  return { rows: fragment.rows, chunks, blocks };
}

function lateColumn(
  column: FragmentColumn,
  c: number,
  rows: number,
  sections: readonly Int32Array[],
  binding: Binding,
): LateColumn | undefined {
  switch (column.kind) {
    case 'static':
    case 'copied':
      return undefined;
    case 'id':
      return idRuns(binding.ownIds(c), rows, binding.codec, binding);
    case 'ref':
      return foreignKey(column, sections[column.keys]!, binding);
    case 'lateRef': {
      const batches = sections[column.batches]!;
      const found = binding.keyIdsOfBatches(column.target, batches, sections[column.keys]!);
      // A row that nothing describes is of no batch.
      const { ids, valid } = withMissing(found, column.missing, (row) => batches[row]! >= 0);
      return idValues(ids, valid, column.codec, c, binding);
    }
    case 'plainRef': {
      const { ids, valid } = withMissing(keyIdsByRow(column.target, sections[column.keys]!, binding), column.missing);
      return idValues(ids, valid, column.codec, c, binding);
    }
    case 'rowRef': {
      if (column.rows === undefined) {
        // A column that may hold nulls in other row groups has levels here too.
        if (!binding.optional(c))
          return idRuns(binding.rowIds(column.target, column.first, rows), rows, column.codec, binding);
        const all = Int32Array.from({ length: rows }, (_, row) => column.first + row);
        const { ids, valid } = binding.rowIdsAt(column.target, all);
        return idValues(ids, valid, column.codec, c, binding);
      }
      const { ids, valid } = binding.rowIdsAt(column.target, sections[column.rows]!);
      return idValues(ids, valid, column.codec, c, binding);
    }
  }
}

function idRuns(ranges: Int64Run[], rows: number, codec: EncodedChunkMeta['codec'], binding: Binding): LateColumn {
  const chunk = encodeInt64Sequence(ranges, { encoding: binding.idEncoding, codec });
  invariant(chunk.meta.numValues === rows, 'one ID for each row');
  return chunk;
}

function idValues(
  ids: BigInt64Array,
  valid: Uint8Array,
  codec: EncodedChunkMeta['codec'],
  c: number,
  { optional, plain }: Binding,
): LateColumn {
  let nulls = 0;
  for (const bit of valid) if (bit === 0) nulls++;
  const values: Values = { kind: 'int64', length: ids.length, data: ids };
  return encodeColumn(
    { form: 'plain', rows: ids.length, nulls, values, valid: nulls > 0 ? valid : undefined },
    int64,
    optional(c),
    codec,
    { plain },
  );
}

/** IDs, and 0 for each place that has none. */
interface FoundIds {
  ids: BigInt64Array;
  valid: Uint8Array;
}

/** The same IDs, with that of the unknown member in the places that have none and are `named` by a row. */
function withMissing(found: FoundIds, missing: string | undefined, named = (_: number): boolean => true): FoundIds {
  if (missing === undefined) return found;
  const { ids, valid } = found;
  const id = BigInt(missing);
  for (let i = 0; i < ids.length; i++) {
    if (valid[i] === 1 || !named(i)) continue;
    ids[i] = id;
    valid[i] = 1;
  }
  return found;
}

/** IDs of keys row by row, where -1 is null. */
function keyIdsByRow(target: string, keys: Int32Array, { keyIds }: Binding): FoundIds {
  const valid = Uint8Array.from(keys, (key) => (key < 0 ? 0 : 1));
  const known = keyIds(
    target,
    keys.filter((key) => key >= 0),
  );
  const ids = new BigInt64Array(keys.length);
  let next = 0;
  for (let row = 0; row < keys.length; row++) if (valid[row] === 1) ids[row] = known[next++]!;
  return { ids, valid };
}

/** The dictionary page in front of staged pages. */
function foreignKey(column: Extract<FragmentColumn, { kind: 'ref' }>, keys: Int32Array, binding: Binding): LateColumn {
  const { pages } = column;
  const { target, missing } = column;
  const ids =
    missing === undefined ? binding.keyIds(target, keys) : withMissing(keyIdsByRow(target, keys, binding), missing).ids;
  const values: Values = { kind: 'int64', length: ids.length, data: ids };
  const page = encodeDictionaryPage(values, pages.codec);
  return {
    parts: [page.bytes],
    meta: {
      codec: pages.codec,
      encodings: pages.encodings,
      ...(pages.pageEncodings && { pageEncodings: pages.pageEncodings }),
      numValues: pages.numValues,
      length: page.bytes.byteLength + pages.length,
      uncompressedLength: page.uncompressedLength + pages.uncompressedLength,
      dictionaryPageOffset: 0,
      dataPageOffset: page.bytes.byteLength,
      // Every entry is some row's key, so the dictionary's bounds are the column's.
      statistics: statisticsOf(values, int64, undefined, pages.nulls),
    },
  };
}

/**
 * Writes the static half of a fragment: the columns of a rows entity's row group that need no ID, and the index pages of
 * those that do. The batch calls it. Each column chunk goes the cheapest way that is exact:
 *
 * 1. copied: the contract changed nothing and no row was dropped: the source's bytes as they are, here or by the service;
 * 2. dictionary: the source's data pages as they are, behind a dictionary of mapped values or, later, of IDs;
 * 3. encoded: decoded values, gathered for the selected rows, encoded anew.
 */

import type { Fragment, FragmentColumn } from '../../documents/split-record.ts';
import { invariant, OrdinalError } from '../../errors.ts';
import { encodeColumn, encodeIndexPages, encodePlain } from '../../parquet/encode.ts';
import { encodeInt64Sequence } from '../../parquet/int64-sequence.ts';
import { outputCodec, plainOnly, type Readers } from '../../parquet/readers.ts';
import { pagesForOtherDictionary } from '../../parquet/reused-pages.ts';
import type { Codec, Column, EncodedChunk, Values } from '../../parquet/types.ts';
import { allocate } from '../../parquet/values.ts';
import type { CompiledPipeline, OutColumn, RowsEntity } from '../../pipeline/compiled.ts';
import type { PinnedBlob } from '../../source/source-file.ts';
import { entriesOf } from '../contract/string-pool.ts';
import { type FedKeys, feedKey } from '../keys/fed-keys.ts';
import type { Selection, SourceUnit } from '../source-unit.ts';
import type { UnitColumn } from '../unit-column.ts';
import type { UnreadChunk } from '../unread-chunks.ts';
import { evaluate } from './evaluate.ts';
import {
  behindDictionary,
  copiedChunk,
  encodingsOf,
  mapDictionary,
  type OutLeafType,
  pageEncodingsOf,
  reusable,
  unreadMeta,
  usedStatistics,
  type Ways,
} from './reuse-chunk.ts';

/** The static bytes of a column, or of its index pages; undefined for columns that are late altogether. */
export type StaticParts = Uint8Array[] | undefined;

export interface WrittenFragment {
  fragment: Fragment;
  /** By column. */
  parts: StaticParts[];
  /** The source blob that the service copies chunks from, where it does. */
  from?: PinnedBlob;
}

export interface FragmentContext {
  unit: SourceUnit;
  fed: ReadonlyMap<string, FedKeys>;
  outputs: readonly OutLeafType[];
  /** Number of the row group within the batch's output of this entity. */
  rowGroup: number;
  /** Rows that the batch's earlier row groups gave to each rows entity. */
  rowsBefore: ReadonlyMap<string, number>;
  ways: Ways;
  readers: Readers;
  /** Encoding of arithmetic runs. */
  idEncoding: CompiledPipeline['idEncoding'];
  /** Keeps an Int32 list beside the record; returns its number. */
  section(values: Int32Array): number;
}

/** Writes the static half for one unit; undefined when the entity takes no row of it. */
export function writeFragment(entity: RowsEntity, context: FragmentContext): WrittenFragment | undefined {
  const { unit } = context;
  const selection = unit.selection(entity.where && entity.name);
  const rows = selection?.rows.length ?? unit.rows;
  if (rows === 0) return undefined;
  const columns: FragmentColumn[] = [];
  const parts: StaticParts[] = [];
  let from: PinnedBlob | undefined;
  entity.columns.forEach((column, c) => {
    const unread = column.kind === 'copy' ? unit.column(column.source).unread : undefined;
    const written = unread ? passed(unread) : writeColumn(column, entity, context.outputs[c]!, selection, context);
    columns.push(written.column);
    parts.push(written.parts);
    from ??= unread?.file;
  });
  return { fragment: { rowGroup: context.rowGroup, rows, columns }, parts, ...(from && { from }) };
}

interface WrittenColumn {
  column: FragmentColumn;
  parts: StaticParts;
}

function writeColumn(
  column: OutColumn,
  entity: RowsEntity,
  out: OutLeafType,
  selection: Selection | undefined,
  context: FragmentContext,
): WrittenColumn {
  const { unit } = context;
  switch (column.kind) {
    case 'id':
      return { column: { kind: 'id', sequence: column.sequence }, parts: undefined };
    case 'rowRef':
      return rowReference(column, selection, context);
    case 'ref':
      return reference(column, entity, out, selection, context);
    case 'key':
      throw new OrdinalError('Internal', 'a rows entity has no key column');
    case 'copy':
      return whole(copyColumn(unit.column(column.source), out, selection, context));
    case 'map':
    case 'compute':
    case 'constant': {
      const source = sourceOf(column, unit);
      const mapped =
        selection || !source ? undefined : mapDictionary(column, source, out, context.ways, context.readers);
      return whole(mapped ?? encode(evaluate(column, unit, selection?.rows), out, codecOf(source, context), context));
    }
  }
}

function whole(chunk: EncodedChunk): WrittenColumn {
  return { column: { kind: 'static', meta: chunk.meta }, parts: chunk.parts };
}

/** A chunk that the service copies: all that is known of it is what the footer says. */
function passed({ meta }: UnreadChunk): WrittenColumn {
  return { column: { kind: 'copied', meta: unreadMeta(meta), start: meta.start }, parts: undefined };
}

function encode(column: Column, out: OutLeafType, codec: Codec, { readers }: FragmentContext): EncodedChunk {
  return encodeColumn(column, out.type, out.optional, codec, { plain: plainOnly(readers, out.type) });
}

/** The one source column of a mapped or computed column, if there is just one. */
function sourceOf(column: OutColumn, unit: SourceUnit): UnitColumn | undefined {
  if (column.kind === 'map') return unit.column(column.source);
  if (column.kind === 'compute' && column.sources.length === 1) return unit.column(column.sources[0]!);
  return undefined;
}

/** New pages use the codec of the source beside them, so what could read the source can read the output. */
function codecOf(source: UnitColumn | undefined, { unit, readers }: FragmentContext): Codec {
  return outputCodec(source?.codec ?? unit.codec(), readers);
}

function copyColumn(
  source: UnitColumn,
  out: OutLeafType,
  selection: Selection | undefined,
  context: FragmentContext,
): EncodedChunk {
  const { ways, readers } = context;
  const runs = selection ? undefined : source.runs?.();
  if (runs && !out.optional)
    return encodeInt64Sequence(runs, { encoding: context.idEncoding, codec: codecOf(source, context) });
  const copyable = source.copyable && ways === 'any';
  const whole = selection || !copyable ? undefined : copiedChunk(source, out, readers);
  if (whole) return whole;
  const found = selection || ways === 'encode' ? undefined : reusable(source, out, readers);
  if (found) {
    const column = source.column();
    // What may not be copied as it is has a dictionary entry that gets into no output.
    if (!copyable && column.form === 'dictionary' && found.shape.whollyDictionary) {
      return behindDictionary(column.dictionary, found, usedStatistics(column.dictionary, column, out));
    }
  }
  const column = selection ? source.gather(selection.rows) : source.column();
  return encode(column, out, codecOf(source, context), context);
}

function reference(
  column: Extract<OutColumn, { kind: 'ref' }>,
  entity: RowsEntity,
  out: OutLeafType,
  selection: Selection | undefined,
  context: FragmentContext,
): WrittenColumn {
  const { unit } = context;
  const feed = context.fed.get(
    feedKey({ target: column.entity, columns: column.columns, ...(entity.where && { selectedBy: entity.name }) }),
  );
  invariant(feed, `reference "${column.name}" feeds "${column.entity}"`);
  const rows = selection?.rows.length ?? unit.rows;
  const source = unit.column(column.columns[0]!);
  const codec = codecOf(source, context);
  const { missing } = column;
  if (feed.factor.order.length === 0) {
    if (missing !== undefined) return whole(encode(sameId(missing, rows), out, codec, context));
    return whole(encodePlain(out.type, out.optional, allocate(out.type, rows), new Uint8Array(rows), codec));
  }
  const codes = selection ? gatherCodes(feed.factor.codes, selection.rows) : feed.factor.codes;
  const ofMissing = missing === undefined ? {} : { missing };
  if (plainOnly(context.readers, out.type)) {
    const keys = context.section(codes.map((code) => (code < 0 ? -1 : feed.ordinals[code]!)));
    return { column: { kind: 'plainRef', target: column.entity, keys, codec, ...ofMissing }, parts: undefined };
  }
  // The source's pages have nulls where the unknown member belongs.
  const nulls = missing !== undefined && codes.some((code) => code < 0);
  const reused =
    column.columns.length === 1 && !selection && !nulls && context.ways !== 'encode'
      ? reusedPages(column, source, out, feed, context)
      : undefined;
  if (reused) return reused;
  const { size } = feed.factor;
  const keys = occurring(feed);
  const pages = nulls
    ? encodeIndexPages(
        codes.map((code) => (code < 0 ? size : code)),
        size + 1,
        out.optional,
        codec,
      )
    : encodeIndexPages(codes, size, out.optional, codec);
  return {
    column: {
      kind: 'ref',
      target: column.entity,
      keys: context.section(nulls ? Int32Array.of(...keys, -1) : keys),
      ...ofMissing,
      pages: {
        codec,
        length: pages.length,
        uncompressedLength: pages.uncompressedLength,
        encodings: ['RLE_DICTIONARY', 'RLE', 'PLAIN'],
        numValues: pages.numValues,
        nulls: pages.nulls,
      },
    },
    parts: pages.parts,
  };
}

/** A column that has one ID in all rows. */
function sameId(id: string, rows: number): Column {
  const dictionary: Values = { kind: 'int64', length: 1, data: BigInt64Array.of(BigInt(id)) };
  return { form: 'dictionary', rows, nulls: 0, dictionary, indices: new Int32Array(rows) };
}

/** Way 2 for a foreign key: the source's index pages mean the same rows; only the dictionary's meaning changes. */
function reusedPages(
  column: Extract<OutColumn, { kind: 'ref' }>,
  source: UnitColumn,
  out: OutLeafType,
  feed: FedKeys,
  context: FragmentContext,
): WrittenColumn | undefined {
  const found = reusable(source, out, context.readers);
  const values = source.column();
  if (!found?.shape.whollyDictionary || values.form !== 'dictionary') return undefined;
  const { shape } = found;
  const { meta, bytes } = found.chunk;
  const pages = pagesForOtherDictionary(bytes, shape);
  const { firstRow, order } = feed.factor;
  // Unused entries take a key that occurs, so that the dictionary holds nothing else.
  const keys = new Int32Array(entriesOf(values)).fill(feed.ordinals[order[0]!]!);
  for (let i = 0; i < order.length; i++) keys[values.indices[firstRow[i]!]!] = feed.ordinals[order[i]!]!;
  return {
    column: {
      kind: 'ref',
      target: column.entity,
      keys: context.section(keys),
      pages: {
        codec: meta.codec,
        length: pages.length,
        uncompressedLength: pages.uncompressedLength,
        encodings: encodingsOf(shape),
        pageEncodings: pageEncodingsOf(shape),
        numValues: meta.numValues,
        nulls: values.nulls,
      },
    },
    parts: pages.parts,
  };
}

/** Ordinals by code; a code that does not occur takes a key that does, so that the dictionary holds nothing else. */
function occurring({ factor: { order }, ordinals }: FedKeys): Int32Array {
  if (order.length === ordinals.length) return ordinals;
  const spare = ordinals[order[0]!]!;
  return ordinals.map((ordinal) => (ordinal < 0 ? spare : ordinal));
}

function gatherCodes(codes: Int32Array, rows: Int32Array): Int32Array {
  const out = new Int32Array(rows.length);
  for (let i = 0; i < rows.length; i++) out[i] = codes[rows[i]!]!;
  return out;
}

/** Rows of another rows entity from the same source rows: by position where both take all rows, else by rank. */
function rowReference(
  column: Extract<OutColumn, { kind: 'rowRef' }>,
  selection: Selection | undefined,
  context: FragmentContext,
): WrittenColumn {
  const { unit } = context;
  const codec = codecOf(undefined, context);
  const first = context.rowsBefore.get(column.entity) ?? 0;
  const base = { kind: 'rowRef' as const, target: column.entity, first, codec };
  const targetMask = unit.selection(column.entity)?.mask;
  if (!targetMask && !selection) return { column: base, parts: undefined };
  const rank = new Int32Array(unit.rows);
  for (let row = 0, next = 0; row < unit.rows; row++) {
    rank[row] = targetMask && targetMask[row] === 0 ? -1 : first + next++;
  }
  const rows = selection ? gatherCodes(rank, selection.rows) : rank;
  return { column: { ...base, rows: context.section(rows) }, parts: undefined };
}
